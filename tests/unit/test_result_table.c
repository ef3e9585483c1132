/* test_result_table.c -- means, standard errors and paired differences of an experiment's
 * cells. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/experiment/result_table.h"

static table_cell cell_of(int count, const double *value)
{
    table_cell cell = {0};
    for (int i = 0; i < count; i++) table_cell_put(&cell, i + 1, value[i]);
    return cell;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void means_and_errors(void **state)
{
    (void)state;
    const double value[] = {2, 4, 9};
    const table_cell none = {0}, one = cell_of(1, value), three = cell_of(3, value);

    assert_true(isnan(table_cell_mean(&none)) && isnan(table_cell_error(&none)));
    assert_true(near(table_cell_mean(&one), 2) && isnan(table_cell_error(&one)));
    assert_true(near(table_cell_mean(&three), 5));
    /* deviations 3, 1, 4: variance 26 / 2, of the mean 13 / 3 */
    assert_true(near(table_cell_error(&three), sqrt(13.0 / 3)));
}

/* Seeds are paired; what has no seed stands against each of them. */
static void differences_are_paired(void **state)
{
    (void)state;
    const double a[] = {5, 7, 10}, b[] = {4, 6, 9}, fixed[] = {1};
    const table_cell seeds = cell_of(3, a), others = cell_of(3, b), alone = cell_of(1, fixed),
                     none = {0};
    table_cell less = table_cell_less(&seeds, &others);

    assert_int_equal(less.count, 3);
    assert_true(near(table_cell_mean(&less), 1) && near(table_cell_error(&less), 0));
    less = table_cell_less(&alone, &seeds);
    assert_int_equal(less.count, 3);
    assert_true(near(less.value[0], -4) && near(less.value[2], -9));
    assert_int_equal(table_cell_less(&none, &seeds).count, 0);
}

static void names_find_their_rows(void **state)
{
    (void)state;
    static result_table table;
    experiment_fill *fill = NULL;

    assert_int_equal(result_table_named("regret", &table, &fill), QF_OK);
    assert_string_equal(table.experiment, "regret");
    assert_true(fill == experiment_fill_regret);
    assert_int_equal(result_table_named("regrets", &table, &fill), QF_USAGE);
    assert_int_equal(result_table_named("sharing", &table, &fill), QF_OK);
    result_table_add(&table, "a", "first");
    assert_int_equal(table.rows, 1);
    assert_string_equal(table.row[0].label, "first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_errors),
        cmocka_unit_test(differences_are_paired),
        cmocka_unit_test(names_find_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
