/* test_choice_formats.c -- questions of published benchmarks: the prompts they are put with,
 * and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/choice.h"
#include "qforge/file.h"

static char directory[] = "/tmp/qforge-formats-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static char path[256];

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    assert_int_equal(qf_file_write(at(name), text, strlen(text)), QF_OK);
}

static void load(const char *name, int limit, int shots, qf_choices *choices)
{
    if (qf_choices_load(at(name), limit, shots, choices) != QF_OK) fail_msg("%s", qf_message());
}

static void arc(void **state)
{
    (void)state;
    qf_choices q;
    write_file("arc.jsonl",
               "{\"choices\": [\"x\", \"y\", \"z\"], \"query\": \"Question: Why?\", "
               "\"gold\": 2}\n{\"query\": \"Question: How?\", \"choices\": "
               "[\"p\", \"q\"], \"gold\": 0}\n");
    load("arc.jsonl", 0, 0, &q);
    assert_int_equal(q.count, 2);
    assert_int_equal(q.subjects, 1);
    assert_string_equal(q.item[0].question, "Question: Why?\nAnswer:");
    assert_int_equal(q.item[0].choices, 3);
    assert_string_equal(q.item[0].choice[2], "z");
    assert_int_equal(q.item[0].answer, 2);
    assert_int_equal(q.item[1].answer, 0);
    qf_choices_release(&q);
}

/* WikiHow's marks go as the harness removes them. */
static void hellaswag(void **state)
{
    (void)state;
    qf_choices q;
    write_file(
        "hellaswag.jsonl",
        "{\"activity_label\": \"Pole vault\", \"ctx_a\": \"You run.\", \"ctx_b\": \"a few "
        "Women\", \"ctx\": \"unused\", \"label\": 1, \"endings\": [\"go  down.\", \"watch "
        "[substeps] on. [title] More \"]}\n"
        "{\"activity_label\": \"Cook [header]\", \"ctx_a\": \"Boil [title] it.\", "
        "\"ctx_b\": \"\", \"label\": 0, \"endings\": [\"a\", \"b\"]}\n");
    load("hellaswag.jsonl", 0, 0, &q);
    assert_int_equal(q.count, 2);
    assert_string_equal(q.item[0].question, "Pole vault: You run. A few women");
    assert_string_equal(q.item[0].choice[0], "go down.");
    assert_string_equal(q.item[0].choice[1], "watch on.. More");
    assert_int_equal(q.item[0].answer, 1);
    assert_string_equal(q.item[1].question, "Cook : Boil. it.");
    qf_choices_release(&q);
}

static void piqa(void **state)
{
    (void)state;
    static const char questions[] =
        "{\"goal\": \"dry\", \"sol1\": \"wipe\", \"sol2\": \"wet\"}\n"
        "{\"goal\": \"cut\", \"sol1\": \"glue\", \"sol2\": \"saw\"}\n";
    qf_choices q;

    write_file("piqa.jsonl", questions);
    assert_int_equal(qf_choices_load(at("piqa.jsonl"), 0, 0, &q), QF_FORMAT); /* no labels */
    assert_non_null(strstr(qf_message(), "piqa.jsonl:1: has no label"));
    write_file("piqa-labels.lst", "0\n1\n");
    load("piqa.jsonl", 0, 0, &q);
    assert_string_equal(q.item[1].question, "Question: cut\nAnswer:");
    assert_int_equal(q.item[0].answer, 0);
    assert_int_equal(q.item[1].answer, 1);
    assert_string_equal(q.item[1].choice[1], "saw");
    qf_choices_release(&q);
    write_file("piqa-labels.lst", "0\n"); /* one too few */
    assert_int_equal(qf_choices_load(at("piqa.jsonl"), 0, 0, &q), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "piqa.jsonl:2: has no label"));
    load("piqa.jsonl", 1, 0, &q);
    assert_int_equal(q.count, 1);
    qf_choices_release(&q);
}

static void write_mmlu(void)
{
    assert_int_equal(qf_directory_make(at("dev")), QF_OK);
    assert_int_equal(qf_directory_make(at("val")), QF_OK);
    write_file("dev/moral_disputes_dev.csv", "One?,a,b,c,d,C\n\"Two, \"\"2\"\"?\",e,f,g,h,A\n");
    write_file("dev/virology_dev.csv", "Three?,i,j,k,l,B\nFour?,m,n,o,p,D\n");
    write_file("val/moral_disputes_val.csv", "\"Five,\nsix?\",q,r,s,t,D\nSeven?,u,v,w,x,A\n");
    write_file("val/virology_val.csv", "Eight?,1,2,3,4,B\n");
}

static void mmlu(void **state)
{
    (void)state;
    qf_choices q;
    write_mmlu();
    load("val", 0, 0, &q);
    assert_int_equal(q.count, 3);
    assert_int_equal(q.subjects, 2);
    assert_string_equal(
        q.item[0].question,
        "The following are multiple choice questions (with answers) about moral "
        "disputes.\n\nFive,\nsix?\nA. q\nB. r\nC. s\nD. t\nAnswer:");
    assert_int_equal(q.item[0].answer, 3);
    assert_int_equal(q.item[0].subject, 0);
    assert_int_equal(q.item[2].subject, 1);
    assert_int_equal(q.item[2].choices, 4);
    assert_string_equal(q.item[2].choice[1], "B");
    qf_choices_release(&q);
    load("val", 1, 2, &q);
    assert_int_equal(q.count, 2); /* one of each subject */
    assert_string_equal(
        q.item[0].question,
        "The following are multiple choice questions (with answers) about moral "
        "disputes.\n\nOne?\nA. a\nB. b\nC. c\nD. d\nAnswer: C\n\nTwo, \"2\"?\nA. "
        "e\nB. f\nC. g\nD. h\nAnswer: A\n\nFive,\nsix?\nA. q\nB. r\nC. s\nD. "
        "t\nAnswer:");
    qf_choices_release(&q);
    assert_int_equal(qf_choices_load(at("val"), 0, 3, &q), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "has no 3 examples"));
}

/* Always prefers A. */
static qf_status prefer_a(void *self, const int *context, int context_count,
                          const int *continuation, int count, double *log_p)
{
    (void)self, (void)context, (void)context_count;
    *log_p = continuation[count - 1] == 'A' ? -1 : -9;
    return QF_OK;
}

/* Of the first subject one of two is answered A, of the second none of one. */
static void subjects_count_alike(void **state)
{
    (void)state;
    qf_tokenizer *tokenizer;
    qf_choice_score score;
    qf_choices q;

    write_mmlu();
    load("val", 0, 0, &q);
    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 258, &tokenizer), QF_OK);
    assert_int_equal(qf_choices_score(prefer_a, NULL, tokenizer, 4096, &q, NULL, NULL, &score),
                     QF_OK);
    assert_int_equal(score.questions, 3);
    assert_int_equal(score.correct, 1);
    assert_true(score.macro == 0.25);
    qf_tokenizer_free(tokenizer);
    qf_choices_release(&q);
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"text\": 1}",
        "[]",
        "{\"query\": 1, \"choices\": [\"a\", \"b\"], \"gold\": 0}",
        "{\"query\": \"q\", \"choices\": [\"a\"], \"gold\": 0}",
        "{\"query\": \"q\", \"choices\": [\"a\", \"b\"], \"gold\": 2}",
        "{\"endings\": [\"a\", \"b\"], \"label\": 0}",
        "{\"goal\": \"g\", \"sol1\": \"a\"}"};
    qf_choices q;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file("bad.jsonl", bad[i]);
        assert_int_equal(qf_choices_load(at("bad.jsonl"), 0, 0, &q), QF_FORMAT);
        assert_non_null(strstr(qf_message(), "bad.jsonl:1: "));
    }
    write_file("arc.jsonl", "{\"query\": \"q\", \"choices\": [\"a\", \"b\"], \"gold\": 0}");
    assert_int_equal(qf_choices_load(at("arc.jsonl"), 0, 5, &q), QF_USAGE);
    write_mmlu();
    write_file("val/virology_val.csv", "Eight?,1,2,3,B\n");
    assert_int_equal(qf_choices_load(at("val"), 0, 0, &q), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "line 1: 5 fields"));
    write_file("val/virology_val.csv", "Eight?,1,2,3,4,E\n");
    assert_int_equal(qf_choices_load(at("val"), 0, 0, &q), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "answer 'E'"));
    assert_int_equal(qf_directory_make(at("empty")), QF_OK);
    assert_int_equal(qf_choices_load(at("empty"), 0, 0, &q), QF_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arc),
        cmocka_unit_test(hellaswag),
        cmocka_unit_test(piqa),
        cmocka_unit_test(mmlu),
        cmocka_unit_test(subjects_count_alike),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
