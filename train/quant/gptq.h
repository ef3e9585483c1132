/* gptq.h -- the walk along columns that GPTQ and its descendants share. */
#ifndef QF_GPTQ_H
#define QF_GPTQ_H

#include "quantiser.h"

/* drift [k][k] (drift.h): W += W drift before the first column; NULL: as they are. */
QF_MUST_CHECK qf_status gptq_walk(const quant_layer *layer, const float *drift,
                                  const qf_qlinear *out);

#endif
