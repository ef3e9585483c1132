/* qforge/random.h -- counter-based random numbers, Philox4x32-10
 * (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A number is a pure function of (seed, stream, index), so the order of use,
 * the number of threads and a resumed run do not change any of them. */
#ifndef QFORGE_RANDOM_H
#define QFORGE_RANDOM_H

#include <stdint.h>

/* Four 32-bit numbers for counter (stream, index) under key `seed`. */
void qf_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

/* A cursor over one stream. */
typedef struct qf_random {
    uint64_t seed;
    uint64_t stream;
    uint64_t index; /* of the next block of four */
    uint32_t block[4];
    int left; /* unused numbers in block */
} qf_random;

qf_random qf_random_init(uint64_t seed, uint64_t stream);
uint32_t qf_random_u32(qf_random *random);
uint32_t qf_random_below(qf_random *random, uint32_t bound); /* bound > 0, unbiased */
double qf_random_unit(qf_random *random);                    /* [0, 1) */
double qf_random_normal(qf_random *random);                  /* mean 0, variance 1 */

#endif
