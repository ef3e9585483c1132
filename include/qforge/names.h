/* qforge/names.h -- rows of a table by their names. */
#ifndef QFORGE_NAMES_H
#define QFORGE_NAMES_H

#include "qforge/status.h"

/* Name of row `index` of a table. */
typedef const char *qf_name_of(int index);

/* *index: the row of that name among `count`.  QF_USAGE, "unknown WHAT 'NAME' (there are a,
 * b, c)", when there is none.  Any thread. */
QF_MUST_CHECK qf_status qf_name_find(const char *what, qf_name_of *name_of, int count,
                                     const char *name, int *index);

#endif
