/* test_tensorfile.c -- safetensors: round trips, and every way a file can lie. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "qforge/tensorfile.h"
#include "scratch.h"

static void write_sample(const char *path)
{
    static const float f[6] = {1, -2, 3.5f, 0, 1e-30f, 6};
    static const uint8_t u[3] = {0, 127, 255};
    static const int64_t i[2] = {INT64_MIN, INT64_MAX};
    qf_tensorwriter *writer;

    assert_int_equal(qf_tensorwriter_create(path, &writer), QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "u", QF_DTYPE_U8, 1, (int64_t[]){3}, u),
                     QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "f", QF_DTYPE_F32, 2, (int64_t[]){2, 3}, f),
                     QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "i", QF_DTYPE_I64, 1, (int64_t[]){2}, i),
                     QF_OK);
    assert_int_equal(
        qf_tensorwriter_add(writer, "empty", QF_DTYPE_F32, 2, (int64_t[]){0, 4}, NULL), QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "scalar", QF_DTYPE_F32, 0, NULL, f), QF_OK);
    assert_int_equal(qf_tensorwriter_metadata(writer, "step", "17"), QF_OK);
    assert_int_equal(qf_tensorwriter_commit(writer), QF_OK);
    qf_tensorwriter_destroy(writer);
}

static void round_trip(void **state)
{
    const char *path = check_scratch_path("sample.safetensors");
    qf_tensorfile *file;
    float f[6];
    int64_t i[2];
    (void)state;

    write_sample(path);
    assert_int_equal(qf_tensorfile_open(path, &file), QF_OK);
    assert_int_equal(qf_tensorfile_count(file), 5);
    assert_string_equal(qf_tensorfile_at(file, 0)->name, "empty");
    assert_string_equal(qf_tensorfile_metadata(file, "format"), "pt");
    assert_string_equal(qf_tensorfile_metadata(file, "step"), "17");
    assert_null(qf_tensorfile_metadata(file, "nothing"));
    assert_null(qf_tensorfile_find(file, "nothing"));
    assert_int_equal(qf_tensorfile_read_f32(file, "f", 2, (int64_t[]){2, 3}, f), QF_OK);
    assert_true(f[2] == 3.5f && f[4] == 1e-30f);
    assert_int_equal(qf_tensorfile_read(file, "i", QF_DTYPE_I64, 1, (int64_t[]){2}, i), QF_OK);
    assert_true(i[0] == INT64_MIN && i[1] == INT64_MAX);
    assert_int_equal(qf_tensorfile_find(file, "scalar")->count, 1);
    assert_int_equal(qf_tensorfile_find(file, "u")->data[2], 255);
    /* Wide types come first, so floats are aligned. */
    assert_int_equal((uintptr_t)qf_tensorfile_find(file, "f")->data % 4, 0);

    assert_int_equal(qf_tensorfile_read_f32(file, "f", 2, (int64_t[]){3, 2}, f), QF_SHAPE);
    assert_int_equal(qf_tensorfile_read_f32(file, "f", 1, (int64_t[]){6}, f), QF_SHAPE);
    assert_int_equal(qf_tensorfile_read_f32(file, "g", 1, (int64_t[]){6}, f), QF_FORMAT);
    assert_int_equal(qf_tensorfile_read_f32(file, "i", 1, (int64_t[]){2}, f), QF_FORMAT);
    assert_int_equal(qf_tensorfile_read(file, "f", QF_DTYPE_I32, 2, (int64_t[]){2, 3}, f),
                     QF_FORMAT);
    qf_tensorfile_close(file);
}

static void writer_refuses(void **state)
{
    qf_tensorwriter *writer;
    const float one = 1;
    struct stat info;
    (void)state;

    assert_int_equal(qf_tensorwriter_create(check_scratch_path("no/such/place"), &writer),
                     QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "a", QF_DTYPE_F32, 0, NULL, &one), QF_OK);
    assert_int_equal(qf_tensorwriter_add(writer, "a", QF_DTYPE_F32, 0, NULL, &one), QF_FORMAT);
    assert_int_equal(qf_tensorwriter_add(writer, "\xff", QF_DTYPE_F32, 0, NULL, &one),
                     QF_FORMAT);
    assert_int_equal(qf_tensorwriter_add(writer, "__metadata__", QF_DTYPE_F32, 0, NULL, &one),
                     QF_FORMAT);
    assert_int_equal(qf_tensorwriter_commit(writer), QF_IO);
    assert_non_null(strstr(qf_message(), "no/such/place"));
    qf_tensorwriter_destroy(writer);

    /* A directory cannot be replaced by a file; nothing stays beside it. */
    assert_int_equal(mkdir(check_scratch_path("taken"), 0777), 0);
    assert_int_equal(qf_tensorwriter_create(check_scratch_path("taken"), &writer), QF_OK);
    assert_int_equal(qf_tensorwriter_commit(writer), QF_IO);
    qf_tensorwriter_destroy(writer);
    char beside[64];
    snprintf(beside, sizeof beside, "taken.%ld.part", (long)getpid());
    assert_int_not_equal(stat(check_scratch_path(beside), &info), 0);
}

/* A disk that fills up half way: one line, the old file whole, nothing left beside it. */
static void full_disk(void **state)
{
    const char *path = check_scratch_path("full.safetensors");
    struct rlimit before, little;
    qf_tensorwriter *writer;
    qf_tensorfile *file;
    float values[256] = {0};
    char beside[64];
    (void)state;

    write_sample(path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){512, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_int_equal(qf_tensorwriter_create(path, &writer), QF_OK);
    assert_int_equal(
        qf_tensorwriter_add(writer, "x", QF_DTYPE_F32, 1, (int64_t[]){256}, values), QF_OK);
    assert_int_equal(qf_tensorwriter_commit(writer), QF_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    qf_tensorwriter_destroy(writer);

    assert_non_null(strstr(qf_message(), "full.safetensors"));
    assert_int_equal(qf_tensorfile_open(path, &file), QF_OK);
    assert_non_null(qf_tensorfile_find(file, "scalar"));
    qf_tensorfile_close(file);
    snprintf(beside, sizeof beside, "full.safetensors.%ld.part", (long)getpid());
    assert_int_not_equal(access(check_scratch_path(beside), F_OK), 0);
}

/* ---- lies ---- */

static const struct lie {
    const char *what, *header;
    size_t data; /* bytes */
    qf_status status;
} lies[] = {
#define ENTRY "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
    {"the truth", "{" ENTRY "}", 8, QF_OK},
    {"padded", "{" ENTRY "}      ", 8, QF_OK},
    {"no tensors", "{}", 0, QF_OK},
    {"metadata", "{" ENTRY ",\"__metadata__\":{\"k\":\"v\"}}", 8, QF_OK},
    {"bytes missing", "{" ENTRY "}", 7, QF_FORMAT},
    {"bytes too many", "{" ENTRY "}", 9, QF_FORMAT},
    {"not an object", "[1, 2]", 0, QF_FORMAT},
    {"bad JSON", "{" ENTRY, 8, QF_FORMAT},
    {"text behind", "{" ENTRY "} x", 8, QF_FORMAT},
    {"leading space", " {" ENTRY "}", 8, QF_FORMAT},
    {"a key twice", "{" ENTRY "," ENTRY "}", 8, QF_FORMAT},
    {"a number for a tensor", "{\"a\":3}", 0, QF_FORMAT},
    {"no dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, QF_FORMAT},
    {"strange dtype", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8,
     QF_UNSUPPORTED},
    {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, QF_FORMAT},
    {"negative shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"two negative", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1,-2],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"real shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"nine dimensions",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"product beyond 64 bits",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,8]}}",
     8, QF_FORMAT},
    {"bytes beyond 64 bits",
     "{\"a\":{\"dtype\":\"I64\",\"shape\":[2305843009213693953],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"integer beyond 64 bits",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,99999999999999999999]}}", 8,
     QF_FORMAT},
    {"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, QF_FORMAT},
    {"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8,
     QF_FORMAT},
    {"three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8,
     QF_FORMAT},
    {"negative offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8,
     QF_FORMAT},
    {"backward offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8,
     QF_FORMAT},
    {"beyond the end", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 8,
     QF_FORMAT},
    {"shape and bytes differ",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, QF_FORMAT},
    {"gap in front", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
     QF_FORMAT},
    {"gap between",
     "{" ENTRY ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16,
     QF_FORMAT},
    {"overlap", "{" ENTRY ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
     12, QF_FORMAT},
    {"the same bytes",
     "{" ENTRY ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
     QF_FORMAT},
    {"metadata of numbers", "{" ENTRY ",\"__metadata__\":{\"k\":1}}", 8, QF_FORMAT},
    {"metadata of no object", "{" ENTRY ",\"__metadata__\":\"k\"}", 8, QF_FORMAT},
    {"a zero in a name",
     "{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, QF_FORMAT},
};

static void write_file(const char *name, uint64_t length, const char *header, size_t data)
{
    uint8_t bytes[4096] = {0};
    const size_t real = strlen(header);

    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, real);
    check_scratch_write(name, bytes, 8 + real + data);
}

static void lies_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const struct lie *lie = &lies[i];
        qf_tensorfile *file;
        write_file("lie.safetensors", strlen(lie->header), lie->header, lie->data);
        qf_message_clear();
        const qf_status status =
            qf_tensorfile_open(check_scratch_path("lie.safetensors"), &file);
        if (status != lie->status)
            fail_msg("%s: status %d, wants %d (%s)", lie->what, status, lie->status,
                     qf_message());
        if (status == QF_OK) {
            qf_tensorfile_close(file);
            continue;
        }
        assert_null(file);
        assert_non_null(strstr(qf_message(), "lie.safetensors"));
        assert_null(strchr(qf_message(), '\n'));
    }
}

static void false_lengths(void **state)
{
    static const uint64_t lengths[] = {
        0, 1, 8, 1000, 100000001, UINT64_MAX, UINT64_MAX - 7, (uint64_t)INT64_MAX + 1};
    const char *path = check_scratch_path("length.safetensors");
    qf_tensorfile *file;
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_file("length.safetensors", lengths[i], "{" ENTRY "}", 8);
        assert_int_equal(qf_tensorfile_open(path, &file), QF_FORMAT);
        if (lengths[i] > 100000000) assert_non_null(strstr(qf_message(), "allows"));
    }
    for (size_t size = 0; size < 8; size++) {
        check_scratch_write("length.safetensors", "\10\0\0\0\0\0\0\0", size);
        assert_int_equal(qf_tensorfile_open(path, &file), QF_FORMAT);
    }
    assert_int_equal(qf_tensorfile_open(check_scratch_path("absent"), &file), QF_IO);
    assert_int_equal(qf_tensorfile_open("/tmp", &file), QF_IO);
}

/* Thousands of brackets must not overflow the stack. */
static void deep_header(void **state)
{
    enum { DEPTH = 200000 };
    char *bytes = qf_alloc(8 + DEPTH);
    const uint64_t length = DEPTH;
    qf_tensorfile *file;
    (void)state;

    memcpy(bytes, &length, 8);
    memset(bytes + 8, '[', DEPTH);
    memcpy(bytes + 8, "{\"a\":", 5);
    check_scratch_write("deep.safetensors", bytes, 8 + DEPTH);
    qf_free(bytes);
    assert_int_equal(qf_tensorfile_open(check_scratch_path("deep.safetensors"), &file),
                     QF_FORMAT);
}

static void not_numbers(void **state)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    const uint16_t halves[] = {0x7c00, 0x7e00}, bfloat = 0x7f80;
    float into;
    (void)state;

    for (int i = 0; i < 6; i++) {
        const qf_dtype dtype = i < 3 ? QF_DTYPE_F32 : i < 5 ? QF_DTYPE_F16 : QF_DTYPE_BF16;
        const void *data = i < 3   ? (const void *)&values[i]
                           : i < 5 ? (const void *)&halves[i - 3]
                                   : &bfloat;
        const char *path = check_scratch_path("nan.safetensors");
        qf_tensorwriter *writer;
        qf_tensorfile *file;
        assert_int_equal(qf_tensorwriter_create(path, &writer), QF_OK);
        assert_int_equal(qf_tensorwriter_add(writer, "x", dtype, 0, NULL, data), QF_OK);
        assert_int_equal(qf_tensorwriter_commit(writer), QF_OK);
        qf_tensorwriter_destroy(writer);
        assert_int_equal(qf_tensorfile_open(path, &file), QF_OK);
        assert_int_equal(qf_tensorfile_read_f32(file, "x", 0, NULL, &into), QF_FORMAT);
        qf_tensorfile_close(file);
    }
}

/* Whatever a damaged file says, opening it ends in a status, and what it hands out can be
 * read. */
static void damaged(void **state)
{
    qf_random random = qf_random_init(2, 7);
    size_t size;
    (void)state;

    write_sample(check_scratch_path("whole.safetensors"));
    char *original = check_scratch_read(check_scratch_path("whole.safetensors"), &size);
    for (int round = 0; round < 3000; round++) {
        qf_tensorfile *file;
        unsigned sum = 0;
        check_scratch_damage(&random, "damaged", original, size, size);
        if (qf_tensorfile_open(check_scratch_path("damaged"), &file) != QF_OK) continue;
        for (int i = 0; i < qf_tensorfile_count(file); i++) {
            const qf_tensor *tensor = qf_tensorfile_at(file, i);
            for (size_t b = 0; b < tensor->bytes; b++) sum += tensor->data[b];
        }
        assert_true(sum < 255 * size);
        qf_tensorfile_close(file);
    }
    qf_free(original);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),    cmocka_unit_test(writer_refuses),
        cmocka_unit_test(full_disk),     cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(false_lengths), cmocka_unit_test(deep_header),
        cmocka_unit_test(not_numbers),   cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, check_scratch_make, check_scratch_remove);
}
