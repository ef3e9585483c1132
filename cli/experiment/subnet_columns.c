/* subnet_columns.c -- which subnets stand for which width. */
#include "subnet_columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/qmodel.h"
#include "qforge/random.h"
#include "train/qfa/sampler.h"

const double columns_mixed[COLUMNS_MIXED] = {2.25, 2.5, 3, 3.5};
const char columns_budgets[] = "2.25,2.5,3,3.5";

const subnet_column columns_fixed[COLUMNS_FIXED] = {
    {"2", 2, 0, 1},
    {"2.25 mixed", 2.25, 3, COLUMN_SUBNETS},
    {"2.5 mixed", 2.5, 3 + COLUMN_SUBNETS, COLUMN_SUBNETS},
    {"3", 3, 1, 1},
    {"3 mixed", 3, 3 + 2 * COLUMN_SUBNETS, COLUMN_SUBNETS},
    {"3.5 mixed", 3.5, 3 + 3 * COLUMN_SUBNETS, COLUMN_SUBNETS},
    {"4", 4, 2, 1},
};

static void draw(qf_random *random, const tr_sampler *sampler, double bits, qf_subnet *subnet)
{
    double odds[QF_WIDTHS_MAX];

    tr_sampler_aim(sampler, (bits - 2) / 2, odds);
    for (int i = 0; i < subnet->count; i++) {
        double at = qf_random_unit(random);
        int w = 0;
        while (w + 1 < sampler->widths && at >= odds[w]) at -= odds[w++];
        subnet->bits[i] = (uint8_t)sampler->width[w];
    }
}

/* Few linears hardly ever have the mean exactly: the nearest of many draws. */
static qf_subnet random_subnet(qf_random *random, const qf_config *config, double bits)
{
    enum { TRIES = 10000 };
    static const int width[] = {2, 3, 4};
    tr_sampler sampler = {.mapping = TR_MAPPING_MAXENT};
    qf_subnet best = qf_subnet_uniform(config, 2), subnet = best;
    double nearest = INFINITY;

    tr_sampler_take_widths(&sampler, width, 3);
    for (int i = 0; i < TRIES && nearest > 0.02; i++) {
        draw(random, &sampler, bits, &subnet);
        const double away = fabs(qf_subnet_bits(config, &subnet) - bits);
        if (away >= nearest) continue;
        nearest = away;
        best = subnet;
    }
    return best;
}

static void add_line(FILE *out, const qf_subnet *subnet)
{
    char digits[QF_SUBNET_MAX + 1];
    qf_subnet_print(subnet, digits);
    fprintf(out, "%s\n", digits);
}

static void write_lines(FILE *out, const qf_config *config)
{
    qf_random random = qf_random_init(1, 0);

    for (int bits = 2; bits <= 4; bits++) {
        const qf_subnet subnet = qf_subnet_uniform(config, bits);
        add_line(out, &subnet);
    }
    for (int c = 0; c < COLUMNS_MIXED; c++)
        for (int i = 0; i < COLUMN_SUBNETS; i++) {
            const qf_subnet subnet = random_subnet(&random, config, columns_mixed[c]);
            add_line(out, &subnet);
        }
}

static qf_status write_file(const char *path, const qf_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out) return qf_fail(QF_MEMORY, "out of memory for %s", path);
    write_lines(out, config);
    qf_status status = fclose(out) == 0 ? QF_OK : QF_MEMORY;
    if (status == QF_OK) status = qf_file_write(path, text, size);
    free(text);
    return status;
}

qf_status columns_file(const experiment *e, char path[EXPERIMENT_PATH])
{
    qf_model model;

    snprintf(path, EXPERIMENT_PATH, "%.4000s/columns.subnets", e->directory);
    if (e->rehearse) return QF_OK;
    QF_TRY(qf_model_open(e->model, &model));
    const qf_status status = write_file(path, &model.config);
    qf_model_release(&model);
    return status;
}
