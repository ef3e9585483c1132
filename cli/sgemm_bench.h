/* sgemm_bench.h -- qforge bench gemm --transpose: fp32 products of two plain matrices, as
 * training makes them, timed. */
#ifndef QF_CLI_SGEMM_BENCH_H
#define QF_CLI_SGEMM_BENCH_H

#include <stdbool.h>

#include "machine.h"
#include "peer.h"

typedef struct cli_sgemm_request {
    qf_problem problem;      /* exact, forward, fp32: c[m][n] = op(a)[m][k] op(b)[k][n] */
    const char *transpose;   /* of a and of b, n or t: "nt" is the usual product with weights */
    const cli_peer_wish *vs; /* openblas or none */
    double seconds;
    bool json;
} cli_sgemm_request;

/* Times qf_sgemm_run with that kernel, packing and all, beside the peer in turns when there is
 * one, and prints what bench gemm prints.  QF_USAGE for transposes or a peer that are none;
 * QF_WRONG, and nothing timed, when the results are not the product or not the peer's. */
QF_MUST_CHECK qf_status cli_sgemm_bench(const cli_sgemm_request *request, cli_machine *machine,
                                        const qf_kernel *kernel);

#endif
