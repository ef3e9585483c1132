/* choice_formats.h -- one question out of one line of JSON, in the formats its benchmarks are
 * published in, with the prompts of EleutherAI's lm-evaluation-harness. */
#ifndef QF_TRAIN_CHOICE_FORMATS_H
#define QF_TRAIN_CHOICE_FORMATS_H

#include <jansson.h>

#include "qforge/choice.h"

/* What a line is read with. */
typedef struct choice_line {
    const char *path;
    int line;           /* of the file, from 1 */
    const json_t *json; /* the line's object */
    int label; /* the line's entry in the file of labels beside it; -1: there is none */
} choice_line;

/* QF_FORMAT naming path and line when it is a question of no format known. */
QF_MUST_CHECK qf_status choice_read(const choice_line *line, qf_choice_item *item);

/* MMLU: a directory of tables, SUBJECT_SPLIT.csv of question, A, B, C, D, answer; examples of a
 * subject are those of ../dev/SUBJECT_dev.csv. */
QF_MUST_CHECK qf_status choice_read_mmlu(const char *directory, int limit, int shots,
                                         qf_choices *choices);

#endif
