/* prior.c -- cycles of the hot loop from operation counts, plus the traffic between the
 * memory levels: a roofline per tile.
 *
 * The machine behind it is a generic wide core: two vector multiply-adds and two loads a
 * cycle, four cycles from one multiply-add to the next of the same accumulator, about
 * four vector operations a cycle in all.  What differs between real cores is what the
 * tuner is for, but for one thing that costs threefold where nothing is tuned:
 * prefers_one_stream(). */
#include "prior.h"

#include <math.h>
#include <string.h>

#include "qforge/tune.h"

static const double cycles_per_ns = 3, memory_bytes_per_ns = 14, threads_to_saturate = 4;
static const double fma_latency = 4, wake_ns = 1500;

/* One problem and kernel, in counts. */
typedef struct counts {
    double m, columns, depth; /* of the product: forward n x k, grad k x n */
    double rows, columns_blocks;
    double mr, vectors; /* of the tile */
    double dot_rows;    /* mr times the planes of int8 activations */
    double unroll;
    int lanes;
} counts;

static double ceil_div(double a, double b)
{
    return ceil(a / b);
}

static counts count(const qf_problem *p, const qf_kernel_id *kernel)
{
    const qf_tile *tile = &kernel->tile;
    const bool forward = p->op == QF_FORWARD;
    counts c = {.m = (double)p->m,
                .columns = (double)(forward ? p->n : p->k),
                .depth = (double)(forward ? p->k : p->n),
                .mr = tile->mr,
                .dot_rows = tile->mr * qf_recipe_of(kernel->recipe)->planes,
                .unroll = tile->unroll,
                .lanes = qf_isa_panel(kernel->isa) / 2};
    c.vectors = (double)tile->nr / c.lanes;
    c.rows = ceil_div(c.m, c.mr);
    c.columns_blocks = ceil_div(c.columns, tile->nr);
    return c;
}

/* Operations that bring one vector of codes from its packed word to bytes. */
static double unpack_ops(qf_quant quant)
{
    switch (quant) {
    case QF_Q2:
        return 1.75;
    case QF_Q3:
        return 2.4;
    case QF_Q4:
        return 1.5;
    case QF_Q8:
        return 0.5;
    default:
        return 0;
    }
}

/* Bytes to a vector of fp32 weights: widen, convert, multiply-add. */
static double dequantise_ops(qf_quant quant)
{
    return quant == QF_F32 ? 0 : unpack_ops(quant) / 4 + 3;
}

static double at_least(double a, double b)
{
    return a > b ? a : b;
}

/* One k of the fp32 outer product over a tile. */
static double outer_step(const counts *c)
{
    const double products = c->mr * c->vectors;
    double cycles = at_least(products / 2, (c->vectors + c->mr) / 2);
    cycles = at_least(cycles, (products + c->vectors + c->mr) / 5);
    /* Just as many sums as hide the latency leave nothing for a late load. */
    return at_least(cycles, 1.12 * fma_latency) + 0.5 / c->unroll;
}

static double panel_cycles(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    const qf_tile *tile = &kernel->tile;
    const counts c = count(p, kernel);
    const double steps = ceil_div(c.depth, tile->kc);
    const double passes = ceil_div(c.m, tile->mc);
    /* Beside the block of rows at hand the next one is on its way. */
    const double panel_bytes = 4.0 * tile->kc * (tile->nr + 2 * tile->mr);
    const double block_bytes = 4.0 * tile->kc * tile->mc;
    double step = outer_step(&c) + c.mr * 0.1; /* x comes from L2 */

    /* A panel that overflows L1 or a block that overflows L2 comes from one level up. */
    if (panel_bytes > 0.9 * (double)qf_cpu_cache_bytes(cpu, 1)) step += c.vectors * 0.12;
    if (block_bytes > 0.55 * (double)qf_cpu_cache_bytes(cpu, 2)) step += c.mr * 0.3;
    const double tiles = c.rows * c.columns_blocks;
    const double edges = tiles * steps * (2 * c.mr * c.vectors + 24);
    const double dequantise =
        passes * c.depth * ceil_div(c.columns, c.lanes) * dequantise_ops(p->quant) / 2;
    return tiles * c.depth * step + edges + dequantise;
}

/* Cycles per k that a tile waits for its weights when they come again for every block of
 * rows: none from L1, one per vector from L2, three from beyond. */
static double stream_again(const qf_cpu *cpu, const qf_problem *p, const counts *c)
{
    const double bytes = c->vectors * c->lanes * qf_quant_of(p->quant)->bits / 8.0;
    const double panel = bytes * c->depth;
    if (c->rows < 2 || panel < 0.8 * (double)qf_cpu_cache_bytes(cpu, 1)) return 0;
    return bytes / 32 * (panel < 0.55 * (double)qf_cpu_cache_bytes(cpu, 2) ? 1 : 3);
}

/* Weights are made from codes again for every block of rows, in registers. */
static double rows_cycles(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    const counts c = count(p, kernel);
    const double ops = c.vectors * (c.mr + dequantise_ops(p->quant)) + c.mr / 2;
    const double step = at_least(ops / 2.6, p->quant == QF_F32 ? fma_latency : 3) +
                        0.5 / c.unroll + stream_again(cpu, p, &c);
    return c.rows * c.columns_blocks * (c.depth * step + 2 * c.mr * c.vectors + 12);
}

/* What a row of x costs a vector of four k, the share of unpacking that is not hidden behind
 * it, and how many sums fit the registers before others leave them: a byte product and an add;
 * or both in one, which is not half of it, for fewer of a core's ports do that, and others
 * unpack meanwhile, with thirty-two registers.  Fitted to spaces measured whole, a Zen 5's and
 * a Xeon's. */
typedef struct dot_costs {
    double product, unpack, held, spill;
    bool one; /* instruction for a product and its sum */
} dot_costs;

static dot_costs dot_costs_of(const qf_kernel_id *kernel)
{
    const qf_isa_row *isa = qf_isa_of(kernel->isa);
    const bool one = isa->bytes == QF_BYTES_DOTS && isa->vector_bytes == 64;
    const bool planes = qf_recipe_of(kernel->recipe)->planes > 1;

    if (!one) return (dot_costs){kernel->quant == QF_Q8 ? 2.4 : 2.5, 1, 12, 0.7, false};
    return (dot_costs){planes ? 2.4 : 2.05, planes ? 1 : 0.7, 16, 3, true};
}

/* Four k at a time: unpack, then the products. */
static double dot_cycles(const qf_problem *p, const qf_kernel_id *kernel)
{
    const counts c = count(p, kernel);
    const double wide = p->quant == QF_Q8 ? 2 : 1; /* eight bits saturate: two halves */
    const dot_costs cost = dot_costs_of(kernel);
    const double ops =
        c.vectors * (cost.unpack * unpack_ops(p->quant) + cost.product * wide * c.dot_rows);
    const double quad = at_least(ops / 3.2, 1) + 0.4 / c.unroll;
    const double spilled =
        at_least(0, c.mr * c.vectors - cost.held) * cost.spill * c.dot_rows / c.mr;
    const double flush = c.vectors * (c.mr * 1.4 + c.dot_rows * 0.8) + spilled + 4;
    const double groups = ceil_div(c.depth, p->group);
    return c.rows * c.columns_blocks * (groups * (p->group / 4.0 * quad + flush) + 12);
}

/* Eight k of a panel at a time: two halves of a word, and for each row of x two lookups,
 * products and sums. */
static double lookup_cycles(const qf_problem *p, const qf_kernel_id *kernel)
{
    const counts c = count(p, kernel);
    const double panels = c.vectors / 2;
    const double word = panels * (3 + 7 * c.mr) / 3.2;
    const double flush = c.vectors * (c.mr * 2.4 + 1) + 4;
    const double groups = ceil_div(c.depth, p->group);
    return c.rows * c.columns_blocks * (groups * (p->group / 8.0 * word + flush) + 12);
}

/* Sums of 16 bits are widened before they might overflow.  A group in which that happens again
 * has two sets of sums, and what sixteen registers do not hold beside the weights goes to
 * memory and back.  Fitted to spaces of a Zen 5 with AVX2. */
static double widened_again(const qf_problem *p, const qf_kernel_id *kernel, const counts *c)
{
    static const double held = 10, cost = 5;
    const qf_isa_row *isa = qf_isa_of(kernel->isa);
    const double fit = p->quant == QF_Q4 ? 32 : p->quant == QF_Q3 ? 64 : 160; /* k */

    if (isa->bytes != QF_BYTES_TABLES || isa->vector_bytes != 32 || p->quant == QF_Q8 ||
        c->dot_rows > c->mr)
        return 0;
    return (ceil_div(p->group, fit) - 1) * cost * at_least(0, (c->mr + 1) * c->vectors - held);
}

/* Four k of bytes with all rows of x: a product and an add, a broadcast per row for all vectors
 * of the tile.  Where one instruction does both, narrow tiles are about as fast as wide ones,
 * and those with more sums than registers hold beside those in fp32 are not (fitted to spaces
 * of a Zen 5, measured whole; a Zen 4 agrees, 128x2048x2048 at 2 bits). */
static double bytes_step(const qf_kernel_id *kernel, const counts *c)
{
    const double loads = c->vectors + c->dot_rows;

    if (dot_costs_of(kernel).one) return (2.1 * c->dot_rows * c->vectors + 0.85 * loads) / 3.8;
    return (c->dot_rows * (2 * c->vectors + 1) + 0.6 * loads) / 3.6;
}

static double sums_in_memory(const qf_kernel_id *kernel, const counts *c)
{
    static const double held = 14, cost = 3;

    if (!dot_costs_of(kernel).one) return 0;
    return cost * at_least(0, c->mr * c->vectors - held) * c->dot_rows / c->mr;
}

/* Codes are bytes in L1; unpacking once per pass over the rows. */
static double quad_cycles(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    const counts c = count(p, kernel);
    /* A panel of bytes that overflows L1 beside its rows of x comes from L2. */
    const double panel_bytes = kernel->tile.kc * (kernel->tile.nr + c.dot_rows);
    const double far = panel_bytes > 0.75 * (double)qf_cpu_cache_bytes(cpu, 1) ? 0.5 : 0;
    const double wide = p->quant == QF_Q8 ? 2 : 1;
    const double quad = wide * bytes_step(kernel, &c) + far * c.vectors;
    const double flush = c.vectors * (c.mr * 1.5 + c.dot_rows * 0.9) + 4 +
                         widened_again(p, kernel, &c) + sums_in_memory(kernel, &c);
    const double groups = ceil_div(c.depth, p->group);
    const double passes = ceil_div(c.m, kernel->tile.mc);
    const double edges = ceil_div(c.depth, kernel->tile.kc) * (2 * c.mr * c.vectors + 24);
    const double unpack =
        passes * c.columns_blocks * c.vectors * c.depth / 4 * (unpack_ops(p->quant) + 1) / 2;
    return c.rows * c.columns_blocks * (groups * (p->group / 4.0 * quad + flush) + edges) +
           unpack;
}

static double kernel_cycles(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    switch (kernel->recipe) {
    case QF_RECIPE_PANEL:
    case QF_RECIPE_GRAD:
        return panel_cycles(cpu, p, kernel);
    case QF_RECIPE_ROWS:
        return rows_cycles(cpu, p, kernel);
    case QF_RECIPE_DOT3:
    case QF_RECIPE_DOT2:
    case QF_RECIPE_DOT:
        return dot_cycles(p, kernel);
    case QF_RECIPE_QUAD3:
    case QF_RECIPE_QUAD2:
    case QF_RECIPE_QUAD:
        return quad_cycles(cpu, p, kernel);
    case QF_RECIPE_LOOKUP:
        return lookup_cycles(p, kernel);
    case QF_RECIPE_COUNT:
        break;
    }
    return 0;
}

static double weight_bytes(const qf_problem *p)
{
    const double bits = qf_quant_of(p->quant)->bits;
    const bool half = qf_accuracy_of(p->accuracy)->params == QF_PARAMS_F16;
    const double params = p->group ? (half ? 32.0 : 64.0) / p->group : 0;
    return (double)p->n * (double)p->k * (bits + params) / 8;
}

/* Of them that come from memory: what is larger than half of the last cache comes again for
 * every block of rows. */
static double streamed_bytes(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    const double bytes = weight_bytes(p);
    const bool again = qf_recipe_of(kernel->recipe)->depth == QF_DEPTH_STEPS &&
                       bytes > 0.5 * (double)qf_cpu_cache_bytes(cpu, 3);
    return again ? bytes * ceil_div((double)p->m, kernel->tile.mc) : bytes;
}

/* Since Zen 4 AMD's prefetchers follow one long stream and lose their way among several short
 * ones, the panels of a tile: 39 GB/s of cold weights with one, 30 with two, 22 with four,
 * where plain reads of as many streams give 44 (Zen 5; docs/performance.md).  Zen 3 and the
 * Xeons we met gain from several. */
static bool prefers_one_stream(const qf_cpu *cpu)
{
    if (strcmp(cpu->vendor, "AuthenticAMD") != 0) return false;
    const int model = cpu->model;
    const bool zen4 = cpu->family == 0x19 && ((model >= 0x10 && model < 0x20) || model >= 0x60);
    return zen4 || cpu->family > 0x19;
}

/* How far ahead a core gains from being told to fetch, and from how few bytes a cycle on: from
 * there the arithmetic leaves the hardware's prefetcher long enough without a miss to lose its
 * lead (4096x4096 at 4 bits, docs/performance.md).
 *   Zen 5  between 1 row with AVX2, 8 percent faster, and 2 with AVX-512, 20 percent slower
 *   Zen 4  from 4 rows on, 8 to 12 percent faster with AVX-512 and a quarter with AVX2, where
 *          1 and 2 are 4 percent slower; 16 rows whose weights no cache holds too, by 14.  Told
 *          to fetch into L2 it reads 11 GB/s, and 31 where it is not told.
 *
 * Nobody else was seen to gain. */
typedef struct fetching {
    int ahead; /* KiB; 0: none */
    double bytes_per_cycle;
    int rows;        /* of a tile, at least */
    double of_cache; /* weights of that share of the last cache count as memory's */
} fetching;

static fetching fetching_of(const qf_cpu *cpu)
{
    if (!prefers_one_stream(cpu)) return (fetching){0};
    return cpu->family > 0x19 ? (fetching){8, 13, 1, HUGE_VAL}
                              : (fetching){QF_PREFETCH_L1, 13, 4, 0.5};
}

/* Whether fetching ahead pays there, which it does from memory only. */
static bool prefetch_pays(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel,
                          double cycles)
{
    const fetching gain = fetching_of(cpu);
    const double passes = ceil_div((double)p->m, kernel->tile.mr);
    const bool far = qf_tune_cache_mode(p) == QF_COLD ||
                     weight_bytes(p) > gain.of_cache * (double)qf_cpu_cache_bytes(cpu, 3);
    return kernel->tile.prefetch == gain.ahead && far && kernel->tile.mr >= gain.rows &&
           weight_bytes(p) < gain.bytes_per_cycle * cycles / passes;
}

/* Streams of weights that such a machine loses its way among, beyond the first; recipes of
 * depth in steps unpack panel by panel. */
static double streams_too_many(const qf_cpu *cpu, const qf_kernel_id *kernel)
{
    const bool streams = qf_recipe_of(kernel->recipe)->depth == QF_DEPTH_WHOLE;
    return streams && prefers_one_stream(cpu)
               ? (double)kernel->tile.nr / qf_isa_panel(kernel->isa) - 1
               : 0;
}

/* The hardware prefetcher overlaps most of the smaller with the larger, and one that is told
 * where to look all but a little.  With several rows between the loads of several streams it is
 * of no help there: on a Zen 5 such tiles take as long as both one after the other, or longer.
 */
static double overlapped(double compute, double memory, bool helpless, bool told)
{
    return fmax(compute, memory) + (helpless ? 1 : told ? 0.05 : 0.15) * fmin(compute, memory);
}

/* The share of the slowest thread, 1 / threads when all columns split evenly. */
static double slowest_share(const qf_problem *p, const qf_kernel_id *kernel)
{
    const double columns = (double)(p->op == QF_FORWARD ? p->n : p->k);
    const double pieces = ceil_div(columns, kernel->tile.nr);
    return ceil_div(pieces, p->threads) / pieces;
}

double qf_prior_ns(const qf_cpu *cpu, const qf_problem *p, const qf_kernel_id *kernel)
{
    const double packing = (double)p->m * (double)(p->op == QF_FORWARD ? p->k : p->n) * 0.6;
    const double cycles = kernel_cycles(cpu, p, kernel);
    const bool told = kernel->tile.prefetch > 0;
    const double needless = told && !prefetch_pays(cpu, p, kernel, cycles) ? 1.1 : 1;
    const double compute =
        (cycles * slowest_share(p, kernel) + packing / p->threads) / cycles_per_ns;
    const double lanes_of_memory = fmin(p->threads, threads_to_saturate);
    const double more = streams_too_many(cpu, kernel);
    const double memory = streamed_bytes(cpu, p, kernel) * (1 + 0.25 * more) /
                          (memory_bytes_per_ns * lanes_of_memory);
    return needless * overlapped(compute, memory, more > 0 && kernel->tile.mr > 1, told) +
           (p->threads > 1 ? wake_ns : 0);
}
