/* generation.h -- streams a model's text to stdout and its speed to stderr. */
#ifndef QF_CLI_GENERATION_H
#define QF_CLI_GENERATION_H

#include "qforge/engine.h"
#include "qforge/tokenizer.h"

typedef struct cli_generation {
    qf_engine *engine;
    const qf_tokenizer *tokenizer;
    const int *prompt; /* at least one token */
    int prompt_count;
    int tokens; /* most to add; fewer when the text ends or the context is full */
    qf_sampling sampling;
    bool json; /* no stream: one object at the end */
} cli_generation;

/* QF_INTERRUPTED after Ctrl-C, with the text so far printed. */
QF_MUST_CHECK qf_status cli_generate(const cli_generation *generation);

#endif
