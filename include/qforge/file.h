/* qforge/file.h -- whole files: read, or written so that no reader ever sees half of one.
 *
 * An output is written beside its place ("model.safetensors.1234.part"), flushed to the
 * disk and renamed.  Whatever happens before the rename (a full disk, a kill), the old
 * file is still there and whole. */
#ifndef QFORGE_FILE_H
#define QFORGE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "qforge/status.h"

/* Reads a regular file of at most `limit` bytes.  *data is made with qf_alloc, belongs to
 * the caller and is followed by a NUL that *size (may be NULL) does not count.  QF_IO
 * when it cannot be read, QF_FORMAT when it is too large. */
QF_MUST_CHECK qf_status qf_file_read(const char *path, size_t limit, char **data, size_t *size);
bool qf_file_exists(const char *path); /* a regular file */
bool qf_directory_exists(const char *path);
/* Makes the directory and its parents; fine when it is there. */
QF_MUST_CHECK qf_status qf_directory_make(const char *path);
/* "directory/name", made with qf_alloc; NULL when memory is out. */
char *qf_path_join(const char *directory, const char *name);
/* Copies a regular file; the copy appears whole. */
QF_MUST_CHECK qf_status qf_file_copy(const char *from, const char *to);

typedef struct qf_output {
    int descriptor;
    char *path, *beside; /* owned */
} qf_output;

QF_MUST_CHECK qf_status qf_output_open(const char *path, qf_output *output);
QF_MUST_CHECK qf_status qf_output_write(qf_output *output, const void *data, size_t size);
/* Flushes and renames; the output is released whether that works or not. */
QF_MUST_CHECK qf_status qf_output_commit(qf_output *output);
/* Gives up: nothing of it stays.  Does nothing after a commit. */
void qf_output_abandon(qf_output *output);
/* All of the above for a file that is in memory. */
QF_MUST_CHECK qf_status qf_file_write(const char *path, const void *data, size_t size);

#endif
