/* instructions.c -- Alpaca's JSON into tokens and what of them is asked. */
#include "instructions.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 30 };

bool tr_is_instructions(const char *path)
{
    const size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

/* Room doubles as records come. */
typedef struct growing {
    const qf_tokenizer *tokenizer;
    tr_stream *stream;
    int64_t room;
} growing;

static qf_status make_room(growing *g, int64_t more)
{
    tr_stream *s = g->stream;
    int64_t room = g->room ? g->room : 1 << 16;

    if (s->count + more <= g->room) return QF_OK;
    while (room < s->count + more) room *= 2;
    int *token = qf_alloc_array((size_t)room, sizeof *token);
    uint8_t *given = qf_alloc_array((size_t)room, sizeof *given);
    if (!token || !given) {
        qf_free(token);
        qf_free(given);
        return QF_MEMORY;
    }
    if (s->count) {
        memcpy(token, s->token, (size_t)s->count * sizeof *token);
        memcpy(given, s->given, (size_t)s->count);
    }
    qf_free(s->token);
    qf_free(s->given);
    s->token = token;
    s->given = given;
    g->room = room;
    return QF_OK;
}

static qf_status add_tokens(growing *g, const int *id, int count, bool given)
{
    tr_stream *s = g->stream;

    QF_TRY(make_room(g, count));
    memcpy(s->token + s->count, id, (size_t)count * sizeof *id);
    memset(s->given + s->count, given, (size_t)count);
    s->count += count;
    return QF_OK;
}

static qf_status add_text(growing *g, const char *text, bool begins, bool given)
{
    int *id, count;

    QF_TRY(qf_tokenizer_encode(g->tokenizer, text, strlen(text), begins, &id, &count));
    const qf_status status = add_tokens(g, id, count, given);
    qf_free(id);
    return status;
}

static char *prompt_of(const char *instruction, const char *input)
{
    static const char begin[] = "Below is an instruction that describes a task",
                      paired[] = ", paired with an input that provides further context",
                      request[] = ". Write a response that appropriately completes the "
                                  "request.\n\n### Instruction:\n",
                      given[] = "\n\n### Input:\n", response[] = "\n\n### Response:\n";
    const size_t fixed =
        sizeof begin + sizeof paired + sizeof request + sizeof given + sizeof response;
    char *prompt = qf_alloc(fixed + strlen(instruction) + strlen(input));

    if (!prompt) return NULL;
    strcat(prompt, begin);
    if (*input) strcat(prompt, paired);
    strcat(strcat(prompt, request), instruction);
    if (*input) strcat(strcat(prompt, given), input);
    return strcat(prompt, response);
}

static qf_status add_record(growing *g, const char *prompt, const char *output)
{
    const int end = qf_tokenizer_eos(g->tokenizer);

    g->stream->start[g->stream->records++] = g->stream->count;
    QF_TRY(add_text(g, prompt, true, true));
    QF_TRY(add_text(g, output, false, false));
    return end < 0 ? QF_OK : add_tokens(g, &end, 1, false);
}

static qf_status add_entry(growing *g, const char *path, size_t number, const json_t *entry)
{
    const char *instruction = json_string_value(json_object_get(entry, "instruction"));
    const char *output = json_string_value(json_object_get(entry, "output"));
    const json_t *input = json_object_get(entry, "input");

    if (!instruction || !output || (input && !json_is_string(input)))
        return qf_fail(QF_FORMAT,
                       "%s: entry %zu has no texts \"instruction\", \"output\" and, if any, "
                       "\"input\"",
                       path, number + 1);
    char *prompt = prompt_of(instruction, input ? json_string_value(input) : "");
    if (!prompt) return QF_MEMORY;
    const qf_status status = add_record(g, prompt, output);
    qf_free(prompt);
    return status;
}

static qf_status add_entries(growing *g, const char *path, const json_t *list)
{
    size_t i;
    const json_t *entry;

    if (json_array_size(list) == 0)
        return qf_fail(QF_FORMAT, "%s: not a JSON array of instructions", path);
    g->stream->start = qf_alloc_array(json_array_size(list), sizeof *g->stream->start);
    if (!g->stream->start) return QF_MEMORY;
    json_array_foreach(list, i, entry) QF_TRY(add_entry(g, path, i, entry));
    return QF_OK;
}

qf_status tr_instructions_load(const char *path, const qf_tokenizer *tokenizer,
                               tr_stream *stream)
{
    growing g = {.tokenizer = tokenizer, .stream = stream};
    json_error_t error;
    char *text;
    size_t size;

    *stream = (tr_stream){0};
    QF_TRY(qf_file_read(path, FILE_LIMIT, &text, &size));
    json_t *list = json_loadb(text, size, 0, &error);
    qf_free(text);
    if (!list) return qf_fail(QF_FORMAT, "%s:%d: %s", path, error.line, error.text);
    const qf_status status = add_entries(&g, path, list);
    json_decref(list);
    if (status != QF_OK) tr_stream_release(stream);
    return status;
}
