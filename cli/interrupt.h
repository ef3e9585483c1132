/* interrupt.h -- Ctrl-C asks; the work stops where nothing is lost. */
#ifndef QF_CLI_INTERRUPT_H
#define QF_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM only set a flag; the second one ends the program. */
void cli_interrupt_catch(void);
bool cli_interrupted(void);

#endif
