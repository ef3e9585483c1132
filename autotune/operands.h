/* operands.h -- the numbers a product is timed on, and kernels bound to them. */
#ifndef QF_AUTOTUNE_OPERANDS_H
#define QF_AUTOTUNE_OPERANDS_H

#include "qforge/cpu.h"
#include "qforge/gemm.h"
#include "qforge/latency.h"
#include "qforge/measure.h"

/* One problem's weights and activations.  As many copies of the weights as the cache mode wants
 * (qf_cache_copies), all the same.  Owns all but the pool. */
typedef struct qf_operands {
    qf_problem problem;
    qf_packed weights; /* the first copy; its bytes are all copies' */
    int64_t stride;    /* bytes from one copy to the next */
    int copies;
    float *x, *y; /* y has room for one result */
    int64_t ldx, ldy;
    qf_pool *pool; /* borrowed; its threads are the problem's */
    int next;      /* copy: one round for all subjects, or one would find in the cache what
                      another has just read.  Not for two threads at a time. */
} qf_operands;

/* QF_RANGE with a sentence when they would not fit a quarter of the memory. */
QF_MUST_CHECK qf_status qf_operands_init(const qf_cpu *cpu, const qf_problem *problem,
                                         qf_cache_mode cache, qf_pool *pool,
                                         qf_operands *operands);
/* The same in other pages of memory than another seed's: what was freed a moment ago is the
 * first to be handed out again, so a new round would get the last one's, or the last but one's.
 */
QF_MUST_CHECK qf_status qf_operands_init_elsewhere(const qf_cpu *cpu, const qf_problem *problem,
                                                   qf_cache_mode cache, qf_pool *pool,
                                                   uint64_t seed, qf_operands *operands);
void qf_operands_release(qf_operands *operands);
/* The packed bytes of one, from 0, as qf_operands.weights describes them. */
uint8_t *qf_operands_copy(const qf_operands *operands, int copy);
int64_t qf_operands_weight_bytes(
    const qf_operands *operands); /* of all copies and the page behind each; zeroed: 0 */
/* In a fork that is to time something.  y becomes the process's own at once: pages that are
 * copied when they are written are small ones, on which kernels that go back and forth over
 * many rows lost three percent to others.  And a byte of every line of the weights is read.  A
 * fork's pages are marked as never read, and the first read of each, which marks it, takes a
 * trap's time: a product of a megabyte then took four times as long until the round was over,
 * unless its kernel fetches ahead.  And what was just written lies in the caches, from where it
 * must go back to memory when others are read: the first products from memory then take up to
 * twice as long. */
QF_MUST_CHECK qf_status qf_operands_after_fork(qf_operands *operands);

/* A kernel bound to the copies.  It stays where it is: gemm points at view. */
typedef struct qf_subject {
    qf_operands *operands; /* borrowed */
    qf_packed view;        /* of a copy, or of its first panels; bytes: the last one's */
    qf_gemm gemm;
    uint8_t *workspace; /* begins at `place` of its first page */
    int place;
} qf_subject;

QF_MUST_CHECK qf_status qf_subject_init(qf_operands *operands, const qf_kernel *kernel,
                                        qf_subject *subject);
/* The same for a forward product with only the first `panels` of every copy, fewer than there
 * are (0: all): columns of y beyond them stay as they were. */
QF_MUST_CHECK qf_status qf_subject_init_part(qf_operands *operands, const qf_kernel *kernel,
                                             int64_t panels, qf_subject *subject);
void qf_subject_release(qf_subject *subject);
qf_timed qf_subject_run; /* context: the subject; one product with the next copy */
/* How to time it in pairs, as long as the subject is there.  Every sample's workspace begins
 * elsewhere in its page: where it lies to y, which is the user's, moves a kernel by up to a
 * tenth (stores wait for loads whose addresses end alike), so one place would elect the kernel
 * that is lucky there. */
qf_side qf_subject_side(qf_subject *subject);

/* Runs once and compares some columns with the reference: the judge knows that the code is
 * right, this that its steps through this very shape are.  QF_WRONG with a sentence. */
QF_MUST_CHECK qf_status qf_subject_check(qf_subject *subject);

#endif
