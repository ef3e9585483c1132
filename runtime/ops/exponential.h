/* exponential.h -- expf as a polynomial, so that loops over it become vector code.
 *
 * Cody and Waite's reduction x = n ln 2 + r, |r| <= ln 2 / 2, with Cephes' polynomial of
 * degree 7: within 2 units in the last place.  Below -87.33 the answer is 0, above 88.37
 * it stays finite; NaN stays NaN. */
#ifndef QF_OPS_EXPONENTIAL_H
#define QF_OPS_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

static inline float qf_expf(float x)
{
    const float low = -87.33f, high = 88.37f;
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float inside = x < low ? low : x;
    inside = inside > high ? high : inside;

    float n = inside * 1.44269504088896341f + magic;
    uint32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= magic;
    const float r = inside - n * 0.693359375f - n * -2.12194440e-4f;

    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;

    /* n sits in the low bits of `bits`; the shift drops the rest of the magic number. */
    bits = (bits << 23) + 0x3F800000u;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < low ? 0.0f : p * power;
}

#endif
