/* exchange_tables.h -- the ledger's tables as JSON holds them: an array of objects each, in
 * which a row is named by its place in its array. */
#ifndef QF_DB_EXCHANGE_TABLES_H
#define QF_DB_EXCHANGE_TABLES_H

#include <stdbool.h>

#define EXCHANGE_SCHEMA "qforge-ledger/1"

/* Whoever is referred to comes first. */
typedef enum exchange_id {
    EXCHANGE_MACHINES,
    EXCHANGE_GENERATORS,
    EXCHANGE_SESSIONS,
    EXCHANGE_PROBLEMS,
    EXCHANGE_KERNELS,
    EXCHANGE_TRIALS,
    EXCHANGE_OUTCOMES,
    EXCHANGE_VALIDATIONS,
    EXCHANGE_COMPARISONS,
    EXCHANGE_ELECTIONS,
    EXCHANGE_LATENCIES,
    EXCHANGE_TABLES
} exchange_id;

enum { EXCHANGE_COLUMNS = 24 };

typedef struct exchange_column {
    const char *name; /* NULL ends a table */
    enum {
        EXCHANGE_TEXT,
        EXCHANGE_INT,
        EXCHANGE_REAL,
        EXCHANGE_ERROR, /* a number or "inf", which JSON has no other word for */
        EXCHANGE_TIME,  /* Unix microseconds, not of the future */
        EXCHANGE_PLACE
    } kind;
    bool nullable;
    bool later;        /* texts of older versions do not have it */
    exchange_id place; /* of which table */
} exchange_column;

typedef struct exchange_table {
    const char *name;
    const char *select; /* the columns in their order, the rows in theirs */
    const char *insert; /* ?1 is the row's id, ?2 its first column */
    exchange_column column[EXCHANGE_COLUMNS];
} exchange_table;

extern const exchange_table exchange_tables[EXCHANGE_TABLES];

#endif
