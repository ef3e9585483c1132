/* subnet_columns.h -- the columns of an experiment's table: subnets of growing width, the
 * same for every arm and seed. */
#ifndef QF_CLI_SUBNET_COLUMNS_H
#define QF_CLI_SUBNET_COLUMNS_H

#include "experiment.h"
#include "qforge/subnet.h"

enum { COLUMNS_MIXED = 4, COLUMNS_FIXED = 3 + COLUMNS_MIXED, COLUMN_SUBNETS = 4 };
enum { COLUMNS_BANDS = 4, BAND_SUBNETS = 8 };

/* Average bits of the mixed columns, and as --max-bits takes them. */
extern const double columns_mixed[COLUMNS_MIXED];
extern const char columns_budgets[];

typedef struct subnet_column {
    const char *name;
    double bits;
    int first, count; /* lines of the file of subnets */
} subnet_column;
/* Uniform widths and random mixes, by bits. */
extern const subnet_column columns_fixed[COLUMNS_FIXED];
/* Quarters of the range of microseconds a token, from the fastest subnet to the slowest. */
extern const subnet_column columns_bands[COLUMNS_BANDS];

/* The path of the file that the columns speak of, which is written unless this is a
 * rehearsal: one uniform subnet of 2, 3 and 4 bits, and for each mixed column COLUMN_SUBNETS
 * random ones, each linear drawn alone from the most undecided odds of that mean, within 0.02
 * bits of it. */
QF_MUST_CHECK qf_status columns_file(const experiment *e, char path[EXPERIMENT_PATH]);
/* The same for the bands: BAND_SUBNETS of each, their microseconds drawn evenly within it. */
QF_MUST_CHECK qf_status columns_bands_file(const experiment *e, char path[EXPERIMENT_PATH]);

#endif
