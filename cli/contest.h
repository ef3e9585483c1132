/* contest.h -- one product set up to be timed: ours, and a peer's beside it. */
#ifndef QF_CLI_CONTEST_H
#define QF_CLI_CONTEST_H

#include "peer.h"
#include "qforge/cpu.h"
#include "qforge/gemm.h"
#include "qforge/measure.h"

/* warm: one weight matrix again and again.  cold: as many copies as it takes to be far
 * larger than the last-level cache, one after the other, as decoding a large model does. */
typedef struct cli_contest {
    qf_problem problem;
    qf_kernel kernel;
    int copies; /* of our weights */
    int peer_copies;
    qf_packed *packed; /* [copies] */
    qf_gemm *gemm;     /* [copies] */
    float **plain;     /* [peer_copies], dequantised [n][k] */
    cli_peer peer;
    float *x, *y;
    void *workspace;
    int next, peer_next;
} cli_contest;

/* kernel NULL: the source's answer.  peer may be zeroed: none. */
QF_MUST_CHECK qf_status cli_contest_open(const qf_kernel_source *source, const qf_cpu *cpu,
                                         qf_pool *pool, const qf_problem *problem,
                                         const qf_kernel *kernel, bool cold, cli_peer peer,
                                         cli_contest *contest);
void cli_contest_close(cli_contest *contest);

int64_t cli_contest_weight_bytes(const cli_contest *contest); /* read per product */

/* qf_timed functions; the context is the contest. */
qf_timed cli_contest_ours, cli_contest_peer;

#endif
