/* tie_set.c -- the first few by name; programs get them all. */
#include "tie_set.h"

#include <stdio.h>

enum { NAMED = 3 };

void cli_ties_text(const qf_ties *ties, char text[CLI_TIES_TEXT])
{
    char name[QF_NAME_MAX];
    size_t used = 0;

    text[0] = 0;
    for (int i = 0; i < ties->count && i < NAMED; i++) {
        qf_kernel_print(&ties->item[i].kernel, name);
        used +=
            (size_t)snprintf(text + used, CLI_TIES_TEXT - used, "%s%s", i ? ", " : "", name);
    }
    if (ties->count > NAMED)
        snprintf(text + used, CLI_TIES_TEXT - used, " and %d more", ties->count - NAMED);
}

void cli_ties_json(const qf_ties *ties, json_t *object)
{
    json_t *set = json_array();
    char name[QF_NAME_MAX];

    for (int i = 0; i < ties->count; i++) {
        const qf_tie *t = &ties->item[i];
        qf_kernel_print(&t->kernel, name);
        json_array_append_new(set, json_pack("{s:s, s:[f, f, f]}", "kernel", name, "ratio",
                                             t->low, t->ratio, t->high));
    }
    json_object_set_new(object, "ties", json_integer(ties->count));
    json_object_set_new(object, "tie_set", set);
}
