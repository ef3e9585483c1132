/* test_status.c -- sentences, exit codes, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "qforge/status.h"

static void test_sentence(void **state)
{
    (void)state;
    qf_message_clear();
    assert_string_equal(qf_message(), "");
    assert_int_equal(qf_fail(QF_FORMAT, "%s: truncated, %d of %d bytes", "model.bin", 12, 64),
                     QF_FORMAT);
    assert_string_equal(qf_message(), "model.bin: truncated, 12 of 64 bytes");
    /* The old sentence may be part of the new one. */
    qf_fail(QF_IO, "while loading: %s", qf_message());
    assert_string_equal(qf_message(), "while loading: model.bin: truncated, 12 of 64 bytes");
}

static void test_long_sentence_is_cut(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    qf_fail(QF_IO, "%s", text);
    assert_true(strlen(qf_message()) >= 255 && strlen(qf_message()) < sizeof text);
}

static void *fail_elsewhere(void *argument)
{
    (void)argument;
    qf_fail(QF_IO, "of another thread");
    return NULL;
}

static void test_threads_have_their_own(void **state)
{
    (void)state;
    pthread_t thread;
    qf_fail(QF_IO, "mine");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(qf_message(), "mine");
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(qf_status_exit_code(QF_OK), 0);
    assert_int_equal(qf_status_exit_code(QF_USAGE), 2);
    assert_int_equal(qf_status_exit_code(QF_FORMAT), 1);
    assert_int_equal(qf_status_exit_code(QF_DATABASE), 15);
    for (int i = 0; i < QF_STATUS_COUNT; i++) {
        assert_true(*qf_status_text((qf_status)i));
        assert_in_range(qf_status_exit_code((qf_status)i), i == QF_OK ? 0 : 1, 130);
    }
}

static qf_status passes(qf_status status, int *reached)
{
    QF_TRY(status);
    *reached = 1;
    return QF_OK;
}

static void test_try(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(passes(QF_SHAPE, &reached), QF_SHAPE);
    assert_int_equal(reached, 0);
    assert_int_equal(passes(QF_OK, &reached), QF_OK);
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentence),
        cmocka_unit_test(test_long_sentence_is_cut),
        cmocka_unit_test(test_threads_have_their_own),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
