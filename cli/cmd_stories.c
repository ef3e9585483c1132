/* cmd_stories.c -- qforge stories: text, questions and a tokenizer made from nothing. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/pieces.h"
#include "qforge/storyteller.h"

typedef struct request {
    const char *out;
    int64_t count[QF_SPLITS];
    int64_t questions, seed, vocab;
} request;

static qf_status write_split(const request *r, qf_split split)
{
    char name[32];
    snprintf(name, sizeof name, "%s.txt", qf_split_name(split));
    char *path = qf_path_join(r->out, name);
    if (!path) return QF_MEMORY;
    const qf_status status =
        qf_story_write_text((uint64_t)r->seed, split, (int)r->count[split], path);
    if (status == QF_OK) printf("%s: %lld stories\n", path, (long long)r->count[split]);
    qf_free(path);
    return status;
}

static qf_status write_questions(const request *r)
{
    char *path = qf_path_join(r->out, "questions.jsonl");
    if (!path) return QF_MEMORY;
    const qf_status status =
        qf_story_write_questions((uint64_t)r->seed, QF_SPLIT_TEST, (int)r->questions, path);
    if (status == QF_OK) printf("%s: %lld questions\n", path, (long long)r->questions);
    qf_free(path);
    return status;
}

/* Learned from the training text alone. */
static qf_status learn_tokenizer(const request *r)
{
    char *text_path = qf_path_join(r->out, "train.txt"), *text = NULL;
    char *path = qf_path_join(r->out, "tokenizer.bin");
    size_t size = 0;
    int learned = 0;
    qf_status status = text_path && path ? QF_OK : QF_MEMORY;

    if (status == QF_OK) status = qf_file_read(text_path, (size_t)1 << 31, &text, &size);
    if (status == QF_OK) status = qf_pieces_learn(text, size, (int)r->vocab, path, &learned);
    if (status == QF_OK) printf("%s: %d pieces\n", path, learned);
    qf_free(text);
    qf_free(path);
    qf_free(text_path);
    return status;
}

static qf_status check(const request *r)
{
    if (!r->out) return qf_fail(QF_USAGE, "stories: -o DIR is missing");
    for (int s = 0; s < QF_SPLITS; s++)
        if (r->count[s] < 1 || r->count[s] > 10000000)
            return qf_fail(QF_USAGE, "--%s: %lld is not from 1 to 10000000",
                           qf_split_name((qf_split)s), (long long)r->count[s]);
    if (r->questions < 1 || r->questions > 10000000)
        return qf_fail(QF_USAGE, "--questions: %lld is not from 1 to 10000000",
                       (long long)r->questions);
    if (r->vocab < 300 || r->vocab > 32768)
        return qf_fail(QF_USAGE, "--vocab: %lld is not from 300 to 32768", (long long)r->vocab);
    return QF_OK;
}

qf_status cli_cmd_stories(int argc, char **argv)
{
    request r = {.count = {[QF_SPLIT_TRAIN] = 20000,
                           [QF_SPLIT_CALIBRATION] = 200,
                           [QF_SPLIT_SEARCH] = 200,
                           [QF_SPLIT_TEST] = 200},
                 .questions = 600,
                 .seed = 1,
                 .vocab = 768};
    const cli_option options[] = {
        {"out", 'o', CLI_TEXT, &r.out, "DIR", "where the files go"},
        {"train", 0, CLI_INT, &r.count[QF_SPLIT_TRAIN], "N", "stories to train on (20000)"},
        {"calibration", 0, CLI_INT, &r.count[QF_SPLIT_CALIBRATION], "N",
         "stories to quantise by (200)"},
        {"search", 0, CLI_INT, &r.count[QF_SPLIT_SEARCH], "N", "stories to search on (200)"},
        {"test", 0, CLI_INT, &r.count[QF_SPLIT_TEST], "N", "stories to report on (200)"},
        {"questions", 0, CLI_INT, &r.questions, "N",
         "four-choice questions on stories of the test split (600)"},
        {"vocab", 0, CLI_INT, &r.vocab, "N", "pieces of the tokenizer (768)"},
        {"seed", 0, CLI_INT, &r.seed, "S", "another seed, other stories (1)"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge stories -o DIR [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    QF_TRY(qf_directory_make(r.out));
    for (int s = 0; s < QF_SPLITS; s++) QF_TRY(write_split(&r, (qf_split)s));
    QF_TRY(write_questions(&r));
    return learn_tokenizer(&r);
}
