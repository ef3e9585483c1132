/* peer_openblas.c -- cblas_sgemm on the dequantised weights. */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#include "plain_weights.h"

/* cblas.h, as every BLAS has it. */
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
typedef void sgemm_fn(int order, int transpose_a, int transpose_b, int m, int n, int k,
                      float alpha, const float *a, int lda, const float *b, int ldb, float beta,
                      float *c, int ldc);
typedef void set_threads_fn(int threads);

static const char library_name[] = "libopenblas.so.0";
static sgemm_fn *cblas_sgemm;

static void run(cli_peer *peer, int copy)
{
    const qf_problem *p = &peer->problem;
    const cli_plain_weights *plain = peer->self;
    const float *x = plain->operands.x, *w = plain->w[copy];
    float *y = plain->operands.y;
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;

    if (p->op == QF_FORWARD)
        cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, m, n, k, 1, x, k, w, k, 0, y, n);
    else
        cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, m, k, n, 1, x, n, w, k, 0, y, k);
}

/* Its idle threads yield in a loop for 2^26 ticks before they sleep, and nothing stops
 * them sooner. */
static void rest(cli_peer *peer)
{
    const struct timespec nap = {0, 40000000};
    if (peer->problem.threads > 1) nanosleep(&nap, NULL);
}

qf_status cli_peer_open_openblas(const cli_peer_wish *wish, cli_peer *peer)
{
    static const cli_peer_calls calls = {cli_plain_prepare, run, rest, cli_plain_close};
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    set_threads_fn *set_threads = NULL;

    (void)wish;
    if (!library)
        return qf_fail(QF_NOT_FOUND, "OpenBLAS is not installed (Debian: libopenblas0): %s",
                       dlerror());
    /* ISO C has no cast from object to function pointer; POSIX has. */
    *(void **)&cblas_sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (!cblas_sgemm || !set_threads)
        return qf_fail(QF_NOT_FOUND, "%s has no cblas_sgemm", library_name);
    set_threads(peer->problem.threads);
    peer->call = &calls;
    snprintf(peer->name, sizeof peer->name, "openblas");
    snprintf(peer->variant, sizeof peer->variant, "%s", library_name);
    peer->weight_bytes = peer->problem.n * peer->problem.k * (int64_t)sizeof(float);
    peer->tolerance = 1e-3;
    return QF_OK;
}
