/* qforge/aot.h -- products with kernels compiled ahead of time, for programs that know
 * nothing else of qforge.  Plain C, usable from C++, of no header but the standard's.
 *
 *     y[m][n] (+)= x[m][k] W[n][k]^T,   w[j][i] = scale[j][i / group] * code[j][i]
 *                                               + offset[j][i / group]
 *
 *     qf_aot *aot = qf_aot_open(TABLE);                      the table of a bundle
 *     qf_aot_weights *w = qf_aot_pack(aot, "fast", 4, 64, n, k, codes, scales, offsets);
 *     qf_aot_product *p = qf_aot_plan(w, m, NULL);
 *     void *space = malloc(qf_aot_workspace(p));
 *     qf_aot_run(p, x, k, y, n, m, 0, space);
 *
 * Kernels are chosen when a table is opened, by what this CPU has and its operating system
 * has switched on: of the instruction sets of the table the best; where none runs, and for
 * widths, groups and classes the table has no kernels for, plain C, which is slow.  The
 * environment's QFORGE_ISA=avx2 hides what is better.
 *
 * What can fail returns NULL (or -1) and leaves a sentence for qf_aot_error().  A product
 * may be run by several threads at once, each with a workspace of its own. */
#ifndef QFORGE_AOT_H
#define QFORGE_AOT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qf_gemm_args;

/* A row of a table.  The last one has no names. */
typedef struct qf_aot_kernel {
    const char *problem, *kernel; /* "fast_q4g64_1x4096x4096_t1", "gemm_q4g64_dot_…" */
    void (*run)(const struct qf_gemm_args *args);
    int64_t abi; /* of the code that may call it */
} qf_aot_kernel;

typedef struct qf_aot qf_aot;                 /* an opened table */
typedef struct qf_aot_weights qf_aot_weights; /* packed for its kernels */
typedef struct qf_aot_product qf_aot_product;
typedef struct qf_pool qf_aot_team; /* threads */

/* Why the last call of this thread failed. */
const char *qf_aot_error(void);

qf_aot *qf_aot_open(const qf_aot_kernel *table);
void qf_aot_close(qf_aot *aot); /* after everything made from it; NULL is fine */
/* The instruction set chosen, "avx2"; "c" is the plain C reference. */
const char *qf_aot_isa(const qf_aot *aot);

/* Packs weights of 2, 3, 4 or 8 bits in groups of 32, 64 or 128 (a row's last one may be
 * shorter).  code is [n][k], each below 2^bits; scale and offset are [n][ceil(k / group)].
 * All are copied.  accuracy: "exact", "fine", "fast" or "table" (with two bits where
 * that is quicker, else as "fast"); all but the first store scales and offsets in 16 bits. */
qf_aot_weights *qf_aot_pack(const qf_aot *aot, const char *accuracy, int bits, int group,
                            int64_t n, int64_t k, const uint8_t *code, const float *scale,
                            const float *offset);
void qf_aot_weights_free(qf_aot_weights *weights); /* after its products; NULL is fine */

/* Threads to share products among, pinned one to a CPU, the caller among them, unless the
 * environment says QFORGE_PIN=0.  threads: 0 for one per usable CPU. */
qf_aot_team *qf_aot_team_create(int threads);
void qf_aot_team_free(qf_aot_team *team); /* after its products; NULL is fine */

/* A product of up to m rows; team NULL: on the calling thread.  With a team, only one of its
 * products runs at a time. */
qf_aot_product *qf_aot_plan(const qf_aot_weights *weights, int64_t m, qf_aot_team *team);
void qf_aot_product_free(qf_aot_product *product); /* NULL is fine */

/* The kernel that runs, and the problem it was chosen for; "reference" and "" for plain C. */
const char *qf_aot_kernel_name(const qf_aot_product *product);
const char *qf_aot_kernel_problem(const qf_aot_product *product);

/* Bytes of memory a run needs, of any alignment. */
size_t qf_aot_workspace(const qf_aot_product *product);
/* x is [m][ldx], ldx >= k; y is [m][ldy], ldy >= n; m up to the planned one.  accumulate: 0,
 * y is overwritten; 1, it is added into.  0 when done; -1, and y untouched, when a size does
 * not fit. */
int qf_aot_run(const qf_aot_product *product, const float *x, int64_t ldx, float *y,
               int64_t ldy, int64_t m, int accumulate, void *workspace);

#ifdef __cplusplus
}
#endif

#endif
