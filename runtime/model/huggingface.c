/* huggingface.c -- model directories: config.json beside model.safetensors, or beside
 * model.safetensors.index.json and the shards it names. */
#include "huggingface.h"

#include <string.h>

#include "parameters.h"
#include "qforge/file.h"

enum { INDEX_BYTES_MAX = 64 << 20, SHARDS_MAX = 4096 };

/* ---- one file ---- */

static qf_status check_parameter(const qf_tensorfile *file, const qf_parameter *p)
{
    const qf_tensor *tensor = qf_tensorfile_find(file, p->name);
    const char *path = qf_tensorfile_path(file);

    if (!tensor) return qf_fail(QF_FORMAT, "%s: tensor '%s' is missing", path, p->name);
    bool same = tensor->rank == p->rank;
    for (int i = 0; same && i < p->rank; i++) same = tensor->shape[i] == p->shape[i];
    if (same) return QF_OK;
    return qf_fail(QF_SHAPE, "%s: tensor '%s' does not have the shape config.json says", path,
                   p->name);
}

static qf_status read_parameter(const qf_tensorfile *file, const qf_parameter *p)
{
    return qf_tensorfile_read_f32(file, p->name, p->rank, p->shape, p->data);
}

qf_status qf_parameters_read(const qf_tensorfile *file, const qf_config *config,
                             bool with_linears, qf_model *model)
{
    const int count = qf_parameter_count(config, with_linears);
    qf_status status = QF_OK;

    /* A model without room still knows names and shapes. */
    *model = (qf_model){.config = *config};
    for (int i = 0; i < count; i++) {
        const qf_parameter p = qf_parameter_at(model, with_linears, i);
        QF_TRY(check_parameter(file, &p));
    }
    QF_TRY(qf_model_create(config, with_linears ? QF_LINEARS_ALL : QF_LINEARS_NONE, model));
    for (int i = 0; status == QF_OK && i < count; i++) {
        const qf_parameter p = qf_parameter_at(model, with_linears, i);
        status = read_parameter(file, &p);
    }
    if (status != QF_OK) qf_model_release(model);
    return status;
}

qf_status qf_parameters_add(qf_tensorwriter *writer, const qf_model *model, bool with_linears)
{
    const int count = qf_parameter_count(&model->config, with_linears);

    for (int i = 0; i < count; i++) {
        const qf_parameter p = qf_parameter_at(model, with_linears, i);
        QF_TRY(qf_tensorwriter_add(writer, p.name, QF_DTYPE_F32, p.rank, p.shape, p.data));
    }
    return QF_OK;
}

/* ---- several files ---- */

typedef struct shards {
    const char *directory;
    char *path;        /* of the index */
    json_t *index;     /* NULL for a single file */
    const json_t *map; /* of the index: tensor name -> file name */
    const char **name; /* of the files opened, borrowed from the map */
    qf_tensorfile **file;
    int count;
} shards;

static void close_shards(shards *s)
{
    for (int i = 0; i < s->count; i++) qf_tensorfile_close(s->file[i]);
    qf_free(s->file);
    qf_free(s->name);
    json_decref(s->index);
    qf_free(s->path);
}

static qf_tensorfile *shard_named(const shards *s, const char *name)
{
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->name[i], name) == 0) return s->file[i];
    return NULL;
}

static qf_status refuse_biases(const qf_tensorfile *file)
{
    static const char suffix[] = ".bias";

    for (int i = 0; i < qf_tensorfile_count(file); i++) {
        const char *name = qf_tensorfile_at(file, i)->name;
        const size_t length = strlen(name);
        if (length >= sizeof suffix && !strcmp(name + length - (sizeof suffix - 1), suffix))
            return qf_fail(QF_UNSUPPORTED, "%s: '%.80s': biases are not supported",
                           qf_tensorfile_path(file), name);
    }
    return QF_OK;
}

static qf_status open_shard(shards *s, const char *name)
{
    /* An index may come from anywhere: it names files of its own directory only. */
    if (strchr(name, '/') || s->count == SHARDS_MAX)
        return qf_fail(QF_FORMAT, "%s: '%.80s' cannot be a shard", s->path, name);
    char *path = qf_path_join(s->directory, name);
    if (!path) return QF_MEMORY;
    const qf_status status = qf_tensorfile_open(path, &s->file[s->count]);
    qf_free(path);
    if (status != QF_OK) return status;
    s->name[s->count] = name;
    return refuse_biases(s->file[s->count++]);
}

static qf_status open_named(shards *s)
{
    const char *tensor;
    json_t *file;

    json_object_foreach((json_t *)(uintptr_t)s->map, tensor, file)
    {
        if (!json_is_string(file))
            return qf_fail(QF_FORMAT, "%s: '%.80s' is in no file", s->path, tensor);
        if (!shard_named(s, json_string_value(file)))
            QF_TRY(open_shard(s, json_string_value(file)));
    }
    return QF_OK;
}

static qf_status read_index(shards *s)
{
    json_error_t error;
    char *text;
    size_t size;

    QF_TRY(qf_file_read(s->path, INDEX_BYTES_MAX, &text, &size));
    s->index = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    qf_free(text);
    if (!s->index)
        return qf_fail(QF_FORMAT, "%s: line %d: %s", s->path, error.line, error.text);
    s->map = json_object_get(s->index, "weight_map");
    if (!json_is_object(s->map)) return qf_fail(QF_FORMAT, "%s: no weight_map", s->path);
    return QF_OK;
}

static qf_status open_shards(shards *s)
{
    s->path = qf_path_join(s->directory, "model.safetensors.index.json");
    s->file = qf_alloc_array(SHARDS_MAX, sizeof *s->file);
    s->name = qf_alloc_array(SHARDS_MAX, sizeof *s->name);
    if (!s->path || !s->file || !s->name) return QF_MEMORY;
    if (!qf_file_exists(s->path)) return open_shard(s, "model.safetensors");
    QF_TRY(read_index(s));
    return open_named(s);
}

static qf_status shard_of(const shards *s, const char *tensor, const qf_tensorfile **file)
{
    if (!s->map) {
        *file = s->file[0];
        return QF_OK;
    }
    const char *name = json_string_value(json_object_get(s->map, tensor));
    if (!name) return qf_fail(QF_FORMAT, "%s: tensor '%s' is missing", s->path, tensor);
    *file = shard_named(s, name);
    return QF_OK;
}

/* ---- directories ---- */

typedef qf_status visit(const qf_tensorfile *file, const qf_parameter *parameter);

static qf_status visit_one(const shards *s, const qf_parameter *p, visit *what)
{
    const qf_tensorfile *file;

    QF_TRY(shard_of(s, p->name, &file));
    return what(file, p);
}

static qf_status each_parameter(const shards *s, const qf_model *model, bool with_linears,
                                visit *what)
{
    const int count = qf_parameter_count(&model->config, with_linears);

    for (int i = 0; i < count; i++) {
        const qf_parameter p = qf_parameter_at(model, with_linears, i);
        QF_TRY(visit_one(s, &p, what));
    }
    return QF_OK;
}

static qf_status load_shards(shards *s, const qf_config *config, qf_model *model)
{
    const qf_model roomless = {.config = *config};

    QF_TRY(open_shards(s));
    QF_TRY(each_parameter(s, &roomless, true, check_parameter));
    QF_TRY(qf_model_create(config, QF_LINEARS_ALL, model));
    return each_parameter(s, model, true, read_parameter);
}

qf_status qf_huggingface_load(const char *directory, qf_model *model)
{
    shards s = {.directory = directory};
    qf_config config;

    memset(model, 0, sizeof *model);
    QF_TRY(qf_config_read(directory, &config, NULL));
    const qf_status status = load_shards(&s, &config, model);
    close_shards(&s);
    if (status != QF_OK) qf_model_release(model);
    return status;
}

/* ---- blocks that stay in their files ---- */

struct qf_blocks {
    shards shards;
    char *directory;
};

static qf_status read_and_forget(const qf_tensorfile *file, const qf_parameter *p)
{
    QF_TRY(read_parameter(file, p));
    qf_tensorfile_forget(file, p->name);
    return QF_OK;
}

static qf_status open_blocks(struct qf_blocks *b, const qf_config *config, qf_model *model)
{
    const qf_model roomless = {.config = *config};

    QF_TRY(open_shards(&b->shards));
    QF_TRY(each_parameter(&b->shards, &roomless, true, check_parameter));
    QF_TRY(qf_model_create(config, QF_LINEARS_RESERVED, model));
    return each_parameter(&b->shards, model, false, read_and_forget);
}

qf_status qf_huggingface_open(const char *directory, qf_model *model)
{
    qf_config config;

    memset(model, 0, sizeof *model);
    QF_TRY(qf_config_read(directory, &config, NULL));
    struct qf_blocks *b = qf_alloc(sizeof *b);
    if (!b) return QF_MEMORY;
    b->directory = qf_strdup(directory);
    b->shards.directory = b->directory;
    const qf_status status = b->directory ? open_blocks(b, &config, model) : QF_MEMORY;
    if (status == QF_OK) {
        model->blocks = b;
        return QF_OK;
    }
    qf_huggingface_close(b);
    qf_model_release(model);
    return status;
}

qf_status qf_huggingface_take(const qf_model *model, int layer)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const qf_parameter p = qf_parameter_linear(model, layer, (qf_linear_kind)kind);
        QF_TRY(visit_one(&model->blocks->shards, &p, read_and_forget));
    }
    return QF_OK;
}

void qf_huggingface_close(struct qf_blocks *blocks)
{
    if (!blocks) return;
    close_shards(&blocks->shards);
    qf_free(blocks->directory);
    qf_free(blocks);
}

/* ---- saving ---- */

static qf_status save_parameters(const qf_model *model, const char *path)
{
    qf_tensorwriter *writer;

    QF_TRY(qf_tensorwriter_create(path, &writer));
    qf_status status = qf_parameters_add(writer, model, true);
    if (status == QF_OK) status = qf_tensorwriter_commit(writer);
    qf_tensorwriter_destroy(writer);
    return status;
}

/* config.json comes last: a directory without it is no model yet. */
qf_status qf_model_save(const qf_model *model, const char *directory)
{
    QF_TRY(qf_directory_make(directory));
    char *path = qf_path_join(directory, "model.safetensors");
    if (!path) return QF_MEMORY;
    const qf_status status = save_parameters(model, path);
    qf_free(path);
    if (status != QF_OK) return status;
    json_t *root = qf_config_json(&model->config);
    if (!root) return qf_fail(QF_MEMORY, "%s: no memory for config.json", directory);
    return qf_config_write(directory, root);
}
