/* interrupt.c -- a flag set by signals. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t asked;

static void ask(int number)
{
    asked = 1;
    signal(number, SIG_DFL);
}

void cli_interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ask;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void)
{
    return asked != 0;
}
