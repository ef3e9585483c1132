/* random_engine.h -- an engine of random weights, made before the user's eyes. */
#ifndef QF_CLI_RANDOM_ENGINE_H
#define QF_CLI_RANDOM_ENGINE_H

#include "machine.h"
#include "progress.h"
#include "qforge/random_model.h"

typedef struct cli_random_engine {
    qf_random_model random; /* what to make; its pool is set by open */
    qf_engine *engine;
    qf_model base;
    int64_t estimated_bytes; /* what was asked of memory beforehand */
    double seconds;          /* it took to make */
} cli_random_engine;

/* Makes the weights layer by layer and tells how far it is.  `name` is for sentences.
 * QF_MEMORY before anything is made when the model, its cache and the program would not
 * fit what memory is left; QF_INTERRUPTED on Ctrl-C.  Close it in either case. */
QF_MUST_CHECK qf_status cli_random_engine_open(const cli_machine *machine, const char *name,
                                               qf_accuracy accuracy, int context,
                                               cli_progress *progress,
                                               cli_random_engine *random);
void cli_random_engine_close(cli_random_engine *random);

#endif
