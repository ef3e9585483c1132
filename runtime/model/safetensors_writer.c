/* safetensors_writer.c -- the header is JSON made by jansson, the data is written as it
 * lies in memory (every machine of ours is little endian). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/tensorfile.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian");

struct qf_tensorwriter {
    char *path;
    qf_tensor *tensor; /* names are owned */
    int count, room;
    json_t *metadata;
    json_t *names; /* a set */
};

qf_status qf_tensorwriter_create(const char *path, qf_tensorwriter **writer)
{
    qf_tensorwriter *fresh = qf_alloc(sizeof *fresh);

    *writer = NULL;
    if (!fresh) return QF_MEMORY;
    *fresh = (qf_tensorwriter){.path = qf_strdup(path),
                               .metadata = json_pack("{s:s}", "format", "pt"),
                               .names = json_object()};
    if (!fresh->path || !fresh->metadata || !fresh->names) {
        qf_tensorwriter_destroy(fresh);
        return qf_fail(QF_MEMORY, "%s: no memory for its header", path);
    }
    *writer = fresh;
    return QF_OK;
}

void qf_tensorwriter_destroy(qf_tensorwriter *writer)
{
    if (!writer) return;
    for (int i = 0; i < writer->count; i++) qf_free((void *)(uintptr_t)writer->tensor[i].name);
    qf_free(writer->tensor);
    json_decref(writer->metadata);
    json_decref(writer->names);
    qf_free(writer->path);
    qf_free(writer);
}

static qf_status make_room(qf_tensorwriter *writer)
{
    if (writer->count < writer->room) return QF_OK;
    const int room = writer->room ? 2 * writer->room : 64;
    qf_tensor *larger = qf_alloc_array((size_t)room, sizeof *larger);
    if (!larger) return QF_MEMORY;
    if (writer->count) memcpy(larger, writer->tensor, (size_t)writer->count * sizeof *larger);
    qf_free(writer->tensor);
    writer->tensor = larger;
    writer->room = room;
    return QF_OK;
}

qf_status qf_tensorwriter_add(qf_tensorwriter *writer, const char *name, qf_dtype dtype,
                              int rank, const int64_t *shape, const void *data)
{
    qf_tensor tensor = {.dtype = dtype, .rank = rank, .count = 1, .data = data};

    QF_ASSERT(rank >= 0 && rank <= QF_TENSOR_RANK_MAX);
    for (int i = 0; i < rank; i++) {
        QF_ASSERT(shape[i] >= 0);
        tensor.shape[i] = shape[i];
        tensor.count *= shape[i];
    }
    tensor.bytes = (size_t)tensor.count * qf_dtype_bytes(dtype);
    if (json_object_get(writer->names, name) || strcmp(name, "__metadata__") == 0)
        return qf_fail(QF_FORMAT, "%s: two tensors named '%.80s'", writer->path, name);
    if (json_object_set_new(writer->names, name, json_true()) != 0)
        return qf_fail(QF_FORMAT, "%s: '%.80s' cannot be a tensor's name", writer->path, name);
    QF_TRY(make_room(writer));
    tensor.name = qf_strdup(name);
    if (!tensor.name) return QF_MEMORY;
    writer->tensor[writer->count++] = tensor;
    return QF_OK;
}

qf_status qf_tensorwriter_metadata(qf_tensorwriter *writer, const char *key, const char *value)
{
    if (json_object_set_new(writer->metadata, key, json_string(value)) == 0) return QF_OK;
    return qf_fail(QF_FORMAT, "%s: metadata '%.80s' is not UTF-8", writer->path, key);
}

/* Wide types first keeps every tensor on its natural alignment. */
static int by_width(const void *left, const void *right)
{
    const qf_tensor *a = left, *b = right;
    const size_t wide_a = qf_dtype_bytes(a->dtype), wide_b = qf_dtype_bytes(b->dtype);
    if (wide_a != wide_b) return wide_a > wide_b ? -1 : 1;
    return strcmp(a->name, b->name);
}

static json_t *describe(const qf_tensor *tensor, int64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", qf_dtype_name(tensor->dtype), "shape",
                     shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + (int64_t)tensor->bytes));
}

/* The header's text, made by jansson and padded with spaces to eight bytes. */
static char *header_text(const qf_tensorwriter *writer, size_t *length)
{
    json_t *header = json_object();
    int64_t begin = 0;

    json_object_set(header, "__metadata__", writer->metadata);
    for (int i = 0; i < writer->count; i++) {
        json_object_set_new(header, writer->tensor[i].name,
                            describe(&writer->tensor[i], begin));
        begin += (int64_t)writer->tensor[i].bytes;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text) return NULL;
    const size_t bare = strlen(text);
    *length = qf_round_up(bare, 8);
    char *padded = qf_alloc(*length);
    if (padded) {
        memset(padded, ' ', *length);
        memcpy(padded, text, bare);
    }
    free(text);
    return padded;
}

static qf_status write_all(const qf_tensorwriter *writer, qf_output *output)
{
    size_t length;
    char *header = header_text(writer, &length);

    if (!header) return qf_fail(QF_MEMORY, "%s: no memory for its header", writer->path);
    const uint64_t prefix = length;
    qf_status status = qf_output_write(output, &prefix, sizeof prefix);
    if (status == QF_OK) status = qf_output_write(output, header, length);
    qf_free(header);
    for (int i = 0; status == QF_OK && i < writer->count; i++)
        status = qf_output_write(output, writer->tensor[i].data, writer->tensor[i].bytes);
    return status;
}

qf_status qf_tensorwriter_commit(qf_tensorwriter *writer)
{
    qf_output output;

    if (writer->count)
        qsort(writer->tensor, (size_t)writer->count, sizeof *writer->tensor, by_width);
    QF_TRY(qf_output_open(writer->path, &output));
    const qf_status status = write_all(writer, &output);
    if (status == QF_OK) return qf_output_commit(&output);
    qf_output_abandon(&output);
    return status;
}
