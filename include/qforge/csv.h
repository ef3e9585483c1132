/* qforge/csv.h -- tables of text, record after record (RFC 4180). */
#ifndef QFORGE_CSV_H
#define QFORGE_CSV_H

#include "qforge/status.h"

enum { QF_CSV_FIELDS = 256 };

typedef struct qf_csv {
    const char *path; /* for messages */
    char *at;         /* what is left of the text */
    int line;         /* of the record at hand, from 1 */
    int next_line;
    char *field[QF_CSV_FIELDS]; /* of the record, unquoted */
    int fields;
} qf_csv;

/* The text is changed as it is read, and fields point into it.  A byte order mark, as
 * spreadsheets write one, is passed over. */
qf_csv qf_csv_begin(const char *path, char *text);
/* The next record that is not empty; QF_NOT_FOUND, without a sentence, at the end; QF_FORMAT
 * with path, line and cause. */
QF_MUST_CHECK qf_status qf_csv_next(qf_csv *csv);

#endif
