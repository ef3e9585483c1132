/* parameters.h -- the fp32 parameters of a model as one list: what its file holds, under
 * Hugging Face's names. */
#ifndef QF_MODEL_PARAMETERS_H
#define QF_MODEL_PARAMETERS_H

#include "qforge/model.h"

typedef struct qf_parameter {
    char name[96];
    int rank;
    int64_t shape[2];
    float *data; /* NULL in a model that has no room yet */
} qf_parameter;

int qf_parameter_count(const qf_config *config, bool with_linears);
qf_parameter qf_parameter_linear(const qf_model *model, int layer, qf_linear_kind kind);
/* The order is the network's: embedding, blocks, final norm, head (untied only). */
qf_parameter qf_parameter_at(const qf_model *model, bool with_linears, int index);

#endif
