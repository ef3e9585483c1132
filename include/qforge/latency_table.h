/* qforge/latency_table.h -- what a decoded token of a subnet costs on this machine.
 *
 *     token = overhead + scale * sum over linears of time(shape, bits)
 *
 * time() is measured for every shape and width of the model at one row, fast class, with
 * the kernels that deployment runs, twice: warm (from the last-level cache, cache_mode.h) and
 * cold (copies rotated over twice the last-level cache, so that every byte
 * comes from memory).  Which of them a linear meets inside a whole model depends on how
 * much of the model stays in the last-level cache of C bytes.  The packed linears of W
 * bytes count as resident up to W = C/2, as streamed from W = 3C/2 on (each token sweeps
 * them in the same order, which defeats a cache of recent lines), and in between in
 * proportion:
 *
 *     resident = clamp(3/2 - W/C, 0, 1)
 *     time = resident * warm + (1 - resident) * cold
 *
 * overhead holds what subnets share (attention, norms, head, hand-over between linears)
 * at the positions decoded in calibration; scale holds what a product in a loop does not
 * show (weights that left the inner caches meanwhile).  Both are fitted to whole models
 * measured end to end, and judged on others. */
#ifndef QFORGE_LATENCY_TABLE_H
#define QFORGE_LATENCY_TABLE_H

#include "qforge/engine.h"
#include "qforge/gemm.h"
#include "qforge/latency.h"
#include "qforge/qmodel.h"

/* Where a token finds the weights.  AUTO: by the rule above, as in decoding one text.  COLD:
 * in memory, as when other work ran since the last token.  WARM: in cache. */
typedef enum qf_residency { QF_RESIDENT_AUTO, QF_RESIDENT_WARM, QF_RESIDENT_COLD } qf_residency;

typedef struct qf_latency_table {
    qf_config config;
    int group, threads;
    qf_residency residency; /* AUTO until set */
    int widths, width[QF_WIDTHS_MAX];
    int64_t cache_bytes;                                       /* C */
    double ns[QF_CACHE_MODE_COUNT][QF_LINEARS][QF_WIDTHS_MAX]; /* per product; none hot */
    double overhead_us, scale;                                 /* 0, 1 before calibration */
    int measured, remembered; /* rows timed now, rows taken from the ledger */
} qf_latency_table;

typedef struct qf_latency_options {
    const qf_kernel_source *source;
    qf_pool *pool; /* may be NULL */
    const qf_cpu *cpu;
    struct qf_store *store; /* where rows are looked up; NULL: all are measured */
    bool keep;              /* new rows are added to the store (open for writing) */
    double seconds;         /* per row; 0: 0.05 */
    qf_progress *progress;  /* after every row; may be NULL */
    void *progress_context;
} qf_latency_options;

/* Fills the table for a model's shapes and widths.  A row of the ledger is used when it
 * was made by the kernel that would run now. */
QF_MUST_CHECK qf_status qf_latency_measure(const qf_latency_options *options,
                                           const qf_config *config, int group, const int *width,
                                           int widths, qf_latency_table *table);

/* Microseconds per token. */
double qf_latency_predict(const qf_latency_table *table, const qf_subnet *subnet);

/* ---- calibration ---- */
/* Microseconds per token of a subnet, measured end to end. */
typedef qf_status qf_latency_probe(void *self, const qf_subnet *subnet, double *us);

typedef struct qf_latency_fit {
    int fitted, held_out;          /* subnets */
    double error_mean, error_most; /* |predicted / measured - 1| on those held out */
    double within_5, within_10;    /* shares of them that are no more than 5 and 10 % off */
} qf_latency_fit;

/* Probes the uniform subnets and random ones, `fitted` (>= 3) in all, three times each in
 * turn, sets the table's
 * overhead and scale by least squares of relative errors (neither negative), then judges
 * on `held_out` others. */
QF_MUST_CHECK qf_status qf_latency_calibrate(qf_latency_table *table, qf_latency_probe *probe,
                                             void *self, int fitted, int held_out,
                                             uint64_t seed, qf_progress *progress,
                                             void *progress_context, qf_latency_fit *fit);

/* The probe for engines: `tokens` tokens (at most 256) are decoded from position 0, the
 * median of their times is a pass, the median of passes the result; as many passes as fit
 * `seconds` of wall time, at least one.  A token that was preempted is an outlier of its pass.
 * sweep: bytes read and written before every token, outside the time, to drive everything out
 * of the caches (twice the last level does); 0: none. */
QF_MUST_CHECK qf_status qf_latency_of_engine(qf_engine *engine, int tokens, double seconds,
                                             int64_t sweep, double *us);
/* Time of one of its tokens / time of one of another engine's with the same vocabulary: a token
 * of each in turn, medians as above.  A machine that is slow for a while is so for both.  The
 * engines may share a pool. */
QF_MUST_CHECK qf_status qf_latency_beside(qf_engine *engine, qf_engine *other, int tokens,
                                          double seconds, int64_t sweep, double *ratio);

#endif
