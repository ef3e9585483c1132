/* qforge/roof.h -- emitted kernels that measure what a machine can do at most. */
#ifndef QFORGE_ROOF_H
#define QFORGE_ROOF_H

#include "qforge/codegen.h"

typedef enum qf_roof_kind {
#define QF_ROOF(id, name, unit, summary) QF_ROOF_##id,
#include "qforge/roofs.def"
#undef QF_ROOF
    QF_ROOF_COUNT
} qf_roof_kind;

typedef struct qf_roof_row {
    const char *name, *unit, *summary;
} qf_roof_row;
const qf_roof_row *qf_roof_of(qf_roof_kind kind);

enum {
    QF_ROOF_STREAMS_MAX = 8,
    QF_ROOF_ALIGNMENT = 64,
    QF_ROOF_SINK_BYTES = 8192,
    QF_ROOF_DATA_BYTES = 4096
};

typedef struct qf_roof {
    qf_roof_kind kind;
    qf_isa isa;
    int streams; /* READ: 1, 2, 4 or 8 read in turn, a line each; else 0 */
} qf_roof;

/* One argument, as kernels have.
 * READ goes `rounds` times over `bytes` of data: pieces of streams * run bytes, in each
 * of which stream s is the run beginning at s * run.  bytes is a multiple of
 * streams * run, run of qf_roof_step().  The others do `rounds` times what
 * qf_roof_work() says, on vectors found at data. */
typedef struct qf_roof_args {
    const void *data; /* 64-aligned, at least QF_ROOF_DATA_BYTES */
    void *sink;       /* 64-aligned, QF_ROOF_SINK_BYTES: results, so that they are used */
    int64_t rounds;   /* >= 1 */
    int64_t bytes, run;
} qf_roof_args;

typedef void qf_roof_fn(const qf_roof_args *args);

/* The kernel; lives as long as the jit.  QF_UNSUPPORTED when the ISA is not emitted. */
QF_MUST_CHECK qf_status qf_roof_get(qf_jit *jit, const qf_roof *roof, qf_roof_fn **run);
/* The same as text or object. */
QF_MUST_CHECK qf_status qf_roof_emit(const qf_roof *roof, qf_code_form form, qf_code *code);

/* Floating-point operations, products or bytes of one call. */
double qf_roof_work(const qf_roof *roof, const qf_roof_args *args);
/* What `run` must be a multiple of, bytes. */
int64_t qf_roof_step(const qf_roof *roof);

#endif
