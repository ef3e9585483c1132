/* open.c -- from a path to an open ledger, on a local disk or on one that other hosts write
 * too. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "qforge/champion_table.h"
#include "qforge/file.h"
#include "qforge/memory.h"

struct gathering {
    char *target, *beside;
    struct stat before; /* of the target; all zero when there was none */
};

/* ---- gathering ------------------------------------------------------------------------- */

static void forget(struct gathering *g)
{
    if (!g) return;
    if (g->beside) {
        char name[SITE_PATH_MAX + 16];
        unlink(g->beside);
        snprintf(name, sizeof name, "%s-journal", g->beside);
        unlink(name);
    }
    qf_free(g->target);
    qf_free(g->beside);
    qf_free(g);
}

static qf_status begin_gathering(const char *path, const ledger_site *site,
                                 struct gathering **out)
{
    const size_t size = strlen(path) + SITE_HOST_MAX + 32;
    struct gathering *g = qf_alloc(sizeof *g);

    *out = g;
    if (!g || !(g->target = qf_strdup(path)) || !(g->beside = qf_alloc(size))) return QF_MEMORY;
    snprintf(g->beside, size, "%s.%s.%ld.part", path, site->host, (long)getpid());
    unlink(g->beside);
    if (stat(path, &g->before) != 0) return QF_OK;
    return qf_file_copy(path, g->beside);
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int flush(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const int cause = descriptor < 0 || fsync(descriptor) != 0 ? errno : 0;
    if (descriptor >= 0) close(descriptor);
    return cause;
}

/* Readers go on with the file they have open, or find the new one: never half of it. */
qf_status qf_store_publish(qf_store *store)
{
    struct gathering *g = store->gathering;
    struct stat now = {0};

    if (!g) {
        qf_champion_table_renew(store);
        return QF_OK;
    }
    sql_close(store->sql);
    store->sql = NULL;
    if (stat(g->target, &now) == 0 && !same_state(&now, &g->before))
        return qf_fail(QF_DATABASE, "%s: another host gathered meanwhile; do it again",
                       g->target);
    int cause = flush(g->beside);
    if (!cause && rename(g->beside, g->target) != 0) cause = errno;
    return cause ? qf_fail(QF_DATABASE, "%s: %s", g->target, strerror(cause)) : QF_OK;
}

/* ---- which file, and how ----------------------------------------------------------------- */

typedef struct choice {
    char path[SITE_PATH_MAX + SITE_HOST_MAX + 32];
    int flags;
} choice;

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Byte 18 of the header: a file that was copied from a local disk still has a log's. */
static bool wants_log(const char *path)
{
    unsigned char head[20] = {0};
    FILE *file = fopen(path, "rbe");
    const bool whole = file && fread(head, sizeof head, 1, file) == 1;
    if (file) fclose(file);
    return whole && head[18] == 2;
}

static qf_status choose_reader(choice *c)
{
    char log[sizeof c->path + 8];
    struct stat info;

    c->flags = SQL_NETWORK;
    if (!wants_log(c->path)) return QF_OK;
    snprintf(log, sizeof log, "%s-wal", c->path);
    if (stat(log, &info) == 0 && info.st_size > 0)
        return qf_fail(QF_DATABASE,
                       "%s: was copied with a write-ahead log that is not empty; open it on "
                       "a local disk first",
                       c->path);
    c->flags |= SQL_IMMUTABLE;
    return QF_OK;
}

static qf_status choose_on_network(const char *path, qf_store_mode mode,
                                   const ledger_site *site, qf_store *store, choice *c)
{
    char shard[SITE_PATH_MAX];

    QF_TRY(site_shard(path, site->host, shard));
    snprintf(c->path, sizeof c->path, "%s", path);
    c->flags = SQL_WRITE | SQL_NETWORK;
    if (mode == QF_STORE_GATHER) {
        QF_TRY(begin_gathering(path, site, &store->gathering));
        snprintf(c->path, sizeof c->path, "%s", store->gathering->beside);
        return QF_OK;
    }
    if (mode == QF_STORE_READ && is_there(path)) return choose_reader(c);
    if (strcmp(shard, path) != 0)
        snprintf(store->notice, sizeof store->notice,
                 "%s lies on %s: this host uses %s beside it, and `qforge db merge --db %s` "
                 "gathers every host's",
                 path, site->network, strrchr(shard, '/') ? strrchr(shard, '/') + 1 : shard,
                 path);
    snprintf(c->path, sizeof c->path, "%s", shard);
    return mode == QF_STORE_READ ? choose_reader(c) : QF_OK;
}

static qf_status choose(const char *path, qf_store_mode mode, const ledger_site *site,
                        qf_store *store, choice *c)
{
    if (site->network) return choose_on_network(path, mode, site, store, c);
    snprintf(c->path, sizeof c->path, "%s", path);
    c->flags = mode == QF_STORE_READ ? 0 : SQL_WRITE;
    return QF_OK;
}

/* ---- opening --------------------------------------------------------------------------- */

/* The sessions of other hosts in a gathered file are theirs to end. */
static qf_status open_chosen(qf_store *store, const choice *c)
{
    const bool write = c->flags & SQL_WRITE;

    QF_TRY(sql_open(c->path, c->flags, &store->sql));
    QF_TRY(ledger_prepare(store->sql, write,
                          store->gathering ? store->gathering->target : c->path));
    if (!write || store->gathering) return QF_OK;
    sql_trim_log(store->sql);
    return ledger_bury_dead(store);
}

qf_status ledger_open(const char *path, qf_store_mode mode, const ledger_site *site,
                      qf_store **out)
{
    choice c;

    *out = NULL;
    qf_store *store = qf_alloc(sizeof *store);
    if (!store) return QF_MEMORY;
    qf_status status = choose(path, mode, site, store, &c);
    if (status == QF_OK) status = open_chosen(store, &c);
    if (status == QF_OK)
        *out = store;
    else
        qf_store_close(store);
    return status;
}

qf_status qf_store_open(const char *path, qf_store_mode mode, qf_store **store)
{
    ledger_site site;

    *store = NULL;
    const qf_status status = site_of(path, &site);
    if (status == QF_NOT_FOUND && mode != QF_STORE_READ)
        return qf_fail(QF_DATABASE, "%s: %s", path, strerror(ENOENT));
    QF_TRY(status);
    return ledger_open(path, mode, &site, store);
}

/* On a network every file has one writer, and this host's is its shard. */
qf_status ledger_check_owner(const char *path, ledger_site *site)
{
    char shard[SITE_PATH_MAX];

    QF_TRY(site_of(path, site));
    if (!site->network) return QF_OK;
    QF_TRY(site_shard(path, site->host, shard));
    if (strcmp(shard, path) == 0) return QF_OK;
    return qf_fail(QF_UNSUPPORTED, "%s: lies on %s, where this host only changes %s", path,
                   site->network, shard);
}

void qf_store_close(qf_store *store)
{
    if (!store) return;
    sql_close(store->sql);
    forget(store->gathering);
    qf_free(store);
}

const char *qf_store_path(const qf_store *store)
{
    return sql_path(store->sql);
}

const char *qf_store_notice(const qf_store *store)
{
    return store->notice;
}
