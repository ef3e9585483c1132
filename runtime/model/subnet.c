/* subnet.c -- a width per linear: parsing, printing, size. */
#include "qforge/subnet.h"

#include <string.h>

#include "qforge/names.h"

static int linears(const qf_config *config)
{
    const int count = config->layers * QF_LINEARS;
    QF_ASSERT(count > 0 && count <= QF_SUBNET_MAX);
    return count;
}

qf_subnet qf_subnet_uniform(const qf_config *config, int bits)
{
    qf_subnet subnet = {.count = linears(config)};
    memset(subnet.bits, bits, (size_t)subnet.count);
    return subnet;
}

/* A digit is a width when there is a code format of as many bits. */
static int width_of(char digit)
{
    const qf_quant quant = qf_quant_of_bits(digit - '0');
    if (digit > '9') return 0; /* 'P' - '0' is 32, a format but not a digit */
    return quant == QF_QUANT_COUNT ? 0 : qf_quant_of(quant)->bits;
}

qf_status qf_subnet_parse(const qf_config *config, const char *digits, qf_subnet *subnet)
{
    const int count = config->layers * QF_LINEARS;
    const size_t length = strlen(digits);

    if (count > QF_SUBNET_MAX)
        return qf_fail(QF_UNSUPPORTED, "a model of %d linears; subnets hold %d", count,
                       QF_SUBNET_MAX);
    if (length != 1 && length != (size_t)config->layers && length != (size_t)count)
        return qf_fail(QF_USAGE, "subnet '%.64s': %zu digits; it takes 1, %d or %d", digits,
                       length, config->layers, count);
    subnet->count = count;
    for (int i = 0; i < count; i++) {
        const char digit = digits[(size_t)i * length / (size_t)count];
        const int bits = width_of(digit);
        if (!bits)
            return qf_fail(QF_USAGE, "subnet '%.64s': '%c' is no width (2, 3, 4, 8)", digits,
                           digit);
        subnet->bits[i] = (uint8_t)bits;
    }
    return QF_OK;
}

void qf_subnet_print(const qf_subnet *subnet, char text[QF_SUBNET_MAX + 1])
{
    for (int i = 0; i < subnet->count; i++) text[i] = (char)('0' + subnet->bits[i]);
    text[subnet->count] = 0;
}

bool qf_subnet_equal(const qf_subnet *a, const qf_subnet *b)
{
    return a->count == b->count && memcmp(a->bits, b->bits, (size_t)a->count) == 0;
}

double qf_subnet_bits(const qf_config *config, const qf_subnet *subnet)
{
    double bits = 0, weights = 0;
    for (int i = 0; i < subnet->count; i++) {
        int64_t n, k;
        qf_linear_shape(config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        bits += subnet->bits[i] * (double)n * (double)k;
        weights += (double)n * (double)k;
    }
    return bits / weights;
}

int64_t qf_subnet_bytes(const qf_config *config, const qf_subnet *subnet, int group)
{
    int64_t bytes = 0;
    for (int i = 0; i < subnet->count; i++) {
        int64_t n, k;
        qf_linear_shape(config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        /* The short last group of a ragged row is stored whole (pack.h). */
        bytes += n * qf_groups(k, group) * (group * subnet->bits[i] / 8 + 2 * 2);
    }
    return bytes;
}

/* ---- granularities ---- */

static const struct {
    const char *name;
    uint8_t gene[QF_LINEARS];
} granularities[] = {
#define QF_GRANULARITY(id, name, ...) {name, {__VA_ARGS__}},
#include "qforge/granularities.def"
#undef QF_GRANULARITY
};

static const char *name_of(int granularity)
{
    return granularities[granularity].name;
}

qf_status qf_granularity_named(const char *name, qf_granularity *granularity)
{
    int found = 0;
    QF_TRY(qf_name_find("choice of widths", name_of, QF_GRANULARITIES, name, &found));
    *granularity = (qf_granularity)found;
    return QF_OK;
}

static int genes_per_block(qf_granularity granularity)
{
    return granularities[granularity].gene[QF_LINEARS - 1] + 1;
}

int qf_genes(qf_granularity granularity, int layers)
{
    return layers * genes_per_block(granularity);
}

int qf_gene_of(qf_granularity granularity, int index)
{
    return index / QF_LINEARS * genes_per_block(granularity) +
           granularities[granularity].gene[index % QF_LINEARS];
}
