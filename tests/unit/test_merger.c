/* test_merger.c -- merges through the heap against the definition: look at all pairs, join
 * the cheapest, leftmost of equals, until none can be joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/random.h"
#include "runtime/model/merger.h"

enum { LETTERS = 3, PIECES = 60, LENGTH = 40 };

static qf_pairs pairs;

static bool join(const void *self, int left, int right, qf_merge *merge)
{
    const qf_merge *found = qf_pairs_find(self, left, right);
    if (found) *merge = *found;
    return found != NULL;
}

static int merge_plainly(int *id, int count)
{
    for (;;) {
        qf_merge best = {0}, merge;
        int at = -1;
        for (int i = 0; i + 1 < count; i++)
            if (join(&pairs, id[i], id[i + 1], &merge) && (at < 0 || merge.cost < best.cost)) {
                best = merge;
                at = i;
            }
        if (at < 0) return count;
        id[at] = best.id;
        memmove(id + at + 1, id + at + 2, (size_t)(count - at - 2) * sizeof *id);
        count--;
    }
}

/* Random rules: every piece joins two earlier ones, many at the same cost. */
static void make_rules(qf_random *random)
{
    assert_int_equal(qf_pairs_init(&pairs, PIECES), QF_OK);
    for (int id = LETTERS; id < PIECES; id++)
        qf_pairs_put(&pairs, (int)qf_random_below(random, (uint32_t)id),
                     (int)qf_random_below(random, (uint32_t)id),
                     (qf_merge){(float)qf_random_below(random, 8), id});
}

static void heap_and_definition_agree(void **state)
{
    qf_random random = qf_random_init(5, 0);
    (void)state;

    for (int round = 0; round < 3000; round++) {
        qf_merger merger = {.self = &pairs, .join = join};
        int id[LENGTH];
        const int length = (int)qf_random_below(&random, LENGTH + 1);
        make_rules(&random);
        for (int i = 0; i < length; i++) {
            id[i] = (int)qf_random_below(&random, LETTERS);
            assert_int_equal(qf_merger_add(&merger, id[i]), QF_OK);
        }
        assert_int_equal(qf_merger_run(&merger), QF_OK);
        assert_int_equal(merger.count, merge_plainly(id, length));
        for (int i = 0; i < merger.count; i++) assert_int_equal(merger.symbol[i].id, id[i]);
        qf_merger_release(&merger);
        qf_pairs_release(&pairs);
    }
}

/* Three equal letters: the two on the left are one piece. */
static void leftmost_of_equals(void **state)
{
    qf_merger merger = {.self = &pairs, .join = join};
    (void)state;

    assert_int_equal(qf_pairs_init(&pairs, 1), QF_OK);
    qf_pairs_put(&pairs, 0, 0, (qf_merge){1, 9});
    for (int i = 0; i < 3; i++) assert_int_equal(qf_merger_add(&merger, 0), QF_OK);
    assert_int_equal(qf_merger_run(&merger), QF_OK);
    assert_int_equal(merger.count, 2);
    assert_int_equal(merger.symbol[0].id, 9);
    assert_int_equal(merger.symbol[1].id, 0);
    qf_merger_release(&merger);
    qf_pairs_release(&pairs);
}

static void vocabulary_finds(void **state)
{
    static const char *const words[] = {"a", "b", "ab", "", "a", "aab"};
    qf_vocabulary v;
    (void)state;

    assert_int_equal(qf_vocabulary_init(&v, 6), QF_OK);
    for (int i = 0; i < 6; i++) qf_vocabulary_put(&v, i, words[i], strlen(words[i]));
    assert_int_equal(qf_vocabulary_find(&v, "a", 1), 0); /* the first of two */
    assert_int_equal(qf_vocabulary_find(&v, "ab!", 2), 2);
    assert_int_equal(qf_vocabulary_find(&v, "", 0), 3);
    assert_int_equal(qf_vocabulary_find(&v, "ba", 2), -1);
    qf_vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_and_definition_agree),
        cmocka_unit_test(leftmost_of_equals),
        cmocka_unit_test(vocabulary_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
