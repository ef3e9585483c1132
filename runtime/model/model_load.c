/* model_load.c -- which reader a path is for. */
#include <string.h>

#include "huggingface.h"
#include "llama2c.h"
#include "qforge/file.h"

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
