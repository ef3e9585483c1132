/* bitstream.c -- codes to bits and back, through a small window of pending bits. */
#include "bitstream.h"

void bitstream_write(const uint8_t *code, int64_t count, int bits, uint8_t *stream)
{
    uint32_t window = 0;
    int pending = 0;

    for (int64_t i = 0; i < count; i++) {
        window |= (uint32_t)code[i] << pending;
        for (pending += bits; pending >= 8; pending -= 8) {
            *stream++ = (uint8_t)window;
            window >>= 8;
        }
    }
    if (pending) *stream = (uint8_t)window;
}

void bitstream_read(const uint8_t *stream, int64_t count, int bits, uint8_t *code)
{
    const uint32_t mask = (1u << bits) - 1;
    uint32_t window = 0;
    int pending = 0;

    for (int64_t i = 0; i < count; i++) {
        if (pending < bits) {
            window |= (uint32_t)*stream++ << pending;
            pending += 8;
        }
        code[i] = (uint8_t)(window & mask);
        window >>= bits;
        pending -= bits;
    }
}
