/* random.c -- Philox4x32-10. */
#include "qforge/random.h"

#include <math.h>

void qf_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4])
{
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);

    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

qf_random qf_random_init(uint64_t seed, uint64_t stream)
{
    return (qf_random){.seed = seed, .stream = stream};
}

uint32_t qf_random_u32(qf_random *random)
{
    if (random->left == 0) {
        qf_philox(random->seed, random->stream, random->index++, random->block);
        random->left = 4;
    }
    return random->block[4 - random->left--];
}

uint32_t qf_random_below(qf_random *random, uint32_t bound)
{
    /* Lemire 2019: reject the few products that would favour small results. */
    const uint32_t unfair = -bound % bound;
    for (;;) {
        const uint64_t product = (uint64_t)qf_random_u32(random) * bound;
        if ((uint32_t)product >= unfair) return (uint32_t)(product >> 32);
    }
}

double qf_random_unit(qf_random *random)
{
    const uint64_t high = qf_random_u32(random), low = qf_random_u32(random);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

double qf_random_normal(qf_random *random)
{
    const double radius = sqrt(-2 * log(1 - qf_random_unit(random)));
    return radius * cos(6.283185307179586 * qf_random_unit(random));
}
