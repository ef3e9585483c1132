/* inference.h -- a model as `qforge run` and `qforge eval` take it: full precision or
 * quantised, with its tokenizer. */
#ifndef QF_CLI_INFERENCE_H
#define QF_CLI_INFERENCE_H

#include "machine.h"
#include "qforge/latency_table.h"
#include "qforge/engine.h"
#include "qforge/tokenizer.h"

typedef struct cli_inference {
    bool quantised;
    qf_model dense; /* when not quantised */
    qf_qmodel copies;
    qf_subnet subnet;
} cli_inference;

/* path: a llama2.c file, a Hugging Face directory or a quantised one.  subnet: digits, for
 * quantised directories only; NULL is the largest width everywhere. */
QF_MUST_CHECK qf_status cli_inference_open(const char *path, const char *subnet,
                                           cli_inference *inference);
void cli_inference_close(cli_inference *inference); /* also a zeroed one */

const qf_config *cli_inference_config(const cli_inference *inference);
/* tokenizer NULL: the one in the model's directory, or beside its file. */
QF_MUST_CHECK qf_status cli_inference_tokenizer(const cli_inference *inference,
                                                const char *path, const char *tokenizer,
                                                qf_tokenizer **opened);
QF_MUST_CHECK qf_status cli_inference_engine(const cli_inference *inference,
                                             const cli_machine *machine, qf_accuracy accuracy,
                                             int context, qf_engine **engine);

/* "auto", "warm" or "cold", of --cache; QF_USAGE for other words, as the next. */
QF_MUST_CHECK qf_status cli_residency_parse(const char *text, qf_residency *residency);
/* "exact", "fine" or "fast". */
QF_MUST_CHECK qf_status cli_accuracy_parse(const char *text, qf_accuracy *accuracy);
/* QF_USAGE unless low <= value <= high. */
QF_MUST_CHECK qf_status cli_check_int(const char *option, int64_t value, int64_t low,
                                      int64_t high);

#endif
