/* choice_file.c -- questions from lines of JSON. */
#include <jansson.h>
#include <string.h>

#include "qforge/choice.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 30 };

static qf_status take_text(const json_t *json, const char *path, int line, char **text)
{
    if (!json_is_string(json))
        return qf_fail(QF_FORMAT, "%s:%d: a question or choice is not a text", path, line);
    *text = qf_strdup(json_string_value(json));
    return *text ? QF_OK : QF_MEMORY;
}

static qf_status take_item(const json_t *json, const char *path, int line, qf_choice_item *item)
{
    const json_t *choices = json_object_get(json, "choices");
    const json_t *answer = json_object_get(json, "answer");
    const size_t count = json_array_size(choices);

    if (!json_is_object(json) || count < 2 || count > QF_CHOICES_MAX)
        return qf_fail(QF_FORMAT, "%s:%d: wants \"choices\" with 2 to %d texts", path, line,
                       QF_CHOICES_MAX);
    if (!json_is_integer(answer) || json_integer_value(answer) < 0 ||
        json_integer_value(answer) >= (json_int_t)count)
        return qf_fail(QF_FORMAT, "%s:%d: \"answer\" is not the index of a choice", path, line);
    QF_TRY(take_text(json_object_get(json, "question"), path, line, &item->question));
    for (size_t c = 0; c < count; c++) {
        QF_TRY(take_text(json_array_get(choices, c), path, line, &item->choice[c]));
        item->choices++;
    }
    item->answer = (int)json_integer_value(answer);
    return QF_OK;
}

static qf_status take_line(const char *text, size_t length, const char *path, int line,
                           qf_choice_item *item)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, 0, &error);
    if (!json) return qf_fail(QF_FORMAT, "%s:%d: %s", path, line, error.text);
    const qf_status status = take_item(json, path, line, item);
    json_decref(json);
    return status;
}

static int count_lines(const char *text)
{
    int lines = 1;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

static qf_status take_lines(const char *text, const char *path, int limit, qf_choices *choices)
{
    choices->item = qf_alloc_array((size_t)count_lines(text), sizeof *choices->item);
    if (!choices->item) return QF_MEMORY;
    for (int line = 1; *text && (limit == 0 || choices->count < limit); line++) {
        const size_t length = strcspn(text, "\n");
        if (strspn(text, " \t\r") < length)
            QF_TRY(take_line(text, length, path, line, &choices->item[choices->count++]));
        text += length + (text[length] == '\n');
    }
    if (choices->count == 0) return qf_fail(QF_FORMAT, "%s: holds no questions", path);
    return QF_OK;
}

qf_status qf_choices_load(const char *path, int limit, qf_choices *choices)
{
    char *text;
    memset(choices, 0, sizeof *choices);
    QF_TRY(qf_file_read(path, FILE_LIMIT, &text, NULL));
    const qf_status status = take_lines(text, path, limit, choices);
    qf_free(text);
    if (status != QF_OK) qf_choices_release(choices);
    return status;
}

void qf_choices_release(qf_choices *choices)
{
    for (int i = 0; i < choices->count; i++) {
        qf_free(choices->item[i].question);
        for (int c = 0; c < QF_CHOICES_MAX; c++) qf_free(choices->item[i].choice[c]);
    }
    qf_free(choices->item);
    memset(choices, 0, sizeof *choices);
}
