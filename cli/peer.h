/* peer.h -- what a product is compared with, in the same run. */
#ifndef QF_CLI_PEER_H
#define QF_CLI_PEER_H

#include "qforge/kernel.h"

/* The problem's product in fp32: forward y[m][n] = x[m][k] w[n][k]^T, grad-input
 * y[m][k] = x[m][n] w[n][k]. */
typedef void cli_peer_gemm(const qf_problem *problem, const float *x, const float *w, float *y);

typedef struct cli_peer {
    const char *name;
    cli_peer_gemm *gemm;
} cli_peer;

/* "openblas" (found at run time; Debian: libopenblas0) or "reference" (plain C triple
 * loop).  QF_NOT_FOUND with a sentence when the library is not installed. */
QF_MUST_CHECK qf_status cli_peer_open(const char *name, int threads, cli_peer *peer);

#endif
