/* qforge/bundle.h -- kernels compiled ahead of time, as a folder that needs no qforge:
 *
 *     libNAME.a        kernels, their table and the runtime, compiled for this machine's
 *                      architecture
 *     ARCH/libNAME.a   kernels and their table for another architecture; its runtime is made
 *                      from src/ and include/, which are there in this case alone
 *     NAME.h           the interface (aot.h), the table's name, where each kernel comes from
 *     example.c, Makefile
 *
 * The table is emitted as an object, like the kernels: nobody needs a compiler to make a
 * bundle, nor more than a linker to use one, and what is in it can be read in the header.
 * The runtime is merged in rather than named as a library to install, because it and the
 * kernels share layouts that are no promise to anybody else. */
#ifndef QFORGE_BUNDLE_H
#define QFORGE_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/gemm.h"
#include "qforge/kernel.h"
#include "qforge/status.h"

struct qf_store;

typedef struct qf_bundle_request {
    const char *name; /* of the archive and the header, an identifier of C */
    uint32_t isas;    /* a bit per qf_isa: those kernels are made for */
    const qf_problem *problems;
    int count;
    struct qf_store *store; /* NULL: the prior alone */
} qf_bundle_request;

/* A kernel and why it is the one.  A rung of REFERENCE: there is none, plain C answers. */
typedef struct qf_bundle_row {
    qf_problem problem;
    qf_kernel_id kernel;
    qf_rung rung;
    bool judged; /* found right by the judge; false where this machine lacks the ISA */
    /* Of EXACT and NEAREST. */
    qf_problem tuned; /* what it was tuned for */
    bool here;        /* on this machine */
    int64_t unix_us;  /* when */
} qf_bundle_row;

/* "tuned", "tuned for fast_… on another machine", "prior", "reference"; of kernels that were
 * not judged also ", never run". */
enum { QF_ORIGIN_MAX = 160 };
void qf_bundle_origin(const qf_bundle_row *row, char origin[QF_ORIGIN_MAX]);

struct qf_bundle_object;

typedef struct qf_bundle_archive {
    const char *arch;
    char path[96]; /* below the folder */
    bool whole;    /* with the runtime: it is this machine's architecture */
} qf_bundle_archive;

/* Owns its parts. */
typedef struct qf_bundle {
    char *name;
    qf_bundle_row *rows; /* by instruction set, then in the order of the problems */
    int count;
    struct qf_bundle_object *objects; /* one per symbol */
    int object_count;
    qf_bundle_archive archives[QF_ISA_COUNT]; /* one per architecture */
    int archive_count;
    char arch[16]; /* of this machine */
} qf_bundle;

/* Chooses and emits every kernel, in memory: the ledger's best for the product and the ISA,
 * the best of the nearest product, the prior's favourite.  Kernels tuned on this machine are
 * preferred to those tuned on others, exact products to near ones.  What runs here is judged
 * (judge.h): QF_WRONG when a kernel fails.  QF_USAGE for a name that
 * is no identifier, QF_UNSUPPORTED for an ISA that is not emitted. */
QF_MUST_CHECK qf_status qf_bundle_make(const qf_bundle_request *request, qf_bundle *bundle);
void qf_bundle_release(qf_bundle *bundle);

/* Writes the folder, made when missing; files of its own names are replaced, others stay.
 * Nothing is replaced before everything is written. */
QF_MUST_CHECK qf_status qf_bundle_write(const qf_bundle *bundle, const char *directory);

#endif
