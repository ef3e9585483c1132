/* peer_openblas.c -- cblas_sgemm on the dequantised weights. */
#include <stdio.h>

#include "blas.h"
#include "plain_weights.h"

static cli_sgemm_fn *sgemm;

static void run(cli_peer *peer, int copy)
{
    const qf_problem *p = &peer->problem;
    const cli_plain_weights *plain = peer->self;
    const float *x = plain->operands.x, *w = plain->w[copy];
    float *y = plain->operands.y;
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;

    if (p->op == QF_FORWARD)
        sgemm(CLI_BLAS_ROW_MAJOR, CLI_BLAS_PLAIN, CLI_BLAS_TRANSPOSED, m, n, k, 1, x, k, w, k,
              0, y, n);
    else
        sgemm(CLI_BLAS_ROW_MAJOR, CLI_BLAS_PLAIN, CLI_BLAS_PLAIN, m, k, n, 1, x, n, w, k, 0, y,
              k);
}

static void rest(cli_peer *peer)
{
    cli_blas_rest(peer->problem.threads);
}

qf_status cli_peer_open_openblas(const cli_peer_wish *wish, cli_peer *peer)
{
    static const cli_peer_calls calls = {cli_plain_prepare, run, rest, cli_plain_close};

    (void)wish;
    QF_TRY(cli_blas_load(peer->problem.threads, &sgemm));
    peer->call = &calls;
    snprintf(peer->name, sizeof peer->name, "openblas");
    snprintf(peer->variant, sizeof peer->variant, "%s", cli_blas_library);
    peer->weight_bytes = peer->problem.n * peer->problem.k * (int64_t)sizeof(float);
    peer->tolerance = 1e-3;
    return QF_OK;
}
