/* tiny.h -- a small random LLaMA, plain and quantised, for tests. */
#ifndef QF_CHECK_TINY_H
#define QF_CHECK_TINY_H

#include "qforge/model.h"
#include "qforge/qmodel.h"
#include "qforge/random.h"

/* Two blocks, grouped queries, a hidden size (44) and a dimension (48) that are no multiple
 * of any group; tied embeddings or not. */
qf_config check_tiny_config(bool tied);
void check_tiny_model(qf_model *model, bool tied, uint64_t seed);
/* The same, rounded to nearest at 2, 3 and 4 bits in groups of 32, without adapters. */
void check_tiny_quantised(qf_qmodel *quantised, bool tied, uint64_t seed);
/* Adapters of `rank` with both halves random. */
void check_tiny_adapters(qf_qmodel *quantised, int rank, uint64_t seed);

#endif
