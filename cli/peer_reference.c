/* peer_reference.c -- the product as it is defined. */
#include <stdio.h>

#include "plain_weights.h"

void cli_plain_product(const qf_problem *p, const float *w, const float *x, float *y)
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

static void run(cli_peer *peer, int copy)
{
    const cli_plain_weights *plain = peer->self;
    cli_plain_product(&peer->problem, plain->w[copy], plain->operands.x, plain->operands.y);
}

qf_status cli_peer_open_reference(const cli_peer_wish *wish, cli_peer *peer)
{
    static const cli_peer_calls calls = {cli_plain_prepare, run, NULL, cli_plain_close};

    (void)wish;
    peer->call = &calls;
    snprintf(peer->name, sizeof peer->name, "reference");
    snprintf(peer->variant, sizeof peer->variant, "plain C, one thread");
    peer->weight_bytes = peer->problem.n * peer->problem.k * (int64_t)sizeof(float);
    peer->tolerance = 1e-6;
    return QF_OK;
}
