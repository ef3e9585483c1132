/* bench.h -- benchmarks of the tool itself. */
#ifndef QF_CLI_BENCH_H
#define QF_CLI_BENCH_H

#include "command.h"

#define CLI_BENCH(name, summary) cli_command cli_bench_##name;
#include "benches.def"
#undef CLI_BENCH

#endif
