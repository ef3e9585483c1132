/* model_load.c -- which reader a path is for. */
#include <string.h>

#include "huggingface.h"
#include "llama2c.h"
#include "qforge/file.h"

qf_status qf_model_open(const char *path, qf_model *model)
{
    return qf_directory_exists(path) ? qf_huggingface_open(path, model)
                                     : qf_model_load(path, model);
}

qf_status qf_model_take_block(const qf_model *model, int layer)
{
    return model->blocks ? qf_huggingface_take(model, layer) : QF_OK;
}

void qf_model_drop_block(const qf_model *model, int layer)
{
    for (int kind = 0; model->blocks && kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(&model->config, (qf_linear_kind)kind, &n, &k);
        qf_reserve_drop(model->linear[layer * QF_LINEARS + kind],
                        (size_t)(n * k) * sizeof(float));
    }
}

qf_status qf_model_load(const char *path, qf_model *model)
{
    const size_t length = strlen(path);
    static const char suffix[] = ".safetensors";

    if (qf_directory_exists(path)) return qf_huggingface_load(path, model);
    memset(model, 0, sizeof *model);
    if (length >= sizeof suffix && !strcmp(path + length - (sizeof suffix - 1), suffix))
        return qf_fail(QF_USAGE, "%s: name the directory that holds it and config.json", path);
    return qf_llama2c_load(path, model);
}
