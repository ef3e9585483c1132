/* qforge/store.h -- the ledger: one SQLite file that remembers every trial.
 *
 * Facts are only added.  A trial is claimed (committed) before anything of it runs and
 * gets its outcome after, so a machine that dies under a kernel leaves a name behind:
 * opening the ledger for writing turns the claims of dead sessions into LOST outcomes.
 * "Best" is a view over outcomes and elections, keyed by the machine's tune_key, the
 * code ABI and the problem; what was found in another cache mode than the problem's own is
 * kept beside it, and answers only whoever names that mode.
 *
 * Every failure is QF_DATABASE with one sentence naming the file; the file is then as it
 * was before the call.  A store is used by one thread at a time; any number of processes
 * may write one file. */
#ifndef QFORGE_STORE_H
#define QFORGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/conditions.h"
#include "qforge/cpu.h"
#include "qforge/kernel.h"
#include "qforge/latency.h"
#include "qforge/measure.h"
#include "qforge/status.h"

typedef struct qf_store qf_store;

typedef enum qf_store_mode { QF_STORE_READ, QF_STORE_WRITE, QF_STORE_GATHER } qf_store_mode;

/* READ: QF_NOT_FOUND (no sentence) when there is no file, or an empty one; nothing is created.
 * WRITE: creates or upgrades, and attributes the claims of dead sessions.  An older file is
 * first copied to "<path>.v<its version>.bak", which is kept and never overwritten.
 * GATHER: to merge into; what was merged is there to stay after qf_store_publish().
 * Refused: files of other programs, of newer versions, damaged ones.
 *
 * On a network file system hosts share no memory, which the write-ahead log needs.  There
 * WRITE opens a shard of this host alone, "tuning.<host>.db" for "tuning.db"; GATHER makes a
 * new file from the ledger, which takes its place whole when it is published, so that READ
 * always finds one; READ falls back on the shard when nothing was ever gathered. */
QF_MUST_CHECK qf_status qf_store_open(const char *path, qf_store_mode mode, qf_store **store);
void qf_store_close(qf_store *store); /* NULL is fine */
/* Puts a gathered file in place; the store can only be closed after.  On local disks there
 * is nothing to be done. */
QF_MUST_CHECK qf_status qf_store_publish(qf_store *store);
const char *qf_store_path(const qf_store *store);
/* What the user should know about where this ledger lies: a sentence, or "". */
const char *qf_store_notice(const qf_store *store);

/* The shards beside a ledger, by name. */
typedef struct qf_shards {
    int count;
    char **path;
} qf_shards;
QF_MUST_CHECK qf_status qf_shards_find(const char *path, qf_shards *shards);
void qf_shards_release(qf_shards *shards);

/* Reads every page: QF_DATABASE with the first thing found wrong. */
QF_MUST_CHECK qf_status qf_store_check(qf_store *store);

/* Adds every fact of the ledger at `source` (only read: its writers go on) that the store
 * lacks: sessions, trials with an outcome, validations, comparisons, elections, latencies.
 * Idempotent, and free of order: ledgers merged in any order and grouping answer every
 * question alike.  One transaction, during which nobody else writes to the store.  QF_NOT_FOUND
 * with a sentence when there is no source; a damaged or newer one is QF_DATABASE, naming it. */
QF_MUST_CHECK qf_status qf_store_merge(qf_store *store, const char *source);

/* ---- who tunes ---- */
typedef struct qf_session_info {
    const qf_cpu *cpu;
    int code_abi;
    const char *compiler; /* "LLVM 19.1.7" */
    const char *strategy;
    const char *command; /* as typed, for the record */
    uint64_t seed;
    double budget_s; /* 0: none */
} qf_session_info;
typedef enum qf_session_state {
    QF_SESSION_RUNNING,
    QF_SESSION_DONE,
    QF_SESSION_INTERRUPTED,
    QF_SESSION_DEAD
} qf_session_state;

QF_MUST_CHECK qf_status qf_session_begin(qf_store *store, const qf_session_info *info,
                                         int64_t *session);
QF_MUST_CHECK qf_status qf_session_end(qf_store *store, int64_t session,
                                       qf_session_state state);

/* ---- trials ---- */
typedef enum qf_verdict {
#define QF_VERDICT(id, name, summary) QF_VERDICT_##id,
#include "qforge/verdicts.def"
#undef QF_VERDICT
    QF_VERDICT_COUNT
} qf_verdict;
const char *qf_verdict_name(qf_verdict verdict);

typedef struct qf_outcome {
    qf_verdict verdict;
    char code_hash[17];       /* "" when nothing was emitted */
    char detail[160];         /* why, when it is not OK */
    qf_timing timing;         /* of OK ones; all zero else */
    qf_conditions conditions; /* while it was timed; written, not read back */
} qf_outcome;

typedef struct qf_trial {
    qf_problem problem;
    qf_kernel_id kernel;
    qf_cache_mode cache;
    double predicted_ns; /* by the prior */
} qf_trial;

QF_MUST_CHECK qf_status qf_trial_claim(qf_store *store, int64_t session, const qf_trial *trial,
                                       int64_t *id);
QF_MUST_CHECK qf_status qf_trial_finish(qf_store *store, int64_t id, const qf_outcome *outcome);

/* The code ABI of results from outside, which were not verified: that of no code. */
enum { QF_FOREIGN_ABI = 0 };

/* Whose rows a question is about: where tunings carry over, and the meaning of tiles. */
typedef struct qf_scope {
    const char *tune_key;
    int code_abi;
} qf_scope;

/* The newest outcome of exactly this trial, LOST ones apart (QF_NOT_FOUND when none);
 * lost (may be NULL) counts those that took the tuner down: at two a kernel is quarantined. One
 * that names its code does not count: the tuner lived to write it, and only the process the
 * kernel ran in was killed from outside, which says nothing of the kernel. */
QF_MUST_CHECK qf_status qf_store_outcome(qf_store *store, const qf_scope *scope,
                                         const qf_trial *trial, qf_outcome *outcome, int *lost);

/* Calls visit for the newest outcome, LOST ones apart, of every kernel tried in scope (NULL: on
 * all machines, of all ABIs) in any mode on the problem (NULL: on all); those of a machine's
 * problem come together, as they were tried.  Returning false stops. */
typedef bool qf_outcome_visit(void *context, const char *tune_key, int code_abi,
                              const qf_trial *trial, const qf_outcome *outcome);
QF_MUST_CHECK qf_status qf_store_each_outcome(qf_store *store, const qf_scope *scope,
                                              const qf_problem *problem,
                                              qf_outcome_visit *visit, void *context);

/* ---- what was proved about code ---- */
typedef struct qf_validation {
    qf_verdict verdict;
    int cases;          /* products compared */
    uint64_t seed;      /* of their data */
    double worst_error; /* largest error / its bound, <= 1 when OK */
    char detail[160];
} qf_validation;

/* Code is named by its hash, machines by what they can run (qf_cpu.isa_key). */
QF_MUST_CHECK qf_status qf_validation_get(qf_store *store, const char *isa_key,
                                          const char *code_hash, qf_validation *validation);
QF_MUST_CHECK qf_status qf_validation_put(qf_store *store, int64_t session,
                                          const char *code_hash,
                                          const qf_validation *validation);

/* ---- who won ---- */
/* A paired comparison of two kernels on one problem, and what the machine did meanwhile (its
 * canary 0: nobody looked). */
QF_MUST_CHECK qf_status qf_comparison_put(qf_store *store, int64_t session,
                                          const qf_problem *problem, qf_cache_mode cache,
                                          const qf_kernel_id *a, const qf_kernel_id *b,
                                          const qf_comparison *comparison,
                                          const qf_conditions *conditions);
/* Names the kernel that runs from now on, if the mode is the problem's own; the winner's trial
 * is finished with OK. */
QF_MUST_CHECK qf_status qf_election_put(qf_store *store, int64_t session,
                                        const qf_problem *problem, qf_cache_mode cache,
                                        const qf_kernel_id *winner);

typedef struct qf_best {
    qf_problem problem;
    qf_kernel_id kernel;
    qf_cache_mode cache;
    bool elected; /* by paired comparison; else the fastest median so far */
    bool settled; /* elected after every timed trial of the problem in this mode */
    char code_hash[17];
    double ns, low_ns, high_ns;
    int64_t unix_us;
} qf_best;

/* How fast the machine was while a kernel was elected: canaries (conditions.h), so that the
 * smaller is the faster. */
typedef struct qf_pace {
    double ns;       /* mean of its comparisons; without one, of its session's trials */
    double least_ns; /* of all the ledger has of this very machine (perf_key) */
    int64_t unix_us; /* when it was held */
} qf_pace;
/* Of the newest election in the mode; QF_NOT_FOUND without one, or when nobody looked
 * meanwhile. */
QF_MUST_CHECK qf_status qf_store_pace(qf_store *store, const qf_scope *scope,
                                      const qf_problem *problem, qf_cache_mode cache,
                                      qf_pace *pace);

/* What runs: the best kernel in the problem's own cache mode (qf_tune_cache_mode), like every
 * answer below that names no mode.  QF_NOT_FOUND when the problem was never tuned in it. */
QF_MUST_CHECK qf_status qf_store_best(qf_store *store, const qf_scope *scope,
                                      const qf_problem *problem, qf_best *best);
/* The same in the mode that is named. */
QF_MUST_CHECK qf_status qf_store_best_of_mode(qf_store *store, const qf_scope *scope,
                                              const qf_problem *problem, qf_cache_mode cache,
                                              qf_best *best);
/* The best of the nearest other problem of the same accuracy, op, quant and group, by
 * qf_problem_distance(); QF_NOT_FOUND when none is within `limit`. */
QF_MUST_CHECK qf_status qf_store_nearest(qf_store *store, const qf_scope *scope,
                                         const qf_problem *problem, double limit,
                                         qf_best *best);

/* A kernel that pairs could not tell from the best one. */
typedef struct qf_tie {
    qf_kernel_id kernel;
    double ratio, low, high; /* its time / the best one's, 95 % interval: low <= 1 */
} qf_tie;
typedef struct qf_ties {
    int count;
    qf_tie *item; /* the fastest by its pairs first */
} qf_ties;
/* Those whose newest comparison with best->kernel neither says that they are the slower ones
 * nor that they won.  What either was compared as before its newest trial was other code, and
 * what is not valid any more is no tie.  Nobody knows of kernels that never met the best one.
 */
QF_MUST_CHECK qf_status qf_store_ties(qf_store *store, const qf_scope *scope,
                                      const qf_best *best, qf_ties *ties);
void qf_ties_release(qf_ties *ties); /* also zeroed ones */

/* Calls visit for every best row (scope NULL: of all machines and ABIs), ordered by
 * problem; returning false stops. */
typedef bool qf_best_visit(void *context, const char *tune_key, int code_abi,
                           const qf_best *best);
QF_MUST_CHECK qf_status qf_store_each_best(qf_store *store, const qf_scope *scope,
                                           qf_best_visit *visit, void *context);

/* The same for exactly one problem, of all machines, ABIs and cache modes, files from outside
 * among them (QF_FOREIGN_ABI): no answers, but where a search may begin.  The surest come
 * first. */
QF_MUST_CHECK qf_status qf_store_each_seed(qf_store *store, const qf_problem *problem,
                                           qf_best_visit *visit, void *context);

typedef struct qf_store_counts {
    int64_t machines, sessions, problems, kernels, trials, ok, failed, lost, open, elections,
        latencies;
} qf_store_counts;
QF_MUST_CHECK qf_status qf_store_count(qf_store *store, qf_store_counts *counts);

#endif
