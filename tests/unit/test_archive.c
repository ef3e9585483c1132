/* test_archive.c -- an archive read back by its definition: its index leads to the members
 * that hold the symbols; what is no object is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/archive.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"

enum { MEMBERS = 3, HEADER = 60 };

/* Two kernels whose names are too long for a header, one whose is not; sizes of both
 * parities come from padding by hand. */
typedef struct objects {
    qf_code code[MEMBERS];
    qf_member member[MEMBERS];
    char symbol[MEMBERS][QF_NAME_MAX];
} objects;

static void make_objects(objects *o)
{
    static const char *const kernels[MEMBERS] = {"gemm_q4g64_dot_avx2_1x16_u1",
                                                 "gemm_q3g64_panel_avx2_2x16_u1_kc128",
                                                 "gemm_q2g32_rows_avx2_1x16_u1"};
    static const char *const names[MEMBERS] = {"short.o", "a_name_of_many_letters.o",
                                               "another_long_name.o"};
    for (int i = 0; i < MEMBERS; i++) {
        qf_kernel_id id;
        assert_int_equal(qf_kernel_parse(kernels[i], &id), QF_OK);
        qf_kernel_symbol(&id, o->symbol[i]);
        assert_int_equal(qf_codegen_emit(&id, QF_CODE_OBJECT, &o->code[i]), QF_OK);
        /* One byte behind the object, which ends in a NUL already: an odd size. */
        const size_t odd = o->code[i].size % 2 == 0 && i != 1;
        o->member[i] = (qf_member){names[i], o->code[i].bytes, o->code[i].size + odd};
    }
}

static void release(objects *o)
{
    for (int i = 0; i < MEMBERS; i++) qf_code_release(&o->code[i]);
}

static uint32_t big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The size in the header at `at`, which must be one. */
static size_t member_size(const uint8_t *at)
{
    assert_memory_equal(at + 58, "`\n", 2);
    return strtoul((const char *)at + 48, NULL, 10);
}

static void index_leads_to_members(void **state)
{
    (void)state;
    objects o;
    uint8_t *bytes;
    size_t size;
    make_objects(&o);
    assert_int_equal(qf_archive_make(o.member, MEMBERS, &bytes, &size), QF_OK);

    assert_memory_equal(bytes, "!<arch>\n/       ", 16);
    const uint8_t *index = bytes + 8 + HEADER;
    const uint32_t count = big(index);
    assert_int_equal(count, MEMBERS); /* a kernel's object holds one symbol others see */
    const char *name = (const char *)index + 4 + 4 * count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = big(index + 4 + 4 * i);
        assert_string_equal(name, o.symbol[i]);
        assert_int_equal(at % 2, 0);
        assert_true(at + HEADER + o.member[i].size <= size);
        assert_int_equal(member_size(bytes + at), o.member[i].size);
        assert_memory_equal(bytes + at + HEADER, o.member[i].bytes, o.member[i].size);
        name += strlen(name) + 1;
    }
    /* Names: in the header up to 15 characters, else behind a number. */
    const size_t index_size = member_size(bytes + 8);
    const uint8_t *table = index + index_size + index_size % 2;
    assert_memory_equal(table, "//              ", 16);
    assert_memory_equal(bytes + big(index + 4), "short.o/        ", 16);
    for (int i = 1; i < MEMBERS; i++) {
        const char *header = (const char *)bytes + big(index + 4 + 4 * i);
        assert_int_equal(*header, '/');
        const char *text = (const char *)table + HEADER + strtoul(header + 1, NULL, 10);
        const size_t length = strlen(o.member[i].name);
        assert_memory_equal(text, o.member[i].name, length);
        assert_memory_equal(text + length, "/\n", 2);
    }
    qf_free(bytes);
    release(&o);
}

static void same_members_same_bytes(void **state)
{
    (void)state;
    objects o;
    uint8_t *a, *b;
    size_t size, again;
    make_objects(&o);
    assert_int_equal(qf_archive_make(o.member, MEMBERS, &a, &size), QF_OK);
    assert_int_equal(qf_archive_make(o.member, MEMBERS, &b, &again), QF_OK);
    assert_int_equal(size, again);
    assert_memory_equal(a, b, size);
    qf_free(a);
    qf_free(b);
    release(&o);
}

static void refused(const qf_member *member)
{
    uint8_t *bytes;
    size_t size;
    qf_message_clear();
    assert_int_equal(qf_archive_make(member, 1, &bytes, &size), QF_FORMAT);
    assert_non_null(strstr(qf_message(), member->name));
}

/* Cut anywhere, or with a table that leads outside: an error or a whole archive, never a
 * read beyond the object (the address sanitizer watches the copy of exactly that size). */
static void damaged_objects_are_refused(void **state)
{
    (void)state;
    objects o;
    Elf64_Ehdr header;
    make_objects(&o);
    const size_t whole = o.code[0].size;
    refused(&(qf_member){"text.o", (const uint8_t *)"no object", 9});
    for (size_t size = 0; size < whole; size += 7) {
        uint8_t *copy = malloc(size + 1), *bytes;
        size_t made;
        assert_non_null(copy);
        memcpy(copy, o.code[0].bytes, size);
        copy = realloc(copy, size ? size : 1);
        if (qf_archive_make(&(qf_member){"cut.o", copy, size}, 1, &bytes, &made) == QF_OK)
            qf_free(bytes);
        free(copy);
    }
    memcpy(&header, o.code[0].bytes, sizeof header);
    header.e_shoff = UINT64_MAX - 8;
    memcpy(o.code[0].bytes, &header, sizeof header);
    refused(&(qf_member){"far.o", o.code[0].bytes, whole});
    header.e_type = ET_EXEC;
    memcpy(o.code[0].bytes, &header, sizeof header);
    refused(&(qf_member){"program.o", o.code[0].bytes, whole});
    release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_leads_to_members),
        cmocka_unit_test(same_members_same_bytes),
        cmocka_unit_test(damaged_objects_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
