/* test_batches.c -- windows of training text: inside the stream, targets one ahead, the
 * same for the same seed and step, spread over everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/batches.h"

enum { COUNT = 101, B = 3, T = 8 };

static int tokens[COUNT];
static const tr_stream stream = {.token = tokens, .count = COUNT};

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) tokens[i] = i;
    return 0;
}

static void test_windows(void **state)
{
    (void)state;
    int token[B * T], target[B * T], seen[COUNT] = {0};
    for (int step = 0; step < 2000; step++) {
        tr_batch_draw(&stream, 5, step, B, T, token, target);
        for (int i = 0; i < B * T; i++) {
            assert_in_range(target[i], 1, COUNT - 1);
            assert_int_equal(target[i], token[i] + 1);
            if (i % T) assert_int_equal(token[i], token[i - 1] + 1);
            seen[token[i]] = 1;
        }
    }
    for (int i = 0; i < COUNT - 1; i++) assert_true(seen[i]);
}

static void test_repeatable(void **state)
{
    (void)state;
    int a[B * T], b[B * T], target[B * T];
    tr_batch_draw(&stream, 5, 17, B, T, a, target);
    tr_batch_draw(&stream, 5, 17, B, T, b, target);
    assert_memory_equal(a, b, sizeof a);
    tr_batch_draw(&stream, 5, 18, B, T, b, target);
    assert_memory_not_equal(a, b, sizeof a);
    tr_batch_draw(&stream, 6, 17, B, T, b, target);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_short(void **state)
{
    (void)state;
    int token[100], target[100];
    assert_int_equal(tr_stream_check(&stream, 101, "text"), QF_RANGE);
    assert_int_equal(tr_stream_check(&stream, 100, "text"), QF_OK);
    tr_batch_draw(&stream, 1, 1, 1, 100, token, target); /* the only window there is */
    assert_int_equal(token[0], 0);
    assert_int_equal(target[99], 100);
}

static void test_corpus(void **state)
{
    (void)state;
    int first[] = {1, 5, 6}, second[] = {1, 7}, length[] = {3, 2};
    int *token[] = {first, second};
    int64_t bytes[] = {2, 1};
    const qf_corpus corpus = {2, length, token, bytes};
    const int want[] = {1, 5, 6, 1, 7};
    tr_stream joined;
    assert_int_equal(tr_stream_of(&corpus, &joined), QF_OK);
    assert_int_equal(joined.count, 5);
    assert_memory_equal(joined.token, want, sizeof want);
    assert_int_equal(joined.records, 2);
    assert_int_equal(joined.start[1], 3);
    tr_stream_release(&joined);
}

static void test_aligned(void **state)
{
    (void)state;
    int64_t start[] = {0, 10, 40, 92, 93, 99};
    tr_stream records = stream;
    records.start = start;
    records.records = 6;
    int token[B * T], target[B * T], seen[COUNT] = {0};
    assert_int_equal(tr_stream_align(&records, T, "text"), QF_OK);
    assert_int_equal(records.starts, 4); /* token 93 + 8 has no successor */
    for (int step = 0; step < 100; step++) {
        tr_batch_draw(&records, 5, step, B, T, token, target);
        for (int b = 0; b < B; b++) seen[token[b * T]]++;
        for (int i = 0; i < B * T; i++) assert_int_equal(target[i], token[i] + 1);
    }
    assert_int_equal(seen[0] + seen[10] + seen[40] + seen[92], 100 * B);
    for (int r = 0; r < 4; r++) assert_true(seen[start[r]] > 0);
    records.start = start + 4;
    records.records = 2;
    assert_int_equal(tr_stream_align(&records, T, "text"), QF_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows), cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_aligned), cmocka_unit_test(test_short),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
