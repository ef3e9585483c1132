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
} qf_choice_item;

/* Owns its texts. */
typedef struct qf_choices {
    int count;
    qf_choice_item *item;
} qf_choices;

/* Reads lines of {"question": text, "choices": [text, …], "answer": index}; other members
 * are ignored.  At most `limit` (0: all).  QF_FORMAT names the line that is not one. */
QF_MUST_CHECK qf_status qf_choices_load(const char *path, int limit, qf_choices *choices);
void qf_choices_release(qf_choices *choices);

/* log p(continuation | context), one number per call.  Consecutive calls often share the
 * context; the continuation follows it in memory (context + context_count). */
typedef qf_status qf_continuation(void *self, const int *context, int context_count,
                                  const int *continuation, int count, double *log_p);

typedef struct qf_choice_score {
    int questions;
    int correct;     /* by length-normalised likelihood */
    int correct_raw; /* by likelihood alone */
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
