/* csv.c -- records in place: a field's end becomes its NUL. */
#include "qforge/csv.h"

#include <stdbool.h>
#include <string.h>

qf_csv qf_csv_begin(const char *path, char *text)
{
    const bool marked = strncmp(text, "\xef\xbb\xbf", 3) == 0;
    return (qf_csv){.path = path, .at = text + (marked ? 3 : 0), .next_line = 1};
}

static qf_status wrong(const qf_csv *csv, const char *what)
{
    return qf_fail(QF_FORMAT, "%s: line %d: %s", csv->path, csv->line, what);
}

/* Leaves csv->at behind the closing quote. */
static qf_status read_quoted(qf_csv *csv, char **field)
{
    char *to = ++csv->at;

    *field = to;
    for (char *from = to; *from; from++) {
        if (*from == '\n') csv->next_line++;
        if (*from == '"' && *++from != '"') {
            csv->at = from;
            *to = 0;
            return *from && *from != ',' && *from != '\r' && *from != '\n'
                       ? wrong(csv, "text behind a closing quote")
                       : QF_OK;
        }
        *to++ = *from;
    }
    return wrong(csv, "a quote is never closed");
}

static void read_plain(qf_csv *csv, char **field)
{
    *field = csv->at;
    csv->at += strcspn(csv->at, ",\r\n");
}

/* Ends of fields become NULs, hence the look ahead. */
qf_status qf_csv_next(qf_csv *csv)
{
    char end;

    while (*csv->at == '\n' || *csv->at == '\r') csv->next_line += *csv->at++ == '\n';
    csv->line = csv->next_line;
    csv->fields = 0;
    if (!*csv->at) return QF_NOT_FOUND;
    do {
        if (csv->fields == QF_CSV_FIELDS) return wrong(csv, "more fields than any table has");
        if (*csv->at == '"')
            QF_TRY(read_quoted(csv, &csv->field[csv->fields]));
        else
            read_plain(csv, &csv->field[csv->fields]);
        csv->fields++;
        end = *csv->at;
        if (end) *csv->at++ = 0;
    } while (end == ',');
    if (end == '\n') csv->next_line++;
    return QF_OK;
}
