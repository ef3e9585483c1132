/* partial.c -- a block's copies as a checkpoint. */
#include "partial.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qforge/file.h"
#include "qforge/memory.h"

static const char prefix[] = "block-";

/* ---- the recipe ---- */

/* FNV-1a over words: whole models are hashed. */
static uint64_t hash_floats(uint64_t hash, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, &values[i], sizeof word);
        hash = (hash ^ word) * 0x100000001B3u;
    }
    return hash;
}

static uint64_t hash_block(uint64_t hash, const qf_model *model, int layer)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(&model->config, (qf_linear_kind)kind, &n, &k);
        hash = hash_floats(hash, model->linear[layer * QF_LINEARS + kind], n * k);
    }
    return hash;
}

static qf_status hash_model(const tr_quantise_options *o, const qf_model *model,
                            uint64_t *result)
{
    const qf_config *c = &model->config;
    const int64_t rows = (int64_t)c->layers * c->dim;
    uint64_t hash = hash_floats(0xCBF29CE484222325u, &c->rope_theta, 1);

    hash = hash_floats(hash, &c->norm_eps, 1);
    hash = hash_floats(hash, model->embedding, (int64_t)c->vocab * c->dim);
    hash = hash_floats(hash, model->attention_norm, rows);
    hash = hash_floats(hash, model->mlp_norm, rows);
    for (int layer = 0; layer < c->layers; layer++) {
        QF_TRY(qf_model_take_block(model, layer));
        hash = hash_block(hash, model, layer);
        qf_model_drop_block(model, layer);
        if (o->reading && !o->reading(o->progress_context, layer + 1, c->layers))
            return qf_fail(QF_INTERRUPTED, "interrupted");
    }
    *result = hash;
    return QF_OK;
}

qf_status partial_recipe(const tr_quantise_options *o, const qf_model *model,
                         char recipe[TR_RECIPE_MAX])
{
    const tr_calibration *t = &o->calibration;
    const qf_config *c = &model->config;
    char options[QF_RECIPE_MAX];
    uint64_t hash = 0;
    int used;

    QF_TRY(hash_model(o, model, &hash));
    tr_quantise_recipe(o, options);
    used = snprintf(recipe, TR_RECIPE_MAX,
                    "%s [%s], group %d, params %d, model %dx%dx%d heads %d/%d %llx, widths",
                    tr_method_name(o->method), options, o->group, (int)o->params, c->layers,
                    c->dim, c->hidden, c->heads, c->kv_heads, (unsigned long long)hash);
    for (int i = 0; i < o->widths; i++)
        used += snprintf(recipe + used, TR_RECIPE_MAX - (size_t)used, " %d", o->width[i]);
    if (tr_method_needs_inputs(o->method))
        snprintf(recipe + used, TR_RECIPE_MAX - (size_t)used,
                 ", damping %.9g, text %llx seed %llu: %d x %d by %d", o->damping,
                 (unsigned long long)tr_stream_hash(t->stream), (unsigned long long)t->seed,
                 t->samples, t->length, t->batch);
    return QF_OK;
}

/* ---- a block ---- */
enum { ARRAYS_MAX = QF_LINEARS * QF_WIDTHS_MAX * 3 + 1 };

static void add(tr_array *array, int *count, const char *name, qf_dtype dtype, int64_t size,
                void *data)
{
    tr_array *a = &array[(*count)++];
    *a = (tr_array){.dtype = dtype, .count = size, .data = data};
    snprintf(a->name, sizeof a->name, "%s", name);
}

static int arrays_of(const qf_qmodel *model, int block, double *damping,
                     tr_array array[ARRAYS_MAX])
{
    int count = 0;

    for (int kind = 0; kind < QF_LINEARS; kind++)
        for (int i = 0; i < model->widths; i++) {
            const int index = block * QF_LINEARS + kind, bits = model->width[i];
            const qf_qmatrix m = qf_qmodel_matrix(model, index, bits);
            const qf_qlinear *linear = qf_qmodel_linear(model, index, bits);
            const int64_t groups = m.n * qf_groups(m.k, m.group);
            char name[TR_NAME_MAX];
            const int used = snprintf(name, sizeof name, "%s.q%d.",
                                      qf_linear_name((qf_linear_kind)kind), bits);
            snprintf(name + used, sizeof name - (size_t)used, "codes");
            add(array, &count, name, QF_DTYPE_U8, m.n * m.k, linear->code);
            snprintf(name + used, sizeof name - (size_t)used, "scales");
            add(array, &count, name, QF_DTYPE_F32, groups, linear->scale);
            snprintf(name + used, sizeof name - (size_t)used, "offsets");
            add(array, &count, name, QF_DTYPE_F32, groups, linear->offset);
        }
    add(array, &count, "damping", QF_DTYPE_I64, 1, damping); /* its bits */
    return count;
}

static char *path_of(const char *directory, int block)
{
    char name[32];
    snprintf(name, sizeof name, "%s%03d.safetensors", prefix, block);
    return qf_path_join(directory, name);
}

qf_status partial_save(const char *directory, const char *recipe, const qf_qmodel *model,
                       int block, double damping)
{
    tr_array array[ARRAYS_MAX];
    const int arrays = arrays_of(model, block, &damping, array);

    QF_TRY(qf_directory_make(directory));
    char *path = path_of(directory, block);
    if (!path) return QF_MEMORY;
    const qf_status status = tr_checkpoint_save(path, recipe, block, array, arrays);
    qf_free(path);
    return status;
}

static qf_status check_block(const qf_qmodel *model, int block, const char *path)
{
    for (int kind = 0; kind < QF_LINEARS; kind++)
        for (int i = 0; i < model->widths; i++) {
            const qf_qmatrix matrix =
                qf_qmodel_matrix(model, block * QF_LINEARS + kind, model->width[i]);
            QF_TRY(qf_qmatrix_check(&matrix, path));
        }
    return QF_OK;
}

qf_status partial_load(const char *directory, const char *recipe, const qf_qmodel *model,
                       int block, double *damping)
{
    tr_array array[ARRAYS_MAX];
    const int arrays = arrays_of(model, block, damping, array);
    int64_t made = block;

    char *path = path_of(directory, block);
    if (!path) return QF_MEMORY;
    qf_status status = tr_checkpoint_load(path, recipe, &made, array, arrays);
    if (status == QF_OK && made != block)
        status = qf_fail(QF_FORMAT, "%s: it holds block %lld", path, (long long)made);
    if (status == QF_OK) status = check_block(model, block, path);
    qf_free(path);
    return status;
}

/* ---- the directory ---- */
bool tr_quantise_begun(const char *directory)
{
    char *first = path_of(directory, 0);
    const bool begun = first && qf_file_exists(first);
    qf_free(first);
    return begun;
}

qf_status tr_quantise_forget(const char *directory)
{
    DIR *list = opendir(directory);
    qf_status status = QF_OK;

    if (!list) return QF_OK;
    for (struct dirent *entry; status == QF_OK && (entry = readdir(list));) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0) continue;
        char *path = qf_path_join(directory, entry->d_name);
        if (!path)
            status = QF_MEMORY;
        else if (unlink(path))
            status = qf_fail(QF_IO, "%s: cannot be removed", path);
        qf_free(path);
    }
    closedir(list);
    if (status == QF_OK && rmdir(directory))
        status = qf_fail(QF_IO, "%s: cannot be removed", directory);
    return status;
}
