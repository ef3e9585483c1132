/* import.h -- from a file of any format into the ledger of an import. */
#ifndef QF_DB_IMPORT_H
#define QF_DB_IMPORT_H

#include <jansson.h>

#include "ledger.h"
#include "qforge/exchange.h"
#include "results.h"

/* A file being imported, and the new ledger that takes it before anything is merged. */
typedef struct import {
    const char *path;
    char *text;       /* the whole file, a NUL behind it */
    json_t *document; /* of JSON and T4 */
    qf_import *result;
} import;

/* Run in one transaction on the new ledger.  QF_FORMAT with a sentence naming the place. */
qf_status import_json(sql_db *sql, void *context);
qf_status import_csv(sql_db *sql, void *context);
qf_status import_t4(sql_db *sql, void *context);
qf_status import_champions(sql_db *sql, void *context);

/* QF_FORMAT with a sentence that quotes the file: on one line, whatever it quotes. */
qf_status import_refuse(const char *format, ...) QF_PRINTF(1, 2);

/* The text of a member, "" when there is none; the document's. */
const char *import_text(const json_t *object, const char *key);
/* Where a result comes from and what code it was: the members named as seed's are, borrowed. */
void import_origin(const json_t *object, seed *s);

/* By name; QF_VERDICT_COUNT when there is none. */
qf_verdict import_verdict(const char *name);

#endif
