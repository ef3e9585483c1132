/* hearing.h -- one product put to a kernel: its data, the exact answer, the comparison. */
#ifndef QF_AUTOTUNE_HEARING_H
#define QF_AUTOTUNE_HEARING_H

#include "guard.h"
#include "qforge/gemm.h"

typedef enum qf_data {
    QF_DATA_RANDOM,   /* judged by the rounding bound */
    QF_DATA_INTEGERS, /* exact in fp32: judged by equality */
    QF_DATA_EXTREME,  /* largest codes and activations, exact as well */
    QF_DATA_COUNT
} qf_data;

/* rows, columns of c and depth in terms of args: forward c[m][n] over k = depth, grad
 * c[m][columns of W] over rows of W. */
typedef struct qf_hearing {
    int64_t m, columns, depth; /* depth is logical: padded to groups or panels */
    qf_data data;
    bool accumulate;
    bool apart;    /* ldc > columns */
    int tail;      /* steps of the epilogue; grad has none */
    bool stepwise; /* depth in the smallest steps instead of the tile's kc */
    qf_guard_side side;
    uint64_t seed;
} qf_hearing;

typedef struct qf_finding {
    bool wrong;
    double worst_error; /* largest error / its bound */
    char detail[160];
} qf_finding;

/* What hearings are held in, one after the other; zeroed it is empty. */
typedef struct qf_courtroom {
    qf_guard_area w, a, c, scratch, tail_blocks, tail_panels;
} qf_courtroom;

void qf_courtroom_release(qf_courtroom *room);

/* "17x33x96 integers, added" */
void qf_hearing_print(const qf_hearing *hearing, char text[64]);

/* Runs the kernel on it.  Fails only when memory is out. */
QF_MUST_CHECK qf_status qf_hear(qf_courtroom *room, const qf_kernel *kernel,
                                const qf_hearing *hearing, qf_finding *finding);

#endif
