/* qforge/tokenizer.h -- text to token ids and back.
 *
 * Reads llama2.c's tokenizer.bin and Hugging Face's tokenizer.json (SentencePiece-style
 * BPE with byte fallback, and byte-level BPE as in LLaMA-3).  One needs no file: the path
 * "bytes" names a token per byte (id = byte), 256 to begin and 257 to end a text; saved,
 * it is a tokenizer.json. */
#ifndef QFORGE_TOKENIZER_H
#define QFORGE_TOKENIZER_H

#include <stddef.h>

#include "qforge/status.h"

typedef struct qf_tokenizer qf_tokenizer;

#define QF_TOKENIZER_BYTES "bytes"

/* `path` is the file, QF_TOKENIZER_BYTES, or a directory holding tokenizer.json,
 * tokenizer.bin or tok<vocab>.bin (llama2.c's habit).  vocab is the model's: QF_SHAPE when
 * an id of the tokenizer is not below it, or when a llama2.c file has not exactly as many
 * pieces (such files know no padding, another number is another model's). */
QF_MUST_CHECK qf_status qf_tokenizer_load(const char *path, int vocab,
                                          qf_tokenizer **tokenizer);
void qf_tokenizer_free(qf_tokenizer *tokenizer);
/* Puts a copy into a model's directory, as tokenizer.json or tokenizer.bin. */
QF_MUST_CHECK qf_status qf_tokenizer_save(const qf_tokenizer *tokenizer, const char *directory);
const char *qf_tokenizer_path(const qf_tokenizer *tokenizer); /* the file read */

int qf_tokenizer_bos(const qf_tokenizer *tokenizer); /* -1: none */
int qf_tokenizer_eos(const qf_tokenizer *tokenizer);

/* Encodes `length` bytes of text; with_bos puts the begin token first.  *ids is made with
 * qf_alloc and belongs to the caller. */
QF_MUST_CHECK qf_status qf_tokenizer_encode(const qf_tokenizer *tokenizer, const char *text,
                                            size_t length, int with_bos, int **ids, int *count);
/* The bytes `id` stands for after `previous` (SentencePiece drops the space after the
 * begin token).  Not NUL-terminated; valid while the tokenizer lives. */
const char *qf_tokenizer_piece(const qf_tokenizer *tokenizer, int previous, int id,
                               size_t *length);

#endif
