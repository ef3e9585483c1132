/* qforge/hash.h -- FNV-1a over bytes (Fowler, Noll, Vo), 64 bits: names and small tables,
 * nothing an enemy chooses. */
#ifndef QFORGE_HASH_H
#define QFORGE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define QF_HASH_START UINT64_C(0xCBF29CE484222325)

/* Of what `hash` is of, QF_HASH_START at first, and these bytes behind it. */
static inline uint64_t qf_hash(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * UINT64_C(0x100000001B3);
    return hash;
}

#endif
