/* tie_set.h -- kernels that could not be told from the one that answers, as text and as JSON.
 */
#ifndef QF_CLI_TIE_SET_H
#define QF_CLI_TIE_SET_H

#include <jansson.h>

#include "qforge/store.h"

enum { CLI_TIES_TEXT = 4 * QF_NAME_MAX };

/* "NAME, NAME, NAME and 2 more"; "" without any. */
void cli_ties_text(const qf_ties *ties, char text[CLI_TIES_TEXT]);
/* Sets "ties": how many, and "tie_set": [{"kernel": NAME, "ratio": [low, mid, high]}, …], a
 * ratio being the kernel's time in that of the one that answers. */
void cli_ties_json(const qf_ties *ties, json_t *object);

#endif
