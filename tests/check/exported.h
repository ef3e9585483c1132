/* exported.h -- what a ledger says, as text: two that know the same have the same. */
#ifndef QF_CHECK_EXPORTED_H
#define QF_CHECK_EXPORTED_H

#include "qforge/exchange.h"

/* The whole export of the ledger at `path`, made with malloc; fails the test otherwise. */
char *check_exported(const char *path, qf_exchange format, const char *problems);

/* A path in the test's directory; eight are kept. */
const char *check_place(const char *name);
void check_place_text(const char *path, const char *text, size_t size);
/* A ledger with rows of every kind: 3 sessions, of which one runs, and 15 outcomes, some of
 * them failures with details that are hard to write. */
void check_ledger_fill(const char *path, uint64_t seed);

#endif
