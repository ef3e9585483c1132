/* cache_option.c -- the words of --cache are the rows of cache_modes.def. */
#include "cache_option.h"

#define QF_CACHE_MODE(id, name, summary) ", " name
static const char modes[] =
#include "qforge/cache_modes.def"
    ;
#undef QF_CACHE_MODE

qf_status cli_cache_mode_parse(const char *text, qf_cache_mode *mode)
{
    *mode = qf_cache_mode_named(text);
    if (*mode != QF_CACHE_MODE_COUNT) return QF_OK;
    return qf_fail(QF_USAGE, "--cache: '%s' is none of %s", text, modes + 2);
}
