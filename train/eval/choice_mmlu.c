/* choice_mmlu.c -- MMLU's tables and the prompt it was published with (Hendrycks et al. 2021):
 * the answer is one of four letters. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice_formats.h"
#include "qforge/csv.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 28, LETTERS = 4, NAME_ROOM = 256, PATH_ROOM = 4096 };

static const char letters[LETTERS][2] = {"A", "B", "C", "D"};

/* One table, its text kept while its fields are in use. */
typedef struct table {
    char *text;
    qf_csv csv;
} table;

static qf_status open_table(const char *path, table *t)
{
    QF_TRY(qf_file_read(path, FILE_LIMIT, &t->text, NULL));
    t->csv = qf_csv_begin(path, t->text);
    return QF_OK;
}

/* The next question; its answer's index. */
static qf_status next_row(table *t, int *answer)
{
    const qf_csv *csv = &t->csv;

    QF_TRY(qf_csv_next(&t->csv));
    if (csv->fields != LETTERS + 2)
        return qf_fail(QF_FORMAT, "%s: line %d: %d fields, not question, A, B, C, D, answer",
                       csv->path, csv->line, csv->fields);
    const char *letter = csv->field[LETTERS + 1];
    if (strlen(letter) != 1 || *letter < 'A' || *letter > 'D')
        return qf_fail(QF_FORMAT, "%s: line %d: the answer '%.20s' is not A, B, C or D",
                       csv->path, csv->line, letter);
    *answer = *letter - 'A';
    return QF_OK;
}

/* Question, choices and "Answer:"; for an example also the letter. */
static void write_question(FILE *out, const qf_csv *csv, const char *letter)
{
    fprintf(out, "%s", csv->field[0]);
    for (int c = 0; c < LETTERS; c++) fprintf(out, "\n%s. %s", letters[c], csv->field[1 + c]);
    fputs("\nAnswer:", out);
    if (letter) fprintf(out, " %s\n\n", letter);
}

static qf_status write_examples(FILE *out, const char *path, int shots)
{
    table t = {0};
    int answer = 0;

    if (shots == 0) return QF_OK;
    QF_TRY(open_table(path, &t));
    qf_status status = QF_OK;
    for (int i = 0; status == QF_OK && i < shots; i++) {
        status = next_row(&t, &answer);
        if (status == QF_OK) write_question(out, &t.csv, letters[answer]);
    }
    if (status == QF_NOT_FOUND)
        status = qf_fail(QF_FORMAT, "%s: has no %d examples", path, shots);
    qf_free(t.text);
    return status;
}

/* "moral disputes" of "moral_disputes_val". */
static void name_subject(const char *file, char *subject)
{
    const char *split = strrchr(file, '_');
    const size_t length = split ? (size_t)(split - file) : strcspn(file, ".");

    snprintf(subject, NAME_ROOM, "%.*s", (int)length, file);
    for (char *c = subject; *c; c++)
        if (*c == '_') *c = ' ';
}

/* What stands before every question of a subject, a text of malloc. */
static qf_status make_head(const char *directory, const char *file, int shots, char **head)
{
    char subject[NAME_ROOM], examples[PATH_ROOM];
    const char *split = strrchr(file, '_');
    size_t size;
    FILE *out = open_memstream(head, &size);

    if (!out) return QF_MEMORY;
    name_subject(file, subject);
    snprintf(examples, sizeof examples, "%.3000s/../dev/%.*s_dev.csv", directory,
             split ? (int)(split - file) : 0, file);
    fprintf(out, "The following are multiple choice questions (with answers) about %s.\n\n",
            subject);
    const qf_status status = write_examples(out, examples, shots);
    if (fclose(out) == 0 && status == QF_OK) return QF_OK;
    free(*head);
    *head = NULL;
    return status == QF_OK ? QF_MEMORY : status;
}

static qf_status take_item(const qf_csv *csv, const char *head, int answer, int subject,
                           qf_choice_item *item)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) return QF_MEMORY;
    fputs(head, out);
    write_question(out, csv, NULL);
    *item = (qf_choice_item){.answer = answer, .subject = subject};
    if (fclose(out) == 0) item->question = qf_strdup(text);
    free(text);
    for (int c = 0; c < LETTERS; c++) {
        item->choice[c] = qf_strdup(letters[c]);
        item->choices++;
        if (!item->choice[c]) return QF_MEMORY;
    }
    return item->question ? QF_OK : QF_MEMORY;
}

static qf_status make_room(qf_choices *choices)
{
    if (choices->count < choices->room) return QF_OK;
    const int room = choices->room ? 2 * choices->room : 256;
    qf_choice_item *item = qf_alloc_array((size_t)room, sizeof *item);
    if (!item) return QF_MEMORY;
    if (choices->count) memcpy(item, choices->item, (size_t)choices->count * sizeof *item);
    qf_free(choices->item);
    choices->item = item;
    choices->room = room;
    return QF_OK;
}

static qf_status take_rows(table *t, const char *head, int limit, qf_choices *choices)
{
    qf_status status = QF_OK;
    int answer = 0;

    for (int i = 0; status == QF_OK && (limit == 0 || i < limit); i++) {
        status = next_row(t, &answer);
        if (status == QF_OK) status = make_room(choices);
        if (status == QF_OK)
            status = take_item(&t->csv, head, answer, choices->subjects,
                               &choices->item[choices->count++]);
    }
    return status == QF_NOT_FOUND ? QF_OK : status;
}

static qf_status take_subject(const char *directory, const char *file, int limit, int shots,
                              qf_choices *choices)
{
    char path[PATH_ROOM], *head;
    table t = {0};

    snprintf(path, sizeof path, "%.3000s/%.255s", directory, file);
    QF_TRY(make_head(directory, file, shots, &head));
    qf_status status = open_table(path, &t);
    if (status == QF_OK) status = take_rows(&t, head, limit, choices);
    choices->subjects++;
    qf_free(t.text);
    free(head);
    return status;
}

static int is_table(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

qf_status choice_read_mmlu(const char *directory, int limit, int shots, qf_choices *choices)
{
    struct dirent **entry;
    const int files = scandir(directory, &entry, is_table, alphasort);
    qf_status status = QF_OK;

    if (files < 0) return qf_fail(QF_IO, "%s: cannot be listed", directory);
    if (files == 0)
        status =
            qf_fail(QF_FORMAT, "%s: no tables of questions (SUBJECT_SPLIT.csv)", directory);
    for (int i = 0; i < files; i++) {
        if (status == QF_OK)
            status = take_subject(directory, entry[i]->d_name, limit, shots, choices);
        free(entry[i]);
    }
    free(entry);
    return status;
}
