/* qforge/pieces.h -- learns a tokenizer from text: byte-pair encoding with byte fallback
 * (Sennrich, Haddow and Birch, ACL 2016), as the llama2.c tokenizer.bin that
 * qf_tokenizer_load reads.
 *
 * A piece never crosses a word; words begin with their space.  Ids: 0 unknown, 1 begin,
 * 2 end, 3..258 the bytes, then single characters, then merges in the order they were
 * learned. */
#ifndef QFORGE_PIECES_H
#define QFORGE_PIECES_H

#include <stddef.h>

#include "qforge/status.h"

/* Writes `path` with at most `vocab` pieces (fewer when the text offers no more pairs);
 * *learned (may be NULL) is how many.  Markers <|endoftext|> are left out.  QF_RANGE when
 * vocab cannot hold the bytes and the characters of the text.  Deterministic. */
QF_MUST_CHECK qf_status qf_pieces_learn(const char *text, size_t size, int vocab,
                                        const char *path, int *learned);

#endif
