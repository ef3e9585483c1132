/* qforge/tensorfile.h -- named tensors in one file: the safetensors format
 * (github.com/huggingface/safetensors).
 *
 *     u64 length of the header, little endian, at most 100,000,000
 *     header   a JSON object, padded with spaces:
 *              {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
 *               "__metadata__": {"key": "text", …}}
 *     data     the tensors back to back, row-major, little endian
 *
 * Models, quantised models and checkpoints are all kept this way. */
#ifndef QFORGE_TENSORFILE_H
#define QFORGE_TENSORFILE_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

typedef enum qf_dtype {
#define QF_DTYPE(id, name, bytes) QF_DTYPE_##id,
#include "qforge/dtypes.def"
#undef QF_DTYPE
    QF_DTYPE_COUNT
} qf_dtype;

const char *qf_dtype_name(qf_dtype dtype);
size_t qf_dtype_bytes(qf_dtype dtype);

enum { QF_TENSOR_RANK_MAX = 8 };

/* A view: lives as long as the open file. */
typedef struct qf_tensor {
    const char *name;
    qf_dtype dtype;
    int rank;
    int64_t shape[QF_TENSOR_RANK_MAX];
    int64_t count; /* elements */
    /* Files of other programs may leave data off its natural alignment: read elements
     * with memcpy, or with the functions below. */
    const uint8_t *data;
    size_t bytes;
} qf_tensor;

/* ---- reading ---- */
typedef struct qf_tensorfile qf_tensorfile;

/* Maps the file and checks all of it but the values: lengths against the file, shapes
 * against offsets, no overlap, no gap, no duplicate.  QF_IO or QF_FORMAT with a sentence
 * naming the file and the tensor, QF_UNSUPPORTED for an element type not in dtypes.def. */
QF_MUST_CHECK qf_status qf_tensorfile_open(const char *path, qf_tensorfile **file);
void qf_tensorfile_close(qf_tensorfile *file); /* NULL is fine; views are gone */
const char *qf_tensorfile_path(const qf_tensorfile *file);

int qf_tensorfile_count(const qf_tensorfile *file);
const qf_tensor *qf_tensorfile_at(const qf_tensorfile *file, int index);          /* by name */
const qf_tensor *qf_tensorfile_find(const qf_tensorfile *file, const char *name); /* or NULL */
const char *qf_tensorfile_metadata(const qf_tensorfile *file, const char *key);   /* or NULL */

/* Copies tensor `name` into `into`.  QF_FORMAT when it is missing or of another type,
 * QF_SHAPE when it is of another shape. */
QF_MUST_CHECK qf_status qf_tensorfile_read(const qf_tensorfile *file, const char *name,
                                           qf_dtype dtype, int rank, const int64_t *shape,
                                           void *into);
/* The same from F32, F16 or BF16 to float; QF_FORMAT when a value is NaN or infinite. */
QF_MUST_CHECK qf_status qf_tensorfile_read_f32(const qf_tensorfile *file, const char *name,
                                               int rank, const int64_t *shape, float *into);

/* Lets go of the pages of a tensor that were read; they come back from the file. */
void qf_tensorfile_forget(const qf_tensorfile *file, const char *name);

/* ---- writing ---- */
typedef struct qf_tensorwriter qf_tensorwriter;

/* Touches no file yet. */
QF_MUST_CHECK qf_status qf_tensorwriter_create(const char *path, qf_tensorwriter **writer);
/* `data` is borrowed until commit; the name is copied and must be valid UTF-8 and new. */
QF_MUST_CHECK qf_status qf_tensorwriter_add(qf_tensorwriter *writer, const char *name,
                                            qf_dtype dtype, int rank, const int64_t *shape,
                                            const void *data);
/* "format": "pt" is there without asking: other readers want it. */
QF_MUST_CHECK qf_status qf_tensorwriter_metadata(qf_tensorwriter *writer, const char *key,
                                                 const char *value);
/* Writes the file beside its place and renames it. */
QF_MUST_CHECK qf_status qf_tensorwriter_commit(qf_tensorwriter *writer);
void qf_tensorwriter_destroy(qf_tensorwriter *writer); /* NULL is fine */

#endif
