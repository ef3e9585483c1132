/* peer.c -- peers are loaded when asked for: the program does not depend on them. */
#include "peer.h"

#include <dlfcn.h>
#include <string.h>

/* cblas.h, as every BLAS has it. */
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
typedef void sgemm_fn(int order, int transpose_a, int transpose_b, int m, int n, int k,
                      float alpha, const float *a, int lda, const float *b, int ldb, float beta,
                      float *c, int ldc);
typedef void set_threads_fn(int threads);

static sgemm_fn *cblas_sgemm;

static void openblas_gemm(const qf_problem *p, const float *x, const float *w, float *y)
{
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;
    if (p->op == QF_FORWARD)
        cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, m, n, k, 1, x, k, w, k, 0, y, n);
    else
        cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, m, k, n, 1, x, n, w, k, 0, y, k);
}

static void plain_gemm(const qf_problem *p, const float *x, const float *w, float *y)
{
    const bool forward = p->op == QF_FORWARD;
    const int64_t depth = forward ? p->k : p->n, columns = forward ? p->n : p->k;

    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < columns; j++) {
            float sum = 0;
            for (int64_t d = 0; d < depth; d++)
                sum += x[i * depth + d] * (forward ? w[j * depth + d] : w[d * columns + j]);
            y[i * columns + j] = sum;
        }
    }
}

static qf_status open_openblas(int threads, cli_peer *peer)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    set_threads_fn *set_threads = NULL;

    if (!library)
        return qf_fail(QF_NOT_FOUND, "OpenBLAS is not installed (Debian: libopenblas0): %s",
                       dlerror());
    /* ISO C has no cast from object to function pointer; POSIX has. */
    *(void **)&cblas_sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (!cblas_sgemm || !set_threads)
        return qf_fail(QF_NOT_FOUND, "libopenblas.so.0 has no cblas_sgemm");
    set_threads(threads);
    *peer = (cli_peer){"openblas", openblas_gemm};
    return QF_OK;
}

qf_status cli_peer_open(const char *name, int threads, cli_peer *peer)
{
    if (strcmp(name, "openblas") == 0) return open_openblas(threads, peer);
    if (strcmp(name, "reference") == 0) {
        *peer = (cli_peer){"reference", plain_gemm};
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "--vs: no peer '%s' (openblas, reference)", name);
}
