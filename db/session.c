/* session.c -- who tunes: sessions, and what becomes of the dead ones. */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qforge/champion_table.h"
#include "qforge/clock.h"

static const char *const state_names[] = {"running", "done", "interrupted", "dead"};

/* A process beyond doubt: pids are used again, but not in the same clock tick of the same
 * boot.  Another namespace of pids (a container) cannot be looked into. */
typedef struct identity {
    int64_t pid, born;
    char boot_id[40], namespace[40];
} identity;

static void read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");
    line[0] = 0;
    if (!file) return;
    if (!fgets(line, size, file)) line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    fclose(file);
}

/* Field 22 of /proc/<pid>/stat; the name in field 2 may hold anything but its last ')'. */
static int64_t birth_of(int64_t pid)
{
    char path[32], line[512];

    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    read_line(path, line, sizeof line);
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : -1;
}

static identity identity_here(void)
{
    identity me = {.pid = getpid(), .born = birth_of(getpid())};
    read_line("/proc/sys/kernel/random/boot_id", me.boot_id, sizeof me.boot_id);
    const ssize_t size = readlink("/proc/self/ns/pid", me.namespace, sizeof me.namespace - 1);
    me.namespace[size > 0 ? size : 0] = 0;
    return me;
}

/* ---- beginning and end --------------------------------------------------------------- */

typedef struct beginning {
    const qf_session_info *info;
    int64_t *session;
} beginning;

static qf_status machine_id(sql_db *sql, const qf_cpu *cpu, int64_t *id)
{
    sql_row *row;

    QF_TRY(sql_run(sql,
                   "INSERT INTO machine (vendor, brand, arch, hypervisor, cores, isa_key, "
                   "tune_key, perf_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                   "ON CONFLICT DO NOTHING",
                   SQL_VALUES(sql_text(cpu->vendor), sql_text(cpu->brand), sql_text(cpu->arch),
                              sql_text(cpu->hypervisor), sql_int(cpu->cores),
                              sql_text(cpu->isa_key), sql_text(cpu->tune_key),
                              sql_text(cpu->perf_key))));
    QF_TRY(sql_find(
        sql, "SELECT id FROM machine WHERE isa_key = ?1 AND tune_key = ?2 AND perf_key = ?3",
        SQL_VALUES(sql_text(cpu->isa_key), sql_text(cpu->tune_key), sql_text(cpu->perf_key)),
        &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status generator_id(sql_db *sql, const qf_session_info *info, int64_t *id)
{
    sql_row *row;

    QF_TRY(sql_run(
        sql,
        "INSERT INTO generator (abi, compiler, program) VALUES (?1, ?2, ?3) "
        "ON CONFLICT DO NOTHING",
        SQL_VALUES(sql_int(info->code_abi), sql_text(info->compiler), sql_text(QF_VERSION))));
    QF_TRY(sql_find(
        sql, "SELECT id FROM generator WHERE abi = ?1 AND compiler = ?2 AND program = ?3",
        SQL_VALUES(sql_int(info->code_abi), sql_text(info->compiler), sql_text(QF_VERSION)),
        &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status begin(sql_db *sql, void *context)
{
    const beginning *b = context;
    const qf_session_info *info = b->info;
    const identity me = identity_here();
    int64_t machine, generator;

    QF_TRY(machine_id(sql, info->cpu, &machine));
    QF_TRY(generator_id(sql, info, &generator));
    QF_TRY(sql_run(sql,
                   "INSERT INTO session (machine, generator, strategy, command, seed, "
                   "budget_s, pid, born, boot_id, namespace, started_us, state) VALUES "
                   "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'running')",
                   SQL_VALUES(sql_int(machine), sql_int(generator), sql_text(info->strategy),
                              sql_text(info->command), sql_int((int64_t)info->seed),
                              sql_real(info->budget_s), sql_int(me.pid), sql_int(me.born),
                              sql_text(me.boot_id), sql_text(me.namespace),
                              sql_int(qf_unix_us()))));
    *b->session = sql_last_id(sql);
    return QF_OK;
}

qf_status qf_session_begin(qf_store *store, const qf_session_info *info, int64_t *session)
{
    return sql_transaction(store->sql, begin, &(beginning){info, session});
}

qf_status qf_session_end(qf_store *store, int64_t session, qf_session_state state)
{
    QF_ASSERT(state != QF_SESSION_RUNNING && (unsigned)state <= QF_SESSION_DEAD);
    QF_TRY(sql_run(
        store->sql, "UPDATE session SET state = ?2, ended_us = ?3 WHERE id = ?1",
        SQL_VALUES(sql_int(session), sql_text(state_names[state]), sql_int(qf_unix_us()))));
    qf_champion_table_renew(store);
    return QF_OK;
}

/* ---- the dead ------------------------------------------------------------------------ */

static bool is_dead(const identity *me, sql_row *row)
{
    static const int64_t day_us = 86400000000;
    const int64_t pid = sql_get_int(row, 1), born = sql_get_int(row, 2);

    if (strcmp(sql_get_text(row, 3), me->boot_id) != 0) return true;
    if (strcmp(sql_get_text(row, 4), me->namespace) != 0)
        return qf_unix_us() - sql_get_int(row, 5) > day_us;
    return birth_of(pid) != born;
}

static qf_status bury(sql_db *sql, int64_t session)
{
    const int64_t now = qf_unix_us();
    QF_TRY(sql_run(sql,
                   "INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) "
                   "SELECT id, 'lost', 'the tuner died while it ran', '', ?2 "
                   "FROM open_trial WHERE session = ?1",
                   SQL_VALUES(sql_int(session), sql_int(now))));
    return sql_run(sql, "UPDATE session SET state = 'dead', ended_us = ?2 WHERE id = ?1",
                   SQL_VALUES(sql_int(session), sql_int(now)));
}

static const char running[] = "SELECT id, pid, born, boot_id, namespace, started_us FROM "
                              "session WHERE state = 'running' ORDER BY id";

static qf_status next_dead(sql_db *sql, const identity *me, int64_t *session)
{
    sql_row *row;
    qf_status status = sql_find(sql, running, SQL_NONE, &row);
    while (status == QF_OK && !is_dead(me, row)) status = sql_next(sql, row);
    if (status != QF_OK) return status;
    *session = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status bury_all(sql_db *sql, void *context)
{
    const identity *me = context;
    int64_t session;
    qf_status status;

    while ((status = next_dead(sql, me, &session)) == QF_OK) QF_TRY(bury(sql, session));
    return status == QF_NOT_FOUND ? QF_OK : status;
}

qf_status ledger_bury_dead(qf_store *store)
{
    identity me = identity_here();
    int64_t session;
    const qf_status status = next_dead(store->sql, &me, &session);

    if (status != QF_OK) return status == QF_NOT_FOUND ? QF_OK : status;
    return sql_transaction(store->sql, bury_all, &me);
}

qf_status ledger_count_dead(qf_store *store, int64_t *count)
{
    const identity me = identity_here();
    sql_row *row;
    qf_status status = sql_find(store->sql, running, SQL_NONE, &row);

    for (*count = 0; status == QF_OK; status = sql_next(store->sql, row))
        *count += is_dead(&me, row);
    return status == QF_NOT_FOUND ? QF_OK : status;
}
