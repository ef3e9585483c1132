/* gptaq.c -- GPTAQ (Li et al. 2025): GPTQ whose target is what the full-precision layer makes
 * of full-precision inputs.  The released code lets an input's drift act on the weight as it
 * was corrected so far; here it acts on the weight as given, which is what the target says. */
#include "gptq.h"

qf_status gptaq_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    return gptq_walk(layer, layer->inputs->drift, out);
}
