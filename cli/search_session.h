/* search_session.h -- a model under search: its losses on a text, its times on this
 * machine. */
#ifndef QF_CLI_SEARCH_SESSION_H
#define QF_CLI_SEARCH_SESSION_H

#include "machine.h"
#include "progress.h"
#include "qforge/engine.h"
#include "qforge/latency_table.h"
#include "qforge/qmodel.h"
#include "qforge/search.h"
#include "qforge/tokenizer.h"

typedef struct search_setup {
    const char *model, *text, *ledger;
    int64_t threads, records, skip; /* records of the text searched on; left out before */
    int64_t probes, held_out;       /* subnets measured whole to calibrate and to judge */
    int64_t tokens;                 /* decoded per measurement */
    uint64_t seed;
    qf_residency residency;
    qf_accuracy accuracy; /* of the kernels that losses are computed with */
    qf_granularity granularity;
    bool timeless;    /* nothing is timed: no table, and latency is NAN */
    bool json;        /* progress is for programs */
    double max_error; /* mean error on held-out subnets from which a table is refused */
} search_setup;

typedef struct search_session {
    cli_machine machine;
    qf_qmodel model;
    qf_tokenizer *tokenizer;
    qf_corpus corpus;
    qf_latency_table table;
    qf_latency_fit fit;
    qf_accuracy accuracy;
    bool timeless;
    int tokens;
    /* What subnets are timed beside; NULL: not yet, or too large for it. */
    qf_engine *reference;
    double reference_us;
    int first[QF_SUBNET_MAX + 1]; /* linear of each gene: qf_search_problem */
    struct qf_store *ledger;      /* open for writing, or NULL */
    cli_progress line;
    int64_t started; /* ns, of the part that is under way */
} search_session;

/* Opens everything, measures and calibrates the latency table unless it is timeless. Complaints
 * and progress go to stderr. */
QF_MUST_CHECK qf_status search_session_open(const search_setup *setup, search_session *session);
void search_session_close(search_session *session); /* also a zeroed one */

/* The problem of the session, for qf_search_run; valid until the next call. */
qf_search_problem search_session_problem(search_session *session, qf_granularity granularity);
/* Mean negative log-likelihood per token on the text. */
QF_MUST_CHECK qf_status search_session_loss(search_session *session, const qf_subnet *subnet,
                                            double *loss);
/* Microseconds per token, measured end to end on the fast class: in turn with a reference, the
 * subnet of the middle width, and told in its time as it was measured first, so that a
 * machine's moods between calibration and finals are no error of the table.  A model of which
 * two do not fit a quarter of the memory is measured alone. */
QF_MUST_CHECK qf_status search_session_measure(search_session *session, const qf_subnet *subnet,
                                               double *us);
/* A qf_search progress callback; context is the session. */
bool search_session_tell(void *context, int done, int total);

#endif
