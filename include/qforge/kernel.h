/* qforge/kernel.h -- what a matrix kernel is: the question, the answer, its name,
 * its call.
 *
 * Question (qf_problem): y[M][N] = x[M][K] W[N][K]^T with W in some low-bit format,
 * or its grad-input product dx[M][K] = dy[M][N] W[N][K], in some accuracy class.
 * Answer (qf_kernel_id): a recipe (an algorithm) on some ISA with a tile (how it
 * is cut).  Both are plain values: copied, compared, printed, parsed back.
 *
 *     problem   exact_q4g64_512x4096x4096_t1
 *     kernel    gemm_q4g64_panel_avx2_6x16_u2_kc256_mc192
 *
 * The kernel's name is the JIT symbol, the key in the ledger, the test's name and
 * the report's row. */
#ifndef QFORGE_KERNEL_H
#define QFORGE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

typedef enum qf_quant {
#define QF_QUANT(id, name, bits) QF_##id,
#include "qforge/quants.def"
#undef QF_QUANT
    QF_QUANT_COUNT
} qf_quant;

typedef enum qf_isa {
#define QF_ISA(id, name, arch, vector_bytes, bytes, features) QF_ISA_##id,
#include "qforge/isas.def"
#undef QF_ISA
    QF_ISA_COUNT
} qf_isa;

typedef enum qf_recipe {
#define QF_RECIPE(id, name, accuracy, op, planes, formats, depth) QF_RECIPE_##id,
#include "qforge/recipes.def"
#undef QF_RECIPE
    QF_RECIPE_COUNT
} qf_recipe;

typedef enum qf_accuracy {
#define QF_ACCURACY(id, name, params, order, summary) QF_##id,
#include "qforge/accuracies.def"
#undef QF_ACCURACY
    QF_ACCURACY_COUNT
} qf_accuracy;
typedef enum qf_op { QF_FORWARD, QF_GRAD_INPUT, QF_OP_COUNT } qf_op;
typedef enum qf_params { QF_PARAMS_F32, QF_PARAMS_F16 } qf_params;
/* How codes lie in packed weights (pack.h). */
typedef enum qf_order { QF_ORDER_QUADS, QF_ORDER_NIBBLES } qf_order;
typedef enum qf_bytes { QF_BYTES_DOTS, QF_BYTES_TABLES } qf_bytes;
/* STEPS: depth is cut into steps of kc, rows into steps of mc.  WHOLE: never cut. */
typedef enum qf_depth { QF_DEPTH_WHOLE, QF_DEPTH_STEPS } qf_depth;
typedef enum qf_formats {
    QF_FORMATS_QUANTISED,
    QF_FORMATS_ANY,
    QF_FORMATS_TWO_BITS
} qf_formats;
/* In the place of planes of int8 activations: tables, which take as much room as four. */
enum { QF_TABLES = 4 };

/* The rows of the tables, as values. */
typedef struct qf_quant_row {
    const char *name;
    int bits;
} qf_quant_row;
typedef struct qf_isa_row {
    const char *name, *arch;
    int vector_bytes;
    qf_bytes bytes;
    const char *features; /* "+avx2,+fma" */
} qf_isa_row;
typedef struct qf_accuracy_row {
    const char *name;
    qf_params params;
    qf_order order;
    const char *summary;
} qf_accuracy_row;
typedef struct qf_recipe_row {
    const char *name;
    qf_accuracy accuracy;
    qf_op op;
    int planes; /* of int8 activations, or QF_TABLES of them; 0: fp32 */
    qf_formats formats;
    qf_depth depth;
} qf_recipe_row;
const qf_quant_row *qf_quant_of(qf_quant quant);
const qf_isa_row *qf_isa_of(qf_isa isa);
const qf_accuracy_row *qf_accuracy_of(qf_accuracy accuracy);
const qf_recipe_row *qf_recipe_of(qf_recipe recipe);
/* By name; QF_QUANT_COUNT, QF_ISA_COUNT, QF_ACCURACY_COUNT, QF_RECIPE_COUNT when there is
 * none. */
qf_quant qf_quant_named(const char *name);
qf_isa qf_isa_named(const char *name);
qf_accuracy qf_accuracy_named(const char *name);
qf_recipe qf_recipe_named(const char *name);
qf_quant qf_quant_of_bits(int bits);                /* QF_QUANT_COUNT when there is none */
const char *qf_accuracy_name(qf_accuracy accuracy); /* "exact", "fine", "fast" */
/* Type of the scales and offsets in the weights a recipe reads: its class's. */
qf_params qf_recipe_params(qf_recipe recipe);
qf_order qf_recipe_order(qf_recipe recipe);
bool qf_recipe_reads(qf_recipe recipe, qf_quant quant);
/* The class whose kernels answer for one asked: `table` is there for two bits on instruction
 * sets where it pays (isas.def), and elsewhere it is `fast` that answers. */
qf_accuracy qf_accuracy_on(qf_accuracy accuracy, qf_quant quant, qf_isa isa);

/* Group sizes of k that every quantised format comes in: 32, 64, 128. */
bool qf_group_valid(int group);

/* The question.  For QF_F32 group is 0. */
typedef struct qf_problem {
    qf_accuracy accuracy;
    qf_op op;
    qf_quant quant;
    int group;
    int64_t m, n, k; /* W is [n][k] for both ops */
    int threads;
} qf_problem;

/* How a kernel is cut.
 *   mr x nr  block of C held in registers; nr is a multiple of the panel width
 *   unroll   k steps per turn of the hot loop, where the recipe has one over k
 *   kc       depth whose weights are held in L1 between two visits of a C block; 0 for
 *            recipes that do not cut depth
 *   mc       rows of x kept in L2 meanwhile; 0 likewise
 *   align    bytes every loop of the code begins at a multiple of; 0 is the compiler's
 *            choice.  Placement alone can move a kernel by a third, so it is tuned.
 *   prefetch KiB ahead of use that the weights' lines are fetched, by recipes of whole depth
 *            with packed codes, up to QF_PREFETCH_L1 into L1, from further into L2; 0: what the
 *            hardware fetches.  Tiles of several rows leave its prefetcher too long without a
 *            miss (a fifth of 8x4096x4096 on a Zen 4 and a Zen 5), and where it keeps up it is
 *            better left alone (so is 1x4096x4096).
 * kc and mc are loop bounds of gemm.c and do not reach the emitted code. */
enum { QF_PREFETCH_L1 = 4 };
typedef struct qf_tile {
    int mr, nr, unroll, kc, mc, align, prefetch;
} qf_tile;

/* The answer. */
typedef struct qf_kernel_id {
    qf_recipe recipe;
    qf_quant quant;
    int group;
    qf_isa isa;
    qf_tile tile;
} qf_kernel_id;

/* Raised by hand when the meaning of a tile parameter or a packed layout changes: rows
 * of the ledger with another number become seeds, never answers. */
enum { QF_CODE_ABI = 1 };

enum { QF_NAME_MAX = 96 };

/* "exact_q4g64_512x4096x4096_t1"; grad-input: "exact_grad_q4g64_…". */
void qf_problem_print(const qf_problem *problem, char name[QF_NAME_MAX]);
/* "gemm_q4g64_panel_avx2_6x16_u2_kc256_mc192"; parts that are 0 are left out. */
void qf_kernel_print(const qf_kernel_id *id, char name[QF_NAME_MAX]);
/* The part of the name that reaches the code (no kc, mc): the object's symbol. */
void qf_kernel_symbol(const qf_kernel_id *id, char name[QF_NAME_MAX]);
/* Inverses.  QF_USAGE with a sentence when the name is not one. */
QF_MUST_CHECK qf_status qf_problem_parse(const char *name, qf_problem *problem);
QF_MUST_CHECK qf_status qf_kernel_parse(const char *name, qf_kernel_id *id);
/* "6x16_u2_kc256_mc192" alone, as `--tile` takes it. */
QF_MUST_CHECK qf_status qf_tile_parse(const char *text, qf_tile *tile);
bool qf_kernel_equal(const qf_kernel_id *a, const qf_kernel_id *b);
bool qf_problem_equal(const qf_problem *a, const qf_problem *b);
/* Whether the recipe's kernels compute this problem: class, op and format are its own. */
bool qf_recipe_answers(qf_recipe recipe, const qf_problem *problem);
/* The problem that is computed where one is asked on that instruction set (qf_accuracy_on). */
qf_problem qf_problem_on(const qf_problem *problem, qf_isa isa);
/* Octaves between two shapes; rows of x and threads count most, because they change
 * which tile wins: 2 |log2 m| + |log2 n| / 2 + |log2 k| / 2 + 2 |log2 threads|. */
double qf_problem_distance(const qf_problem *a, const qf_problem *b);

/* The one argument of every kernel.  All pointers are borrowed for the call; `c` and
 * `scratch` alias nothing.  Layouts: pack.h (weights), activations.h (a).
 *
 * forward: for whole panels of columns and blocks of mr rows,
 *     c[i][j] (+)= sum over k of a[i][k] W[j][k],     0 <= i < m, 0 <= j < n
 *                  + sum over t of tail_a[i][t] tail_w[j][t],   0 <= t < tail_k
 * grad:    the depth is rows of W, the columns of c are columns of W (and there is no tail),
 *     c[i][j] (+)= sum over r of a[i][r] W[r][j],     0 <= i < m, 0 <= j < n
 *
 * The tail is an epilogue: more depth, in fp32 and not quantised, added while the block of c
 * is in registers.  A bias is one step of it whose a is 1, a low-rank adapter as many as its
 * rank. */
typedef struct qf_gemm_args {
    const void *a;          /* blocks of mr rows, zero padded */
    int64_t a_stride;       /* bytes between blocks */
    const uint8_t *w;       /* first record (f32: first element) of the first panel */
    int64_t w_stride;       /* bytes between panels */
    float *c;               /* [m][ldc] */
    int64_t ldc;            /* elements, >= n */
    void *scratch;          /* qf_kernel_scratch() bytes, 64-aligned, this thread's own */
    int64_t m, n;           /* valid rows and columns of c, >= 0 */
    int64_t k;              /* depth: forward, whole groups; grad, whole panels */
    int64_t accumulate;     /* 0: c is overwritten; 1: added into */
    const float *tail_a;    /* blocks [tail_k][mr] */
    int64_t tail_a_stride;  /* bytes between blocks */
    const float *tail_w;    /* panels [tail_k][panel], 64-aligned */
    int64_t tail_w_stride;  /* bytes between panels */
    int64_t tail_k;         /* 0: none */
    const qf_kernel_id *id; /* read by the reference only; emitted code ignores it */
} qf_gemm_args;

typedef void qf_gemm_fn(const qf_gemm_args *args);

/* Bytes of scratch a kernel needs: 0 or the dequantised panel [kc][nr]. */
int64_t qf_kernel_scratch(const qf_kernel_id *id);

/* Weight rows per panel: two vectors of fp32 lanes. */
int qf_isa_panel(qf_isa isa);

#endif
