/* contest.h -- one product set up to be timed: ours, and a peer's beside it. */
#ifndef QF_CLI_CONTEST_H
#define QF_CLI_CONTEST_H

#include "peer.h"
#include "qforge/cache_mode.h"
#include "qforge/cpu.h"
#include "qforge/gemm.h"
#include "qforge/measure.h"

/* Each side has as many copies of its weights as the cache mode wants (cache_mode.h), one after
 * the other.
 *
 * Both sides have threads, and may not meet each other's.  Before a side's turn the other
 * is laid to rest and its own runs once untimed: awake, its data where its mode wants it.
 * Products of more than 10 ms go without that run: they settle while they are timed. */
typedef struct cli_contest {
    qf_problem problem;
    qf_kernel kernel;
    qf_cache_mode cache;
    int copies; /* of our weights */
    int peer_copies;
    qf_packed *packed; /* [copies] */
    qf_gemm *gemm;     /* [copies] */
    qf_pool *pool;     /* borrowed */
    cli_peer peer;     /* call NULL: none */
    float *x, *y;
    void *workspace;
    int next, peer_next;
    bool peers_turn;
    int64_t settling_ns, peer_settling_ns; /* of the last untimed run */
} cli_contest;

/* kernel NULL: the source's answer.  wish->name NULL: no peer. */
QF_MUST_CHECK qf_status cli_contest_open(const qf_kernel_source *source, const qf_cpu *cpu,
                                         qf_pool *pool, const qf_problem *problem,
                                         const qf_kernel *kernel, qf_cache_mode cache,
                                         const cli_peer_wish *wish, cli_contest *contest);
void cli_contest_close(cli_contest *contest); /* also after a failed open */

int64_t cli_contest_weight_bytes(const cli_contest *contest); /* read per product */

/* qf_timed functions; the context is the contest. */
qf_timed cli_contest_ours, cli_contest_peer;
/* What goes untimed before samples of one side. */
qf_timed cli_contest_our_turn, cli_contest_peers_turn;

#endif
