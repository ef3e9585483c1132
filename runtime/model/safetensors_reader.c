/* safetensors_reader.c -- opens a safetensors file, trusting none of it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/tensorfile.h"

enum { LENGTH_BYTES = 8, HEADER_MAX = 100000000 };

struct qf_tensorfile {
    char *path;
    uint8_t *map; /* NULL for no file */
    size_t size;
    json_t *header;    /* owns the names and the metadata */
    qf_tensor *tensor; /* sorted by name */
    int count;
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
#define QF_DTYPE(id, name, bytes) {name, bytes},
#include "qforge/dtypes.def"
#undef QF_DTYPE
};

const char *qf_dtype_name(qf_dtype dtype)
{
    QF_ASSERT((unsigned)dtype < QF_DTYPE_COUNT);
    return dtypes[dtype].name;
}

size_t qf_dtype_bytes(qf_dtype dtype)
{
    QF_ASSERT((unsigned)dtype < QF_DTYPE_COUNT);
    return dtypes[dtype].bytes;
}

/* ---- the file and its header ---- */

static qf_status map_descriptor(qf_tensorfile *file, int descriptor)
{
    struct stat info;

    if (fstat(descriptor, &info) != 0)
        return qf_fail(QF_IO, "%s: cannot read: %s", file->path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return qf_fail(QF_IO, "%s: not a regular file", file->path);
    if (info.st_size < LENGTH_BYTES)
        return qf_fail(QF_FORMAT, "%s: truncated, %lld bytes are no safetensors file",
                       file->path, (long long)info.st_size);
    file->size = (size_t)info.st_size;
    void *map = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED)
        return qf_fail(QF_IO, "%s: cannot map: %s", file->path, strerror(errno));
    file->map = map;
    return QF_OK;
}

static qf_status map_file(qf_tensorfile *file)
{
    const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (descriptor < 0)
        return qf_fail(QF_IO, "%s: cannot open: %s", file->path, strerror(errno));
    const qf_status status = map_descriptor(file, descriptor);
    close(descriptor);
    return status;
}

static uint64_t little_endian(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static qf_status parse_header(qf_tensorfile *file, uint64_t length)
{
    const char *text = (const char *)file->map + LENGTH_BYTES;
    json_error_t error;

    if (length > HEADER_MAX)
        return qf_fail(QF_FORMAT, "%s: header says %llu bytes, the format allows %d",
                       file->path, (unsigned long long)length, HEADER_MAX);
    if (length > file->size - LENGTH_BYTES)
        return qf_fail(QF_FORMAT, "%s: header says %llu bytes, file has %zu", file->path,
                       (unsigned long long)length, file->size);
    if (length == 0 || text[0] != '{')
        return qf_fail(QF_FORMAT, "%s: header does not start with '{'", file->path);
    file->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!file->header)
        return qf_fail(QF_FORMAT, "%s: header, byte %d: %s", file->path, error.position,
                       error.text);
    return QF_OK;
}

/* ---- one entry of the header ---- */

static qf_status read_dtype(const qf_tensorfile *file, const json_t *entry, qf_tensor *tensor)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));

    if (!name)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has no dtype", file->path, tensor->name);
    for (int i = 0; i < QF_DTYPE_COUNT; i++) {
        if (strcmp(name, dtypes[i].name) != 0) continue;
        tensor->dtype = (qf_dtype)i;
        return QF_OK;
    }
    return qf_fail(QF_UNSUPPORTED,
                   "%s: tensor '%.80s' has dtype '%.20s', which is not supported", file->path,
                   tensor->name, name);
}

static qf_status read_shape(const qf_tensorfile *file, const json_t *entry, qf_tensor *tensor)
{
    const json_t *shape = json_object_get(entry, "shape");
    const size_t rank = json_array_size(shape);

    if (!json_is_array(shape) || rank > QF_TENSOR_RANK_MAX)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has no shape of up to %d numbers",
                       file->path, tensor->name, QF_TENSOR_RANK_MAX);
    tensor->rank = (int)rank;
    tensor->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *extent = json_array_get(shape, i);
        tensor->shape[i] = json_integer_value(extent);
        if (!json_is_integer(extent) || tensor->shape[i] < 0 ||
            __builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count))
            return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has an impossible shape", file->path,
                           tensor->name);
    }
    if (__builtin_mul_overflow((size_t)tensor->count, dtypes[tensor->dtype].bytes,
                               &tensor->bytes))
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has an impossible shape", file->path,
                       tensor->name);
    return QF_OK;
}

static qf_status read_offsets(const qf_tensorfile *file, const json_t *entry,
                              const uint8_t *data, qf_tensor *tensor)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    const int64_t begin = json_integer_value(first), end = json_integer_value(second);
    const int64_t available = (int64_t)(file->map + file->size - data);

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has no pair of data_offsets", file->path,
                       tensor->name);
    if (begin < 0 || end < begin || end > available)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' lies at %lld..%lld of %lld data bytes",
                       file->path, tensor->name, (long long)begin, (long long)end,
                       (long long)available);
    if ((uint64_t)(end - begin) != tensor->bytes)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' has %lld bytes, its shape needs %zu",
                       file->path, tensor->name, (long long)(end - begin), tensor->bytes);
    tensor->data = data + begin;
    return QF_OK;
}

static qf_status read_entry(const qf_tensorfile *file, const char *name, const json_t *entry,
                            const uint8_t *data, qf_tensor *tensor)
{
    tensor->name = name;
    if (!json_is_object(entry))
        return qf_fail(QF_FORMAT, "%s: '%.80s' is not a tensor", file->path, name);
    QF_TRY(read_dtype(file, entry, tensor));
    QF_TRY(read_shape(file, entry, tensor));
    return read_offsets(file, entry, data, tensor);
}

static qf_status check_metadata(const qf_tensorfile *file, json_t *metadata)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return qf_fail(QF_FORMAT, "%s: __metadata__ is not an object", file->path);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return qf_fail(QF_FORMAT, "%s: metadata '%.80s' is not a text", file->path, key);
    }
    return QF_OK;
}

/* ---- all entries together ---- */

static int by_place(const void *left, const void *right)
{
    const qf_tensor *a = left, *b = right;
    if (a->data != b->data) return a->data < b->data ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const qf_tensor *)left)->name, ((const qf_tensor *)right)->name);
}

/* The tensors must tile the data: what nobody names could hide anything. */
static qf_status check_tiling(const qf_tensorfile *file, const uint8_t *data)
{
    const uint8_t *end = data;

    for (int i = 0; i < file->count; i++) {
        const qf_tensor *tensor = &file->tensor[i];
        if (tensor->data != end)
            return qf_fail(QF_FORMAT, "%s: tensor '%.80s' %s the one before", file->path,
                           tensor->name,
                           tensor->data < end ? "overlaps" : "leaves a gap after");
        end = tensor->data + tensor->bytes;
    }
    if (end != file->map + file->size)
        return qf_fail(QF_FORMAT, "%s: %zu bytes after the last tensor", file->path,
                       (size_t)(file->map + file->size - end));
    return QF_OK;
}

static qf_status read_entries(qf_tensorfile *file, const uint8_t *data)
{
    const char *name;
    json_t *entry;

    file->tensor = qf_alloc_array(json_object_size(file->header), sizeof *file->tensor);
    if (!file->tensor) return QF_MEMORY;
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            QF_TRY(check_metadata(file, entry));
        else
            QF_TRY(read_entry(file, name, entry, data, &file->tensor[file->count++]));
    }
    qsort(file->tensor, (size_t)file->count, sizeof *file->tensor, by_place);
    QF_TRY(check_tiling(file, data));
    qsort(file->tensor, (size_t)file->count, sizeof *file->tensor, by_name);
    return QF_OK;
}

static qf_status open_file(qf_tensorfile *file)
{
    QF_TRY(map_file(file));
    const uint64_t length = little_endian(file->map);
    QF_TRY(parse_header(file, length));
    return read_entries(file, file->map + LENGTH_BYTES + length);
}

qf_status qf_tensorfile_open(const char *path, qf_tensorfile **file)
{
    qf_tensorfile *fresh = qf_alloc(sizeof *fresh);

    *file = NULL;
    if (!fresh) return QF_MEMORY;
    fresh->path = qf_strdup(path);
    const qf_status status = fresh->path ? open_file(fresh) : QF_MEMORY;
    if (status == QF_OK)
        *file = fresh;
    else
        qf_tensorfile_close(fresh);
    return status;
}

void qf_tensorfile_close(qf_tensorfile *file)
{
    if (!file) return;
    if (file->map) munmap(file->map, file->size);
    json_decref(file->header);
    qf_free(file->tensor);
    qf_free(file->path);
    qf_free(file);
}

/* ---- access ---- */

const char *qf_tensorfile_path(const qf_tensorfile *file)
{
    return file->path;
}

int qf_tensorfile_count(const qf_tensorfile *file)
{
    return file->count;
}

const qf_tensor *qf_tensorfile_at(const qf_tensorfile *file, int index)
{
    QF_ASSERT(index >= 0 && index < file->count);
    return &file->tensor[index];
}

const qf_tensor *qf_tensorfile_find(const qf_tensorfile *file, const char *name)
{
    const qf_tensor key = {.name = name};
    return bsearch(&key, file->tensor, (size_t)file->count, sizeof key, by_name);
}

/* A mapping that is only read loses nothing: whole pages around the tensor go. */
void qf_tensorfile_forget(const qf_tensorfile *file, const char *name)
{
    const qf_tensor *tensor = qf_tensorfile_find(file, name);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!tensor || !file->map) return;
    const size_t begin = (size_t)(tensor->data - file->map) / page * page;
    madvise(file->map + begin, (size_t)(tensor->data - file->map) + tensor->bytes - begin,
            MADV_DONTNEED);
}

const char *qf_tensorfile_metadata(const qf_tensorfile *file, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static qf_status find_shaped(const qf_tensorfile *file, const char *name, int rank,
                             const int64_t *shape, const qf_tensor **tensor)
{
    const qf_tensor *found = qf_tensorfile_find(file, name);

    if (!found) return qf_fail(QF_FORMAT, "%s: tensor '%.80s' is missing", file->path, name);
    bool same = found->rank == rank;
    for (int i = 0; same && i < rank; i++) same = found->shape[i] == shape[i];
    if (!same)
        return qf_fail(QF_SHAPE, "%s: tensor '%.80s' has another shape than the model's",
                       file->path, name);
    *tensor = found;
    return QF_OK;
}

qf_status qf_tensorfile_read(const qf_tensorfile *file, const char *name, qf_dtype dtype,
                             int rank, const int64_t *shape, void *into)
{
    const qf_tensor *tensor = NULL;

    QF_TRY(find_shaped(file, name, rank, shape, &tensor));
    if (tensor->dtype != dtype)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' is %s, not %s", file->path, name,
                       qf_dtype_name(tensor->dtype), qf_dtype_name(dtype));
    memcpy(into, tensor->data, tensor->bytes);
    return QF_OK;
}

static void convert(const qf_tensor *tensor, float *into)
{
    uint16_t bits;

    if (tensor->dtype == QF_DTYPE_F32) {
        memcpy(into, tensor->data, tensor->bytes);
        return;
    }
    for (int64_t i = 0; i < tensor->count; i++) {
        memcpy(&bits, tensor->data + 2 * i, sizeof bits);
        into[i] = tensor->dtype == QF_DTYPE_F16 ? qf_half_value(bits) : qf_bfloat_value(bits);
    }
}

qf_status qf_tensorfile_read_f32(const qf_tensorfile *file, const char *name, int rank,
                                 const int64_t *shape, float *into)
{
    const qf_tensor *tensor = NULL;

    QF_TRY(find_shaped(file, name, rank, shape, &tensor));
    if (tensor->dtype != QF_DTYPE_F32 && tensor->dtype != QF_DTYPE_F16 &&
        tensor->dtype != QF_DTYPE_BF16)
        return qf_fail(QF_FORMAT, "%s: tensor '%.80s' is %s, not floating point", file->path,
                       name, qf_dtype_name(tensor->dtype));
    convert(tensor, into);
    for (int64_t i = 0; i < tensor->count; i++)
        if (!isfinite(into[i]))
            return qf_fail(QF_FORMAT, "%s: tensor '%.80s', element %lld is %s", file->path,
                           name, (long long)i, isnan(into[i]) ? "NaN" : "infinite");
    return QF_OK;
}
