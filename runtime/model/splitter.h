/* splitter.h -- cuts a text into the words inside which byte-pair merges happen, by
 * regular expressions (PCRE2). */
#ifndef QF_MODEL_SPLITTER_H
#define QF_MODEL_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

#include "qforge/status.h"

typedef struct qf_splitter qf_splitter;

QF_MUST_CHECK qf_status qf_splitter_create(qf_splitter **splitter);
void qf_splitter_destroy(qf_splitter *splitter); /* NULL is fine */

/* Words made so far are cut again: matches of the pattern and what lies between them
 * become words.  literal: the pattern is a plain text.  path is for messages. */
QF_MUST_CHECK qf_status qf_splitter_add(qf_splitter *splitter, const char *path,
                                        const char *pattern, bool literal);

/* Calls word() for every word, in order, until one fails.  Bytes that are not UTF-8 are
 * words of their own. */
typedef qf_status qf_word(void *context, const char *text, size_t length);
QF_MUST_CHECK qf_status qf_splitter_run(const qf_splitter *splitter, const char *text,
                                        size_t length, qf_word *word, void *context);

#endif
