/* scratch.h -- a directory of its own for a test, files in it, and damage to them. */
#ifndef QF_CHECK_SCRATCH_H
#define QF_CHECK_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/random.h"

/* Setup and teardown of a cmocka test or group. */
int check_scratch_make(void **state);
int check_scratch_remove(void **state);

/* The path of `name` in the directory, valid to the end of the program. */
const char *check_scratch_path(const char *name);
void check_scratch_write(const char *name, const void *data, size_t size);
void check_scratch_text(const char *name, const char *text);
/* The whole file, made with qf_alloc and followed by a NUL. */
char *check_scratch_read(const char *path, size_t *size);

/* The file `name` gets `count` bytes of `original` with seeded damage in the first `head`:
 * flipped bits, extreme numbers, moved bytes, a cut or a longer end. */
void check_scratch_damage(qf_random *random, const char *name, const char *original,
                          size_t count, size_t head);

/* $QFORGE_SOURCE/../shared/data/<name>, or NULL when it is not there. */
const char *check_shared_data(const char *name);

#endif
