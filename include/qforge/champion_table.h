/* qforge/champion_table.h -- a ledger's champions in a packed file beside it,
 * "LEDGER-champions", that dispatch maps instead of asking the ledger.
 *
 * It is a copy and can be deleted at any time.  Whoever ends a search, a merge, an import or a
 * gc packs it anew; whoever maps it looks first whether the ledger is still what was packed, so
 * that a tuner that was killed leaves a table nobody believes.  Rows lie sorted as the program
 * has them in memory: a table of a program with other kinds of kernels is none. */
#ifndef QFORGE_CHAMPION_TABLE_H
#define QFORGE_CHAMPION_TABLE_H

#include "qforge/store.h"

typedef struct qf_champion_table qf_champion_table;

/* Packs what is elected and settled, of all machines and ABIs, unless the table there is of
 * this ledger as it is.  What goes wrong is nobody's loss and not told. */
void qf_champion_table_renew(qf_store *store);

/* Maps it.  NULL, with QF_OK, when there is none that can be believed: the ledger answers.
 * QF_DATABASE when the ledger cannot be asked; QF_MEMORY. */
QF_MUST_CHECK qf_status qf_champion_table_open(qf_store *store, qf_champion_table **table);
void qf_champion_table_close(qf_champion_table *table); /* NULL is fine */
int64_t qf_champion_table_count(const qf_champion_table *table);

/* What qf_store_best() would say of a problem that is settled.  False: not in it.  Any number
 * of threads may ask; the store is no longer needed. */
bool qf_champion_table_find(const qf_champion_table *table, const qf_scope *scope,
                            const qf_problem *problem, qf_best *best);

#endif
