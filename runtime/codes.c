/* codes.c -- pack and unpack, one pair per width. */
#include "codes.h"

static void pack2(const uint8_t q[8], uint8_t *word, int64_t stride)
{
    for (int i = 0; i < 2; i++)
        word[i * stride] =
            (uint8_t)(q[4 * i] | q[4 * i + 1] << 2 | q[4 * i + 2] << 4 | q[4 * i + 3] << 6);
}

static void unpack2(const uint8_t *word, int64_t stride, uint8_t q[8])
{
    for (int j = 0; j < 8; j++) q[j] = word[j / 4 * stride] >> (2 * (j % 4)) & 3;
}

static void pack3(const uint8_t q[8], uint8_t *word, int64_t stride)
{
    word[0] = (uint8_t)(q[0] | q[1] << 3 | (q[6] & 3) << 6);
    word[stride] = (uint8_t)(q[2] | q[3] << 3 | (q[7] & 3) << 6);
    word[2 * stride] = (uint8_t)(q[4] | q[5] << 3 | (q[6] >> 2) << 6 | (q[7] >> 2) << 7);
}

static void unpack3(const uint8_t *word, int64_t stride, uint8_t q[8])
{
    const uint8_t w0 = word[0], w1 = word[stride], w2 = word[2 * stride];
    q[0] = w0 & 7, q[1] = w0 >> 3 & 7;
    q[2] = w1 & 7, q[3] = w1 >> 3 & 7;
    q[4] = w2 & 7, q[5] = w2 >> 3 & 7;
    q[6] = (uint8_t)(w0 >> 6 | (w2 >> 6 & 1) << 2);
    q[7] = (uint8_t)(w1 >> 6 | (w2 >> 7) << 2);
}

static void pack4(const uint8_t q[8], uint8_t *word, int64_t stride)
{
    for (int i = 0; i < 4; i++) word[i * stride] = (uint8_t)(q[2 * i] | q[2 * i + 1] << 4);
}

static void unpack4(const uint8_t *word, int64_t stride, uint8_t q[8])
{
    for (int j = 0; j < 8; j++) q[j] = word[j / 2 * stride] >> (4 * (j % 2)) & 15;
}

static void pack8(const uint8_t q[8], uint8_t *word, int64_t stride)
{
    for (int j = 0; j < 8; j++) word[j * stride] = q[j];
}

static void unpack8(const uint8_t *word, int64_t stride, uint8_t q[8])
{
    for (int j = 0; j < 8; j++) q[j] = word[j * stride];
}

typedef void pack_fn(const uint8_t[8], uint8_t *, int64_t);
typedef void unpack_fn(const uint8_t *, int64_t, uint8_t[8]);

static const struct {
    pack_fn *pack;
    unpack_fn *unpack;
} rows[QF_QUANT_COUNT] = {
    [QF_Q2] = {pack2, unpack2},
    [QF_Q3] = {pack3, unpack3},
    [QF_Q4] = {pack4, unpack4},
    [QF_Q8] = {pack8, unpack8},
};

void qf_codes_pack(qf_quant quant, const uint8_t quad[8], uint8_t *word, int64_t stride)
{
    QF_ASSERT(rows[quant].pack);
    rows[quant].pack(quad, word, stride);
}

void qf_codes_unpack(qf_quant quant, const uint8_t *word, int64_t stride, uint8_t quad[8])
{
    QF_ASSERT(rows[quant].unpack);
    rows[quant].unpack(word, stride, quad);
}

void qf_nibbles_pack(const uint8_t code[8], uint8_t byte[2])
{
    byte[0] = byte[1] = 0;
    for (int i = 0; i < 8; i++) {
        byte[0] = (uint8_t)(byte[0] | (code[i] & 1) << i);
        byte[1] = (uint8_t)(byte[1] | code[i] >> 1 << i);
    }
}

void qf_nibbles_unpack(const uint8_t byte[2], uint8_t code[8])
{
    for (int i = 0; i < 8; i++)
        code[i] = (uint8_t)((byte[0] >> i & 1) | (byte[1] >> i & 1) << 1);
}
