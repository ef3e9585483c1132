/* place.c -- a static program as an image of an emulated machine's memory.
 *
 *     place STUB PROGRAM IMAGE MEMORY_MIB [NAME=value]... -- ARGUMENT...
 *
 * PROGRAM is a static, non-PIE x86-64 ELF file; ARGUMENT 0 is its name. */
#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"

enum { BLOCK = 128 << 10 }; /* what the machine's memory is handed out in */

typedef struct file_bytes {
    uint8_t *bytes;
    size_t size;
} file_bytes;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "place: %s: %s\n", what, why);
    exit(1);
}

static file_bytes read_file(const char *path)
{
    file_bytes file = {NULL, 0};
    FILE *in = fopen(path, "rb");

    if (!in || fseek(in, 0, SEEK_END) != 0) die(path, "cannot be read");
    file.size = (size_t)ftell(in);
    file.bytes = malloc(file.size + 1);
    rewind(in);
    if (!file.bytes || fread(file.bytes, 1, file.size, in) != file.size)
        die(path, "cannot be read");
    fclose(in);
    return file;
}

static const Elf64_Ehdr *check_program(const char *path, const file_bytes *file)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;

    if (file->size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_machine != EM_X86_64)
        die(path, "no x86-64 program");
    if (header->e_type != ET_EXEC) die(path, "must be linked with -static -no-pie");
    if (header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) > file->size)
        die(path, "truncated");
    return header;
}

static const Elf64_Phdr *segment(const file_bytes *file, const Elf64_Ehdr *header, int i)
{
    return (const Elf64_Phdr *)(const void *)(file->bytes + header->e_phoff) + i;
}

/* Entry, headers and heap. */
static boot_record record_of(const char *path, const file_bytes *file, const Elf64_Ehdr *header,
                             uint64_t memory)
{
    boot_record boot = {
        .entry = header->e_entry, .header_count = header->e_phnum, .memory = memory};
    uint64_t end = 0;

    for (int i = 0; i < header->e_phnum; i++) {
        const Elf64_Phdr *s = segment(file, header, i);
        if (s->p_type != PT_LOAD) continue;
        if (s->p_vaddr < BOOT_PROGRAM || s->p_offset + s->p_filesz > file->size)
            die(path, "has a segment that cannot be placed");
        if (s->p_vaddr + s->p_memsz > end) end = s->p_vaddr + s->p_memsz;
        if (s->p_offset <= header->e_phoff && header->e_phoff < s->p_offset + s->p_filesz)
            boot.headers = s->p_vaddr + header->e_phoff - s->p_offset;
    }
    boot.heap = (end + 0xffff) & ~UINT64_C(0xffff);
    if (boot.heap + (16 << 20) > memory) die(path, "does not fit the memory");
    return boot;
}

/* Strings one behind the other, those before "--" counted as the environment. */
static void take_arguments(boot_record *boot, uint8_t *at, int count, char **argument)
{
    bool environment = true;

    for (int i = 0; i < count; i++) {
        const size_t size = strlen(argument[i]) + 1;
        if (environment && strcmp(argument[i], "--") == 0) {
            environment = false;
            continue;
        }
        if (boot->argument_bytes + size > BOOT_ARGUMENTS_MAX) die("arguments", "too long");
        memcpy(at + boot->argument_bytes, argument[i], size);
        boot->argument_bytes += size;
        boot->environment_count += environment;
    }
}

int main(int argc, char **argv)
{
    if (argc < 6) die("usage", "place STUB PROGRAM IMAGE MEMORY_MIB [NAME=value]... -- ARG...");
    const uint64_t memory = strtoull(argv[4], NULL, 10) << 20;
    if (memory < (16 << 20) || memory > BOOT_MEMORY_MAX) die(argv[4], "16 to 512 MiB");
    const file_bytes stub = read_file(argv[1]), program = read_file(argv[2]);
    if (stub.size < 16 || stub.size > BOOT_RECORD - BOOT_IMAGE) die(argv[1], "is no stub");
    const Elf64_Ehdr *header = check_program(argv[2], &program);
    boot_record boot = record_of(argv[2], &program, header, memory);

    const uint32_t size = (uint32_t)((boot.heap - BOOT_IMAGE + BLOCK - 1) / BLOCK * BLOCK);
    uint8_t *image = calloc(1, size);
    if (!image) die(argv[3], "no memory");
    memcpy(image, stub.bytes, stub.size);
    memcpy(image + 8, &size, sizeof size);
    take_arguments(&boot, image + BOOT_ARGUMENTS - BOOT_IMAGE, argc - 5, argv + 5);
    memcpy(image + BOOT_RECORD - BOOT_IMAGE, &boot, sizeof boot);
    for (int i = 0; i < header->e_phnum; i++) {
        const Elf64_Phdr *s = segment(&program, header, i);
        if (s->p_type == PT_LOAD)
            memcpy(image + s->p_vaddr - BOOT_IMAGE, program.bytes + s->p_offset, s->p_filesz);
    }
    FILE *out = fopen(argv[3], "wb");
    if (!out || fwrite(image, 1, size, out) != size || fclose(out) != 0)
        die(argv[3], "cannot be written");
    return 0;
}
