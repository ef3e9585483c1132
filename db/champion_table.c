/* champion_table.c -- packing, mapping and searching the table beside a ledger. */
#include "qforge/champion_table.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "qforge/file.h"
#include "qforge/hash.h"
#include "qforge/memory.h"

enum { STAMPS = 6, ROWS_MOST = 1 << 20, PATH_SIZE = SITE_PATH_MAX + 16 };

/* What the ledger held: it only grows, but for gc. */
typedef struct stamp {
    int64_t value[STAMPS];
} stamp;

typedef struct head {
    char magic[8];
    uint64_t kind; /* of program: what numbers in rows mean */
    uint64_t sum;  /* of all that follows */
    stamp of;
    int64_t count;
} head;

typedef struct row {
    char tune_key[QF_KEY_MAX];
    int64_t abi;
    qf_best best;
} row;

struct qf_champion_table {
    const head *head; /* mapped */
    const row *row;
    size_t size; /* of the mapping */
};

static const char magic[8] = "QFCHAMP";

static qf_status table_path(const qf_store *store, char path[PATH_SIZE])
{
    const int length = snprintf(path, PATH_SIZE, "%s-champions", sql_path(store->sql));
    return length < PATH_SIZE ? QF_OK : QF_UNSUPPORTED;
}

/* ---- whose it is ------------------------------------------------------------------------- */

static uint64_t mix_name(uint64_t sum, const char *name)
{
    return qf_hash(sum, name, strlen(name) + 1);
}

/* Names in the order of their numbers, and how rows lie. */
static uint64_t kind_of_program(void)
{
    const uint64_t layout[] = {sizeof(row), offsetof(row, best), offsetof(qf_best, kernel),
                               offsetof(qf_best, ns), QF_CODE_ABI};
    uint64_t sum = qf_hash(QF_HASH_START, layout, sizeof layout);

    for (int i = 0; i < QF_ACCURACY_COUNT; i++)
        sum = mix_name(sum, qf_accuracy_name((qf_accuracy)i));
    for (int i = 0; i < QF_QUANT_COUNT; i++)
        sum = mix_name(sum, qf_quant_of((qf_quant)i)->name);
    for (int i = 0; i < QF_RECIPE_COUNT; i++)
        sum = mix_name(sum, qf_recipe_of((qf_recipe)i)->name);
    for (int i = 0; i < QF_ISA_COUNT; i++) sum = mix_name(sum, qf_isa_of((qf_isa)i)->name);
    for (int i = 0; i < QF_CACHE_MODE_COUNT; i++)
        sum = mix_name(sum, qf_cache_mode_name((qf_cache_mode)i));
    return sum;
}

static qf_status look(qf_store *store, stamp *s)
{
    sql_row *found;

    QF_TRY(sql_find(store->sql,
                    "SELECT (SELECT count(*) FROM outcome), "
                    "(SELECT ifnull(max(trial), 0) FROM outcome), "
                    "(SELECT count(*) FROM election), "
                    "(SELECT ifnull(max(id), 0) FROM election), "
                    "(SELECT ifnull(max(done_us), 0) FROM election), "
                    "(SELECT count(*) FROM session)",
                    SQL_NONE, &found));
    for (int i = 0; i < STAMPS; i++) s->value[i] = sql_get_int(found, i);
    sql_done(found);
    return QF_OK;
}

/* ---- order ------------------------------------------------------------------------------- */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By machine, ABI and problem. */
static int compare_rows(const void *a, const void *b)
{
    const row *r = a, *s = b;
    const qf_problem *p = &r->best.problem, *q = &s->best.problem;
    const int64_t pairs[][2] = {{r->abi, s->abi},
                                {p->accuracy, q->accuracy},
                                {p->op, q->op},
                                {p->quant, q->quant},
                                {p->group, q->group},
                                {p->m, q->m},
                                {p->n, q->n},
                                {p->k, q->k},
                                {p->threads, q->threads}};
    int sign = strncmp(r->tune_key, s->tune_key, QF_KEY_MAX);

    for (size_t i = 0; sign == 0 && i < sizeof pairs / sizeof *pairs; i++)
        sign = order(pairs[i][0], pairs[i][1]);
    return sign;
}

/* ---- packing ----------------------------------------------------------------------------- */

typedef struct packing {
    qf_store *store;
    head *head; /* rows follow */
    size_t room;
    bool failed;
} packing;

static row *rows_of(const head *h)
{
    return (row *)(void *)((uint8_t *)(uintptr_t)h + sizeof *h);
}

static size_t size_of(int64_t count)
{
    return sizeof(head) + (size_t)count * sizeof(row);
}

static bool make_room(packing *p)
{
    const size_t count = (size_t)p->head->count;
    if (count < p->room) return true;
    const size_t room = 2 * p->room;
    head *larger = qf_alloc(size_of((int64_t)room));
    if (!larger) return false;
    memcpy(larger, p->head, size_of((int64_t)count));
    qf_free(p->head);
    p->head = larger;
    p->room = room;
    return true;
}

static bool add(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    packing *p = context;

    if (!best->elected || !best->settled || p->head->count == ROWS_MOST) return true;
    if (!make_room(p)) return !(p->failed = true);
    row *r = &rows_of(p->head)[p->head->count++];
    snprintf(r->tune_key, sizeof r->tune_key, "%s", tune_key);
    r->abi = code_abi;
    r->best = *best;
    return true;
}

static uint64_t sum_of(const head *h)
{
    const size_t before = offsetof(head, of);
    return qf_hash(QF_HASH_START, (const uint8_t *)h + before, size_of(h->count) - before);
}

static qf_status collect(sql_db *sql, void *context)
{
    packing *p = context;

    (void)sql;
    QF_TRY(look(p->store, &p->head->of));
    return qf_store_each_best(p->store, NULL, add, p);
}

static qf_status pack(packing *p, const char *path)
{
    /* One state of the ledger: others may write meanwhile. */
    QF_TRY(sql_reading(p->store->sql, collect, p));
    if (p->failed) return QF_MEMORY;
    head *h = p->head;
    memcpy(h->magic, magic, sizeof magic);
    h->kind = kind_of_program();
    qsort(rows_of(h), (size_t)h->count, sizeof(row), compare_rows);
    h->sum = sum_of(h);
    return qf_file_write(path, h, size_of(h->count));
}

static qf_status renew(qf_store *store)
{
    enum { FIRST = 64 };
    char path[PATH_SIZE];
    qf_champion_table *there;

    QF_TRY(table_path(store, path));
    QF_TRY(qf_champion_table_open(store, &there));
    qf_champion_table_close(there);
    if (there) return QF_OK;
    packing p = {.store = store, .head = qf_alloc(size_of(FIRST)), .room = FIRST};
    if (!p.head) return QF_MEMORY;
    const qf_status status = pack(&p, path);
    qf_free(p.head);
    return status;
}

void qf_champion_table_renew(qf_store *store)
{
    if (!store->sql || store->gathering) return;
    if (renew(store) != QF_OK) qf_message_clear();
}

/* ---- mapping ----------------------------------------------------------------------------- */

/* NULL: no regular file that could be one. */
static const head *map(const char *path, size_t *size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat s;
    void *at = MAP_FAILED;

    if (file < 0) return NULL;
    if (fstat(file, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= (off_t)sizeof(head) &&
        s.st_size <= (off_t)size_of(ROWS_MOST)) {
        *size = (size_t)s.st_size;
        at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    close(file);
    return at == MAP_FAILED ? NULL : at;
}

static bool is_sound(const head *h, size_t size)
{
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->kind == kind_of_program() &&
           h->count >= 0 && h->count <= ROWS_MOST && size == size_of(h->count) &&
           h->sum == sum_of(h);
}

qf_status qf_champion_table_open(qf_store *store, qf_champion_table **table)
{
    char path[PATH_SIZE];
    stamp now;
    size_t size;

    *table = NULL;
    if (!store->sql || table_path(store, path) != QF_OK) return QF_OK;
    const head *h = map(path, &size);
    if (!h) return QF_OK;
    const qf_status status = look(store, &now);
    const bool current =
        status == QF_OK && is_sound(h, size) && memcmp(&h->of, &now, sizeof now) == 0;
    if (current) *table = qf_alloc(sizeof **table);
    if (*table)
        **table = (qf_champion_table){h, rows_of(h), size};
    else
        munmap((void *)(uintptr_t)h, size);
    return current && !*table ? QF_MEMORY : status;
}

void qf_champion_table_close(qf_champion_table *table)
{
    if (!table) return;
    munmap((void *)(uintptr_t)table->head, table->size);
    qf_free(table);
}

int64_t qf_champion_table_count(const qf_champion_table *table)
{
    return table->head->count;
}

/* ---- asking ------------------------------------------------------------------------------ */

/* A sum is no proof of who wrote it. */
static bool is_kernel(const qf_kernel_id *id)
{
    return (unsigned)id->recipe < QF_RECIPE_COUNT && (unsigned)id->quant < QF_QUANT_COUNT &&
           (unsigned)id->isa < QF_ISA_COUNT;
}

bool qf_champion_table_find(const qf_champion_table *table, const qf_scope *scope,
                            const qf_problem *problem, qf_best *best)
{
    row key = {.abi = scope->code_abi, .best.problem = *problem};

    snprintf(key.tune_key, sizeof key.tune_key, "%s", scope->tune_key);
    const row *found =
        bsearch(&key, table->row, (size_t)table->head->count, sizeof key, compare_rows);
    if (!found || !is_kernel(&found->best.kernel)) return false;
    *best = found->best;
    return true;
}
