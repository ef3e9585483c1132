/* names.c -- a search from the first row to the last. */
#include "qforge/names.h"

#include <stdio.h>
#include <string.h>

qf_status qf_name_find(const char *what, qf_name_of *name_of, int count, const char *name,
                       int *index)
{
    char all[256] = "";

    for (int i = 0; i < count; i++) {
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", name_of(i));
        if (strcmp(name_of(i), name) != 0) continue;
        *index = i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown %s '%s' (there are %s)", what, name, all);
}
