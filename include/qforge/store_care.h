/* qforge/store_care.h -- keeping ledgers sound: examining, mending, rescuing, dropping. */
#ifndef QFORGE_STORE_CARE_H
#define QFORGE_STORE_CARE_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"
#include "qforge/store.h"

/* ---- examining ---- */
typedef enum qf_severity {
    QF_SEVERITY_NOTE,
    QF_SEVERITY_WARNING,
    QF_SEVERITY_ERROR
} qf_severity;

typedef enum qf_finding_id {
#define QF_FINDING(id, severity, repair, sql, text, advice) QF_FINDING_##id,
#include "qforge/findings.def"
#undef QF_FINDING
    QF_FINDING_COUNT
} qf_finding_id;

typedef struct qf_finding {
    qf_finding_id id;
    const char *name; /* "dead_sessions" */
    qf_severity severity;
    bool repairable;
    int64_t count;    /* 0: not a matter of number */
    const char *text; /* what was found, after the count */
    char detail[160]; /* the first of them, or "" */
    const char *advice;
} qf_finding;

/* For callers that find something themselves. */
qf_finding qf_finding_of(qf_finding_id id, int64_t count, const char *detail);

/* Looks at everything and calls visit for what is the matter; changes nothing.  What a
 * graver finding makes senseless to ask is not asked.  Not QF_OK only when it could not look.
 */
typedef void qf_finding_visit(void *context, const qf_finding *finding);
QF_MUST_CHECK qf_status qf_store_examine(qf_store *store, qf_finding_visit *visit,
                                         void *context);

typedef struct qf_store_state {
    int schema; /* version */
    int64_t page_bytes, pages, free_pages, log_bytes;
    const char *network; /* file system, NULL: a local one */
} qf_store_state;
QF_MUST_CHECK qf_status qf_store_look(qf_store *store, qf_store_state *state);

/* ---- mending ---- */
enum { QF_STORE_PATH_MAX = 4352 };

/* Mends what the repairable findings are about.  The file is copied first, and the copy's
 * name is left in `backup`.  On a network only the shard of this host. */
QF_MUST_CHECK qf_status qf_store_repair(const char *path, char backup[QF_STORE_PATH_MAX]);

/* Copies every row that can be read, and that everything it refers to was read of, into a new
 * ledger at `out` (QF_USAGE if there is something); `path` is only read.  QF_DATABASE when not
 * even its list of tables can be. */
typedef struct qf_salvage {
    int64_t kept;
    int64_t refused;    /* read, but broken or without what they refer to */
    int64_t unreadable; /* places at which reading failed */
} qf_salvage;
QF_MUST_CHECK qf_status qf_store_salvage(const char *path, const char *out,
                                         qf_salvage *salvage);
/* Whether salvaging has a chance. */
bool qf_store_salvageable(const char *path);

/* ---- dropping ---- */

/* Rows that can never answer a question again, and are older than some days: trials of other
 * code ABIs, trials and latencies and verdicts that newer ones replaced, trials lost and
 * answered since unless they are a quarantine; then sessions of which nothing is left and names
 * that nothing uses. Champions of every machine and ABI stay, with their trials, elections and
 * comparisons. */
typedef struct qf_gc {
    int64_t trials, lost; /* those of them that were lost */
    int64_t validations, comparisons, elections, latencies, sessions;
    int64_t names; /* machines, generators, problems, kernels */
    int64_t rows;  /* there were, names apart */
    int64_t bytes_before, bytes_after;
} qf_gc;
/* What would go; bytes_after is an estimate. */
QF_MUST_CHECK qf_status qf_store_gc_plan(qf_store *store, int days, qf_gc *gc);
/* Does it, after a copy whose name is left in `backup`, and gives the space back. */
QF_MUST_CHECK qf_status qf_store_gc(const char *path, int days, qf_gc *gc,
                                    char backup[QF_STORE_PATH_MAX]);

#endif
