/* ggml_api.h -- ggml, llama.cpp's library of tensors, as far as one product needs it.
 *
 * It is loaded from a directory the user names: libggml-base.so, and of the libraries of
 * its CPU kernels, libggml-cpu-NAME.so, the one ggml itself would choose here, by its own
 * score, or libggml-cpu.so when there is one only.  No header of ggml's is used; what is
 * declared here is checked against the library when it is loaded, as far as it lets
 * itself be asked. */
#ifndef QF_CLI_GGML_API_H
#define QF_CLI_GGML_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

typedef struct ggml_context ggml_context;
typedef struct ggml_tensor ggml_tensor;
typedef struct ggml_cgraph ggml_cgraph;
typedef struct ggml_threadpool ggml_threadpool;
typedef struct ggml_backend ggml_backend;
typedef struct ggml_backend_device ggml_device;
typedef struct ggml_backend_reg ggml_registry;
typedef struct ggml_backend_buffer ggml_buffer;
typedef struct ggml_backend_buffer_type ggml_buffer_type;

/* The one struct whose layout we share: a context's arena of descriptions. */
typedef struct ggml_init_params {
    size_t bytes;
    void *memory;  /* NULL: ggml's own */
    bool no_alloc; /* tensors get their data from buffers */
} ggml_init_params;

/* By ggml_backend_reg_get_proc_address(…, "ggml_backend_dev_get_extra_bufts"): the kinds
 * of memory that hold weights in a layout of their own, ending in NULL. */
typedef ggml_buffer_type **ggml_extra_buffers_fn(ggml_device *device);

typedef void ggml_log_fn(int level, const char *text, void *context);

/* struct ggml_threadpool_params, which ggml fills in and reads itself. */
enum { GGML_THREADPOOL_PARAMS = 1 << 14 };
typedef struct ggml_threadpool_params {
    _Alignas(64) unsigned char bytes[GGML_THREADPOOL_PARAMS];
} ggml_threadpool_params;

typedef struct cli_ggml {
#define CLI_GGML_CALL(result, name, parameters) result(*name) parameters;
#include "ggml_calls.def"
#undef CLI_GGML_CALL
    char library[64]; /* "libggml-cpu-zen4.so" */
} cli_ggml;

typedef struct cli_ggml_type {
    const char *name;
    int number, block, bits;
    double rounding, activations;
} cli_ggml_type;

/* By name, or by bits when name is NULL.  QF_USAGE with a sentence when there is none. */
QF_MUST_CHECK qf_status cli_ggml_find_type(const char *name, int bits,
                                           const cli_ggml_type **type);

/* cpu: NAME of libggml-cpu-NAME.so, or NULL for the best.  The libraries stay loaded until
 * the process ends.  QF_NOT_FOUND when the directory or a library is missing,
 * QF_UNSUPPORTED when it is no ggml we know or does not run on this CPU. */
QF_MUST_CHECK qf_status cli_ggml_load(const char *directory, const char *cpu, cli_ggml *ggml);
/* Whether the library means the same by the format as we do. */
QF_MUST_CHECK qf_status cli_ggml_check_type(const cli_ggml *ggml, const cli_ggml_type *type);

#endif
