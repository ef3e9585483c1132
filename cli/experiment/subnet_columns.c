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

const subnet_column columns_bands[COLUMNS_BANDS] = {
    {"fastest quarter", 0, 0, BAND_SUBNETS},
    {"second", 0, BAND_SUBNETS, BAND_SUBNETS},
    {"third", 0, 2 * BAND_SUBNETS, BAND_SUBNETS},
    {"slowest quarter", 0, 3 * BAND_SUBNETS, BAND_SUBNETS},
};

/* Of 2, 3 and 4 bits everywhere: those of arms.def. */
static const double microseconds[] = {333, 362, 401};

/* What a subnet takes of the sampler's resource: costs add over weights. */
static double level_of(const qf_config *config, const tr_sampler *sampler,
                       const qf_subnet *subnet)
{
    double level = 0, weights = 0;

    for (int i = 0; i < subnet->count; i++) {
        int64_t n, k;
        int w = 0;
        while (sampler->width[w] != subnet->bits[i]) w++;
        qf_linear_shape(config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        level += sampler->level[w] * (double)n * (double)k;
        weights += (double)n * (double)k;
    }
    return level / weights;
}

static void draw(qf_random *random, const tr_sampler *sampler, double position,
                 qf_subnet *subnet)
{
    double odds[QF_WIDTHS_MAX];

    tr_sampler_aim(sampler, position, odds);
    for (int i = 0; i < subnet->count; i++) {
        double at = qf_random_unit(random);
        int w = 0;
        while (w + 1 < sampler->widths && at >= odds[w]) at -= odds[w++];
        subnet->bits[i] = (uint8_t)sampler->width[w];
    }
}

/* Few linears hardly ever have the mean exactly: the nearest of many draws. */
static qf_subnet random_subnet(qf_random *random, const qf_config *config,
                               const tr_sampler *sampler, double level)
{
    enum { TRIES = 10000 };
    const double least = sampler->level[0];
    const double range = sampler->level[sampler->widths - 1] - least;
    qf_subnet best = qf_subnet_uniform(config, sampler->width[0]), subnet = best;
    double nearest = INFINITY;

    for (int i = 0; i < TRIES && nearest > 0.01 * range; i++) {
        draw(random, sampler, (level - least) / range, &subnet);
        const double away = fabs(level_of(config, sampler, &subnet) - level);
        if (away >= nearest) continue;
        nearest = away;
        best = subnet;
    }
    return best;
}

static tr_sampler sampler_of_bits(void)
{
    static const int width[] = {2, 3, 4};
    tr_sampler sampler = {.mapping = TR_MAPPING_MAXENT};

    tr_sampler_take_widths(&sampler, width, 3);
    return sampler;
}

static void add_line(FILE *out, const qf_subnet *subnet)
{
    char digits[QF_SUBNET_MAX + 1];
    qf_subnet_print(subnet, digits);
    fprintf(out, "%s\n", digits);
}

static void write_fixed(FILE *out, const qf_config *config)
{
    const tr_sampler sampler = sampler_of_bits();
    qf_random random = qf_random_init(1, 0);

    for (int bits = 2; bits <= 4; bits++) {
        const qf_subnet subnet = qf_subnet_uniform(config, bits);
        add_line(out, &subnet);
    }
    for (int c = 0; c < COLUMNS_MIXED; c++)
        for (int i = 0; i < COLUMN_SUBNETS; i++) {
            const qf_subnet subnet = random_subnet(&random, config, &sampler, columns_mixed[c]);
            add_line(out, &subnet);
        }
}

static void write_bands(FILE *out, const qf_config *config)
{
    tr_sampler sampler = sampler_of_bits();
    qf_random random = qf_random_init(1, 1);

    memcpy(sampler.level, microseconds, sizeof microseconds);
    const double band = (microseconds[2] - microseconds[0]) / COLUMNS_BANDS;
    for (int i = 0; i < COLUMNS_BANDS * BAND_SUBNETS; i++) {
        const double at = i / BAND_SUBNETS + qf_random_unit(&random);
        const qf_subnet subnet =
            random_subnet(&random, config, &sampler, microseconds[0] + band * at);
        add_line(out, &subnet);
    }
}

typedef void write_lines(FILE *out, const qf_config *config);

static qf_status write_file(const char *path, const qf_config *config, write_lines *lines)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out) return qf_fail(QF_MEMORY, "out of memory for %s", path);
    lines(out, config);
    qf_status status = fclose(out) == 0 ? QF_OK : QF_MEMORY;
    if (status == QF_OK) status = qf_file_write(path, text, size);
    free(text);
    return status;
}

static qf_status make_file(const experiment *e, const char *name, write_lines *lines,
                           char path[EXPERIMENT_PATH])
{
    qf_model model;

    snprintf(path, EXPERIMENT_PATH, "%.4000s/%s.subnets", e->directory, name);
    if (e->rehearse) return QF_OK;
    QF_TRY(qf_model_open(e->model, &model));
    const qf_status status = write_file(path, &model.config, lines);
    qf_model_release(&model);
    return status;
}

qf_status columns_file(const experiment *e, char path[EXPERIMENT_PATH])
{
    return make_file(e, "columns", write_fixed, path);
}

qf_status columns_bands_file(const experiment *e, char path[EXPERIMENT_PATH])
{
    return make_file(e, "bands", write_bands, path);
}
