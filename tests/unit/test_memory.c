/* test_memory.c -- buffers: zeroed, aligned, counted; arenas: measured, then taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "qforge/memory.h"
#include "qforge/pool.h"

static void test_buffers(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 63, 64, 65, 4095, 4096, 1 << 20, (2 << 20) - 1, (2 << 20) + 7, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *buffer = qf_alloc(sizes[i]);
        const uintptr_t align = sizes[i] >= 2 << 20 ? 2 << 20 : QF_ALIGNMENT;
        assert_non_null(buffer);
        assert_int_equal((uintptr_t)buffer % align, 0);
        for (size_t b = 0; b < sizes[i]; b++) assert_int_equal(buffer[b], 0);
        memset(buffer, 0xA5, sizes[i]);
        qf_free(buffer);
    }
    qf_free(NULL);
}

static void test_zero_bytes_are_unique(void **state)
{
    (void)state;
    void *a = qf_alloc(0), *b = qf_alloc(0);
    assert_non_null(a);
    assert_true(a != b);
    qf_free(a);
    qf_free(b);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    qf_message_clear();
    assert_null(qf_alloc(SIZE_MAX));
    assert_true(*qf_message());
    qf_message_clear();
    assert_null(qf_alloc((size_t)PTRDIFF_MAX));
    assert_true(*qf_message());
    qf_message_clear();
    assert_null(qf_alloc_array(SIZE_MAX / 2, 4)); /* the product wraps to a small number */
    assert_true(*qf_message());
    assert_null(qf_alloc_array((size_t)1 << 33, (size_t)1 << 31));
}

static void test_counters(void **state)
{
    (void)state;
    const size_t before = qf_memory_live();
    void *a = qf_alloc(1000), *b = qf_alloc(3 << 20);
    assert_int_equal(qf_memory_live(), before + 1000 + (3 << 20));
    assert_true(qf_memory_peak() >= before + 1000 + (3 << 20));
    qf_free(b);
    const size_t peak = qf_memory_peak();
    qf_free(a);
    assert_int_equal(qf_memory_live(), before);
    assert_int_equal(qf_memory_peak(), peak);
}

static void churn(void *context, int part, int parts)
{
    (void)context;
    for (int i = 0; i < 300; i++) {
        const size_t bytes = (size_t)(part + 1) * 100 + (size_t)(i % parts);
        uint8_t *buffer = qf_alloc(bytes);
        buffer[bytes - 1] = 1;
        qf_free(buffer);
    }
}

static void test_counters_with_threads(void **state)
{
    (void)state;
    qf_pool *pool;
    assert_int_equal(qf_pool_create(4, &pool), QF_OK);
    const size_t before = qf_memory_live();
    qf_pool_run(pool, churn, NULL);
    assert_int_equal(qf_memory_live(), before);
    qf_pool_destroy(pool);
}

static void test_strdup(void **state)
{
    (void)state;
    char *copy = qf_strdup("weights");
    assert_string_equal(copy, "weights");
    qf_free(copy);
}

/* The same takes, once to learn the size and once for real. */
static void take_all(qf_arena *arena, uint8_t *slice[3])
{
    slice[0] = qf_arena_take(arena, 1);
    slice[1] = qf_arena_take(arena, 64);
    slice[2] = qf_arena_take(arena, 1000);
}

static void test_arena(void **state)
{
    (void)state;
    qf_arena measure = {0}, arena;
    uint8_t *slice[3];

    take_all(&measure, slice);
    for (int i = 0; i < 3; i++) assert_null(slice[i]);
    assert_int_equal(measure.used, 64 + 64 + 1024);
    assert_int_equal(qf_arena_init(&arena, measure.used), QF_OK);
    take_all(&arena, slice);
    assert_int_equal(arena.used, arena.size);
    for (int i = 0; i < 3; i++) assert_int_equal((uintptr_t)slice[i] % QF_ALIGNMENT, 0);
    assert_ptr_equal(slice[1], slice[0] + 64);
    assert_ptr_equal(slice[2], slice[1] + 64);
    for (int i = 0; i < 1000; i++) assert_int_equal(slice[2][i], 0);
    qf_arena_release(&arena);
    assert_null(arena.base);
    assert_int_equal(qf_arena_init(&arena, SIZE_MAX), QF_MEMORY);
}

static void test_round_up(void **state)
{
    (void)state;
    assert_int_equal(qf_round_up(0, 64), 0);
    assert_int_equal(qf_round_up(1, 64), 64);
    assert_int_equal(qf_round_up(64, 64), 64);
    assert_int_equal(qf_round_up(7, 3), 9);
}

/* Far more than there is, page by page; what is dropped is zero again. */
static void test_reserved(void **state)
{
    (void)state;
    const size_t size = (size_t)1 << 36, page = 4096;
    const size_t live = qf_memory_live();
    uint8_t *room = qf_reserve(size);
    assert_non_null(room);
    assert_int_equal((uintptr_t)room % page, 0);
    assert_int_equal(qf_memory_live(), live);
    assert_int_equal(room[0], 0);
    assert_int_equal(room[size - 1], 0);
    memset(room, 1, 3 * page);
    room[size - 1] = 1;
    qf_reserve_drop(room + 1, 3 * page - 1); /* whole pages: the second and the third */
    assert_int_equal(room[page - 1], 1);
    assert_int_equal(room[page], 0);
    assert_int_equal(room[3 * page - 1], 0);
    assert_int_equal(room[size - 1], 1);
    qf_reserve_drop(room + 1, 100); /* none */
    assert_int_equal(room[50], 1);
    qf_reserve_free(room);
    qf_reserve_free(NULL);
    assert_null(qf_reserve(SIZE_MAX));

    qf_arena arena;
    assert_int_equal(qf_arena_reserve(&arena, size), QF_OK);
    uint8_t *slice = qf_arena_take(&arena, 100);
    assert_true(slice == arena.base && slice[99] == 0);
    qf_arena_release(&arena);
    assert_null(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_zero_bytes_are_unique),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_counters_with_threads),
        cmocka_unit_test(test_strdup),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_round_up),
        cmocka_unit_test(test_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
