/* roofline.h -- the roofs of the machine the program runs on, measured. */
#ifndef QF_CLI_ROOFLINE_H
#define QF_CLI_ROOFLINE_H

#include "qforge/cache_mode.h"
#include "qforge/cpu.h"
#include "qforge/measure.h"
#include "qforge/pool.h"
#include "qforge/roof.h"

/* What can be measured, in the order of the report. */
typedef enum cli_roof {
    CLI_ROOF_FMA,
    CLI_ROOF_DOT,
    CLI_ROOF_DOT_WIDE,
    CLI_ROOF_L1,
    CLI_ROOF_L2,
    CLI_ROOF_L3,
    CLI_ROOF_DRAM_1, /* one sequential stream per thread */
    CLI_ROOF_DRAM_2, /* streams 16 KiB apart */
    CLI_ROOF_DRAM_4,
    CLI_ROOF_DRAM_8,
    CLI_ROOFS
} cli_roof;

typedef struct cli_roof_row {
    const char *name, *key; /* "DRAM, 4 streams", "dram_4" */
    qf_roof_kind kind;
    int level, streams; /* READ: cache level (4: memory), streams */
} cli_roof_row;
const cli_roof_row *cli_roof_of(cli_roof roof);

/* Units of the row's kind (GFLOP/s, GMAC/s, GB/s) of all threads together, with the
 * 95 % interval of the median and the best sample. */
typedef struct cli_rate {
    double median, low, high, best;
} cli_rate;

typedef struct cli_roofline {
    const qf_cpu *cpu; /* borrowed, like all here */
    qf_jit *jit;
    qf_pool *pool;  /* its threads are measured */
    double seconds; /* per roof, most */
} cli_roofline;

QF_MUST_CHECK qf_status cli_roof_measure(const cli_roofline *line, cli_roof roof,
                                         cli_rate *rate);

/* The least time something may take, at a roof's median rate. */
typedef struct cli_limit {
    cli_roof roof;
    double rate; /* in the unit of the roof */
    double ns;
} cli_limit;

/* What bounds a product from below: its arithmetic at its peak (fp32, or byte products
 * with every plane of the recipe's activations), and its weight bytes at the read rate of
 * where they lie: memory when cold, the last-level cache when copies take turns there, else the
 * smallest level that holds them. */
typedef struct cli_bound {
    cli_limit arithmetic, reading;
} cli_bound;
const cli_limit *cli_bound_limit(const cli_bound *bound); /* the one that takes longer */

/* Rates are measured once per thread count, until forgotten. */
QF_MUST_CHECK qf_status cli_roof_bound(const cli_roofline *line, const qf_problem *problem,
                                       qf_recipe recipe, int64_t weight_bytes,
                                       qf_cache_mode cache, cli_bound *bound);

/* The next cli_roof_bound() measures afresh: on a shared machine a roof is only worth
 * comparing with what was measured beside it. */
void cli_roof_forget(void);

/* The least time the roofs allow over the time of a call, in turns with the roofs because the
 * machine's speed drifts: the median of five rounds of half a second at most each. */
QF_MUST_CHECK qf_status cli_roof_share(const cli_roofline *line, const qf_problem *problem,
                                       qf_recipe recipe, int64_t weight_bytes,
                                       qf_cache_mode cache, qf_timed *call, void *context,
                                       double *share);

#endif
