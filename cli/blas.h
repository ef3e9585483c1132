/* blas.h -- cblas_sgemm of an OpenBLAS that is loaded when asked for. */
#ifndef QF_CLI_BLAS_H
#define QF_CLI_BLAS_H

#include "qforge/status.h"

/* cblas.h, as every BLAS has it. */
enum { CLI_BLAS_ROW_MAJOR = 101, CLI_BLAS_PLAIN = 111, CLI_BLAS_TRANSPOSED = 112 };
typedef void cli_sgemm_fn(int order, int transpose_a, int transpose_b, int m, int n, int k,
                          float alpha, const float *a, int lda, const float *b, int ldb,
                          float beta, float *c, int ldc);

extern const char cli_blas_library[]; /* "libopenblas.so.0" */

/* Loads it for good and has it use so many threads, which may start here or at any later call.
 * QF_NOT_FOUND with a sentence when it is not installed. */
QF_MUST_CHECK qf_status cli_blas_load(int threads, cli_sgemm_fn **sgemm);

/* Waits until its idle threads sleep: they yield in a loop for 2^26 ticks before they do, and
 * nothing stops them sooner. */
void cli_blas_rest(int threads);

#endif
