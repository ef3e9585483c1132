/* command_line.c -- quoting for POSIX shells. */
#include "command_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "qforge/memory.h"

static bool is_plain(const char *word)
{
    if (!*word) return false;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && !strchr("_-+=:,./@%", *word)) return false;
    return true;
}

/* Within single quotes nothing is special but their own end. */
static char *put(char *to, const char *word)
{
    if (is_plain(word)) return stpcpy(to, word);
    *to++ = '\'';
    for (; *word; word++) {
        if (*word == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *word;
    }
    *to++ = '\'';
    return to;
}

char *cli_command_line(int argc, char *const argv[])
{
    size_t room = sizeof "qforge";
    for (int i = 0; i < argc; i++) room += 4 * strlen(argv[i]) + 3;
    char *line = qf_alloc(room), *at = line;

    if (!line) return NULL;
    at = stpcpy(at, "qforge");
    for (int i = 0; i < argc; i++) {
        *at++ = ' ';
        at = put(at, argv[i]);
    }
    *at = 0;
    return line;
}
