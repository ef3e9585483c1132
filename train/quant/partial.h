/* partial.h -- blocks that are finished, kept in a directory beside the output until all are.
 *
 * One checkpoint per block, "block-003.safetensors", written whole or not at all.  A run that
 * was killed goes on behind the last of them, if it is the same run: methods, options, text
 * and weights are in the recipe.  (Kernels are not: sums may be in another order on another
 * machine or after tuning.) */
#ifndef QF_TRAIN_PARTIAL_H
#define QF_TRAIN_PARTIAL_H

#include "../checkpoint.h"
#include "quantise.h"

QF_MUST_CHECK qf_status partial_recipe(const tr_quantise_options *options,
                                       const qf_model *model, char recipe[TR_RECIPE_MAX]);

/* damping: the largest that the block needed. */
QF_MUST_CHECK qf_status partial_save(const char *directory, const char *recipe,
                                     const qf_qmodel *model, int block, double damping);
/* QF_NOT_FOUND (no sentence) when the block is not there; QF_USAGE when another run made it;
 * QF_FORMAT, QF_SHAPE or QF_RANGE when it is damaged. */
QF_MUST_CHECK qf_status partial_load(const char *directory, const char *recipe,
                                     const qf_qmodel *model, int block, double *damping);

#endif
