/* half.c -- 16-bit floating point by bit arithmetic, so that every compiler and
 * CPU gives the same bits. */
#include "qforge/half.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float value_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t qf_half_of(float value)
{
    const uint32_t bits = bits_of(value), magnitude = bits & 0x7FFFFFFFu;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);

    if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u); /* NaN */
    if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);
    if (magnitude < 0x38800000u) {
        /* Subnormal: adding 0.5 lets the FPU's own rounding place the bits. */
        const float shifted = value_of(magnitude) + 0.5f;
        return (uint16_t)(sign | (bits_of(shifted) - 0x3F000000u));
    }
    const uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xFFFu + odd) >> 13));
}

float qf_half_value(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, rest = bits & 0x7FFFu;

    if (rest >= 0x7C00u) return value_of(sign | 0x7F800000u | (rest & 0x3FFu) << 13);
    if (rest < 0x400u) return value_of(sign | bits_of((float)rest * 0x1p-24f));
    return value_of(sign | ((rest << 13) + 0x38000000u));
}

uint16_t qf_bfloat_of(float value)
{
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

float qf_bfloat_value(uint16_t bits)
{
    return value_of((uint32_t)bits << 16);
}
