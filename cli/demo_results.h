/* demo_results.h -- what the demo measured, read from the directory it leaves:
 *
 *     rows.tsv               label, key, subnet ("-": full precision), per line
 *     eval-<key>.json        qforge eval --json with --text and --choices
 *     token-<key>.json       qforge bench token --json
 *     front/front.json       qforge search -o
 *     tune.json              qforge tune --json
 *     train.tsv, qfa.tsv     qforge train --log
 *     stages.tsv             name, seconds, per line
 *     cpu.json               qforge cpu --json */
#ifndef QF_CLI_DEMO_RESULTS_H
#define QF_CLI_DEMO_RESULTS_H

#include <jansson.h>

#include "qforge/status.h"

enum { DEMO_ROWS = 32, DEMO_STAGES = 16 };

typedef struct demo_row {
    char label[64], key[32], subnet[1100];
    double bits, loss, accuracy, predicted_us, measured_us, bytes; /* NAN: unknown */
} demo_row;

typedef struct demo_curve {
    int count;
    double *step, *loss; /* owned */
} demo_curve;

typedef struct demo_stage {
    char name[48];
    double seconds;
} demo_stage;

typedef struct demo_results {
    int rows, stages;
    demo_row row[DEMO_ROWS];
    demo_stage stage[DEMO_STAGES];
    demo_curve train, qfa;
    double chance; /* of the questions */
    json_t *front, *tune, *cpu;
} demo_results;

/* QF_FORMAT or QF_IO naming the file that is missing or not what it should be. */
QF_MUST_CHECK qf_status demo_results_load(const char *directory, demo_results *results);
void demo_results_release(demo_results *results);

#endif
