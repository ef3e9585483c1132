/* story_files.c -- stories as training text, questions as lines of JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "qforge/storyteller.h"

enum { ASKED = QF_STORY_QUESTIONS, LINE = 256 };

/* "Question: Where was the ball? Answer: under the" */
static void print_question(const qf_question *question, char line[LINE])
{
    snprintf(line, LINE, "Question: %s Answer:%s%s", question->text,
             question->lead[0] ? " " : "", question->lead);
}

/* All questions of the story, answered, in an order that depends on the story only. */
static qf_status write_story(qf_output *output, uint64_t seed, qf_split split, uint64_t index)
{
    qf_random random = qf_random_init(seed ^ 0x5157u, (uint64_t)split << 48 | index);
    int order[QF_STORY_QUESTIONS];
    char record[QF_STORY_TEXT + ASKED * (LINE + 32) + 32];
    qf_story story;

    qf_story_tell(seed, split, index, &story);
    for (int i = 0; i < QF_STORY_QUESTIONS; i++) order[i] = i;
    int length = snprintf(record, sizeof record, "%s", story.text);
    for (int i = 0; i < ASKED; i++) {
        const int left = QF_STORY_QUESTIONS - i;
        const int j = i + (int)qf_random_below(&random, (uint32_t)left);
        const qf_question *question = &story.question[order[j]];
        char line[LINE];
        order[j] = order[i];
        print_question(question, line);
        length += snprintf(record + length, sizeof record - (size_t)length, "\n%s %s.", line,
                           question->choice[question->answer]);
    }
    length += snprintf(record + length, sizeof record - (size_t)length, "\n<|endoftext|>\n");
    return qf_output_write(output, record, (size_t)length);
}

static qf_status write_line(qf_output *output, uint64_t seed, qf_split split, uint64_t index)
{
    char line[LINE], question[QF_STORY_TEXT + LINE + 2];
    qf_story story;

    qf_story_tell(seed, split, index, &story);
    const qf_question *asked = &story.question[index % QF_STORY_QUESTIONS];
    print_question(asked, line);
    snprintf(question, sizeof question, "%s\n%s", story.text, line);
    json_t *json = json_pack("{s:s, s:s, s:[ssss], s:i}", "kind", asked->kind, "question",
                             question, "choices", asked->choice[0], asked->choice[1],
                             asked->choice[2], asked->choice[3], "answer", asked->answer);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    qf_status status = text ? qf_output_write(output, text, strlen(text))
                            : qf_fail(QF_MEMORY, "out of memory for a question");
    if (status == QF_OK) status = qf_output_write(output, "\n", 1);
    free(text);
    json_decref(json);
    return status;
}

typedef qf_status write_one(qf_output *output, uint64_t seed, qf_split split, uint64_t index);

static qf_status write_all(write_one *write, uint64_t seed, qf_split split, int count,
                           const char *path)
{
    qf_output output;
    QF_TRY(qf_output_open(path, &output));
    for (int i = 0; i < count; i++) {
        const qf_status status = write(&output, seed, split, (uint64_t)i);
        if (status == QF_OK) continue;
        qf_output_abandon(&output);
        return status;
    }
    return qf_output_commit(&output);
}

qf_status qf_story_write_text(uint64_t seed, qf_split split, int stories, const char *path)
{
    return write_all(write_story, seed, split, stories, path);
}

qf_status qf_story_write_questions(uint64_t seed, qf_split split, int questions,
                                   const char *path)
{
    return write_all(write_line, seed, split, questions, path);
}
