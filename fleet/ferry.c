/* ferry.c -- files in pieces, and waiting that leaves the cores alone. */
#include "ferry.h"

#include <mpi.h>
#include <sys/stat.h>
#include <time.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { PIECE = 1 << 22 };
static char piece[PIECE]; /* on its way; there is one thread */

static void nap(void)
{
    nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);
}

void ferry_send(int to, ferry_kind kind, const void *data, int size)
{
    MPI_Send(data, size, MPI_BYTE, to, kind, MPI_COMM_WORLD);
}

int ferry_await(int from, ferry_kind kind, void *data, int size)
{
    MPI_Status seen;
    int there = 0;

    if (from == FERRY_ANYBODY) from = MPI_ANY_SOURCE;
    for (;;) {
        MPI_Iprobe(from, kind, MPI_COMM_WORLD, &there, &seen);
        if (there) break;
        nap();
    }
    MPI_Recv(data, size, MPI_BYTE, seen.MPI_SOURCE, kind, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return seen.MPI_SOURCE;
}

int64_t ferry_file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : -1;
}

/* ---- from one to another --------------------------------------------------------------- */

static int piece_at(int64_t at, int64_t size)
{
    return (int)(size - at < PIECE ? size - at : PIECE);
}

/* The receiver counts on every byte: what cannot be read is sent as nothing. */
qf_status ferry_file_out(const char *path, int64_t size)
{
    char *data = NULL;
    size_t there = 0;

    qf_status status = qf_file_read(path, (size_t)size, &data, &there);
    if (status == QF_OK && (int64_t)there != size)
        status = qf_fail(QF_IO, "%s: changed while it was sent", path);
    int64_t sent = status == QF_OK ? size : -1;
    ferry_send(0, FERRY_FILE, &sent, sizeof sent);
    for (int64_t at = 0; at < sent; at += PIECE)
        ferry_send(0, FERRY_FILE, data + at, piece_at(at, sent));
    qf_free(data);
    return status;
}

/* A disk that is full here does not keep the sender from being heard to the end. */
qf_status ferry_file_in(int from, const char *path, int64_t size)
{
    qf_output output;
    int64_t sent;

    qf_status status = qf_output_open(path, &output);
    const bool open = status == QF_OK;
    ferry_await(from, FERRY_FILE, &sent, sizeof sent);
    for (int64_t at = 0; at < sent; at += PIECE) {
        const int count = piece_at(at, sent);
        ferry_await(from, FERRY_FILE, piece, count);
        if (status == QF_OK) status = qf_output_write(&output, piece, (size_t)count);
    }
    if (status == QF_OK && sent != size)
        status = qf_fail(QF_IO, "rank %d could not read its own ledger", from);
    if (open && status != QF_OK) qf_output_abandon(&output);
    return status == QF_OK ? qf_output_commit(&output) : status;
}

/* ---- from rank 0 to all ---------------------------------------------------------------- */

/* output: NULL where the pieces come from, and where they cannot be kept. */
static qf_status share_pieces(const char *data, int64_t size, qf_output *output)
{
    qf_status status = QF_OK;

    for (int64_t at = 0; at < size; at += PIECE) {
        const int count = piece_at(at, size);
        /* Rank 0 has the data; its broadcasts only read. */
        char *from = data ? (char *)(uintptr_t)(data + at) : piece;
        MPI_Bcast(from, count, MPI_BYTE, 0, MPI_COMM_WORLD);
        if (output && status == QF_OK) status = qf_output_write(output, piece, (size_t)count);
    }
    return status;
}

qf_status ferry_share(const char *path, int rank, int64_t *size)
{
    char *data = NULL;
    qf_output output = {0};
    qf_status status = QF_OK;

    if (rank == 0 && *size >= 0) status = qf_file_read(path, (size_t)*size, &data, NULL);
    if (status != QF_OK) *size = -1;
    MPI_Bcast(size, 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    if (*size < 0) return status;
    if (rank != 0) status = qf_output_open(path, &output);
    const bool open = rank != 0 && status == QF_OK;
    const qf_status pieces = share_pieces(data, *size, open ? &output : NULL);
    qf_free(data);
    if (status == QF_OK) status = pieces;
    if (!open) return status;
    if (status == QF_OK) return qf_output_commit(&output);
    qf_output_abandon(&output);
    return status;
}
