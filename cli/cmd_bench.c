/* cmd_bench.c -- qforge bench. */
#include "bench.h"
#include "topics.h"

static const cli_topic benches[] = {
#define CLI_BENCH(name, summary) {#name, summary, cli_bench_##name},
#include "benches.def"
#undef CLI_BENCH
};

qf_status cli_cmd_bench(int argc, char **argv)
{
    return cli_run_topic(benches, sizeof benches / sizeof *benches, argc, argv);
}
