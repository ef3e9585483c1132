/* qforge/champions.h -- kernels that won elsewhere, as text that travels with the program.
 *
 * A file of JSON lines.  The first says {"schema": "qforge-champions/1"}, every other one is an
 * elected kernel:
 *
 *     {"problem": "fast_q4g64_1x4096x4096_t1", "kernel": "gemm_q4g64_dot_avx2_1x32_u1",
 *      "cache": "cold", "median_ns": …, "low_ns": …, "high_ns": …, "samples": …, "abi": 1,
 *      "code_hash": "…", "tune_key": "…", "isa_key": "…", "perf_key": "…", "vendor": "…",
 *      "brand": "…", "arch": "…", "compiler": "LLVM …", "program": "0.1.0", "done_us": …}
 *
 * The kernel's name says its recipe, instruction set, tile, unrolling, steps and alignment.
 * Files are concatenated freely. */
#ifndef QFORGE_CHAMPIONS_H
#define QFORGE_CHAMPIONS_H

#include "qforge/store.h"

typedef struct qf_champion {
    qf_best best; /* elected and settled, where it comes from */
    char tune_key[QF_KEY_MAX];
    int code_abi;
    char brand[64], program[24]; /* of the CPU; version of qforge */
} qf_champion;

/* Owns its items; zeroed it holds none. */
typedef struct qf_champions {
    int count;
    qf_champion *item;
} qf_champions;

/* Those that lie in the program (db/champions/), and those of a file.  QF_FORMAT with one
 * sentence naming the file, the line and what is wrong; then there are none. */
QF_MUST_CHECK qf_status qf_champions_shipped(qf_champions *champions);
QF_MUST_CHECK qf_status qf_champions_load(const char *path, qf_champions *champions);
void qf_champions_release(qf_champions *champions);

/* The one of exactly this problem, machine and ABI; NULL when there is none.  Whoever runs it
 * makes its code first, and lets it be when that has another hash: it is not what was judged.
 */
const qf_champion *qf_champions_find(const qf_champions *champions, const qf_scope *scope,
                                     const qf_problem *problem);

#endif
