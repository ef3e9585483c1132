/* qforge/storyteller.h -- small stories with questions whose answers follow from them.
 *
 * Text for experiments without a data set: about 180 words, a handful of facts per story
 * (who, with whom, where, which thing of which colour, how many of what, where it was
 * found) told in varying words, then questions in the same words.  A model of a million
 * parameters learns to tell and to answer them in a minute or two; what quantisation
 * breaks first is the answers.
 *
 * A story is a pure function of (seed, split, index).  Splits are disjoint by
 * construction: which split a set of facts belongs to is a hash of the facts. */
#ifndef QFORGE_STORYTELLER_H
#define QFORGE_STORYTELLER_H

#include <stdint.h>

#include "qforge/status.h"

typedef enum qf_split {
    QF_SPLIT_TRAIN,
    QF_SPLIT_CALIBRATION,
    QF_SPLIT_SEARCH,
    QF_SPLIT_TEST,
    QF_SPLITS
} qf_split;
const char *qf_split_name(qf_split split); /* "train", "calibration", "search", "test" */

enum { QF_STORY_TEXT = 1024, QF_STORY_QUESTIONS = 6, QF_STORY_CHOICES = 4 };

typedef struct qf_question {
    const char *kind; /* "colour", "place", "count", "name", "object", "hiding" */
    char text[96];    /* "Where was the ball?" */
    char lead[32];    /* how the answer begins: "under the"; may be "" */
    const char *choice[QF_STORY_CHOICES];
    int answer; /* index of the right choice */
} qf_question;

typedef struct qf_story {
    char text[QF_STORY_TEXT]; /* one paragraph */
    qf_question question[QF_STORY_QUESTIONS];
} qf_story;

/* Cannot fail. */
void qf_story_tell(uint64_t seed, qf_split split, uint64_t index, qf_story *story);

/* Writes `stories` stories, each with its questions answered, separated by
 * <|endoftext|>:
 *     <story>
 *     Question: Where was the ball? Answer: under the tree. */
QF_MUST_CHECK qf_status qf_story_write_text(uint64_t seed, qf_split split, int stories,
                                            const char *path);
/* Writes one question of each of `questions` stories as lines of
 * {"kind": …, "question": story, question and lead, "choices": […], "answer": index},
 * which choice.h reads. */
QF_MUST_CHECK qf_status qf_story_write_questions(uint64_t seed, qf_split split, int questions,
                                                 const char *path);

#endif
