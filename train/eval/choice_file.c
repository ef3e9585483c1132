/* choice_file.c -- questions from lines of JSON, or from a directory of tables. */
#include <stdlib.h>
#include <string.h>

#include "choice_formats.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 30 };

/* ---- labels beside the questions ---- */

/* "valid-labels.lst" for "valid.jsonl"; *labels stays NULL when there is none. */
static qf_status load_labels(const char *path, char **labels)
{
    const char *dot = strrchr(path, '.');
    const size_t stem = dot ? (size_t)(dot - path) : strlen(path);
    char *beside = qf_alloc(stem + sizeof "-labels.lst");

    if (!beside) return QF_MEMORY;
    memcpy(beside, path, stem);
    strcat(beside, "-labels.lst");
    const qf_status status =
        qf_file_exists(beside) ? qf_file_read(beside, FILE_LIMIT, labels, NULL) : QF_OK;
    qf_free(beside);
    return status;
}

/* The number on the next line, -1 when it is none. */
static int next_label(const char **at)
{
    char *end;

    if (!*at || !**at) return -1;
    const long label = strtol(*at, &end, 10);
    const bool whole = end != *at && (*end == '\n' || *end == '\r' || !*end);
    *at += strcspn(*at, "\n");
    *at += **at == '\n';
    return whole && label >= 0 && label < QF_CHOICES_MAX ? (int)label : -1;
}

/* ---- lines ---- */

static qf_status take_line(const char *text, size_t length, const char *path, int line,
                           int label, qf_choice_item *item)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, 0, &error);
    if (!json) return qf_fail(QF_FORMAT, "%s:%d: %s", path, line, error.text);
    const qf_status status = choice_read(&(choice_line){path, line, json, label}, item);
    json_decref(json);
    return status;
}

static int count_lines(const char *text)
{
    int lines = 1;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

static qf_status take_lines(const char *text, const char *labels, const char *path, int limit,
                            qf_choices *choices)
{
    choices->item = qf_alloc_array((size_t)count_lines(text), sizeof *choices->item);
    if (!choices->item) return QF_MEMORY;
    for (int line = 1; *text && (limit == 0 || choices->count < limit); line++) {
        const size_t length = strcspn(text, "\n");
        if (strspn(text, " \t\r") < length)
            QF_TRY(take_line(text, length, path, line, next_label(&labels),
                             &choices->item[choices->count++]));
        text += length + (text[length] == '\n');
    }
    if (choices->count == 0) return qf_fail(QF_FORMAT, "%s: holds no questions", path);
    return QF_OK;
}

static qf_status load_file(const char *path, int limit, qf_choices *choices)
{
    char *text, *labels = NULL;

    QF_TRY(qf_file_read(path, FILE_LIMIT, &text, NULL));
    qf_status status = load_labels(path, &labels);
    if (status == QF_OK) status = take_lines(text, labels, path, limit, choices);
    choices->subjects = 1;
    qf_free(labels);
    qf_free(text);
    return status;
}

qf_status qf_choices_load(const char *path, int limit, int shots, qf_choices *choices)
{
    const bool tables = qf_directory_exists(path);

    memset(choices, 0, sizeof *choices);
    if (shots && !tables)
        return qf_fail(QF_USAGE, "%s: examples (--shots) are for a directory of MMLU's tables",
                       path);
    const qf_status status = tables ? choice_read_mmlu(path, limit, shots, choices)
                                    : load_file(path, limit, choices);
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
