/* fold.h -- a model whose adapters became part of its offsets:  offset' = offset + s B A
 * (QA-LoRA, Xu et al. 2023, equation 7).  Nothing is approximated: the merged model is
 * quantised as before. */
#ifndef QF_TRAIN_FOLD_H
#define QF_TRAIN_FOLD_H

#include "qforge/qmodel.h"

/* Folds every adapter and takes the adapters away.  QF_RANGE when there are none or an
 * offset would not be finite. */
QF_MUST_CHECK qf_status tr_adapters_merge(qf_qmodel *model);

#endif
