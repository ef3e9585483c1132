/* stub.c -- as much of Linux as one static program needs: a table of system calls.
 *
 * One process, one thread, no files, no signals.  Pages are real: what is not mapped, or
 * mapped without the right to read or write, faults and ends the machine (rom.S). */
#include <stddef.h>
#include <stdint.h>

#include "boot.h"

typedef uint64_t u64;
typedef struct registers {
    u64 number, a1, a2, a3, a4, a5, a6, rip, flags;
} registers;

enum { PAGE = 4096, STACK = 8 << 20, PAGES = BOOT_MEMORY_MAX / PAGE };
enum { PRESENT = 1, WRITABLE = 2, TAKEN = 1 << 9 }; /* TAKEN: ours, the CPU ignores it */
enum { PROT_WRITE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
enum { ENOENT = 2, ENOMEM = 12, EINVAL = 22, ENOTTY = 25, ESPIPE = 29, ENOSYS = 38 };
enum { EFER = 0xC0000080, STAR, LSTAR, SYSCALL_MASK = 0xC0000084, FS_BASE = 0xC0000100 };
enum { CONSOLE = 0xE9, POWER = 0x8900 };

void system_entry(void);
void enter_user(u64 entry, u64 stack);
long system_call(registers *r);
void stub_main(void);

static u64 heap, heap_cleared, random_state = 88172645463325252u;
static u64 lowest; /* page number: mappings are at and above it */

static const boot_record *boot(void)
{
    return (const boot_record *)BOOT_RECORD;
}

/* ---- the machine ---- */

static void out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void write_register(uint32_t number, u64 value)
{
    __asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static u64 read_register(uint32_t number)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (u64)high << 32 | low;
}

static u64 ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

void *memset(void *to, int value, size_t count)
{
    void *at = to;
    u64 eight = (uint8_t)value * 0x0101010101010101u;
    size_t n = count / 8, rest = count % 8;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(n) : "a"(eight) : "memory");
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(eight) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count)::"memory");
    return to;
}

static void print(const char *text)
{
    while (*text) out(CONSOLE, (uint8_t)*text++);
}

static void print_number(u64 value)
{
    char digit[24];
    int count = 0;
    do digit[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count) out(CONSOLE, (uint8_t)digit[--count]);
}

/* "[exit 0]" is what the caller looks for; the rest is how either Bochs comes to an end. */
__attribute__((noreturn)) static void power_off(u64 status)
{
    print("[exit ");
    print_number(status);
    print("]\n");
    if (status == 0) out(POWER, 'D');
    for (const char *c = "Shutdown"; *c; c++) out(POWER, (uint8_t)*c);
    for (;;) __asm__("hlt");
}

/* ---- pages ---- */

static u64 *page_table(void)
{
    return (u64 *)BOOT_PAGE_TABLES;
}

static u64 page_count(u64 bytes)
{
    return (bytes + PAGE - 1) / PAGE;
}

/* NX is not modelled: what may be read may be executed. */
static void protect(u64 page, u64 count, u64 rights)
{
    for (; count; page++, count--) {
        if (page >= boot()->memory / PAGE) return;
        u64 entry = page * PAGE | TAKEN;
        if (rights) entry |= PRESENT | (rights & PROT_WRITE ? WRITABLE : 0);
        page_table()[page] = entry;
        __asm__ volatile("invlpg (%0)" ::"r"(page * PAGE) : "memory");
    }
}

static void start_paging(void)
{
    u64 *directory = (u64 *)0x3000, cr0, cr3;

    for (u64 i = 0; i < PAGES; i++) page_table()[i] = i * PAGE | (i ? PRESENT | WRITABLE : 0);
    for (u64 i = 0; i < 512; i++)
        directory[i] = i < PAGES / 512 ? (BOOT_PAGE_TABLES + i * PAGE) | PRESENT | WRITABLE
                                       : i << 21 | 0x83;
    *(u64 *)0x2000 = 0x3000 | PRESENT | WRITABLE;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0 | 0x10000)); /* read-only holds in ring 0 too */
    __asm__ volatile("mov %%cr3, %0\n mov %0, %%cr3" : "=r"(cr3)::"memory");
}

/* The highest run of free pages below the stack; 0 when there is none. */
static u64 find_pages(u64 count)
{
    const u64 top = (boot()->memory - STACK) / PAGE, bottom = heap / PAGE + 256;
    u64 run = 0;

    for (u64 page = top; page-- > bottom;) {
        run = page_table()[page] & TAKEN ? 0 : run + 1;
        if (run == count) return page;
    }
    return 0;
}

static long map(const registers *r)
{
    const u64 count = page_count(r->a2);
    u64 page = r->a1 / PAGE;

    if (!(r->a4 & MAP_ANONYMOUS) || !count) return -EINVAL;
    if (!(r->a4 & MAP_FIXED)) page = find_pages(count);
    if (!page) return -ENOMEM;
    if (page < lowest) lowest = page;
    protect(page, count, PROT_WRITE | 1);
    memset((void *)(page * PAGE), 0, count * PAGE);
    protect(page, count, r->a3);
    return (long)(page * PAGE);
}

static long unmap(u64 at, u64 bytes)
{
    for (u64 page = at / PAGE, end = page + page_count(bytes); page < end; page++) {
        protect(page, 1, 0);
        if (page < PAGES) page_table()[page] &= ~(u64)TAKEN;
    }
    return 0;
}

static long remap(const registers *r)
{
    const registers fresh = {.a2 = r->a3, .a3 = PROT_WRITE | 1, .a4 = MAP_ANONYMOUS};
    const long at = map(&fresh);

    if (at < 0) return at;
    memcpy((void *)at, (void *)r->a1, r->a2 < r->a3 ? r->a2 : r->a3);
    unmap(r->a1, r->a2);
    return at;
}

static long move_break(u64 end)
{
    if (end < boot()->heap || end >= lowest * PAGE) return (long)heap;
    if (end > heap_cleared) {
        memset((void *)heap_cleared, 0, end - heap_cleared);
        heap_cleared = end;
    } else if (end < heap) {
        memset((void *)end, 0, heap - end);
    }
    heap = end;
    return (long)heap;
}

/* ---- what programs ask about their world ---- */

static long write_out(const char *text, u64 count)
{
    for (u64 i = 0; i < count; i++) out(CONSOLE, (uint8_t)text[i]);
    return (long)count;
}

static long write_parts(const u64 *part, u64 count)
{
    long total = 0;
    for (u64 i = 0; i < count; i++)
        total += write_out((const char *)part[2 * i], part[2 * i + 1]);
    return total;
}

/* A tick is a nanosecond. */
static long tell_time(u64 *time, u64 unit)
{
    const u64 now = ticks();
    if (time) time[0] = now / 1000000000, time[1] = now % 1000000000 / unit;
    return 0;
}

static long tell_random(uint8_t *to, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        to[i] = (uint8_t)random_state;
    }
    return (long)count;
}

static long tell_system(char *names)
{
    memset(names, 0, 390);
    memcpy(names, "Linux", 6);
    memcpy(names + 65, "emulated", 9);
    memcpy(names + 2 * 65, "6.1.0-stub", 11);
    memcpy(names + 4 * 65, "x86_64", 7);
    return 0;
}

/* struct sysinfo: memory in bytes, one process. */
static long tell_memory(u64 *info)
{
    memset(info, 0, 112);
    info[4] = boot()->memory;
    info[5] = boot()->memory - heap;
    ((uint16_t *)info)[40] = 1;
    ((uint32_t *)info)[26] = 1;
    return 0;
}

/* Standard output is a character device. */
static long tell_file(int handle, uint8_t *about)
{
    if (handle < 0 || handle > 2) return -ENOENT;
    memset(about, 0, 144);
    ((uint32_t *)about)[6] = 0x2190;
    return 0;
}

static long tell_cpus(u64 *set, u64 bytes)
{
    memset(set, 0, bytes);
    set[0] = 1;
    return 8;
}

static long tell_limit(u64 *limit)
{
    if (limit) limit[0] = STACK, limit[1] = ~(u64)0;
    return 0;
}

static long set_base(u64 what, u64 base)
{
    if (what != 0x1002) return -EINVAL; /* ARCH_SET_FS */
    write_register(FS_BASE, base);
    return 0;
}

static long die_by(u64 number)
{
    print("[signal ");
    print_number(number);
    print("]\n");
    power_off(134);
}

/* Calls whose answer never changes. */
static const struct {
    uint16_t number;
    int16_t answer;
} constants[] = {
    {39, 1},        {186, 1},       {218, 1}, /* getpid, gettid, set_tid_address */
    {102, 0},       {104, 0},       {107, 0},
    {108, 0},                                 /* getuid and its like: root */
    {0, 0},         {3, 0},         {201, 0}, /* read, close, time */
    {13, 0},        {14, 0},        {131, 0}, /* signals are never delivered */
    {24, 0},        {35, 0},        {230, 0}, /* yield and sleep: nobody else waits */
    {28, 0},        {157, 0},       {202, 0},
    {273, 0},                      /* madvise, prctl, futex, robust list */
    {8, -ESPIPE},   {16, -ENOTTY}, /* lseek, ioctl */
    {2, -ENOENT},   {4, -ENOENT},   {6, -ENOENT},
    {21, -ENOENT},  {89, -ENOENT}, /* files: none */
    {257, -ENOENT}, {267, -ENOENT}, {269, -ENOENT},
    {439, -ENOENT}, {22, -ENOSYS},  {56, -ENOSYS},
    {57, -ENOSYS},  {58, -ENOSYS}, /* pipe, clone, fork */
    {293, -ENOSYS}, {324, -ENOSYS}, {334, -ENOSYS},
    {435, -ENOSYS},
};

static long answer_or_complain(u64 number)
{
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (constants[i].number == number) return constants[i].answer;
    print("[no system call ");
    print_number(number);
    print("]\n");
    return -ENOSYS;
}

static long tell(const registers *r)
{
    switch (r->number) {
    case 5:
        return tell_file((int)r->a1, (uint8_t *)r->a2);
    case 262:
        return tell_file((int)r->a1, (uint8_t *)r->a3);
    case 63:
        return tell_system((char *)r->a1);
    case 96:
        return tell_time((u64 *)r->a1, 1000);
    case 228:
        return tell_time((u64 *)r->a2, 1);
    case 99:
        return tell_memory((u64 *)r->a1);
    case 204:
        return tell_cpus((u64 *)r->a3, r->a2);
    case 302:
        return tell_limit((u64 *)r->a4);
    case 318:
        return tell_random((uint8_t *)r->a1, r->a2);
    default:
        return answer_or_complain(r->number);
    }
}

long system_call(registers *r)
{
    switch (r->number) {
    case 1:
        return write_out((const char *)r->a2, r->a3);
    case 20:
        return write_parts((const u64 *)r->a2, r->a3);
    case 9:
        return map(r);
    case 10:
        protect(r->a1 / PAGE, page_count(r->a2), r->a3);
        return 0;
    case 11:
        return unmap(r->a1, r->a2);
    case 12:
        return move_break(r->a1);
    case 25:
        return remap(r);
    case 60:
    case 231: /* exit, exit_group */
        power_off(r->a1 & 255);
    case 62: /* kill */
        return die_by(r->a2);
    case 234: /* tgkill */
        return die_by(r->a3);
    case 158:
        return set_base(r->a1, r->a2);
    default:
        return tell(r);
    }
}

/* ---- the start ---- */

static void listen(void)
{
    write_register(EFER, read_register(EFER) | 1);
    write_register(STAR, (u64)0x18 << 32);
    write_register(LSTAR, (u64)system_entry);
    write_register(SYSCALL_MASK, 0);
}

/* argc, argv, environment and auxiliary vector, below the strings. */
static u64 *build_stack(u64 top)
{
    enum {
        AT_PHDR = 3,
        AT_PHENT,
        AT_PHNUM,
        AT_PAGESZ,
        AT_ENTRY = 9,
        AT_UID = 11,
        AT_EUID,
        AT_GID,
        AT_EGID,
        AT_HWCAP = 16,
        AT_CLKTCK,
        AT_SECURE = 23,
        AT_RANDOM = 25
    };
    const boot_record *b = boot();
    const u64 random = top - 64;
    char *text = (char *)top - PAGE - b->argument_bytes, *end = text + b->argument_bytes;
    const u64 vector[] = {
        AT_PHDR,   b->headers, AT_PHENT,  56,       AT_PHNUM,  b->header_count,
        AT_PAGESZ, PAGE,       AT_ENTRY,  b->entry, AT_UID,    0,
        AT_EUID,   0,          AT_GID,    0,        AT_EGID,   0,
        AT_HWCAP,  0x078BFBFF, AT_CLKTCK, 100,      AT_SECURE, 0,
        AT_RANDOM, random,     0,         0};
    u64 *stack = (u64 *)(((u64)text - 4 * PAGE) & ~(u64)63), *at = stack + 1, count = 0;
    char *first_argument = text;

    memcpy(text, (const void *)BOOT_ARGUMENTS, b->argument_bytes);
    for (u64 i = 0; i < b->environment_count; i++)
        while (*first_argument++) {
        }
    for (char *c = first_argument; c < end; count++) {
        *at++ = (u64)c;
        while (*c++) {
        }
    }
    stack[0] = count;
    *at++ = 0;
    for (char *c = text; c < first_argument;) {
        *at++ = (u64)c;
        while (*c++) {
        }
    }
    *at++ = 0;
    memcpy(at, vector, sizeof vector);
    return stack;
}

void stub_main(void)
{
    const u64 top = boot()->memory;

    print("[begin]\n");
    start_paging();
    listen();
    heap = heap_cleared = boot()->heap;
    lowest = (top - STACK) / PAGE;
    memset((void *)(top - (64 << 10)), 0, 64 << 10);
    enter_user(boot()->entry, (u64)build_stack(top));
}
