/* generation.c -- prompt, then token by token. */
#include "generation.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "qforge/clock.h"
#include "qforge/memory.h"

typedef struct stream {
    const cli_generation *g;
    char *text; /* all of it, for JSON */
    size_t length, room;
    float *logits;
    int previous, added;
    int64_t prefill_ns, decode_ns;
} stream;

static qf_status keep(stream *s, const char *piece, size_t length)
{
    if (s->length + length > s->room) {
        const size_t room = 2 * (s->length + length) + 256;
        char *larger = qf_alloc(room);
        if (!larger) return QF_MEMORY;
        if (s->length) memcpy(larger, s->text, s->length);
        qf_free(s->text);
        s->text = larger;
        s->room = room;
    }
    memcpy(s->text + s->length, piece, length);
    s->length += length;
    return QF_OK;
}

static qf_status show(stream *s, int token)
{
    size_t length;
    const char *piece = qf_tokenizer_piece(s->g->tokenizer, s->previous, token, &length);

    s->previous = token;
    if (s->g->json) return keep(s, piece, length);
    if (fwrite(piece, 1, length, stdout) != length || fflush(stdout) != 0)
        return qf_fail(QF_IO, "cannot write to standard output");
    return QF_OK;
}

static qf_status show_prompt(stream *s)
{
    s->previous = -1;
    for (int i = 0; i < s->g->prompt_count; i++) {
        if (i == 0 && s->g->prompt[0] == qf_tokenizer_bos(s->g->tokenizer))
            s->previous = s->g->prompt[0];
        else
            QF_TRY(show(s, s->g->prompt[i]));
    }
    return QF_OK;
}

/* Texts end with their end token, or where the next one would begin. */
static bool ends(const stream *s, int token)
{
    const qf_config *config = qf_engine_config(s->g->engine);
    return token == config->eos || token == qf_tokenizer_eos(s->g->tokenizer) ||
           token == qf_tokenizer_bos(s->g->tokenizer);
}

static qf_status step(stream *s, const int *token, int count, int position, int64_t *spent)
{
    const int64_t start = qf_now_ns();
    const qf_status status =
        qf_engine_step(s->g->engine, token, count, position, false, s->logits);
    *spent += qf_now_ns() - start;
    return status;
}

static qf_status add_tokens(stream *s)
{
    const cli_generation *g = s->g;
    const qf_config *config = qf_engine_config(g->engine);
    const int room = config->context - g->prompt_count + 1;
    const int most = g->tokens < room ? g->tokens : room;

    QF_TRY(step(s, g->prompt, g->prompt_count, 0, &s->prefill_ns));
    while (s->added < most && !cli_interrupted()) {
        int token = qf_sample(&g->sampling, (uint64_t)s->added, s->logits, config->vocab);
        if (ends(s, token)) break;
        QF_TRY(show(s, token));
        if (++s->added == most) break;
        QF_TRY(step(s, &token, 1, g->prompt_count + s->added - 1, &s->decode_ns));
    }
    return QF_OK;
}

/* ---- telling ---- */

/* Bytes cut inside a character become U+FFFD, so that JSON can hold the text. */
static json_t *json_text(const stream *s)
{
    json_t *whole = json_stringn(s->text ? s->text : "", s->length);
    if (whole) return whole;
    char *clean = qf_alloc(3 * s->length + 1);
    size_t length = 0;
    for (size_t at = 0; clean && at < s->length;) {
        size_t bytes = 4;
        json_t *one = NULL;
        for (; bytes && !one; bytes -= !one)
            if (at + bytes <= s->length) one = json_stringn(s->text + at, bytes);
        memcpy(clean + length, one ? s->text + at : "\xEF\xBF\xBD", one ? bytes : 3);
        length += one ? bytes : 3;
        at += one ? bytes : 1;
        json_decref(one);
    }
    whole = clean ? json_stringn(clean, length) : NULL;
    qf_free(clean);
    return whole;
}

/* The first token comes out of the prompt's step, the others of one step each. */
static double rate(int64_t tokens, int64_t ns)
{
    return ns > 0 ? (double)tokens * 1e9 / (double)ns : 0;
}

static qf_status print_json(const stream *s)
{
    const int steps = s->added > 1 ? s->added - 1 : 0;
    json_t *root = json_pack(
        "{s:o, s:i, s:i, s:f, s:f, s:f, s:I}", "text", json_text(s), "prompt_tokens",
        s->g->prompt_count, "tokens", s->added, "prefill_tokens_per_second",
        rate(s->g->prompt_count, s->prefill_ns), "tokens_per_second", rate(steps, s->decode_ns),
        "us_per_token", steps ? (double)s->decode_ns * 1e-3 / steps : 0.0, "weight_bytes",
        (json_int_t)qf_engine_weight_bytes(s->g->engine));
    const bool printed = root && json_dumpf(root, stdout, JSON_REAL_PRECISION(9)) == 0;
    json_decref(root);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static qf_status finish(const stream *s)
{
    if (s->g->json) QF_TRY(print_json(s));
    if (!s->g->json) {
        putchar('\n');
        fflush(stdout);
        fprintf(stderr, "%d tokens of prompt at %.0f per second, %d added at %.1f per second\n",
                s->g->prompt_count, rate(s->g->prompt_count, s->prefill_ns), s->added,
                rate(s->added > 1 ? s->added - 1 : 0, s->decode_ns));
    }
    if (cli_interrupted()) return qf_fail(QF_INTERRUPTED, "interrupted");
    return QF_OK;
}

qf_status cli_generate(const cli_generation *generation)
{
    const int vocab = qf_engine_config(generation->engine)->vocab;
    stream s = {.g = generation, .logits = qf_alloc_array((size_t)vocab, sizeof(float))};
    qf_status status = s.logits ? QF_OK : QF_MEMORY;

    if (status == QF_OK) status = show_prompt(&s);
    if (status == QF_OK) status = add_tokens(&s);
    if (status == QF_OK) status = finish(&s);
    qf_free(s.logits);
    qf_free(s.text);
    return status;
}
