/* champion_lines.h -- champions as text, both ways. */
#ifndef QF_DB_CHAMPION_LINES_H
#define QF_DB_CHAMPION_LINES_H

#include "qforge/champions.h"
#include "results.h"

#define CHAMPIONS_SCHEMA "qforge-champions/1"

/* Writes the elected kernels of every machine, of the problems exchange_rank.sql has ranked. */
QF_MUST_CHECK qf_status champions_put(sql_db *sql, text_out *out);

/* Whether a text begins as one of champions does. */
bool champions_are(const char *text);

/* Calls take for every line that is one, at `where`; its texts live until it returns.  What
 * take returns other than QF_OK ends it. */
typedef qf_status champions_take(void *context, const seed *seed, int64_t abi,
                                 const char *where);
QF_MUST_CHECK qf_status champions_read(const char *name, const char *text, champions_take *take,
                                       void *context);

#endif
