/* byte_level.h -- GPT-2's alphabet: every byte as a printable character, so that a
 * vocabulary of bytes can be written as JSON text.
 *
 * Printable Latin-1 stands for itself; the other 68 bytes are U+0100, U+0101, … in
 * order. */
#ifndef QF_MODEL_BYTE_LEVEL_H
#define QF_MODEL_BYTE_LEVEL_H

#include <stddef.h>
#include <stdint.h>

/* The character of a byte, at most U+0143. */
int qf_byte_level_character(uint8_t byte);
/* Decodes text of that alphabet into bytes; returns how many, or -1 when a character is
 * not of it.  `bytes` has room for `length`. */
ptrdiff_t qf_byte_level_decode(const char *text, size_t length, char *bytes);

#endif
