/* latency_predict.c -- adds the table up, and fits what the table does not hold. */
#include <math.h>
#include <string.h>

#include "least_squares.h"
#include "qforge/clock.h"
#include "qforge/latency_table.h"
#include "qforge/measure.h"
#include "qforge/memory.h"
#include "qforge/random.h"

static int width_index(const qf_latency_table *table, int bits)
{
    int w = 0;
    while (w < table->widths && table->width[w] != bits) w++;
    QF_ASSERT(w < table->widths);
    return w;
}

/* Microseconds of all linears, by the rule of latency_table.h. */
static double sum_linears(const qf_latency_table *table, const qf_subnet *subnet)
{
    const double bytes = (double)qf_subnet_bytes(&table->config, subnet, table->group);
    const double fits = fmin(1, fmax(0, 1.5 - bytes / (double)table->cache_bytes));
    const double resident = table->residency == QF_RESIDENT_WARM   ? 1
                            : table->residency == QF_RESIDENT_COLD ? 0
                                                                   : fits;
    double warm = 0, cold = 0;

    for (int i = 0; i < subnet->count; i++) {
        const int w = width_index(table, subnet->bits[i]);
        warm += table->ns[QF_WARM][i % QF_LINEARS][w];
        cold += table->ns[QF_COLD][i % QF_LINEARS][w];
    }
    return (resident * warm + (1 - resident) * cold) * 1e-3;
}

double qf_latency_predict(const qf_latency_table *table, const qf_subnet *subnet)
{
    return table->overhead_us + table->scale * sum_linears(table, subnet);
}

/* ---- calibration ---- */

enum { ROUNDS = 3 };

/* The uniform subnets first, then random ones of every mean width. */
static qf_subnet choose(const qf_latency_table *table, int index, qf_random *random)
{
    if (index < table->widths) return qf_subnet_uniform(&table->config, table->width[index]);
    qf_subnet subnet = {.count = table->config.layers * QF_LINEARS};
    double share[QF_WIDTHS_MAX], sum = 0;
    for (int w = 0; w < table->widths; w++) sum += share[w] = -log(1 - qf_random_unit(random));
    for (int i = 0; i < subnet.count; i++) {
        double at = qf_random_unit(random) * sum;
        int w = 0;
        while (w + 1 < table->widths && (at -= share[w]) >= 0) w++;
        subnet.bits[i] = (uint8_t)table->width[w];
    }
    return subnet;
}

/* The factor of one column alone: argmin of sum over i of (1 - x column[i])^2. */
static double fit_alone(int count, const double *design, int column)
{
    double sum = 0, square = 0;
    for (int i = 0; i < count; i++) {
        const double value = design[2 * i + column];
        sum += value, square += value * value;
    }
    return sum / square;
}

/* Rows [1, sum of linears] / measured against 1: least squares of relative errors.  A
 * negative term would reward width, so a fit that wants one is made without it. */
static qf_status fit_line(int count, const double *sum, const double *us,
                          qf_latency_table *table)
{
    double *design = qf_alloc_array((size_t)count * 3, sizeof *design), x[2];
    if (!design) return QF_MEMORY;
    double *one = design + 2 * (size_t)count;
    for (int i = 0; i < count; i++) {
        design[2 * i] = 1 / us[i];
        design[2 * i + 1] = sum[i] / us[i];
        one[i] = 1;
    }
    if (least_squares(count, 2, design, NULL, one, 0, x) != QF_OK || x[0] < 0)
        x[0] = 0, x[1] = fit_alone(count, design, 1);
    else if (x[1] < 0)
        x[0] = fit_alone(count, design, 0), x[1] = 0;
    qf_free(design);
    table->overhead_us = x[0];
    table->scale = x[1];
    return QF_OK;
}

/* Probes every subnet ROUNDS times, all of them in turn, because a shared machine's speed
 * drifts: us[i] becomes the median of subnet i's. */
static qf_status probe_in_turn(const qf_subnet *subnet, int total, qf_latency_probe *probe,
                               void *self, qf_progress *progress, void *progress_context,
                               double *us)
{
    double *all = qf_alloc_array((size_t)total * ROUNDS, sizeof *all);
    qf_status status = all ? QF_OK : QF_MEMORY;

    for (int round = 0; status == QF_OK && round < ROUNDS; round++) {
        for (int i = 0; status == QF_OK && i < total; i++) {
            status = probe(self, &subnet[i], &all[i * ROUNDS + round]);
            if (status == QF_OK && progress &&
                !progress(progress_context, round * total + i + 1, ROUNDS * total))
                status = QF_INTERRUPTED;
        }
    }
    for (int i = 0; status == QF_OK && i < total; i++) {
        qf_sort(all + i * ROUNDS, ROUNDS);
        us[i] = qf_quantile(all + i * ROUNDS, ROUNDS, 0.5);
    }
    qf_free(all);
    return status;
}

static void judge_fit(const qf_latency_table *table, const double *sum, const double *us,
                      qf_latency_fit *fit)
{
    for (int i = fit->fitted; i < fit->fitted + fit->held_out; i++) {
        const double predicted = table->overhead_us + table->scale * sum[i];
        const double error = fabs(predicted / us[i] - 1);
        fit->error_mean += error / fit->held_out;
        fit->error_most = fmax(fit->error_most, error);
        fit->within_5 += (error <= 0.05) / (double)fit->held_out;
        fit->within_10 += (error <= 0.10) / (double)fit->held_out;
    }
}

qf_status qf_latency_calibrate(qf_latency_table *table, qf_latency_probe *probe, void *self,
                               int fitted, int held_out, uint64_t seed, qf_progress *progress,
                               void *progress_context, qf_latency_fit *fit)
{
    qf_random random = qf_random_init(seed, 0x6361);
    const int total = fitted + held_out;
    double *sum = qf_alloc_array((size_t)total * 2, sizeof *sum), *us = sum + total;
    qf_subnet *subnet = qf_alloc_array((size_t)total, sizeof *subnet);
    qf_status status = sum && subnet ? QF_OK : QF_MEMORY;

    QF_ASSERT(fitted >= 3 && held_out >= 0);
    *fit = (qf_latency_fit){.fitted = fitted, .held_out = held_out};
    for (int i = 0; status == QF_OK && i < total; i++) {
        subnet[i] = choose(table, i, &random);
        sum[i] = sum_linears(table, &subnet[i]);
    }
    if (status == QF_OK)
        status = probe_in_turn(subnet, total, probe, self, progress, progress_context, us);
    if (status == QF_OK) status = fit_line(fitted, sum, us, table);
    if (status == QF_OK) judge_fit(table, sum, us, fit);
    qf_free(subnet);
    qf_free(sum);
    return status;
}

/* ---- end to end ---- */

enum { TOKENS_MAX = 256 };

/* What is swept: touching a byte of every line evicts what the caches held. */
typedef struct sweeper {
    uint8_t *bytes;
    int64_t count; /* 0: caches are left alone */
} sweeper;

static void sweep_caches(const sweeper *s)
{
    for (int64_t i = 0; i < s->count; i += QF_ALIGNMENT) s->bytes[i]++;
}

/* One token at position t. */
static qf_status decode_token(qf_engine *engine, int t, const sweeper *sweep, float *logits,
                              double *us)
{
    const int token = 3 + t * 7 % (qf_engine_config(engine)->vocab - 3);

    sweep_caches(sweep);
    const int64_t start = qf_now_ns();
    QF_TRY(qf_engine_step(engine, &token, 1, t, false, logits));
    *us = (double)(qf_now_ns() - start) * 1e-3;
    return QF_OK;
}

/* The median of its tokens' microseconds; beside another engine, whose tokens come in turn, of
 * what they take for one of the other's. */
static qf_status decode(qf_engine *engine, qf_engine *other, int tokens, const sweeper *sweep,
                        float *logits, double *median)
{
    double each[TOKENS_MAX];

    for (int t = 0; t < tokens; t++) {
        double of_other = 1;
        if (other && t % 2) QF_TRY(decode_token(other, t, sweep, logits, &of_other));
        QF_TRY(decode_token(engine, t, sweep, logits, &each[t]));
        if (other && t % 2 == 0) QF_TRY(decode_token(other, t, sweep, logits, &of_other));
        each[t] /= of_other;
    }
    qf_sort(each, tokens);
    *median = qf_quantile(each, tokens, 0.5);
    return QF_OK;
}

static qf_status decode_for(qf_engine *engine, qf_engine *other, int tokens, double seconds,
                            int64_t sweep, double *median)
{
    enum { MOST = 1000 };
    const qf_config *config = qf_engine_config(engine);
    float *logits = qf_alloc_array((size_t)config->vocab, sizeof *logits);
    const sweeper all = {qf_alloc((size_t)sweep), sweep};
    double pass[MOST], spent = 0;
    int count = 0;
    const int64_t start = qf_now_ns();
    qf_status status = logits && all.bytes ? QF_OK : QF_MEMORY;

    if (tokens > config->context) tokens = config->context;
    if (tokens > TOKENS_MAX) tokens = TOKENS_MAX;
    /* Warms up, where anything can be warm. */
    if (status == QF_OK && sweep == 0)
        status = decode(engine, other, tokens, &all, logits, &pass[0]);
    while (status == QF_OK && count < MOST && (count < 1 || spent < seconds)) {
        status = decode(engine, other, tokens, &all, logits, &pass[count]);
        count++;
        spent = (double)(qf_now_ns() - start) * 1e-9;
    }
    if (status == QF_OK) {
        qf_sort(pass, count);
        *median = qf_quantile(pass, count, 0.5);
    }
    qf_free(all.bytes);
    qf_free(logits);
    return status;
}

qf_status qf_latency_of_engine(qf_engine *engine, int tokens, double seconds, int64_t sweep,
                               double *us)
{
    return decode_for(engine, NULL, tokens, seconds, sweep, us);
}

qf_status qf_latency_beside(qf_engine *engine, qf_engine *other, int tokens, double seconds,
                            int64_t sweep, double *ratio)
{
    return decode_for(engine, other, tokens, seconds, sweep, ratio);
}
