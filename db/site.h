/* site.h -- where a ledger lies: on a disk of this host, or on one that others write too. */
#ifndef QF_DB_SITE_H
#define QF_DB_SITE_H

#include <stdio.h>

#include "qforge/status.h"

enum { SITE_PATH_MAX = 4096, SITE_HOST_MAX = 65 };

typedef struct ledger_site {
    const char *network; /* what kind of network file system; NULL: a local one */
    char host[SITE_HOST_MAX];
} ledger_site;

/* The site of the directory of `path`; QF_NOT_FOUND (no sentence) when it is not there. */
QF_MUST_CHECK qf_status site_of(const char *path, ledger_site *site);

/* The network file system with this f_type of statfs(), NULL for local ones.  `type` is the
 * kind of its mount ("fuse.sshfs"), which counts for FUSE only; "" when unknown. */
const char *site_network(long magic, const char *type);
/* The kind of the mount of a device, in text like /proc/self/mountinfo; "" when it is not
 * there. */
void site_mount_type(FILE *mounts, unsigned major, unsigned minor, char *type, size_t size);

/* The file a host writes beside a ledger on a network: "tuning.db" has "tuning.<host>.db",
 * which is its own shard. */
QF_MUST_CHECK qf_status site_shard(const char *path, const char *host,
                                   char shard[SITE_PATH_MAX]);

#endif
