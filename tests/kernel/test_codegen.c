/* test_codegen.c -- emission is pure and says no clearly; the object cache is only ever a
 * cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/memory.h"
#include "qforge/qmatrix.h"

static const qf_kernel_id plain_id = {
    QF_RECIPE_ROWS, QF_F32, 0, QF_ISA_AVX2, {.mr = 1, .nr = 16, .unroll = 1}};

static void test_forms(void **state)
{
    (void)state;
    char symbol[QF_NAME_MAX];
    for (int r = 0; r < QF_RECIPE_COUNT; r++) {
        const int mr = qf_recipe_of((qf_recipe)r)->planes > 1 ? 1 : 2;
        for (int q = 0; q < QF_F32; q++) {
            if (!qf_recipe_reads((qf_recipe)r, (qf_quant)q)) continue;
            const qf_kernel_id id = {
                (qf_recipe)r, (qf_quant)q, 64, QF_ISA_AVX2, {.mr = mr, .nr = 16, .unroll = 1}};
            qf_code ir, text;
            assert_int_equal(qf_codegen_emit(&id, QF_CODE_IR, &ir), QF_OK);
            assert_int_equal(qf_codegen_emit(&id, QF_CODE_ASM, &text), QF_OK);
            qf_kernel_symbol(&id, symbol);
            assert_non_null(strstr((char *)ir.bytes, symbol));
            assert_non_null(strstr((char *)text.bytes, symbol));
            /* Kernels are leaves: what they need, they compute. */
            assert_null(strstr((char *)text.bytes, "\tcall"));
            qf_code_release(&ir);
            qf_code_release(&text);
        }
    }
}

/* isas.def says where products are looked up, which runtime/ goes by, and the hook makes it so.
 */
static void tables_are_where_the_table_says(void **state)
{
    (void)state;
    for (int isa = QF_ISA_C + 1; isa < QF_ISA_COUNT; isa++) {
        const qf_kernel_id id = {QF_RECIPE_LOOKUP,
                                 QF_Q2,
                                 64,
                                 (qf_isa)isa,
                                 {.mr = 1, .nr = qf_isa_panel((qf_isa)isa), .unroll = 1}};
        assert_int_equal(qf_codegen_misfit(&id) == QF_FITS,
                         qf_isa_of((qf_isa)isa)->bytes == QF_BYTES_TABLES);
    }
}

static void test_same_bytes(void **state)
{
    (void)state;
    const qf_kernel_id id = {
        QF_RECIPE_DOT, QF_Q3, 128, QF_ISA_AVX2, {.mr = 4, .nr = 32, .unroll = 1}};
    qf_code first, second;
    char a[17], b[17];

    assert_int_equal(qf_codegen_emit(&id, QF_CODE_OBJECT, &first), QF_OK);
    assert_int_equal(qf_codegen_emit(&id, QF_CODE_OBJECT, &second), QF_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    qf_code_hash(&first, a);
    qf_code_hash(&second, b);
    assert_string_equal(a, b);
    second.bytes[second.size / 2] ^= 1;
    qf_code_hash(&second, b);
    assert_string_not_equal(a, b);
    qf_code_release(&first);
    qf_code_release(&second);
}

static void refused(qf_kernel_id id)
{
    qf_message_clear();
    assert_int_equal(qf_codegen_check(&id), QF_UNSUPPORTED);
    assert_true(*qf_message());
    qf_code code;
    assert_int_equal(qf_codegen_emit(&id, QF_CODE_IR, &code), QF_UNSUPPORTED);
    assert_null(code.bytes);
}

static void test_refusals(void **state)
{
    (void)state;
    const qf_tile good = {.mr = 1, .nr = 16, .unroll = 1};
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_C, good});
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 48, QF_ISA_AVX2, good});
    refused((qf_kernel_id){QF_RECIPE_GRAD, QF_F32, 0, QF_ISA_AVX2, good});
    refused((qf_kernel_id){QF_RECIPE_DOT, QF_F32, 0, QF_ISA_AVX2, good});
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {8, 16, 1, 0, 0, 0, 0}});
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {1, 24, 1, 0, 0, 0, 0}});
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {0, 16, 1, 0, 0, 0, 0}});
    refused((qf_kernel_id){QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {1, 16, 3, 0, 0, 0, 0}});
    refused((qf_kernel_id){QF_RECIPE_GRAD, QF_Q4, 64, QF_ISA_AVX2, {1, 48, 1, 0, 0, 0, 0}});
}

/* ---- the cache ---- */

/* The only file in a directory; false when there is none. */
static bool only_file(const char *directory, char *path, size_t size)
{
    DIR *stream = opendir(directory);
    int count = 0;
    if (!stream) return false;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, size, "%s/%s", directory, entry->d_name);
        count++;
    }
    closedir(stream);
    return count == 1;
}

/* Runs y = x w with the kernel the jit gives: whatever the cache holds, it is right. */
static void check_runs(const char *cache)
{
    qf_jit *jit;
    qf_gemm_fn *run;
    _Alignas(64) float w[3 * 16], x[3] = {1, 2, 3}, y[16] = {0};

    for (int i = 0; i < 48; i++) w[i] = (float)i;
    assert_int_equal(qf_jit_create(cache, &jit), QF_OK);
    assert_int_equal(qf_jit_get(jit, &plain_id, &run, NULL), QF_OK);
    const qf_gemm_args args = {.a = x,
                               .w = (const uint8_t *)w,
                               .c = y,
                               .ldc = 16,
                               .m = 1,
                               .n = 16,
                               .k = 3,
                               .id = &plain_id};
    run(&args);
    for (int i = 0; i < 16; i++)
        assert_float_equal(y[i], (float)(i + 2 * (16 + i) + 3 * (32 + i)), 0);
    qf_jit_destroy(jit);
}

static void skip_without_avx2(void)
{
    qf_cpu cpu;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    if (!qf_cpu_runs(&cpu, plain_id.isa)) skip();
}

static void test_cache(void **state)
{
    char root[] = "/tmp/qforge-cache-XXXXXX", directory[64], path[512];
    struct stat before, after;
    (void)state;

    skip_without_avx2();
    assert_non_null(mkdtemp(root));
    snprintf(directory, sizeof directory, "%s/deep/er", root);
    check_runs(directory);
    assert_true(only_file(directory, path, sizeof path));
    assert_int_equal(stat(path, &before), 0);
    check_runs(directory); /* from disk: the file is left alone */
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);

    assert_int_equal(truncate(path, before.st_size / 2), 0); /* torn */
    check_runs(directory);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);

    const int file = open(path, O_RDWR); /* a flipped bit */
    char byte;
    assert_int_equal(pread(file, &byte, 1, before.st_size / 2), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, before.st_size / 2), 1);
    close(file);
    check_runs(directory);

    unlink(path);
    rmdir(directory);
    snprintf(directory, sizeof directory, "%s/deep", root);
    rmdir(directory);
    rmdir(root);
    check_runs("/proc/no/such/place"); /* cannot be made: no cache, no error */
}

typedef struct racer {
    pthread_t thread;
    qf_jit *jit;
    qf_gemm_fn *run;
    qf_status status;
} racer;

static void *race(void *context)
{
    racer *r = context;
    r->status = qf_jit_get(r->jit, &plain_id, &r->run, NULL);
    return NULL;
}

static void test_threads(void **state)
{
    qf_jit *jit;
    racer racers[4];
    (void)state;

    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    for (int i = 0; i < 4; i++) {
        racers[i].jit = jit;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_int_equal(racers[i].status, QF_OK);
        assert_ptr_equal((void *)(uintptr_t)racers[i].run, (void *)(uintptr_t)racers[0].run);
    }
    qf_jit_destroy(jit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(tables_are_where_the_table_says),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
