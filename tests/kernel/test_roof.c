/* test_roof.c -- roof kernels do all the work they claim, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/cpu.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "qforge/roof.h"

static qf_cpu cpu;
static qf_jit *jit;

static qf_roof roof_of(qf_roof_kind kind, int streams)
{
    return (qf_roof){kind, qf_cpu_best_isa(&cpu), streams};
}

static qf_roof_fn *get(const qf_roof *roof)
{
    qf_roof_fn *run = NULL;
    if (qf_roof_get(jit, roof, &run) != QF_OK) fail_msg("%s", qf_message());
    assert_non_null(run);
    return run;
}

/* acc = rounds * unroll * a * b in every lane: the work claimed is the work done. */
static void test_fma(void **state)
{
    (void)state;
    const qf_roof roof = roof_of(QF_ROOF_FMA, 0);
    float *data = qf_alloc(QF_ROOF_DATA_BYTES), *sink = qf_alloc(QF_ROOF_SINK_BYTES);
    qf_roof_args args = {data, sink, 1000, 0, 0};
    double sum = 0;

    for (int i = 0; i < QF_ROOF_DATA_BYTES / 4; i++) data[i] = 1;
    get (&roof)(&args);
    for (int i = 0; i < QF_ROOF_SINK_BYTES / 4; i++) sum += (double)sink[i];
    assert_true(2 * sum == qf_roof_work(&roof, &args));
    qf_free(sink);
    qf_free(data);
}

/* u8 code times s8 activation, all ones: the sum of all lanes is the number of products. */
static void test_dot_wide(void **state)
{
    (void)state;
    const qf_roof roof = roof_of(QF_ROOF_DOT_WIDE, 0);
    uint8_t *data = qf_alloc(QF_ROOF_DATA_BYTES);
    int32_t *sink = qf_alloc(QF_ROOF_SINK_BYTES);
    qf_roof_args args = {data, sink, 1000, 0, 0};
    double sum = 0;

    memset(data, 1, QF_ROOF_DATA_BYTES);
    get (&roof)(&args);
    for (int i = 0; i < QF_ROOF_SINK_BYTES / 4; i++) sum += sink[i];
    assert_true(sum == qf_roof_work(&roof, &args));
    qf_free(sink);
    qf_free(data);
}

/* Every bit set anywhere in the data comes out, whatever the number of streams. */
static void test_read_sees_every_line(void **state)
{
    (void)state;
    for (int streams = 1; streams <= QF_ROOF_STREAMS_MAX; streams *= 2) {
        const qf_roof roof = roof_of(QF_ROOF_READ, streams);
        const int64_t run = 4 * qf_roof_step(&roof), bytes = 3 * streams * run;
        uint8_t *data = qf_alloc((size_t)bytes), *sink = qf_alloc(QF_ROOF_SINK_BYTES);
        const qf_roof_args args = {data, sink, 1, bytes, run};

        assert_true(qf_roof_work(&roof, &args) == (double)bytes);
        for (int64_t at = 0; at < bytes; at += 32) {
            uint8_t seen = 0;
            data[at + at / 32 % 32] = 0x40;
            get (&roof)(&args);
            for (int i = 0; i < QF_ROOF_SINK_BYTES; i++) seen |= sink[i];
            assert_int_equal(seen, 0x40);
            data[at + at / 32 % 32] = 0;
        }
        qf_free(sink);
        qf_free(data);
    }
}

static int count(const char *text, const char *word)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) found++;
    return found;
}

/* The loops hold what is measured and no access to the stack: a spilling roof is low. */
static void test_instructions(void **state)
{
    (void)state;
    static const struct {
        qf_roof_kind kind;
        const char *instruction;
        int least;
    } rows[] = {
        {QF_ROOF_FMA, "vfmadd", 8 * 12},
        {QF_ROOF_DOT, "vpmaddubsw", 8 * 8},
        {QF_ROOF_DOT_WIDE, "vpmaddwd", 8 * 8},
        {QF_ROOF_READ, "vpor", 8},
        {QF_ROOF_READ, "vorps", 8},
    };
    int matched = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const qf_roof roof = {rows[i].kind, QF_ISA_AVX2, rows[i].kind == QF_ROOF_READ ? 4 : 0};
        qf_code code;
        assert_int_equal(qf_roof_emit(&roof, QF_CODE_ASM, &code), QF_OK);
        const char *text = (const char *)code.bytes;
        matched += count(text, rows[i].instruction) >= rows[i].least;
        assert_int_equal(count(text, "(%rsp)"), 0);
        qf_code_release(&code);
    }
    assert_int_equal(matched, 4); /* one of the two kinds of or */
}

static void test_impossible_roofs(void **state)
{
    (void)state;
    qf_code code;
    const qf_roof reference = {QF_ROOF_FMA, QF_ISA_C, 0};
    const qf_roof three = {QF_ROOF_READ, QF_ISA_AVX2, 3};
    assert_int_equal(qf_roof_emit(&reference, QF_CODE_OBJECT, &code), QF_UNSUPPORTED);
    assert_int_equal(qf_roof_emit(&three, QF_CODE_OBJECT, &code), QF_UNSUPPORTED);
}

/* Every ISA of the table that is emitted has every roof. */
static void test_all_isas(void **state)
{
    (void)state;
    for (int isa = QF_ISA_C + 1; isa < QF_ISA_COUNT; isa++) {
        for (int kind = 0; kind < QF_ROOF_COUNT; kind++) {
            const qf_roof roof = {(qf_roof_kind)kind, (qf_isa)isa, kind == QF_ROOF_READ};
            qf_code code;
            assert_int_equal(qf_roof_emit(&roof, QF_CODE_OBJECT, &code), QF_OK);
            assert_true(code.size > 0);
            assert_true(*qf_roof_of((qf_roof_kind)kind)->unit);
            qf_code_release(&code);
        }
    }
}

static int open_machine(void **state)
{
    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK) return 1;
    if (qf_cpu_best_isa(&cpu) == QF_ISA_C) exit(77); /* nothing emitted runs here */
    return qf_jit_create(NULL, &jit) != QF_OK;
}

static int close_machine(void **state)
{
    (void)state;
    qf_jit_destroy(jit);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fma),
        cmocka_unit_test(test_dot_wide),
        cmocka_unit_test(test_read_sees_every_line),
        cmocka_unit_test(test_instructions),
        cmocka_unit_test(test_impossible_roofs),
        cmocka_unit_test(test_all_isas),
    };
    return cmocka_run_group_tests(tests, open_machine, close_machine);
}
