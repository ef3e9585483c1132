/* places.h -- where the user's files live when no option says so (XDG base directories). */
#ifndef QF_CLI_PLACES_H
#define QF_CLI_PLACES_H

#include "qforge/status.h"

enum { CLI_PATH_MAX = 4096 };

/* The ledger: `option` if given, else $QFORGE_DB, else $XDG_DATA_HOME/qforge/tuning.db with
 * XDG's own default.  QF_USAGE when it is too long or nothing says where home is. */
QF_MUST_CHECK qf_status cli_ledger_path(const char *option, char path[CLI_PATH_MAX]);
/* The same of a ledger that is written: directories are made above the user's own, and have to
 * be there for one that was named (QF_IO).  QF_USAGE for "none", which has no place for
 * results. */
QF_MUST_CHECK qf_status cli_ledger_to_write(const char *option, char path[CLI_PATH_MAX]);
/* The directory of compiled kernels: $QFORGE_CACHE, else $XDG_CACHE_HOME/qforge/kernels;
 * empty when nothing says where home is. */
void cli_kernel_cache(char path[CLI_PATH_MAX]);

/* Makes the directories above a file. */
QF_MUST_CHECK qf_status cli_make_parents(const char *path);

#endif
