/* test_choice.c -- multiple choice with likelihoods that are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/choice.h"
#include "qforge/file.h"
#include "qforge/pieces.h"
#include "qforge/tokenizer.h"

static const char lines[] =
    "{\"question\":\"The sky is\",\"choices\":[\"blue\",\"green\",\"a fish\"],\"answer\":0}\n"
    "\n"
    "{\"question\":\"Two and two\",\"choices\":[\"three\",\"four\",\"a fish\"],\"answer\":1,"
    "\"kind\":\"sum\"}\n"
    "{\"question\":\"It swims:\",\"choices\":[\"dog\",\"cat\",\"a fish\"],\"answer\":2}";

static char directory[] = "/tmp/qf_choice_XXXXXX";
static char questions[64], vocabulary[64];
static qf_tokenizer *tokenizer;

static int set_up(void **state)
{
    (void)state;
    int learned;
    if (!mkdtemp(directory)) return 1;
    snprintf(questions, sizeof questions, "%s/q.jsonl", directory);
    snprintf(vocabulary, sizeof vocabulary, "%s/tokenizer.bin", directory);
    if (qf_file_write(questions, lines, sizeof lines - 1) != QF_OK) return 1;
    if (qf_pieces_learn(lines, sizeof lines - 1, 400, vocabulary, &learned) != QF_OK) return 1;
    return qf_tokenizer_load(vocabulary, learned, &tokenizer) != QF_OK;
}

static int tear_down(void **state)
{
    (void)state;
    qf_tokenizer_free(tokenizer);
    remove(questions);
    remove(vocabulary);
    return remove(directory);
}

/* A model with a bias: each token costs one nat, except in continuations that spell
 * `loved`, which cost next to nothing. */
typedef struct biased {
    const char *loved;
    double per_token;
    int calls;
} biased;

static qf_status bias(void *self, const int *context, int context_count,
                      const int *continuation, int count, double *log_p)
{
    biased *b = self;
    char text[256] = "";
    assert_true(count > 0 && context_count > 0);
    assert_ptr_equal(context + context_count, continuation);
    for (int i = 0; i < count; i++) {
        size_t length;
        const char *piece =
            qf_tokenizer_piece(tokenizer, i ? continuation[i - 1] : context[context_count - 1],
                               continuation[i], &length);
        strncat(text, piece, length);
    }
    assert_int_equal(text[0], ' '); /* the space belongs to the choice */
    *log_p = b->loved && strcmp(text + 1, b->loved) == 0 ? -0.001 : -count * b->per_token;
    b->calls++;
    return QF_OK;
}

static qf_choice_score score_with(const char *loved)
{
    biased b = {.loved = loved, .per_token = 1};
    qf_choices choices;
    qf_choice_score score;
    assert_int_equal(qf_choices_load(questions, 0, 0, &choices), QF_OK);
    assert_int_equal(choices.count, 3);
    assert_int_equal(qf_choices_score(bias, &b, tokenizer, 100, &choices, NULL, NULL, &score),
                     QF_OK);
    assert_int_equal(b.calls, 9);
    assert_int_equal(score.questions, 3);
    assert_true(fabs(score.chance - 1.0 / 3) < 1e-12);
    qf_choices_release(&choices);
    return score;
}

static void test_the_loved_answer_wins(void **state)
{
    (void)state;
    assert_int_equal(score_with("a fish").correct, 1);
    assert_int_equal(score_with("a fish").correct_raw, 1);
    assert_true(score_with("four").correct >= 1);
    const double fish = score_with("a fish").log_p, none = score_with(NULL).log_p;
    assert_true(fish > none);
}

/* log p = -10 for a long choice and -9 for a short one: raw takes the short one, per byte
 * the long one. */
static qf_status by_length(void *self, const int *context, int context_count,
                           const int *continuation, int count, double *log_p)
{
    (void)context, (void)context_count, (void)self;
    size_t bytes = 0, length;
    for (int i = 0; i < count; i++) {
        qf_tokenizer_piece(tokenizer, continuation[i], continuation[i], &length);
        bytes += length;
    }
    *log_p = bytes > 6 ? -10 : -9; /* " a fish" is 7 */
    return QF_OK;
}

static void test_scores_are_per_byte(void **state)
{
    (void)state;
    qf_choices choices;
    qf_choice_score score;
    assert_int_equal(qf_choices_load(questions, 0, 0, &choices), QF_OK);
    for (int i = 0; i < 3; i++) choices.item[i].answer = 2;
    assert_int_equal(
        qf_choices_score(by_length, NULL, tokenizer, 100, &choices, NULL, NULL, &score), QF_OK);
    assert_int_equal(score.correct, 3);
    assert_int_equal(score.correct_raw, 0);
    qf_choices_release(&choices);
}

static void test_questions_longer_than_the_context(void **state)
{
    (void)state;
    biased b = {.per_token = 1};
    qf_choices choices;
    qf_choice_score score;
    assert_int_equal(qf_choices_load(questions, 1, 0, &choices), QF_OK);
    assert_int_equal(choices.count, 1);
    assert_int_equal(qf_choices_score(bias, &b, tokenizer, 3, &choices, NULL, NULL, &score),
                     QF_SHAPE);
    assert_int_equal(b.calls, 0);
    qf_choices_release(&choices);
}

static void test_bad_files_name_the_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"question\":\"a\",\"choices\":[\"b\",\"c\"],\"answer\":2}",
        "{\"question\":\"a\",\"choices\":[\"b\",\"c\"],\"answer\":-1}",
        "{\"question\":\"a\",\"choices\":[\"b\",\"c\"]}",
        "{\"question\":\"a\",\"choices\":[\"b\"],\"answer\":0}",
        "{\"question\":\"a\",\"choices\":[\"b\",7],\"answer\":0}",
        "{\"choices\":[\"b\",\"c\"],\"answer\":0}",
        "[1, 2]",
        "{\"question\":",
    };
    char text[256], path[80];
    qf_choices choices;
    snprintf(path, sizeof path, "%s/bad.jsonl", directory);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int length = snprintf(
            text, sizeof text,
            "{\"question\":\"a\",\"choices\":[\"b\",\"c\"],\"answer\":1}\n%s\n", bad[i]);
        assert_int_equal(qf_file_write(path, text, (size_t)length), QF_OK);
        assert_int_equal(qf_choices_load(path, 0, 0, &choices), QF_FORMAT);
        assert_non_null(strstr(qf_message(), "bad.jsonl:2: "));
    }
    assert_int_equal(qf_file_write(path, "\n", 1), QF_OK);
    assert_int_equal(qf_choices_load(path, 0, 0, &choices), QF_FORMAT);
    remove(path);
    assert_int_equal(qf_choices_load(path, 0, 0, &choices), QF_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_loved_answer_wins),
        cmocka_unit_test(test_scores_are_per_byte),
        cmocka_unit_test(test_questions_longer_than_the_context),
        cmocka_unit_test(test_bad_files_name_the_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
