/* ferry.h -- messages and files between ranks, by MPI.
 *
 * MPI's own waiting burns a core, which another rank of this host may be timing kernels on:
 * whoever waits here sleeps between looks.  Only where all ranks are at the same place is
 * there a collective call. */
#ifndef QF_FLEET_FERRY_H
#define QF_FLEET_FERRY_H

#include <stdint.h>

#include "qforge/status.h"

/* Kinds of messages; a wait is for one of them. */
typedef enum ferry_kind { FERRY_REPORT = 1, FERRY_READY, FERRY_FILE, FERRY_VERDICT } ferry_kind;

enum { FERRY_ANYBODY = -1 };

/* Small plain data, at once. */
void ferry_send(int to, ferry_kind kind, const void *data, int size);
/* Waits as long as it takes; returns the sender. */
int ferry_await(int from, ferry_kind kind, void *data, int size);

/* The file of rank 0 at its `path` to all others, who get it at theirs; called by all.
 * *size: rank 0 says how many bytes, less than 0 when there is none; all know after.  When rank
 * 0 cannot read it, or a rank cannot write it, that rank alone fails. */
QF_MUST_CHECK qf_status ferry_share(const char *path, int rank, int64_t *size);

/* Both at once: `size` bytes of a file to rank 0; QF_IO, on both sides, when it cannot be read
 * after all. */
QF_MUST_CHECK qf_status ferry_file_out(const char *path, int64_t size);
QF_MUST_CHECK qf_status ferry_file_in(int from, const char *path, int64_t size);

/* Bytes of a regular file, -1 when there is none. */
int64_t ferry_file_size(const char *path);

#endif
