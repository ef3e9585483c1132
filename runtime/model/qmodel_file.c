/* qmodel_file.c -- quantised directories: config.json with a "qforge" object,
 * model.safetensors, adapters.safetensors. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bitstream.h"
#include "huggingface.h"
#include "qforge/file.h"
#include "qforge/half.h"
#include "qforge/qmodel.h"
#include "qforge/tensorfile.h"

enum { RANK_MAX = 4096 };

typedef struct linear_shape {
    int64_t n, k, groups;
} linear_shape;

/* Shape and names of copy `at` of [linears][widths]. */
static linear_shape shape_of(const qf_qmodel *model, int at)
{
    linear_shape s;
    qf_linear_shape(&model->base.config, (qf_linear_kind)(at / model->widths % QF_LINEARS),
                    &s.n, &s.k);
    s.groups = qf_groups(s.k, model->group);
    return s;
}

static int bits_of(const qf_qmodel *model, int at)
{
    return model->width[at % model->widths];
}

static int copies(const qf_qmodel *model)
{
    return model->base.config.layers * QF_LINEARS * model->widths;
}

enum { NAME = 128 };
static const char *name_of(const qf_qmodel *model, int at, const char *what, char name[NAME])
{
    const int index = at / model->widths;
    snprintf(name, NAME, "model.layers.%d.%s.q%d.%s", index / QF_LINEARS,
             qf_linear_name((qf_linear_kind)(index % QF_LINEARS)), bits_of(model, at), what);
    return name;
}

/* ---- the "qforge" object ---- */
static qf_status read_widths(const char *path, const json_t *list, qf_qmodel *model)
{
    const size_t count = json_array_size(list);

    if (count < 1 || count > QF_WIDTHS_MAX)
        return qf_fail(QF_FORMAT, "%s: widths is no list of 1 to %d numbers", path,
                       QF_WIDTHS_MAX);
    model->widths = (int)count;
    for (size_t i = 0; i < count; i++) {
        const json_int_t bits = json_integer_value(json_array_get(list, i));
        if (bits < 2 || bits > 8 || (i && bits <= model->width[i - 1]))
            return qf_fail(QF_FORMAT, "%s: widths must ascend from 2 to 8", path);
        model->width[i] = (int)bits;
    }
    return QF_OK;
}

static qf_status read_adapter_keys(const char *path, const json_t *keys, qf_qmodel *model)
{
    const json_int_t rank = json_integer_value(json_object_get(keys, "adapter_rank"));
    const double scale = json_number_value(json_object_get(keys, "adapter_scale"));

    if (rank < 0 || rank > RANK_MAX)
        return qf_fail(QF_FORMAT, "%s: adapter_rank %lld is not 0 to %d", path, (long long)rank,
                       RANK_MAX);
    if (rank && !(fabs(scale) < 1e6))
        return qf_fail(QF_FORMAT, "%s: adapter_scale %g is out of range", path, scale);
    model->rank = (int)rank;
    model->adapter_scale = (float)scale;
    return QF_OK;
}

static qf_status read_keys(const char *path, const json_t *root, qf_qmodel *model)
{
    const json_t *keys = json_object_get(root, "qforge");
    const char *method = json_string_value(json_object_get(keys, "method"));
    const json_t *recipe = json_object_get(keys, "recipe"); /* optional */

    if (!json_is_object(keys))
        return qf_fail(QF_FORMAT, "%s: no \"qforge\" object, this is no quantised model", path);
    const json_int_t group = json_integer_value(json_object_get(keys, "group"));
    if (group < 1 || group > 1 << 20 || !qf_group_valid((int)group))
        return qf_fail(QF_FORMAT, "%s: groups of %lld are not supported", path,
                       (long long)group);
    if (!method || strlen(method) >= sizeof model->method)
        return qf_fail(QF_FORMAT, "%s: method is missing or too long", path);
    if (recipe && json_string_length(recipe) - 1 >= sizeof model->recipe - 1)
        return qf_fail(QF_FORMAT, "%s: recipe is no text, empty or too long", path);
    if (recipe) snprintf(model->recipe, sizeof model->recipe, "%s", json_string_value(recipe));
    model->group = (int)group;
    snprintf(model->method, sizeof model->method, "%s", method);
    QF_TRY(read_widths(path, json_object_get(keys, "widths"), model));
    return read_adapter_keys(path, keys, model);
}

static json_t *keys_of(const qf_qmodel *model)
{
    json_t *widths = json_array(), *keys = json_object();
    int failed = !widths || !keys;

    for (int i = 0; i < model->widths; i++)
        failed |= json_array_append_new(widths, json_integer(model->width[i]));
    failed |= json_object_set_new(keys, "group", json_integer(model->group));
    failed |= json_object_set_new(keys, "widths", widths);
    failed |= json_object_set_new(keys, "method", json_string(model->method));
    if (model->recipe[0])
        failed |= json_object_set_new(keys, "recipe", json_string(model->recipe));
    if (model->rank) {
        failed |= json_object_set_new(keys, "adapter_rank", json_integer(model->rank));
        failed |=
            json_object_set_new(keys, "adapter_scale", json_real((double)model->adapter_scale));
    }
    if (!failed) return keys;
    json_decref(keys);
    return NULL;
}

/* ---- loading ---- */
static qf_status check_shape(const qf_tensorfile *file, const char *name, int64_t rows,
                             int64_t columns)
{
    const qf_tensor *tensor = qf_tensorfile_find(file, name);

    if (!tensor)
        return qf_fail(QF_FORMAT, "%s: tensor '%s' is missing", qf_tensorfile_path(file), name);
    if (tensor->rank == 2 && tensor->shape[0] == rows && tensor->shape[1] == columns)
        return QF_OK;
    return qf_fail(QF_SHAPE, "%s: tensor '%s' is not %lld x %lld", qf_tensorfile_path(file),
                   name, (long long)rows, (long long)columns);
}

/* Before room is made: a config.json that asks for more than the file holds costs
 * nothing. */
static qf_status check_copies(const qf_tensorfile *file, const qf_qmodel *model)
{
    char name[NAME];
    for (int at = 0; at < copies(model); at++) {
        const linear_shape s = shape_of(model, at);
        QF_TRY(check_shape(file, name_of(model, at, "codes", name), s.n,
                           bitstream_bytes(s.k, bits_of(model, at))));
        QF_TRY(check_shape(file, name_of(model, at, "scales", name), s.n, s.groups));
        QF_TRY(check_shape(file, name_of(model, at, "offsets", name), s.n, s.groups));
    }
    return QF_OK;
}

static qf_status read_codes(const qf_tensorfile *file, const char *name, linear_shape s,
                            int bits, uint8_t *code)
{
    const int64_t row_bytes = bitstream_bytes(s.k, bits);
    const int64_t shape[] = {s.n, row_bytes};
    uint8_t *stream = qf_alloc((size_t)(s.n * row_bytes));

    if (!stream) return QF_MEMORY;
    const qf_status status = qf_tensorfile_read(file, name, QF_DTYPE_U8, 2, shape, stream);
    for (int64_t row = 0; row < s.n && status == QF_OK; row++)
        bitstream_read(stream + row * row_bytes, s.k, bits, code + row * s.k);
    qf_free(stream);
    return status;
}

static qf_status read_copy(const qf_tensorfile *file, const qf_qmodel *model, int at)
{
    const qf_qlinear *linear = &model->linear[at];
    const linear_shape s = shape_of(model, at);
    const int64_t shape[] = {s.n, s.groups};
    char name[NAME];

    QF_TRY(read_codes(file, name_of(model, at, "codes", name), s, bits_of(model, at),
                      linear->code));
    QF_TRY(qf_tensorfile_read_f32(file, name_of(model, at, "scales", name), 2, shape,
                                  linear->scale));
    return qf_tensorfile_read_f32(file, name_of(model, at, "offsets", name), 2, shape,
                                  linear->offset);
}

/* All but the copies.  wanted: what config.json says, without room. */
static qf_status load_base(const qf_tensorfile *file, const qf_qmodel *wanted, bool reserve,
                           qf_qmodel *model)
{
    qf_model base;

    QF_TRY(check_copies(file, wanted));
    QF_TRY(qf_parameters_read(file, &wanted->base.config, false, &base));
    const qf_status status = (reserve ? qf_qmodel_reserve : qf_qmodel_create)(
        &base, wanted->group, wanted->width, wanted->widths, model);
    qf_model_release(&base);
    QF_TRY(status);
    memcpy(model->method, wanted->method, sizeof model->method);
    memcpy(model->recipe, wanted->recipe, sizeof model->recipe);
    return QF_OK;
}

static qf_status load_copies(const qf_tensorfile *file, const qf_qmodel *wanted,
                             qf_qmodel *model)
{
    qf_status status = QF_OK;

    QF_TRY(load_base(file, wanted, false, model));
    for (int at = 0; status == QF_OK && at < copies(model); at++)
        status = read_copy(file, model, at);
    if (status != QF_OK) qf_qmodel_release(model);
    return status;
}

static qf_status read_adapters(const qf_tensorfile *file, const qf_qmodel *wanted,
                               qf_qmodel *model)
{
    char name[NAME];
    for (int at = 0; at < copies(model); at++) {
        const linear_shape s = shape_of(model, at);
        QF_TRY(check_shape(file, name_of(model, at, "lora_A", name), wanted->rank, s.groups));
        QF_TRY(check_shape(file, name_of(model, at, "lora_B", name), s.n, wanted->rank));
    }
    QF_TRY(qf_qmodel_add_adapters(model, wanted->rank, wanted->adapter_scale));
    model->adapter_dtype =
        qf_tensorfile_find(file, name_of(model, 0, "lora_A", name))->dtype == QF_DTYPE_BF16
            ? QF_DTYPE_BF16
            : QF_DTYPE_F32;
    for (int at = 0; at < copies(model); at++) {
        const linear_shape s = shape_of(model, at);
        const int64_t a[] = {model->rank, s.groups}, b[] = {s.n, model->rank};
        QF_TRY(qf_tensorfile_read_f32(file, name_of(model, at, "lora_A", name), 2, a,
                                      model->linear[at].lora_a));
        QF_TRY(qf_tensorfile_read_f32(file, name_of(model, at, "lora_B", name), 2, b,
                                      model->linear[at].lora_b));
    }
    return QF_OK;
}

/* Opens directory/name, hands it to `use` and closes it. */
typedef qf_status use_file(const qf_tensorfile *file, const qf_qmodel *wanted,
                           qf_qmodel *model);
static qf_status with_file(const char *directory, const char *name, use_file *use,
                           const qf_qmodel *wanted, qf_qmodel *model)
{
    char *path = qf_path_join(directory, name);
    qf_tensorfile *file;

    if (!path) return QF_MEMORY;
    qf_status status = qf_tensorfile_open(path, &file);
    qf_free(path);
    QF_TRY(status);
    status = use(file, wanted, model);
    qf_tensorfile_close(file);
    return status;
}

static qf_status read_config(const char *directory, qf_qmodel *wanted)
{
    json_t *root;

    memset(wanted, 0, sizeof *wanted);
    QF_TRY(qf_config_read(directory, &wanted->base.config, &root));
    const qf_status status = read_keys(directory, root, wanted);
    json_decref(root);
    return status;
}

/* ---- copies that stay in the file ---- */

static qf_status open_copies(const char *directory, const qf_qmodel *wanted, qf_qmodel *model)
{
    char *path = qf_path_join(directory, "model.safetensors");
    qf_tensorfile *file;

    if (!path) return QF_MEMORY;
    qf_status status = qf_tensorfile_open(path, &file);
    qf_free(path);
    QF_TRY(status);
    status = load_base(file, wanted, true, model);
    if (status == QF_OK)
        model->file = file;
    else
        qf_tensorfile_close(file);
    return status;
}

/* The position of a width in the model's list of copies. */
static int copy_at(const qf_qmodel *model, int index, int bits)
{
    return (int)(qf_qmodel_linear(model, index, bits) - model->linear);
}

qf_status qf_qmodel_take(const qf_qmodel *model, int index, int bits)
{
    static const char *const part[] = {"codes", "scales", "offsets"};
    char name[NAME];

    if (!model->file) return QF_OK;
    const int at = copy_at(model, index, bits);
    QF_TRY(read_copy(model->file, model, at));
    for (int i = 0; i < 3; i++)
        qf_tensorfile_forget(model->file, name_of(model, at, part[i], name));
    return QF_OK;
}

static void drop(const qf_qmodel *model, int at, bool offsets)
{
    const linear_shape s = shape_of(model, at);
    const size_t floats = (size_t)(s.n * s.groups) * sizeof(float);

    if (!model->file) return;
    qf_reserve_drop(model->linear[at].code, (size_t)(s.n * s.k));
    qf_reserve_drop(model->linear[at].scale, floats);
    if (offsets) qf_reserve_drop(model->linear[at].offset, floats);
}

void qf_qmodel_drop(const qf_qmodel *model, int index, int bits)
{
    drop(model, copy_at(model, index, bits), true);
}

void qf_qmodel_drop_codes(const qf_qmodel *model, int index, int bits)
{
    drop(model, copy_at(model, index, bits), false);
}

/* ---- directories ---- */

static qf_status read_wanted(const char *directory, qf_qmodel *wanted)
{
    QF_TRY(read_config(directory, wanted));
    if (wanted->base.config.layers <= QF_SUBNET_MAX / QF_LINEARS) return QF_OK;
    return qf_fail(QF_UNSUPPORTED, "%s: %d blocks; quantised models have at most %d", directory,
                   wanted->base.config.layers, QF_SUBNET_MAX / QF_LINEARS);
}

static qf_status load_adapters(const char *directory, const qf_qmodel *wanted, qf_qmodel *model)
{
    if (wanted->rank == 0) return QF_OK;
    const qf_status status =
        with_file(directory, "adapters.safetensors", read_adapters, wanted, model);
    if (status != QF_OK) qf_qmodel_release(model);
    return status;
}

qf_status qf_qmodel_load(const char *directory, qf_qmodel *model)
{
    qf_qmodel wanted;

    memset(model, 0, sizeof *model);
    QF_TRY(read_wanted(directory, &wanted));
    QF_TRY(with_file(directory, "model.safetensors", load_copies, &wanted, model));
    return load_adapters(directory, &wanted, model);
}

qf_status qf_qmodel_open(const char *directory, qf_qmodel *model)
{
    qf_qmodel wanted;

    memset(model, 0, sizeof *model);
    QF_TRY(read_wanted(directory, &wanted));
    QF_TRY(open_copies(directory, &wanted, model));
    return load_adapters(directory, &wanted, model);
}

bool qf_qmodel_is(const char *path)
{
    qf_qmodel wanted;
    return qf_directory_exists(path) && read_config(path, &wanted) == QF_OK;
}

/* ---- saving ---- */
static qf_status add(qf_tensorwriter *writer, const char *name, qf_dtype dtype, int64_t rows,
                     int64_t columns, const void *data)
{
    const int64_t shape[] = {rows, columns};
    return qf_tensorwriter_add(writer, name, dtype, 2, shape, data);
}

/* Blocks that come one by one; bring NULL: all are there. */
typedef struct saving {
    const qf_qmodel *model;
    qf_qmodel_bring *bring;
    void *context;
    qf_arena streams; /* of all copies, or adapters in brief, until the commit */
} saving;

static qf_status add_as_it_is(const qf_tensorfile *file, qf_tensorwriter *writer,
                              const char *name)
{
    const qf_tensor *t = qf_tensorfile_find(file, name);
    return qf_tensorwriter_add(writer, name, t->dtype, t->rank, t->shape, t->data);
}

static qf_status add_from_file(const qf_qmodel *model, qf_tensorwriter *writer, int at)
{
    const linear_shape shape = shape_of(model, at);
    char name[NAME];

    QF_TRY(add_as_it_is(model->file, writer, name_of(model, at, "codes", name)));
    QF_TRY(add_as_it_is(model->file, writer, name_of(model, at, "scales", name)));
    return add(writer, name_of(model, at, "offsets", name), QF_DTYPE_F32, shape.n, shape.groups,
               model->linear[at].offset);
}

static qf_status add_copy(saving *s, qf_tensorwriter *writer, int at)
{
    const qf_qmodel *model = s->model;
    if (model->file) return add_from_file(model, writer, at);
    const qf_qlinear *linear = &model->linear[at];
    const linear_shape shape = shape_of(model, at);
    const int bits = bits_of(model, at);
    const int64_t row_bytes = bitstream_bytes(shape.k, bits);
    uint8_t *stream = qf_arena_take(&s->streams, (size_t)(shape.n * row_bytes));
    char name[NAME];

    for (int64_t row = 0; row < shape.n; row++)
        bitstream_write(linear->code + row * shape.k, shape.k, bits, stream + row * row_bytes);
    if (s->bring) qf_reserve_drop(linear->code, (size_t)(shape.n * shape.k));
    QF_TRY(add(writer, name_of(model, at, "codes", name), QF_DTYPE_U8, shape.n, row_bytes,
               stream));
    QF_TRY(add(writer, name_of(model, at, "scales", name), QF_DTYPE_F32, shape.n, shape.groups,
               linear->scale));
    return add(writer, name_of(model, at, "offsets", name), QF_DTYPE_F32, shape.n, shape.groups,
               linear->offset);
}

static qf_status add_copies(saving *s, qf_tensorwriter *writer)
{
    const int each = QF_LINEARS * s->model->widths;

    for (int at = 0; at < copies(s->model); at++) {
        if (s->bring && at % each == 0) QF_TRY(s->bring(s->context, at / each));
        QF_TRY(add_copy(s, writer, at));
    }
    return QF_OK;
}

static qf_status commit_copies(qf_tensorwriter *writer, saving *s)
{
    qf_arena measure = {0};

    for (int at = 0; !s->model->file && at < copies(s->model); at++) {
        const linear_shape shape = shape_of(s->model, at);
        qf_arena_take(&measure,
                      (size_t)(shape.n * bitstream_bytes(shape.k, bits_of(s->model, at))));
    }
    QF_TRY(qf_arena_init(&s->streams, measure.used));
    qf_status status = qf_parameters_add(writer, &s->model->base, false);
    if (status == QF_OK) status = add_copies(s, writer);
    if (status == QF_OK) status = qf_tensorwriter_commit(writer);
    qf_arena_release(&s->streams);
    return status;
}

/* One of an adapter's two matrices. */
static qf_status add_half(saving *s, qf_tensorwriter *writer, const char *name, int64_t rows,
                          int64_t columns, const float *data)
{
    const qf_dtype dtype = s->model->adapter_dtype;

    if (dtype == QF_DTYPE_F32) return add(writer, name, dtype, rows, columns, data);
    const int64_t count = rows * columns;
    uint16_t *brief = qf_arena_take(&s->streams, (size_t)count * sizeof *brief);
    for (int64_t i = 0; i < count; i++) brief[i] = qf_bfloat_of(data[i]);
    return add(writer, name, dtype, rows, columns, brief);
}

static qf_status add_adapters(saving *s, qf_tensorwriter *writer)
{
    const qf_qmodel *model = s->model;
    char name[NAME];
    for (int at = 0; at < copies(model); at++) {
        const qf_qlinear *linear = &model->linear[at];
        const linear_shape shape = shape_of(model, at);
        QF_TRY(add_half(s, writer, name_of(model, at, "lora_A", name), model->rank,
                        shape.groups, linear->lora_a));
        QF_TRY(add_half(s, writer, name_of(model, at, "lora_B", name), shape.n, model->rank,
                        linear->lora_b));
    }
    return QF_OK;
}

static qf_status commit_adapters(qf_tensorwriter *writer, saving *s)
{
    const qf_qmodel *model = s->model;
    qf_arena measure = {0};

    for (int at = 0; at < copies(model); at++) {
        const linear_shape shape = shape_of(model, at);
        qf_arena_take(&measure, (size_t)(model->rank * shape.groups) * sizeof(uint16_t));
        qf_arena_take(&measure, (size_t)(shape.n * model->rank) * sizeof(uint16_t));
    }
    QF_TRY(qf_arena_init(&s->streams, measure.used));
    qf_status status = add_adapters(s, writer);
    if (status == QF_OK) status = qf_tensorwriter_commit(writer);
    qf_arena_release(&s->streams);
    return status;
}

typedef qf_status commit_file(qf_tensorwriter *writer, saving *s);
static qf_status save_file(const char *directory, const char *name, commit_file *commit,
                           saving *s)
{
    char *path = qf_path_join(directory, name);
    qf_tensorwriter *writer;

    if (!path) return QF_MEMORY;
    qf_status status = qf_tensorwriter_create(path, &writer);
    qf_free(path);
    QF_TRY(status);
    status = commit(writer, s);
    qf_tensorwriter_destroy(writer);
    return status;
}

static qf_status save_config(const char *directory, const qf_qmodel *model)
{
    json_t *root = qf_config_json(&model->base.config), *keys = keys_of(model);

    if (root && keys && json_object_set_new(root, "qforge", keys) == 0)
        return qf_config_write(directory, root);
    json_decref(root);
    return qf_fail(QF_MEMORY, "%s: no memory for config.json", directory);
}

static qf_status remove_file(const char *directory, const char *name)
{
    char *path = qf_path_join(directory, name);

    if (!path) return QF_MEMORY;
    const bool there = qf_file_exists(path);
    const qf_status status =
        there && unlink(path) ? qf_fail(QF_IO, "%s: cannot be replaced", path) : QF_OK;
    qf_free(path);
    return status;
}

/* config.json goes first and comes last: at no moment does a directory look whole whose
 * files belong to two different models. */
static qf_status save(saving *s, const char *directory)
{
    const qf_qmodel *model = s->model;

    QF_TRY(qf_directory_make(directory));
    QF_TRY(remove_file(directory, "config.json"));
    QF_TRY(save_file(directory, "model.safetensors", commit_copies, s));
    if (model->rank)
        QF_TRY(save_file(directory, "adapters.safetensors", commit_adapters, s));
    else
        QF_TRY(remove_file(directory, "adapters.safetensors"));
    return save_config(directory, model);
}

qf_status qf_qmodel_save(const qf_qmodel *model, const char *directory)
{
    return save(&(saving){.model = model}, directory);
}

qf_status qf_qmodel_save_blocks(const qf_qmodel *model, const char *directory,
                                qf_qmodel_bring *bring, void *context)
{
    return save(&(saving){.model = model, .bring = bring, .context = context}, directory);
}
