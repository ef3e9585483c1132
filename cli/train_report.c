/* train_report.c -- what a training run tells. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "train.h"

/* Opened and closed for each line: a run that is killed leaves whole lines.  A log that
 * cannot be written costs the log, not the run. */
static void add_to_log(cli_train_report *report, const tr_progress *p)
{
    FILE *log = report->log ? fopen(report->log, "a") : NULL;
    if (log) {
        fprintf(log, "%lld\t%.6g\t%.4g\t%.4g\n", (long long)p->step, p->loss, p->rate, p->norm);
        if (fclose(log) == 0) return;
    }
    if (!report->log) return;
    fprintf(stderr, "qforge: %s: cannot be written; going on without a log\n", report->log);
    report->log = NULL;
}

/* Means of the stretches as bars of eight heights, between the least and the greatest. */
static const char *draw_curve(const cli_train_report *report, char text[4 * CLI_CURVE])
{
    static const char bars[8][4] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                    "\u2585", "\u2586", "\u2587", "\u2588"};
    double mean[CLI_CURVE], least = INFINITY, most = -INFINITY;
    int count = 0;

    for (int i = 0; i < CLI_CURVE; i++) {
        if (report->curve_steps[i] == 0) continue;
        mean[count] = report->curve[i] / (double)report->curve_steps[i];
        least = fmin(least, mean[count]);
        most = fmax(most, mean[count++]);
    }
    text[0] = 0;
    for (int i = 0; i < count; i++)
        strcat(text, bars[most > least ? (int)(7.99 * (mean[i] - least) / (most - least)) : 0]);
    return text;
}

static void add_to_curve(cli_train_report *report, const tr_progress *p)
{
    const int64_t at = (p->step - 1) * CLI_CURVE / p->steps;

    report->curve[at] += p->loss;
    report->curve_steps[at]++;
}

static json_t *fields_of(const cli_train_report *report, const tr_progress *p)
{
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "what", "steps", "done",
                     (json_int_t)p->step, "of", (json_int_t)p->steps, "loss", p->loss,
                     "mean_loss", cli_train_recent_loss(report), "rate", p->rate, "norm",
                     p->norm, "tokens_per_second", p->tokens_per_second, "seconds_left",
                     p->left);
}

bool cli_train_tell(void *context, const tr_progress *progress)
{
    cli_train_report *report = context;
    char left[24], curve[4 * CLI_CURVE];

    /* report->last counts this run's steps in `step`, not those of runs before it. */
    report->recent[report->last.step % CLI_RECENT_LOSSES] = progress->loss;
    const int64_t here = report->last.step + 1;
    report->last = *progress;
    report->last.step = here;
    if (report->silent) return !cli_interrupted();
    add_to_log(report, progress);
    add_to_curve(report, progress);
    cli_duration(progress->left, left);
    cli_progress_tell(
        &report->line, report->line.json ? fields_of(report, progress) : NULL,
        "step %lld of %lld  loss %.4f %s%srate %.2e  norm %.2f  %.0f tokens/s  %s "
        "left",
        (long long)progress->step, (long long)progress->steps, cli_train_recent_loss(report),
        report->line.terminal ? draw_curve(report, curve) : "",
        report->line.terminal ? "  " : " ", progress->rate, progress->norm,
        progress->tokens_per_second, left);
    return !cli_interrupted();
}

double cli_train_recent_loss(const cli_train_report *report)
{
    const int64_t count =
        report->last.step < CLI_RECENT_LOSSES ? report->last.step : CLI_RECENT_LOSSES;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += report->recent[i];
    return count ? sum / (double)count : 0;
}

static qf_status finish_json(const cli_train *train, const cli_train_report *report)
{
    const tr_progress *p = &report->last;
    json_t *object = json_pack("{s:I, s:I, s:s}", "steps", (json_int_t)train->steps,
                               "steps_here", (json_int_t)p->step, "model", train->out);
    if (!object) return qf_fail(QF_MEMORY, "no memory for the result");
    if (p->step) {
        json_object_set_new(object, "loss", json_real(p->loss));
        json_object_set_new(object, "mean_loss", json_real(cli_train_recent_loss(report)));
        json_object_set_new(object, "seconds", json_real(p->seconds));
        json_object_set_new(object, "tokens_per_second", json_real(p->tokens_per_second));
    }
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(object);
    return QF_OK;
}

qf_status cli_train_finish(const cli_train *train, cli_train_report *report)
{
    const tr_progress *p = &report->last;
    char took[24];

    cli_progress_end(&report->line);
    if (train->json) return finish_json(train, report);
    if (!p->step) {
        printf("%s: all %lld steps were taken before\n", train->out, (long long)train->steps);
        return QF_OK;
    }
    cli_duration(p->seconds, took);
    printf("%s: %lld steps, loss %.4f (mean of the last %lld), %s, %.0f tokens/s\n", train->out,
           (long long)train->steps, cli_train_recent_loss(report),
           (long long)(p->step < CLI_RECENT_LOSSES ? p->step : CLI_RECENT_LOSSES), took,
           p->tokens_per_second);
    return QF_OK;
}
