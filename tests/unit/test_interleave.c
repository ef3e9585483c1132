/* test_interleave.c -- both transpositions against their definition, all small shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/interleave.h"

enum { WIDEST = 17, DEEPEST = 21, STRIDE = 29 };

static void test_all(void **state)
{
    (void)state;
    float x[STRIDE * STRIDE], out[WIDEST * DEEPEST + 1];
    for (int i = 0; i < STRIDE * STRIDE; i++) x[i] = (float)(i + 1);
    for (int width = 1; width <= WIDEST; width++)
        for (int rows = 1; rows <= width; rows++)
            for (int64_t k = 1; k <= DEEPEST; k++)
                for (int columns = 0; columns < 2; columns++) {
                    for (int i = 0; i <= WIDEST * DEEPEST; i++) out[i] = -1;
                    (columns ? qf_interleave_columns : qf_interleave)(out, width, x, STRIDE,
                                                                      rows, k);
                    for (int i = 0; i <= WIDEST * DEEPEST; i++) {
                        const int row = i % width, at = i / width;
                        const float want = row >= rows || at >= k ? -1
                                           : columns              ? x[at * STRIDE + row]
                                                                  : x[row * STRIDE + at];
                        assert_true(out[i] == want);
                    }
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
