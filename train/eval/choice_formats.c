/* choice_formats.c -- the formats of questions in lines of JSON, told by their members. */
#include "choice_formats.h"

#include <ctype.h>
#include <string.h>

#include "qforge/memory.h"

static qf_status wrong(const choice_line *l, const char *what)
{
    return qf_fail(QF_FORMAT, "%s:%d: %s", l->path, l->line, what);
}

static const char *text_of(const choice_line *l, const char *member)
{
    return json_string_value(json_object_get(l->json, member));
}

/* Joins texts up to NULL into one of qf_alloc. */
static char *join(const char *const *part)
{
    size_t size = 1;
    for (int i = 0; part[i]; i++) size += strlen(part[i]);
    char *text = qf_alloc(size);
    for (int i = 0; text && part[i]; i++) strcat(text, part[i]);
    return text;
}

static qf_status put(char **to, const char *const *part)
{
    *to = join(part);
    return *to ? QF_OK : QF_MEMORY;
}

/* choices: an array of texts; the answer is an index of it. */
static qf_status take_choices(const choice_line *l, const json_t *choices, const json_t *answer,
                              qf_choice_item *item)
{
    const size_t count = json_array_size(choices);

    if (count < 2 || count > QF_CHOICES_MAX) return wrong(l, "wants 2 to 8 choices");
    if (!json_is_integer(answer) || json_integer_value(answer) < 0 ||
        json_integer_value(answer) >= (json_int_t)count)
        return wrong(l, "its answer is not the index of a choice");
    for (size_t c = 0; c < count; c++) {
        const char *text = json_string_value(json_array_get(choices, c));
        if (!text) return wrong(l, "a choice is not a text");
        QF_TRY(put(&item->choice[c], (const char *const[]){text, NULL}));
        item->choices++;
    }
    item->answer = (int)json_integer_value(answer);
    return QF_OK;
}

/* ---- formats ---- */

/* {"question", "choices", "answer"}: this program's own, put as it is. */
static qf_status take_own(const choice_line *l, qf_choice_item *item)
{
    const char *question = text_of(l, "question");

    if (!question) return wrong(l, "its question is not a text");
    QF_TRY(take_choices(l, json_object_get(l->json, "choices"),
                        json_object_get(l->json, "answer"), item));
    return put(&item->question, (const char *const[]){question, NULL});
}

/* {"query": "Question: …", "choices", "gold"}: ARC, SciQ and others of their kind. */
static qf_status take_query(const choice_line *l, qf_choice_item *item)
{
    const char *query = text_of(l, "query");

    if (!query) return wrong(l, "its query is not a text");
    QF_TRY(take_choices(l, json_object_get(l->json, "choices"),
                        json_object_get(l->json, "gold"), item));
    return put(&item->question, (const char *const[]){query, "\nAnswer:", NULL});
}

/* The harness's preprocess(), in place: blanks at the ends go; " [title]" becomes ". ", other
 * brackets go; then every two spaces are one. */
static void clean(char *text)
{
    static const char title[] = " [title]";
    char *to = text, *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1])) *--end = 0;
    for (char *from = text + strspn(text, " \t\r\n"); *from;) {
        char *close;
        if (strncmp(from, title, sizeof title - 1) == 0) {
            *to++ = '.';
            *to++ = ' ';
            from += sizeof title - 1;
        } else if (*from == '[' && (close = strchr(from, ']')) != NULL) {
            from = close + 1;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
    for (char *from = to = text; *from; from++) {
        from += from[0] == ' ' && from[1] == ' ';
        *to++ = *from;
    }
    *to = 0;
}

/* As Python's capitalize() does to letters of ASCII. */
static void capitalise(char *text)
{
    if (*text) *text = (char)toupper((unsigned char)*text);
    for (char *c = text; *c && *++c;) *c = (char)tolower((unsigned char)*c);
}

/* {"activity_label", "ctx_a", "ctx_b", "endings", "label"}: HellaSwag. */
static qf_status take_endings(const choice_line *l, qf_choice_item *item)
{
    const char *label = text_of(l, "activity_label"), *a = text_of(l, "ctx_a"),
               *b = text_of(l, "ctx_b");

    if (!label || !a || !b) return wrong(l, "its activity or context is not a text");
    QF_TRY(take_choices(l, json_object_get(l->json, "endings"),
                        json_object_get(l->json, "label"), item));
    QF_TRY(put(&item->question, (const char *const[]){label, ": ", a, " ", b, NULL}));
    capitalise(item->question + strlen(label) + 2 + strlen(a) + 1);
    clean(item->question);
    for (int c = 0; c < item->choices; c++) clean(item->choice[c]);
    return QF_OK;
}

/* {"goal", "sol1", "sol2"}, labels in a file of their own: PIQA. */
static qf_status take_goal(const choice_line *l, qf_choice_item *item)
{
    static const char *const solution[] = {"sol1", "sol2"};
    const char *goal = text_of(l, "goal");

    if (!goal) return wrong(l, "its goal is not a text");
    if (l->label != 0 && l->label != 1)
        return wrong(l, "has no label 0 or 1 in the file of labels, …-labels.lst for ….jsonl");
    for (int c = 0; c < 2; c++) {
        const char *text = text_of(l, solution[c]);
        if (!text) return wrong(l, "a solution is not a text");
        QF_TRY(put(&item->choice[c], (const char *const[]){text, NULL}));
        item->choices++;
    }
    item->answer = l->label;
    return put(&item->question, (const char *const[]){"Question: ", goal, "\nAnswer:", NULL});
}

static const struct {
    const char *member; /* that no other format has */
    qf_status (*take)(const choice_line *line, qf_choice_item *item);
} formats[] = {
    {"endings", take_endings},
    {"goal", take_goal},
    {"query", take_query},
    {"question", take_own},
};

qf_status choice_read(const choice_line *l, qf_choice_item *item)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (json_object_get(l->json, formats[i].member)) return formats[i].take(l, item);
    return wrong(l, "is no question: an object with a member question, query, goal or endings");
}
