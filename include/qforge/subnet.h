/* qforge/subnet.h -- which width each linear of a model gets.
 *
 * Written as digits: "3" (everywhere), one per block, or one per linear, block after
 * block in the order of linears.def: "2344323…". */
#ifndef QFORGE_SUBNET_H
#define QFORGE_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/model.h"
#include "qforge/status.h"

enum { QF_SUBNET_MAX = 1024 }; /* linears */

typedef struct qf_subnet {
    int count;                   /* layers * QF_LINEARS */
    uint8_t bits[QF_SUBNET_MAX]; /* 2, 3, 4, 8 */
} qf_subnet;

qf_subnet qf_subnet_uniform(const qf_config *config, int bits);
/* QF_USAGE when the number of digits is none of 1, layers, 7 * layers, or a digit is no
 * width of ours. */
QF_MUST_CHECK qf_status qf_subnet_parse(const qf_config *config, const char *digits,
                                        qf_subnet *subnet);
void qf_subnet_print(const qf_subnet *subnet, char text[QF_SUBNET_MAX + 1]);
bool qf_subnet_equal(const qf_subnet *a, const qf_subnet *b);

/* Which linears must have the same width. */
typedef enum qf_granularity {
#define QF_GRANULARITY(id, name, ...) QF_##id##_WISE,
#include "qforge/granularities.def"
#undef QF_GRANULARITY
    QF_GRANULARITIES
} qf_granularity;
/* QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status qf_granularity_named(const char *name, qf_granularity *granularity);
/* Widths a model of `layers` blocks chooses, and which of them linear `index` follows:
 * 0 .. genes - 1, ascending along the linears. */
int qf_genes(qf_granularity granularity, int layers);
int qf_gene_of(qf_granularity granularity, int index);

/* Mean of bits weighted by the number of weights; codes alone. */
double qf_subnet_bits(const qf_config *config, const qf_subnet *subnet);
/* Bytes of the packed linears as deployed: codes, fp16 scales and offsets. */
int64_t qf_subnet_bytes(const qf_config *config, const qf_subnet *subnet, int group);

#endif
