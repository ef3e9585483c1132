/* supernet.h -- every width of every linear at once, one of each in use.
 *
 * The frozen copies are packed once for the exact kernels.  Choosing a subnet folds its
 * adapters into the packed offsets -- groups * rank * n multiplications, nothing beside
 * the products -- so forward and grad-input are plain products with the merged weights,
 * which is the same mathematics as running the adapters over all rows.  Backward:
 *
 *     dx = dy W'                     the grad kernel, on the same packed weights
 *     dM[n][g] = sum over rows of dy[.][n] X[.][g]        X: group sums of x
 *     dB = s dM A^T,  dA = s B^T dM     for each component B A of the chosen width      */
#ifndef QF_TRAIN_SUPERNET_H
#define QF_TRAIN_SUPERNET_H

#include "../net.h"
#include "adapters.h"
#include "qforge/qmodel.h"

typedef struct tr_supernet tr_supernet;

/* For up to `rows` rows (tokens) per pass.  model and adapters are borrowed; without
 * adapters the model runs as it is, with those it has.  Of a model that was opened (qmodel.h)
 * every copy is taken, packed and dropped again, but for the offsets that adapters move.
 * backward: gradients will be asked for. */
QF_MUST_CHECK qf_status tr_supernet_create(const qf_kernel_source *source, qf_pool *pool,
                                           int64_t rows, const qf_qmodel *model,
                                           tr_adapters *adapters, bool backward,
                                           tr_supernet **supernet);
void tr_supernet_destroy(tr_supernet *supernet); /* NULL is fine */

/* Makes a subnet current: folds its adapters as they are now.  Backward passes add to
 * their gradients.  Every width must be one of the model's (QF_USAGE). */
QF_MUST_CHECK qf_status tr_supernet_choose(tr_supernet *supernet, const qf_subnet *subnet);
tr_linears tr_supernet_linears(tr_supernet *supernet);

/* Which position is current for linear `index`. */
int tr_supernet_chosen(const tr_supernet *supernet, int index);

#endif
