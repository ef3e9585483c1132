/* backup.h -- a copy of a ledger before something is done to it. */
#ifndef QF_DB_BACKUP_H
#define QF_DB_BACKUP_H

#include "qforge/status.h"

enum { SQL_BACKUP_MAX = 4200 };

/* Copies the file at `path`, as its committed transactions are, to "<name>.<label>.bak" and
 * flushes it; the name of the copy is left in `copy`.  Another backup of that name stays and
 * this one becomes "<name>.<label>.2.bak" and so on, unless the two are the same.  May be
 * called within a transaction that has written nothing yet. */
QF_MUST_CHECK qf_status sql_backup(const char *path, const char *name, const char *label,
                                   char copy[SQL_BACKUP_MAX]);

#endif
