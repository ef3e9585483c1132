/* bitstream.h -- codes of a row as one stream of bits, low bits first: what a
 * quantised directory stores.  Code i occupies bits [i*b, (i+1)*b) of the stream, bit j
 * of the stream is bit j%8 of byte j/8; the last byte's spare bits are 0. */
#ifndef QF_BITSTREAM_H
#define QF_BITSTREAM_H

#include <stdint.h>

static inline int64_t bitstream_bytes(int64_t codes, int bits)
{
    return (codes * bits + 7) / 8;
}

/* codes [count], each < 2^bits, bits 1..8; stream has bitstream_bytes(count, bits). */
void bitstream_write(const uint8_t *code, int64_t count, int bits, uint8_t *stream);
void bitstream_read(const uint8_t *stream, int64_t count, int bits, uint8_t *code);

#endif
