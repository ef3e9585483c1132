/* seed.c -- results from outside: kept apart by an ABI that no code has, so that they answer
 * nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "import.h"
#include "qforge/clock.h"
#include "results.h"

static const int64_t day_us = 86400000000;

static bool is_time(double ns)
{
    return isfinite(ns) && ns > 0 && ns < 1e18;
}

static bool is_timing(const qf_timing *t)
{
    return is_time(t->low_ns) && is_time(t->median_ns) && is_time(t->high_ns) &&
           is_time(t->best_ns) && is_time(t->mean_ns) && t->low_ns <= t->median_ns &&
           t->median_ns <= t->high_ns && t->samples > 0 && t->calls >= 0;
}

qf_status seed_check(const seed *s, const char *where)
{
    const int64_t latest = qf_unix_us() + day_us;
    const char *const texts[] = {s->code_hash, s->detail,     s->vendor,  s->brand,
                                 s->arch,      s->hypervisor, s->isa_key, s->tune_key,
                                 s->perf_key,  s->compiler,   s->program};

    if (s->verdict == QF_VERDICT_OK && !is_timing(&s->timing))
        return qf_fail(QF_FORMAT, "%s: these are no times of a kernel that ran", where);
    if (s->claimed_us < 0 || s->done_us < 0 || s->claimed_us > latest || s->done_us > latest)
        return qf_fail(QF_FORMAT, "%s: it is not from the past", where);
    if (s->cores < 1 || s->cores > 1 << 20)
        return qf_fail(QF_FORMAT, "%s: no machine has so many cores", where);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i]) > 1024)
            return import_refuse("%s: '%.20s…' is too long", where, texts[i]);
    return QF_OK;
}

/* ---- where it belongs --------------------------------------------------------------- */

static const char *known(const char *text)
{
    return *text ? text : "foreign";
}

static qf_status machine_of(sql_db *sql, const seed *s, int64_t *id)
{
    sql_row *row;

    QF_TRY(sql_run(sql,
                   "INSERT INTO machine (vendor, brand, arch, hypervisor, cores, isa_key, "
                   "tune_key, perf_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                   "ON CONFLICT DO NOTHING",
                   SQL_VALUES(sql_text(s->vendor), sql_text(s->brand), sql_text(s->arch),
                              sql_text(s->hypervisor), sql_int(s->cores),
                              sql_text(known(s->isa_key)), sql_text(known(s->tune_key)),
                              sql_text(known(s->perf_key)))));
    QF_TRY(sql_find(
        sql, "SELECT id FROM machine WHERE isa_key = ?1 AND tune_key = ?2 AND perf_key = ?3",
        SQL_VALUES(sql_text(known(s->isa_key)), sql_text(known(s->tune_key)),
                   sql_text(known(s->perf_key))),
        &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status generator_of(sql_db *sql, const seed *s, int64_t *id)
{
    sql_row *row;

    QF_TRY(sql_run(
        sql,
        "INSERT INTO generator (abi, compiler, program) VALUES (?1, ?2, ?3) "
        "ON CONFLICT DO NOTHING",
        SQL_VALUES(sql_int(QF_FOREIGN_ABI), sql_text(s->compiler), sql_text(s->program))));
    QF_TRY(sql_find(
        sql, "SELECT id FROM generator WHERE abi = ?1 AND compiler = ?2 AND program = ?3",
        SQL_VALUES(sql_int(QF_FOREIGN_ABI), sql_text(s->compiler), sql_text(s->program)),
        &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

/* One for each machine and compiler, the same in every import: that is what makes importing
 * a file twice, or two that overlap, do no harm. */
static qf_status session_of(sql_db *sql, int64_t machine, int64_t generator, const char *name,
                            int64_t *id)
{
    sql_row *row;
    qf_status status =
        sql_find(sql, "SELECT id FROM session WHERE boot_id = 'import' AND namespace = ?1",
                 SQL_VALUES(sql_text(name)), &row);

    if (status == QF_OK) {
        *id = sql_get_int(row, 0);
        sql_done(row);
    }
    if (status != QF_NOT_FOUND) return status;
    QF_TRY(
        sql_run(sql,
                "INSERT INTO session (machine, generator, strategy, command, seed, budget_s, "
                "pid, born, boot_id, namespace, started_us, ended_us, state) VALUES (?1, ?2, "
                "'import', 'qforge db import', 0, 0.0, 0, 0, 'import', ?3, 0, 0, 'done')",
                SQL_VALUES(sql_int(machine), sql_int(generator), sql_text(name))));
    *id = sql_last_id(sql);
    return QF_OK;
}

static qf_status home_of(sql_db *sql, const seed *s, int64_t *session)
{
    char name[6 * 1024];
    int64_t machine, generator;

    QF_TRY(machine_of(sql, s, &machine));
    QF_TRY(generator_of(sql, s, &generator));
    snprintf(name, sizeof name, "%s/%s/%s/%s/%s", known(s->isa_key), known(s->tune_key),
             known(s->perf_key), s->compiler, s->program);
    return session_of(sql, machine, generator, name, session);
}

/* ---- the row ------------------------------------------------------------------------ */

static qf_status outcome_put(sql_db *sql, int64_t trial, const seed *s)
{
    const qf_timing *t = &s->timing;
    const bool timed = s->verdict == QF_VERDICT_OK;
    const sql_value none = sql_null();

    return sql_run(
        sql,
        "INSERT INTO outcome (trial, verdict, detail, code_hash, median_ns, low_ns, "
        "high_ns, best_ns, mean_ns, samples, calls, done_us) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        SQL_VALUES(sql_int(trial), sql_text(qf_verdict_name(s->verdict)), sql_text(s->detail),
                   sql_text(s->code_hash), timed ? sql_real(t->median_ns) : none,
                   timed ? sql_real(t->low_ns) : none, timed ? sql_real(t->high_ns) : none,
                   timed ? sql_real(t->best_ns) : none, timed ? sql_real(t->mean_ns) : none,
                   timed ? sql_int(t->samples) : none, timed ? sql_int(t->calls) : none,
                   sql_int(s->done_us)));
}

qf_status seed_put(sql_db *sql, const seed *s)
{
    int64_t session, problem, kernel;
    sql_row *row;

    QF_TRY(home_of(sql, s, &session));
    QF_TRY(ledger_problem_id(sql, &s->problem, &problem));
    QF_TRY(ledger_kernel_id(sql, &s->kernel, &kernel));
    const qf_status status =
        sql_find(sql,
                 "SELECT id FROM trial WHERE session = ?1 AND problem = ?2 AND kernel = ?3 AND "
                 "cache = ?4 "
                 "AND claimed_us = ?5",
                 SQL_VALUES(sql_int(session), sql_int(problem), sql_int(kernel),
                            sql_text(qf_cache_mode_name(s->cache)), sql_int(s->claimed_us)),
                 &row);
    if (status == QF_OK) sql_done(row); /* the file has it twice */
    if (status != QF_NOT_FOUND) return status;
    QF_TRY(
        sql_run(sql,
                "INSERT INTO trial (session, problem, kernel, cache, predicted_ns, claimed_us) "
                "VALUES (?1, ?2, ?3, ?4, 0.0, ?5)",
                SQL_VALUES(sql_int(session), sql_int(problem), sql_int(kernel),
                           sql_text(qf_cache_mode_name(s->cache)), sql_int(s->claimed_us))));
    return outcome_put(sql, sql_last_id(sql), s);
}
