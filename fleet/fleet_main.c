/* fleet_main.c -- qforge-mpi: one rank of `mpirun qforge tune …`, or of `mpirun qforge train …`
 * (relay.h).
 *
 *     rank 0's ledger --copy--> every rank's own file --`qforge tune --shard`-->
 *         --copy--> rank 0 --`qforge db merge`--> rank 0's ledger
 *
 * It only starts, waits and carries: tuning and merging are qforge's, in processes of their
 * own.  A tuner that dies takes its trial in flight along, and neither its rank nor the job,
 * which MPI would end for all; what it had acknowledged is in its file and is merged.  Ranks
 * need no common file system.  A rank's file is removed when rank 0 has merged it; one that was
 * left behind by a job that was killed is where the next begins.
 *
 * qforge itself runs this: qforge-mpi QFORGE LEDGER FILE RANKS ARGUMENT..., where FILE is this
 * rank's.  A LEDGER "-" stands for training. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "errand.h"
#include "ferry.h"
#include "qforge/memory.h"
#include "relay.h"

enum { PATH_SIZE = 4352, UNREADABLE = -2 };

typedef struct fleet {
    char *qforge, *ledger, *file; /* file: this rank's ledger */
    char **argument;              /* of `qforge`, NULL at the end */
    int arguments;
    char copy[PATH_SIZE]; /* of a ledger, whole and without a log, to be carried */
    int rank, ranks;
} fleet;

/* How a rank's tuning went. */
typedef struct report {
    errand_end end;
    int64_t size; /* of the copy of its file; -1: nothing was tuned */
} report;

/* Programs that were run have said it themselves. */
static void complain(const fleet *f)
{
    if (!*qf_message()) return;
    fprintf(stderr, "qforge: rank %d: %s\n", f->rank, qf_message());
}

/* ---- ledgers --------------------------------------------------------------------------- */

static void remove_ledger(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-champions"};
    char name[PATH_SIZE + 16];

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static qf_status merge(const fleet *f, const char *into, const char *from)
{
    char *argv[] = {f->qforge,
                    (char[]){"db"},
                    (char[]){"merge"},
                    (char[]){"--db"},
                    (char *)(uintptr_t)into,
                    (char *)(uintptr_t)from,
                    NULL};
    errand_end end;

    QF_TRY(errand_run(argv, true, &end));
    return errand_went_well(&end) ? QF_OK : QF_DATABASE;
}

/* A ledger that others write has a log beside it; a copy made by merging has none. */
static qf_status copy_ledger(const fleet *f, const char *path, int64_t *size)
{
    *size = -1;
    if (ferry_file_size(path) < 0) return QF_OK;
    remove_ledger(f->copy);
    QF_TRY(merge(f, f->copy, path));
    *size = ferry_file_size(f->copy);
    return QF_OK;
}

/* ---- a rank's work --------------------------------------------------------------------- */

/* What rank 0 knows is where every rank begins. */
static qf_status begin(const fleet *f)
{
    int64_t size = -1;
    qf_status status = f->rank == 0 ? copy_ledger(f, f->ledger, &size) : QF_OK;

    if (status != QF_OK) size = UNREADABLE;
    const qf_status shared = ferry_share(f->copy, f->rank, &size);
    if (status == QF_OK) status = size == UNREADABLE ? QF_DATABASE : shared;
    if (status == QF_OK && size >= 0) status = merge(f, f->file, f->copy);
    remove_ledger(f->copy);
    return status;
}

static qf_status tune(const fleet *f, errand_end *end)
{
    char shard[32];
    char **argv = qf_alloc_array((size_t)f->arguments + 6, sizeof *argv);
    int count = 0;

    if (!argv) return QF_MEMORY;
    snprintf(shard, sizeof shard, "%d/%d", f->rank + 1, f->ranks);
    argv[count++] = f->qforge;
    for (int i = 0; i < f->arguments; i++) argv[count++] = f->argument[i];
    argv[count++] = (char[]){"--shard"};
    argv[count++] = shard;
    argv[count++] = (char[]){"--db"};
    argv[count++] = f->file;
    const qf_status status = errand_run(argv, false, end);
    qf_free(argv);
    return status;
}

/* A dead tuner's claims become outcomes when its ledger is next opened for writing, which
 * merging it into itself does. */
static qf_status settle(const fleet *f, const errand_end *end)
{
    if (end->signal == 0 || ferry_file_size(f->file) < 0) return QF_OK;
    return merge(f, f->file, f->file);
}

static qf_status work(const fleet *f, report *r)
{
    QF_TRY(begin(f));
    QF_TRY(tune(f, &r->end));
    QF_TRY(settle(f, &r->end));
    return copy_ledger(f, f->file, &r->size);
}

/* ---- bringing it together -------------------------------------------------------------- */

static qf_status collect(const fleet *f, int from, int64_t size)
{
    char path[PATH_SIZE];

    if (size < 0) return QF_OK;
    snprintf(path, sizeof path, "%s.from%d", f->file, from);
    ferry_send(from, FERRY_READY, "", 0);
    qf_status status = ferry_file_in(from, path, size);
    if (status == QF_OK) status = merge(f, f->ledger, path);
    remove_ledger(path);
    return status;
}

static int tell(int rank, const report *r, bool merged)
{
    if (r->end.signal)
        fprintf(stderr,
                "qforge: the tuner of rank %d died (%s); what it had finished is %s, and the "
                "same command goes on\n",
                rank, strsignal(r->end.signal), merged ? "kept" : "in its own file");
    if (!merged) return qf_status_exit_code(QF_DATABASE);
    return r->end.signal ? 1 : r->end.code;
}

/* As they come; the first bad end in this order is the job's. */
static int gather(const fleet *f, const report *own, bool merged[])
{
    const qf_status mine = own->size < 0 ? QF_OK : merge(f, f->ledger, f->copy);
    int worst, together = own->size >= 0 && mine == QF_OK;

    if (mine != QF_OK) complain(f);
    merged[0] = mine == QF_OK;
    worst = tell(0, own, merged[0]);
    for (int i = 1; i < f->ranks; i++) {
        report r;
        const int from = ferry_await(FERRY_ANYBODY, FERRY_REPORT, &r, sizeof r);
        merged[from] = collect(f, from, r.size) == QF_OK;
        if (!merged[from]) complain(f);
        const int code = tell(from, &r, merged[from]);
        if (worst == 0) worst = code;
        together += r.size >= 0 && merged[from];
    }
    if (together == 0) return worst;
    fprintf(stderr, "qforge: the ledgers of %d of %d ranks are merged into %s\n", together,
            f->ranks, f->ledger);
    return worst;
}

static int lead(const fleet *f, const report *own)
{
    bool *merged = qf_alloc_array((size_t)f->ranks, sizeof *merged);

    if (!merged) return qf_status_exit_code(QF_MEMORY);
    const int worst = gather(f, own, merged);
    /* All at the end: whoever had its verdict would wait for the others in MPI, which burns
     * the core that one of them times kernels on. */
    for (int i = 1; i < f->ranks; i++)
        ferry_send(i, FERRY_VERDICT, &merged[i], sizeof merged[i]);
    if (merged[0] && own->end.signal == 0) remove_ledger(f->file);
    qf_free(merged);
    return worst;
}

/* The job's exit code is rank 0's: another one's would make the launcher kill the rest. */
static int follow(const fleet *f, const report *own)
{
    bool merged = false;

    ferry_send(0, FERRY_REPORT, own, sizeof *own);
    if (own->size >= 0) {
        ferry_await(0, FERRY_READY, NULL, 0);
        if (ferry_file_out(f->copy, own->size) != QF_OK) complain(f);
    }
    ferry_await(0, FERRY_VERDICT, &merged, sizeof merged);
    if (merged && own->end.signal == 0) remove_ledger(f->file);
    return 0;
}

static int run(fleet *f)
{
    report own = {.size = -1};

    qf_message_clear();
    const qf_status status = work(f, &own);
    if (status != QF_OK) {
        own.end.code = qf_status_exit_code(status);
        complain(f);
    }
    const int code = f->rank == 0 ? lead(f, &own) : follow(f, &own);
    remove_ledger(f->copy);
    return code;
}

int main(int argc, char **argv)
{
    fleet f;
    int ranks;

    if (argc < 6 || sscanf(argv[4], "%d", &ranks) != 1) {
        fprintf(stderr,
                "qforge: qforge-mpi is run by `mpirun qforge tune …` and `… train …`\n");
        return 2;
    }
    f = (fleet){argv[1], argv[2], argv[3], argv + 5, argc - 5, "", 0, 0};
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &f.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &f.ranks);
    snprintf(f.copy, sizeof f.copy, "%s.copy", f.file);
    int code = 2;
    if (f.ranks == ranks && strcmp(f.ledger, "-") == 0)
        code = relay_run(f.qforge, f.argument, f.arguments, f.rank, f.ranks);
    else if (f.ranks == ranks)
        code = run(&f);
    else
        fprintf(
            stderr,
            "qforge: %d ranks were started, but the MPI that qforge-mpi was built with sees "
            "%d; `tune --shard I/N` needs no MPI\n",
            ranks, f.ranks);
    MPI_Finalize();
    return code;
}
