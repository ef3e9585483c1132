/* cache_option.h -- what --cache says. */
#ifndef QF_CLI_CACHE_OPTION_H
#define QF_CLI_CACHE_OPTION_H

#include "qforge/cache_mode.h"
#include "qforge/status.h"

/* "hot", "warm" or "cold"; QF_USAGE with a sentence for other words. */
QF_MUST_CHECK qf_status cli_cache_mode_parse(const char *text, qf_cache_mode *mode);

#endif
