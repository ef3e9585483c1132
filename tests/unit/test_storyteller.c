/* test_storyteller.c -- stories are deterministic, splits disjoint, questions answerable
 * from the text alone by a reader who knows only English. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/choice.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/storyteller.h"

enum { MANY = 2000 };

/* The word of `text` that follows / precedes the first `phrase`; "" when there is none. */
static void word_after(const char *text, const char *phrase, char word[64])
{
    const char *at = strstr(text, phrase);
    word[0] = 0;
    if (at) sscanf(at + strlen(phrase), " %63[A-Za-z]", word);
}

static void word_before(const char *text, const char *phrase, char word[64])
{
    const char *at = strstr(text, phrase);
    word[0] = 0;
    if (!at) return;
    const char *end = at;
    while (at > text && at[-1] != ' ') at--;
    snprintf(word, 64, "%.*s", (int)(end - at), at);
}

/* Reads the story again and answers. */
static void oracle(const char *story, const char *question, char answer[64])
{
    char a[64], b[64], phrase[200];

    answer[0] = 0;
    if (sscanf(question, "What colour was the %63[a-z]", a) == 1) {
        snprintf(phrase, sizeof phrase, " %s.", a); /* "a red ball." */
        word_before(story, phrase, answer);
    } else if (sscanf(question, "Where did %63[A-Za-z] and %63[A-Za-z] go", a, b) == 2) {
        word_after(story, " to the ", answer);
    } else if (sscanf(question, "How many %63[a-z]", a) == 1) {
        snprintf(phrase, sizeof phrase, " %s", a);
        word_before(story, phrase, answer);
    } else if (sscanf(question, "Who went with %63[A-Za-z]", a) == 1) {
        snprintf(phrase, sizeof phrase, "%s and ", a);
        word_after(story, phrase, answer);
    } else if (sscanf(question, "What did %63[A-Za-z] have", a) == 1) {
        char colour[64];
        snprintf(phrase, sizeof phrase, "%s had a ", a);
        const char *at = strstr(story, phrase);
        if (at && strncmp(at + strlen(phrase), "friend", 6) == 0) at = NULL;
        if (!at) {
            snprintf(phrase, sizeof phrase, "gave %s a ", a);
            at = strstr(story, phrase);
        }
        assert_non_null(at);
        assert_int_equal(sscanf(at + strlen(phrase), "%63[a-z] %63[a-z]", colour, answer), 2);
    } else if (sscanf(question, "Where was the %63[a-z]", a) == 1) {
        word_after(story, "under the ", answer);
    } else {
        fail_msg("a question of no known kind: %s", question);
    }
}

static void test_questions_are_answerable(void **state)
{
    (void)state;
    int seat[QF_STORY_CHOICES] = {0};
    for (uint64_t i = 0; i < MANY; i++) {
        qf_story story;
        qf_story_tell(1, QF_SPLIT_TEST, i, &story);
        for (int q = 0; q < QF_STORY_QUESTIONS; q++) {
            const qf_question *question = &story.question[q];
            char answer[64];
            oracle(story.text, question->text, answer);
            if (strcmp(answer, question->choice[question->answer]) != 0)
                fail_msg("%s\n%s: '%s', wants '%s'", story.text, question->text, answer,
                         question->choice[question->answer]);
            for (int c = 0; c < QF_STORY_CHOICES; c++)
                for (int d = 0; d < c; d++)
                    assert_string_not_equal(question->choice[c], question->choice[d]);
            seat[question->answer]++;
        }
    }
    /* The right answer sits everywhere: always answering "a" gives chance. */
    for (int c = 0; c < QF_STORY_CHOICES; c++) {
        assert_true(seat[c] > MANY * QF_STORY_QUESTIONS / 4 * 9 / 10);
        assert_true(seat[c] < MANY * QF_STORY_QUESTIONS / 4 * 11 / 10);
    }
}

static void test_a_story_is_a_function_of_its_number(void **state)
{
    (void)state;
    qf_story a, b, c;
    qf_story_tell(5, QF_SPLIT_TRAIN, 17, &a);
    qf_story_tell(5, QF_SPLIT_TRAIN, 16, &b);
    qf_story_tell(5, QF_SPLIT_TRAIN, 17, &b);
    assert_memory_equal(&a, &b, sizeof a);
    qf_story_tell(6, QF_SPLIT_TRAIN, 17, &c);
    assert_string_not_equal(a.text, c.text);
}

/* The class of a story's facts, recovered from its text and questions. */
static unsigned class_of(const qf_story *story)
{
    char hero[64], animal[64];
    assert_int_equal(sscanf(story->question[2].text, "How many %63[a-z]", animal), 1);
    assert_int_equal(sscanf(story->question[4].text, "What did %63[A-Za-z]", hero), 1);
    const char *right[QF_STORY_QUESTIONS];
    for (int q = 0; q < QF_STORY_QUESTIONS; q++)
        right[q] = story->question[q].choice[story->question[q].answer];
    const char *const fact[] = {hero,     right[3], right[4], right[0],
                                right[1], right[2], animal,   right[5]};
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < 8; i++)
        for (const char *c = fact[i]; *c; c++) hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
    return (unsigned)(hash >> 32) % 16;
}

static void test_splits_are_disjoint(void **state)
{
    (void)state;
    for (int s = 0; s < QF_SPLITS; s++)
        for (uint64_t i = 0; i < MANY; i++) {
            qf_story story;
            qf_story_tell(7, (qf_split)s, i, &story);
            const unsigned class = class_of(&story);
            if (s == QF_SPLIT_TRAIN)
                assert_true(class >= 3);
            else
                assert_int_equal(class, s - QF_SPLIT_CALIBRATION);
        }
}

static void test_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/qf_stories_XXXXXX", *a, *b;
    char path[64], again[64];
    size_t size;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a.txt", directory);
    snprintf(again, sizeof again, "%s/b.txt", directory);

    assert_int_equal(qf_story_write_text(3, QF_SPLIT_SEARCH, 50, path), QF_OK);
    assert_int_equal(qf_story_write_text(3, QF_SPLIT_SEARCH, 50, again), QF_OK);
    assert_int_equal(qf_file_read(path, 1 << 20, &a, &size), QF_OK);
    assert_int_equal(qf_file_read(again, 1 << 20, &b, NULL), QF_OK);
    assert_string_equal(a, b);
    int records = 0;
    for (const char *at = a; (at = strstr(at, "<|endoftext|>")); at++) records++;
    assert_int_equal(records, 50);
    qf_free(a);
    qf_free(b);

    qf_choices choices;
    assert_int_equal(qf_story_write_questions(3, QF_SPLIT_TEST, 60, path), QF_OK);
    assert_int_equal(qf_choices_load(path, 0, 0, &choices), QF_OK);
    assert_int_equal(choices.count, 60);
    for (int i = 0; i < choices.count; i++) {
        const qf_choice_item *item = &choices.item[i];
        char answer[64];
        assert_int_equal(item->choices, 4);
        const char *question = strstr(item->question, "Question: ");
        assert_non_null(question);
        assert_non_null(strstr(question, " Answer:"));
        oracle(item->question, question + strlen("Question: "), answer);
        assert_string_equal(answer, item->choice[item->answer]);
    }
    qf_choices_release(&choices);
    assert_int_equal(qf_story_write_text(3, QF_SPLIT_TEST, 1, "/nowhere/at/all.txt"), QF_IO);
    remove(path);
    remove(again);
    remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions_are_answerable),
        cmocka_unit_test(test_a_story_is_a_function_of_its_number),
        cmocka_unit_test(test_splits_are_disjoint),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
