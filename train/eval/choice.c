/* choice.c -- scores the choices of questions by the likelihood of continuations. */
#include "qforge/choice.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"

/* A question and one choice as tokens. */
typedef struct encoded {
    int *context, *whole;
    int context_count, whole_count;
} encoded;

static void encoded_release(encoded *e)
{
    qf_free(e->context);
    qf_free(e->whole);
    memset(e, 0, sizeof *e);
}

/* "question choice" is encoded whole and the tokens beyond those of the question alone
 * are the continuation: a tokenizer may join the space to the choice.  Should it join
 * more than that, the tokens that differ belong to the continuation. */
static qf_status encode(const qf_tokenizer *tokenizer, const char *question, const char *choice,
                        encoded *e)
{
    size_t length = strlen(question);
    while (length > 0 && question[length - 1] == ' ') length--;
    const char *space = length > 0 && *choice != ' ' && question[length - 1] != '\n' ? " " : "";
    const size_t size = length + strlen(space) + strlen(choice);
    char *whole = qf_alloc(size + 1);
    if (!whole) return QF_MEMORY;
    memcpy(whole, question, length);
    memcpy(whole + length, space, strlen(space));
    memcpy(whole + length + strlen(space), choice, strlen(choice));

    memset(e, 0, sizeof *e);
    qf_status status =
        qf_tokenizer_encode(tokenizer, whole, length, 1, &e->context, &e->context_count);
    if (status == QF_OK)
        status = qf_tokenizer_encode(tokenizer, whole, size, 1, &e->whole, &e->whole_count);
    qf_free(whole);
    if (status != QF_OK) {
        encoded_release(e);
        return status;
    }
    int shared = 0;
    while (shared < e->context_count && shared < e->whole_count - 1 &&
           e->context[shared] == e->whole[shared])
        shared++;
    e->context_count = shared;
    return QF_OK;
}

typedef struct verdict {
    double best, best_normalised, right;
    int pick, pick_normalised;
    bool too_long;
} verdict;

static void weigh(verdict *v, int choice, bool right, double log_p, double bytes)
{
    if (choice == 0 || log_p > v->best) v->best = log_p, v->pick = choice;
    if (choice == 0 || log_p / bytes > v->best_normalised)
        v->best_normalised = log_p / bytes, v->pick_normalised = choice;
    if (right) v->right = log_p;
}

static qf_status judge(qf_continuation *likelihood, void *self, const qf_tokenizer *tokenizer,
                       int context, const qf_choice_item *item, verdict *v)
{
    memset(v, 0, sizeof *v);
    for (int c = 0; c < item->choices; c++) {
        encoded e;
        double log_p = -INFINITY;
        QF_TRY(encode(tokenizer, item->question, item->choice[c], &e));
        v->too_long = v->too_long || e.whole_count > context || e.context_count < 1;
        qf_status status = QF_OK;
        if (!v->too_long)
            status = likelihood(self, e.whole, e.context_count, e.whole + e.context_count,
                                e.whole_count - e.context_count, &log_p);
        encoded_release(&e);
        QF_TRY(status);
        const double bytes = fmax(1, (double)strlen(item->choice[c]));
        weigh(v, c, c == item->answer, log_p, bytes);
    }
    return QF_OK;
}

/* Of one subject. */
typedef struct tally {
    int questions, correct;
} tally;

static void count(const qf_choice_item *item, const verdict *v, qf_choice_score *score,
                  tally *subject)
{
    const bool correct = v->pick_normalised == item->answer;

    if (v->too_long) {
        score->skipped++;
        return;
    }
    score->questions++;
    score->correct += correct;
    score->correct_raw += v->pick == item->answer;
    score->chance += 1.0 / item->choices;
    score->log_p += v->right;
    subject[item->subject].questions++;
    subject[item->subject].correct += correct;
}

static void conclude(const tally *subject, int subjects, qf_choice_score *score)
{
    int asked = 0;

    for (int s = 0; s < subjects; s++) {
        if (subject[s].questions == 0) continue;
        score->macro += (double)subject[s].correct / subject[s].questions;
        asked++;
    }
    score->macro /= asked;
    score->chance /= score->questions;
    score->log_p /= score->questions;
}

static qf_status score_all(qf_continuation *likelihood, void *self,
                           const qf_tokenizer *tokenizer, int context,
                           const qf_choices *choices, qf_progress *progress,
                           void *progress_context, qf_choice_score *score, tally *subject)
{
    for (int i = 0; i < choices->count; i++) {
        verdict v;
        QF_TRY(judge(likelihood, self, tokenizer, context, &choices->item[i], &v));
        count(&choices->item[i], &v, score, subject);
        if (progress && !progress(progress_context, i + 1, choices->count))
            return QF_INTERRUPTED;
    }
    if (score->questions > 0) return QF_OK;
    return qf_fail(QF_SHAPE, "none of %d questions fits a context of %d tokens", choices->count,
                   context);
}

qf_status qf_choices_score(qf_continuation *likelihood, void *self,
                           const qf_tokenizer *tokenizer, int context,
                           const qf_choices *choices, qf_progress *progress,
                           void *progress_context, qf_choice_score *score)
{
    const int subjects = choices->subjects > 0 ? choices->subjects : 1;
    tally *subject = qf_alloc_array((size_t)subjects, sizeof *subject);

    memset(score, 0, sizeof *score);
    if (!subject) return QF_MEMORY;
    const qf_status status = score_all(likelihood, self, tokenizer, context, choices, progress,
                                       progress_context, score, subject);
    if (status == QF_OK) conclude(subject, subjects, score);
    qf_free(subject);
    return status;
}

/* ---- an engine as likelihood ---- */

/* The tokens in the engine's cache, so that the choices of a question share its prefix. */
typedef struct reader {
    qf_engine *engine;
    int vocab, held;
    int *token;    /* [context] */
    float *logits; /* [context][vocab], of each held token */
} reader;

static double log_probability(const float *logits, int vocab, int token)
{
    float greatest = logits[0];
    double sum = 0;
    for (int v = 1; v < vocab; v++) greatest = logits[v] > greatest ? logits[v] : greatest;
    for (int v = 0; v < vocab; v++) sum += exp((double)logits[v] - (double)greatest);
    return (double)logits[token] - (double)greatest - log(sum);
}

static qf_status read_tokens(reader *r, const int *token, int count)
{
    enum { CHUNK = 64 };
    int same = 0;
    while (same < count && same < r->held && r->token[same] == token[same]) same++;
    r->held = same;
    while (r->held < count) {
        const int step = count - r->held < CHUNK ? count - r->held : CHUNK;
        QF_TRY(qf_engine_step(r->engine, token + r->held, step, r->held, true,
                              r->logits + (size_t)r->held * r->vocab));
        memcpy(r->token + r->held, token + r->held, (size_t)step * sizeof *token);
        r->held += step;
    }
    return QF_OK;
}

/* The continuation follows the context in memory: choice.h. */
static qf_status engine_likelihood(void *self, const int *context, int context_count,
                                   const int *continuation, int count, double *log_p)
{
    reader *r = self;
    /* The last token's own logits are not needed. */
    QF_TRY(read_tokens(r, context, context_count + count - 1));
    *log_p = 0;
    for (int i = 0; i < count; i++)
        *log_p += log_probability(r->logits + (size_t)(context_count + i - 1) * r->vocab,
                                  r->vocab, continuation[i]);
    return QF_OK;
}

qf_status qf_choices_answer(qf_engine *engine, const qf_tokenizer *tokenizer,
                            const qf_choices *choices, qf_progress *progress,
                            void *progress_context, qf_choice_score *score)
{
    const qf_config *config = qf_engine_config(engine);
    reader r = {.engine = engine, .vocab = config->vocab};
    r.token = qf_alloc_array((size_t)config->context, sizeof *r.token);
    r.logits = qf_alloc_array((size_t)config->context * (size_t)config->vocab, sizeof(float));
    qf_status status = QF_MEMORY;
    if (r.token && r.logits)
        status = qf_choices_score(engine_likelihood, &r, tokenizer, config->context, choices,
                                  progress, progress_context, score);
    qf_free(r.logits);
    qf_free(r.token);
    return status;
}
