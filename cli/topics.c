/* topics.c -- finds the topic of a verb and runs it. */
#include "topics.h"

#include <stdio.h>
#include <string.h>

static void print_topics(const char *verb, const cli_topic *topics, int count)
{
    printf("usage: qforge %s <what> [options]\n\n", verb);
    for (int i = 0; i < count; i++) printf("  %-10s %s\n", topics[i].name, topics[i].summary);
    printf("\nqforge %s <what> --help tells its options.\n", verb);
}

qf_status cli_run_topic(const cli_topic *topics, int count, int argc, char **argv)
{
    const char *verb = argv[0], *what = argc > 1 ? argv[1] : "";

    for (int i = 0; i < count; i++)
        if (strcmp(what, topics[i].name) == 0) return topics[i].run(argc - 1, argv + 1);
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        print_topics(verb, topics, count);
        return QF_OK;
    }
    const char *wrong = !*what         ? "say what, not"
                        : *what == '-' ? "unknown option"
                                       : "nothing called";
    return qf_fail(QF_USAGE, "%s: %s '%s' (try qforge %s --help)", verb, wrong, what, verb);
}
