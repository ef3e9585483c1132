/* qforge/choice.h -- multiple-choice questions, answered by likelihood.
 *
 * As EleutherAI's lm-evaluation-harness does for its `acc_norm`: each choice is a
 * continuation of the question, its score is log p(choice | question) divided by the
 * choice's bytes, the greatest wins.  `acc` is without the division. */
#ifndef QFORGE_CHOICE_H
#define QFORGE_CHOICE_H

#include <stdbool.h>

#include "qforge/engine.h"
#include "qforge/status.h"
#include "qforge/tokenizer.h"

enum { QF_CHOICES_MAX = 8 };

typedef struct qf_choice_item {
    char *question;
    char *choice[QF_CHOICES_MAX];
    int choices, answer;
    int subject; /* 0 … */
} qf_choice_item;

/* Owns its texts. */
typedef struct qf_choices {
    int count, room;
    int subjects; /* what an average over subjects is over */
    qf_choice_item *item;
} qf_choices;

/* Reads questions, by what is at `path`:
 *
 *     lines of {"question": text, "choices": [text, …], "answer": index}
 *     lines of {"query", "choices", "gold"}                           ARC
 *     lines of {"activity_label", "ctx_a", "ctx_b", "endings", "label"}   HellaSwag
 *     lines of {"goal", "sol1", "sol2"}, labels in …-labels.lst       PIQA
 *     a directory of SUBJECT_SPLIT.csv                                MMLU
 *
 * At most `limit` (0: all) of a file.  shots: solved examples of the subject before each
 * question, MMLU alone (QF_USAGE).  QF_FORMAT names the line that is no question. */
QF_MUST_CHECK qf_status qf_choices_load(const char *path, int limit, int shots,
                                        qf_choices *choices);
void qf_choices_release(qf_choices *choices);

/* log p(continuation | context), one number per call.  Consecutive calls often share the
 * context; the continuation follows it in memory (context + context_count). */
typedef qf_status qf_continuation(void *self, const int *context, int context_count,
                                  const int *continuation, int count, double *log_p);

typedef struct qf_choice_score {
    int questions;
    int correct;     /* by length-normalised likelihood */
    int correct_raw; /* by likelihood alone */
    double macro;    /* mean over subjects of the share correct, as MMLU is reported */
    int skipped;     /* longer than the context */
    double chance;   /* mean of 1 / choices */
    double log_p;    /* mean log-likelihood of the right choice, nats */
} qf_choice_score;

/* The context is the question after the begin token; a space joins the two unless one is
 * there.  progress (may be NULL) is called after every question. */
QF_MUST_CHECK qf_status qf_choices_score(qf_continuation *likelihood, void *self,
                                         const qf_tokenizer *tokenizer, int context,
                                         const qf_choices *choices, qf_progress *progress,
                                         void *progress_context, qf_choice_score *score);
/* The same with an engine. */
QF_MUST_CHECK qf_status qf_choices_answer(qf_engine *engine, const qf_tokenizer *tokenizer,
                                          const qf_choices *choices, qf_progress *progress,
                                          void *progress_context, qf_choice_score *score);

#endif
