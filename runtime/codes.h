/* codes.h -- the bit packing of one block of 32 k (pack.h), a byte per lane and k. */
#ifndef QF_RUNTIME_CODES_H
#define QF_RUNTIME_CODES_H

#include <stdint.h>

#include "qforge/kernel.h"

/* One vector of a block: word[i] is byte `lane_byte` of word i; there are `bits` words of
 * `stride` bytes.  quad[j] is that byte's code in quad j. */
void qf_codes_pack(qf_quant quant, const uint8_t quad[8], uint8_t *word, int64_t stride);
void qf_codes_unpack(qf_quant quant, const uint8_t *word, int64_t stride, uint8_t quad[8]);

/* Order NIBBLES: eight codes of two bits in a row's two bytes, low bits first. */
void qf_nibbles_pack(const uint8_t code[8], uint8_t byte[2]);
void qf_nibbles_unpack(const uint8_t byte[2], uint8_t code[8]);

#endif
