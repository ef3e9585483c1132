/* boot.h -- what place tells the stub, and where things lie in the machine's memory.
 *
 *     0x100000  stub       0x1f0000  this record, then the arguments
 *     0x200000  page tables of the first 512 MiB
 *     0x400000  the program, then its heap; mappings and stack from the top down */
#ifndef QF_EMULATED_BOOT_H
#define QF_EMULATED_BOOT_H

#include <stdint.h>

enum {
    BOOT_IMAGE = 0x100000,
    BOOT_RECORD = 0x1f0000,
    BOOT_ARGUMENTS = BOOT_RECORD + 0x100,
    BOOT_ARGUMENTS_MAX = 0x4000,
    BOOT_PAGE_TABLES = 0x200000,
    BOOT_PROGRAM = 0x300000, /* the lowest address it may ask for */
    BOOT_MEMORY_MAX = 512 << 20
};

typedef struct boot_record {
    uint64_t entry, headers, header_count; /* of the program, as the kernel would tell it */
    uint64_t heap, memory;                 /* first byte of the heap, bytes of memory */
    uint64_t argument_bytes;               /* strings, each with its NUL */
    uint64_t environment_count;            /* how many of them are NAME=value, first */
} boot_record;

#endif
