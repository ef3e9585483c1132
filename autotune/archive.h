/* archive.h -- static libraries, as ar and every linker know them, made in memory. */
#ifndef QF_AUTOTUNE_ARCHIVE_H
#define QF_AUTOTUNE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

/* An object file: 64-bit little-endian ELF. */
typedef struct qf_member {
    const char *name; /* "x.o", no slash */
    const uint8_t *bytes;
    size_t size;
} qf_member;

/* Makes the archive of the members, with the index of their symbols that linkers ask for;
 * *bytes is made with qf_alloc.  The same members give the same bytes: times, owners and
 * modes are not in it.  QF_FORMAT naming a member that is no such object. */
QF_MUST_CHECK qf_status qf_archive_make(const qf_member *members, int count, uint8_t **bytes,
                                        size_t *size);

#endif
