/* splitter.c -- PCRE2 over stretches of valid UTF-8.
 *
 * Validity is established once here: asked of PCRE2 it would be checked again, to the end
 * of the text, for every word. */
#include "splitter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "qforge/memory.h"

enum { PATTERNS_MAX = 8 };

struct qf_splitter {
    pcre2_code *pattern[PATTERNS_MAX];
    int count;
};

qf_status qf_splitter_create(qf_splitter **splitter)
{
    *splitter = qf_alloc(sizeof **splitter);
    return *splitter ? QF_OK : QF_MEMORY;
}

void qf_splitter_destroy(qf_splitter *splitter)
{
    if (!splitter) return;
    for (int i = 0; i < splitter->count; i++) pcre2_code_free(splitter->pattern[i]);
    qf_free(splitter);
}

qf_status qf_splitter_add(qf_splitter *splitter, const char *path, const char *pattern,
                          bool literal)
{
    const uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP);
    PCRE2_SIZE at;
    int error;

    if (splitter->count == PATTERNS_MAX)
        return qf_fail(QF_UNSUPPORTED, "%s: more than %d patterns", path, PATTERNS_MAX);
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);
    if (!code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(error, why, sizeof why);
        return qf_fail(QF_FORMAT, "%s: pattern '%.60s', character %zu: %s", path, pattern, at,
                       (const char *)why);
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where it cannot, matching is slower */
    splitter->pattern[splitter->count++] = code;
    return QF_OK;
}

/* ---- UTF-8 ---- */

static bool continues(const unsigned char *c, size_t left, size_t bytes)
{
    if (left < bytes) return false;
    for (size_t i = 1; i < bytes; i++)
        if ((c[i] & 0xC0) != 0x80) return false;
    return true;
}

/* Bytes of the valid character at c, 0 when there is none. */
static size_t valid_character(const unsigned char *c, size_t left)
{
    if (c[0] < 0x80) return 1;
    if (c[0] < 0xC2) return 0;
    if (c[0] < 0xE0) return continues(c, left, 2) ? 2 : 0;
    if (c[0] < 0xF0) {
        if (!continues(c, left, 3)) return 0;
        const bool overlong = c[0] == 0xE0 && c[1] < 0xA0;
        const bool surrogate = c[0] == 0xED && c[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (c[0] > 0xF4 || !continues(c, left, 4)) return 0;
    if ((c[0] == 0xF0 && c[1] < 0x90) || (c[0] == 0xF4 && c[1] >= 0x90)) return 0;
    return 4;
}

/* Bytes at `text` that are all valid, or, negative, all invalid. */
static ptrdiff_t stretch(const char *text, size_t length)
{
    const unsigned char *c = (const unsigned char *)text;
    const bool valid = valid_character(c, length) > 0;
    size_t at = 0;

    while (at < length) {
        const size_t bytes = valid_character(c + at, length - at);
        if ((bytes > 0) != valid) break;
        at += bytes ? bytes : 1;
    }
    return valid ? (ptrdiff_t)at : -(ptrdiff_t)at;
}

/* ---- cutting ---- */

typedef struct cutter {
    const qf_splitter *splitter;
    qf_word *word;
    void *context;
} cutter;

static int match(pcre2_code *code, const char *text, size_t length, size_t at,
                 pcre2_match_data *found)
{
    const int result =
        pcre2_match(code, (PCRE2_SPTR)text, length, at, PCRE2_NO_UTF_CHECK, found, NULL);
    if (result != PCRE2_ERROR_JIT_STACKLIMIT) return result;
    return pcre2_match(code, (PCRE2_SPTR)text, length, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                       found, NULL);
}

static qf_status cut(const cutter *c, int level, const char *text, size_t length);

static qf_status cut_at_matches(const cutter *c, int level, const char *text, size_t length,
                                pcre2_match_data *found)
{
    pcre2_code *code = c->splitter->pattern[level];
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(found);
    size_t done = 0;

    for (size_t at = 0; at < length;) {
        const int result = match(code, text, length, at, found);
        if (result == PCRE2_ERROR_NOMATCH) break;
        if (result < 0) return qf_fail(QF_FORMAT, "a pattern of the tokenizer fails on a text");
        const size_t begin = place[0], end = place[1];
        if (end <= begin) { /* empty: go on behind the next character */
            at = (begin > at ? begin : at) +
                 valid_character((const unsigned char *)text + begin, length - begin);
            if (begin >= length) break;
            continue;
        }
        if (begin > done) QF_TRY(cut(c, level + 1, text + done, begin - done));
        QF_TRY(cut(c, level + 1, text + begin, end - begin));
        done = at = end;
    }
    return done < length ? cut(c, level + 1, text + done, length - done) : QF_OK;
}

static qf_status cut(const cutter *c, int level, const char *text, size_t length)
{
    if (level == c->splitter->count) return c->word(c->context, text, length);
    pcre2_match_data *found =
        pcre2_match_data_create_from_pattern(c->splitter->pattern[level], NULL);
    if (!found) return qf_fail(QF_MEMORY, "no memory to match a pattern");
    const qf_status status = cut_at_matches(c, level, text, length, found);
    pcre2_match_data_free(found);
    return status;
}

qf_status qf_splitter_run(const qf_splitter *splitter, const char *text, size_t length,
                          qf_word *word, void *context)
{
    const cutter c = {splitter, word, context};

    while (length) {
        const ptrdiff_t run = stretch(text, length);
        const size_t bytes = (size_t)(run < 0 ? -run : run);
        QF_TRY(run < 0 ? word(context, text, bytes) : cut(&c, 0, text, bytes));
        text += bytes;
        length -= bytes;
    }
    return QF_OK;
}
