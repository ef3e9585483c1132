/* checkpoint.c -- named arrays, a step and a recipe in a safetensors file. */
#include "checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"

static const char steps_key[] = "qforge.steps", recipe_key[] = "qforge.recipe";

static qf_status add_all(qf_tensorwriter *writer, const char *recipe, int64_t steps,
                         const tr_array *array, int arrays)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)steps);
    QF_TRY(qf_tensorwriter_metadata(writer, steps_key, number));
    QF_TRY(qf_tensorwriter_metadata(writer, recipe_key, recipe));
    for (int i = 0; i < arrays; i++)
        QF_TRY(qf_tensorwriter_add(writer, array[i].name, array[i].dtype, 1, &array[i].count,
                                   array[i].data));
    return qf_tensorwriter_commit(writer);
}

qf_status tr_checkpoint_save(const char *path, const char *recipe, int64_t steps,
                             const tr_array *array, int arrays)
{
    qf_tensorwriter *writer;
    QF_TRY(qf_tensorwriter_create(path, &writer));
    const qf_status status = add_all(writer, recipe, steps, array, arrays);
    qf_tensorwriter_destroy(writer);
    return status;
}

static qf_status read_steps(const char *path, const char *text, int64_t *steps)
{
    char *end;
    *steps = text ? strtoll(text, &end, 10) : -1;
    if (*steps >= 0 && end != text && !*end) return QF_OK;
    return qf_fail(QF_FORMAT, "%s: it does not say how many steps were taken", path);
}

static qf_status read_all(const qf_tensorfile *file, const char *path, const char *recipe,
                          int64_t *steps, const tr_array *array, int arrays)
{
    const char *made = qf_tensorfile_metadata(file, recipe_key);
    if (!made) return qf_fail(QF_FORMAT, "%s: not a checkpoint", path);
    if (strcmp(made, recipe) != 0)
        return qf_fail(QF_USAGE, "%s: made by another run (\"%s\", this is \"%s\")", path, made,
                       recipe);
    QF_TRY(read_steps(path, qf_tensorfile_metadata(file, steps_key), steps));
    for (int i = 0; i < arrays; i++)
        QF_TRY(qf_tensorfile_read(file, array[i].name, array[i].dtype, 1, &array[i].count,
                                  array[i].data));
    return QF_OK;
}

qf_status tr_checkpoint_load(const char *path, const char *recipe, int64_t *steps,
                             const tr_array *array, int arrays)
{
    qf_tensorfile *file;
    if (!qf_file_exists(path)) return QF_NOT_FOUND;
    QF_TRY(qf_tensorfile_open(path, &file));
    const qf_status status = read_all(file, path, recipe, steps, array, arrays);
    qf_tensorfile_close(file);
    return status;
}

tr_array tr_array_of(const char *name, float *data, int64_t count)
{
    tr_array array = {.dtype = QF_DTYPE_F32, .count = count, .data = data};
    snprintf(array.name, sizeof array.name, "%s", name);
    return array;
}

void tr_adamw_arrays(tr_adamw *adamw, tr_array array[TR_ADAMW_ARRAYS])
{
    const tr_adamw_state state = tr_adamw_state_of(adamw);
    array[0] = tr_array_of("adamw.first", state.first, state.count);
    array[1] = tr_array_of("adamw.second", state.second, state.count);
    array[2] = tr_array_of("adamw.steps", NULL, state.groups);
    array[2].dtype = QF_DTYPE_I64;
    array[2].data = state.steps;
}

uint64_t tr_stream_hash(const tr_stream *stream)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (int64_t i = 0; i < stream->count; i++)
        hash = (hash ^ (uint64_t)(uint32_t)stream->token[i]) * 0x100000001B3u;
    for (int64_t i = 0; stream->given && i < stream->count; i++)
        hash = (hash ^ stream->given[i]) * 0x100000001B3u;
    return hash;
}
