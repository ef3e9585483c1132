/* tokenizer_save.c -- a model's directory gets a tokenizer of its own. */
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "tokenizer_inside.h"

/* Copies `name` when there is one beside the tokenizer: it names the begin and the end. */
static qf_status copy_beside(const char *path, const char *name, const char *directory)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *from = qf_alloc(length + strlen(name) + 1), *to = qf_path_join(directory, name);
    qf_status status = from && to ? QF_OK : QF_MEMORY;

    if (status == QF_OK) {
        memcpy(from, path, length);
        memcpy(from + length, name, strlen(name));
        if (qf_file_exists(from)) status = qf_file_copy(from, to);
    }
    qf_free(from);
    qf_free(to);
    return status;
}

static qf_status save_as(const qf_tokenizer *t, const char *name, const char *directory)
{
    char *path = qf_path_join(directory, name);
    if (!path) return QF_MEMORY;
    const qf_status status =
        t->built_in ? qf_tokenizer_bytes_save(path) : qf_file_copy(t->path, path);
    qf_free(path);
    return status;
}

qf_status qf_tokenizer_save(const qf_tokenizer *t, const char *directory)
{
    const char *end = strrchr(t->path, '.');
    const bool json = t->built_in || (end && strcmp(end, ".json") == 0);

    QF_TRY(qf_directory_make(directory));
    QF_TRY(save_as(t, json ? "tokenizer.json" : "tokenizer.bin", directory));
    return json && !t->built_in ? copy_beside(t->path, "tokenizer_config.json", directory)
                                : QF_OK;
}
