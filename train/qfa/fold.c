/* fold.c -- folds the adapters of a model into its offsets, for good. */
#include "fold.h"

qf_status tr_adapters_merge(qf_qmodel *model)
{
    const int count = model->base.config.layers * QF_LINEARS;

    if (model->rank == 0)
        return qf_fail(QF_RANGE, "the model has no adapters to merge (offsets trained "
                                 "themselves, --rank 0, are in it already)");
    for (int i = 0; i < count * model->widths; i++) {
        const int bits = model->width[i % model->widths];
        QF_TRY(qf_qmodel_take(model, i / model->widths, bits));
        /* A row of merged offsets needs that row's old ones only, and copies them first. */
        qf_qmodel_merged_offsets(model, i / model->widths, bits, model->linear[i].offset);
        const qf_qmatrix matrix = qf_qmodel_matrix(model, i / model->widths, bits);
        QF_TRY(qf_qmatrix_check(
            &matrix, qf_linear_name((qf_linear_kind)(i / model->widths % QF_LINEARS))));
        qf_qmodel_drop_codes(model, i / model->widths, bits);
    }
    qf_qmodel_drop_adapters(model);
    return QF_OK;
}
