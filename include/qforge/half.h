/* qforge/half.h -- IEEE binary16 and bfloat16, round to nearest even. */
#ifndef QFORGE_HALF_H
#define QFORGE_HALF_H

#include <stdint.h>

uint16_t qf_half_of(float value); /* overflows to infinity */
float qf_half_value(uint16_t bits);
uint16_t qf_bfloat_of(float value);
float qf_bfloat_value(uint16_t bits);

#endif
