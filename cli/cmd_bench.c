/* cmd_bench.c -- qforge bench: finds the benchmark and runs it. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "command.h"

static const struct {
    const char *name, *summary;
    cli_command *run;
} benches[] = {
#define CLI_BENCH(name, summary) {#name, summary, cli_bench_##name},
#include "benches.def"
#undef CLI_BENCH
};
enum { BENCHES = sizeof benches / sizeof *benches };

static void print_usage(FILE *out)
{
    fprintf(out, "usage: qforge bench <what> [options]\n\n");
    for (int i = 0; i < BENCHES; i++)
        fprintf(out, "  %-10s %s\n", benches[i].name, benches[i].summary);
    fprintf(out, "\nqforge bench <what> --help tells its options.\n");
}

qf_status cli_cmd_bench(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    for (int i = 0; i < BENCHES; i++)
        if (strcmp(what, benches[i].name) == 0) return benches[i].run(argc - 1, argv + 1);
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        print_usage(stdout);
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "bench: %s '%s' (try qforge bench --help)",
                   *what ? "nothing called" : "say what to measure, not", what);
}
