/* ledger_fixture.h -- a ledger in a directory of its own, for tests of what stands on it. */
#ifndef QF_CHECK_LEDGER_FIXTURE_H
#define QF_CHECK_LEDGER_FIXTURE_H

#include <stdint.h>

#include "qforge/store.h"

extern char check_directory[64], check_ledger[96]; /* the paths of the running test */

/* cmocka's setup and teardown. */
int check_ledger_fresh(void **state);
int check_ledger_clean(void **state);

/* Opens the test's ledger or fails the test. */
qf_store *check_ledger_open(qf_store_mode mode);
int64_t check_session(qf_store *store);

/* Statements past the ledger's own functions. */
void check_sql(const char *text);
int64_t check_sql_number(const char *text);

/* A made-up machine, a trial on it, and an outcome. */
extern const qf_cpu check_cpu;
extern const qf_session_info check_info;
extern const qf_scope check_scope;
extern const qf_trial check_trial;
extern const qf_conditions check_conditions;
qf_outcome check_timed(double ns);
/* Claims and finishes. */
void check_tried(qf_store *store, int64_t session, const qf_trial *trial, double ns);

#endif
