/* test_instructions.c -- Alpaca's format: prompts as they were published, answers alone as
 * targets, and what is no such file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/instructions.h"

enum { BOS = 256, EOS = 257 };

static const char two[] =
    "[{\"instruction\": \"Name a colour.\", \"input\": \"\", \"output\": \"Red\"},"
    " {\"instruction\": \"Add.\", \"input\": \"1 and 2\", \"output\": \"3\", \"id\": 7}]";
static const char first[] =
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\nName a colour.\n\n### Response:\n";
static const char second[] =
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n### "
    "Instruction:\nAdd.\n\n### Input:\n1 and 2\n\n### Response:\n";

static qf_tokenizer *bytes(void)
{
    qf_tokenizer *tokenizer;
    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 258, &tokenizer), QF_OK);
    return tokenizer;
}

static qf_status load(const char *text, tr_stream *stream)
{
    char path[] = "/tmp/qforge-instructions-XXXXXX.json";
    const int file = mkstemps(path, 5);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (int)strlen(text));
    close(file);
    qf_tokenizer *tokenizer = bytes();
    const qf_status status = tr_stream_load(path, tokenizer, stream);
    qf_tokenizer_free(tokenizer);
    unlink(path);
    return status;
}

/* Bytes of a record: BOS, prompt, answer, EOS; returns what is behind it. */
static int64_t check_record(const tr_stream *s, int64_t at, const char *prompt,
                            const char *answer)
{
    assert_int_equal(s->token[at], BOS);
    assert_true(s->given[at++]);
    for (; *prompt; prompt++, at++) {
        assert_int_equal(s->token[at], (unsigned char)*prompt);
        assert_true(s->given[at]);
    }
    for (; *answer; answer++, at++) {
        assert_int_equal(s->token[at], (unsigned char)*answer);
        assert_false(s->given[at]);
    }
    assert_int_equal(s->token[at], EOS);
    assert_false(s->given[at]);
    return at + 1;
}

static void records_are_prompt_and_answer(void **state)
{
    (void)state;
    tr_stream s;
    assert_int_equal(load(two, &s), QF_OK);
    assert_int_equal(s.records, 2);
    assert_int_equal(s.start[0], 0);
    const int64_t end = check_record(&s, 0, first, "Red");
    assert_int_equal(s.start[1], end);
    assert_int_equal(check_record(&s, end, second, "3"), s.count);
    tr_stream_release(&s);
}

/* The answer is asked of the token before it; the prompt is asked of none. */
static void targets_are_answers(void **state)
{
    (void)state;
    enum { T = 40 };
    tr_stream s;
    int token[T], target[T], learnt = 0, begun = 0;

    assert_int_equal(load(two, &s), QF_OK);
    for (int64_t step = 0; step < 400; step++) {
        tr_batch_draw(&s, 5, step, 1, T, token, target);
        for (int t = 0; t < T; t++) {
            learnt += target[t] >= 0;
            if (t + 1 < T && target[t] >= 0) assert_int_equal(target[t], token[t + 1]);
            if (target[t] < 0) continue;
            assert_true(target[t] == EOS ||
                        (target[t] > 0 && target[t] < BOS && strchr("Red3", target[t])));
            begun += target[t] == 'R';
        }
    }
    assert_true(learnt > 0 && learnt < 400 * T / 4);
    assert_true(begun > 0); /* an answer is learnt from its first token on */
    const uint64_t masked = tr_stream_hash(&s);
    memset(s.given, 0, (size_t)s.count);
    assert_true(masked != tr_stream_hash(&s)); /* another run, to a checkpoint */
    tr_stream_release(&s);
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "[1]",
        "[{\"instruction\": \"a\"}]",
        "[{\"output\": \"a\"}]",
        "[{\"instruction\": \"a\", \"output\": \"b\"}, {\"instruction\": 1}]",
        "[{\"instruction\": \"a\", \"output\": \"b\", \"input\": 3}]",
        "[{\"instru"};
    tr_stream s;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(load(bad[i], &s), QF_FORMAT);
        assert_null(s.token);
    }
    assert_non_null(strstr(qf_message(), ".json:1: "));
    assert_int_equal(load(bad[6], &s), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "entry 2 "));
    assert_int_equal(load("[{\"instruction\": \"a\", \"output\": \"b\"}]", &s), QF_OK);
    tr_stream_release(&s); /* without an input */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_prompt_and_answer),
        cmocka_unit_test(targets_are_answers),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
