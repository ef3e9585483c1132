/* qforge/exchange.h -- ledgers as text: what other programs read, and what comes back. */
#ifndef QFORGE_EXCHANGE_H
#define QFORGE_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"
#include "qforge/store.h"

typedef enum qf_exchange {
#define QF_EXCHANGE(id, name, summary) QF_EXCHANGE_##id,
#include "qforge/exchanges.def"
#undef QF_EXCHANGE
    QF_EXCHANGE_COUNT
} qf_exchange;
const char *qf_exchange_name(qf_exchange format);
qf_exchange qf_exchange_named(const char *name); /* QF_EXCHANGE_COUNT when there is none */

/* Takes pieces of the text in order; what it returns other than QF_OK ends the export. */
typedef qf_status qf_export_sink(void *context, const char *text, size_t size);

/* Writes one state of the ledger.  problems: a pattern of SQLite's GLOB for their names, NULL
 * for all; with one, only what these problems need.
 *
 * JSON holds every fact but claims without an outcome, in an order that follows from what the
 * facts say alone: two ledgers that know the same are the same text.  CSV and T4 (the results
 * schema of the auto-tuning community, github.com/odgaard/TuningSchema) have a row for every
 * outcome that is not lost; champions (champions.h) one for every elected kernel. */
QF_MUST_CHECK qf_status qf_store_export(qf_store *store, qf_exchange format,
                                        const char *problems, qf_export_sink *sink,
                                        void *context);

typedef struct qf_import {
    qf_exchange format;
    int64_t rows;             /* in the file */
    int64_t foreign;          /* of them not about kernels of ours, left alone */
    int64_t sessions, trials; /* new here */
} qf_import;

/* Adds what a file written by an export (of any format, told by its content) holds to the
 * ledger, which may be new: all of it or, when anything in it is wrong, nothing (QF_FORMAT with
 * a sentence naming the place).  On a network as QF_STORE_GATHER.
 *
 * JSON is merged as the ledger it came from would be.  What the others hold was not verified
 * by anybody this program knows: it becomes rows of QF_FOREIGN_ABI, which answer nothing
 * and are where a search may begin. */
QF_MUST_CHECK qf_status qf_store_import(const char *ledger, const char *path,
                                        qf_import *result);

#endif
