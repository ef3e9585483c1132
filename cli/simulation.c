/* simulation.c -- shares of the fastest: the median space, the tenth part of spaces that did
 * worst, and the geometric mean. */
#include "simulation.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "kernel_tuner.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/simulate.h"

/* Fewer candidates than this are no search. */
enum { SPACE_LEAST = 16 };

static const qf_effort efforts[] = {{1, 0}, {4, 0}, {8, 0}, {16, 0}, {1, 0.05}, {1, 0.1}};
enum { EFFORTS = sizeof efforts / sizeof *efforts };

/* ---- sums ----------------------------------------------------------------------------------
 */

typedef struct summary {
    double median, low, mean; /* low: of the tenth part that did worst the best */
    int count;
} summary;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of count shares, `step` apart.  A share of nothing counts as a hundredth. */
static qf_status sum_up(const double *share, int count, int step, summary *s)
{
    double *sorted = qf_alloc_array((size_t)count + 1, sizeof *sorted);
    double logs = 0;

    if (!sorted) return QF_MEMORY;
    for (int i = 0; i < count; i++) {
        sorted[i] = share[(size_t)i * (size_t)step];
        logs += log(fmax(sorted[i], 0.01));
    }
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    *s = (summary){sorted[count / 2], sorted[count / 10], exp(logs / count), count};
    qf_free(sorted);
    return QF_OK;
}

static json_t *as_json(const summary *s)
{
    return json_pack("{s:f, s:f, s:f}", "median", s->median, "p10", s->low, "geomean", s->mean);
}

/* ---- what is simulated
 * ----------------------------------------------------------------------- */

typedef struct run {
    const cli_simulation *request;
    qf_sweeps sweeps;
    qf_replay *replay;
    json_t *rows;
    cli_progress progress;
    int64_t start_ns;
    int part, parts; /* strategies and guesses */
} run;

/* Of each space from the others, which takes most of the time. */
static bool tell_learned(void *context, int done, int total)
{
    run *r = context;

    cli_progress_count(&r->progress, "spaces learned about", done, total,
                       cli_seconds_left(r->start_ns, done, total));
    return !cli_interrupted();
}

/* Every part goes through all spaces. */
static bool tell(void *context, int done, int total)
{
    run *r = context;

    done += r->part * total;
    total *= r->parts;
    cli_progress_count(&r->progress, "simulated spaces", done, total,
                       cli_seconds_left(r->start_ns, done, total));
    return !cli_interrupted();
}

static void effort_name(const qf_effort *effort, char name[16])
{
    if (effort->part > 0)
        snprintf(name, 16, "%g %%", 100 * effort->part);
    else
        snprintf(name, 16, "%d", effort->trials);
}

static qf_status show_strategy(run *r, qf_strategy strategy, const double *share)
{
    const int walks = r->sweeps.count * r->request->runs;
    json_t *row = json_object(), *at = json_object();
    qf_status status = QF_OK;

    if (!r->request->json) printf("%-13s", qf_strategy_name(strategy));
    for (int e = 0; status == QF_OK && e < EFFORTS; e++) {
        char name[16];
        summary s = {0};
        status = sum_up(share + e, walks, EFFORTS, &s);
        if (status != QF_OK) break;
        effort_name(&efforts[e], name);
        json_object_set_new(at, name, as_json(&s));
        if (!r->request->json) printf("  %5.1f %5.1f", 100 * s.median, 100 * s.low);
    }
    if (!r->request->json) printf("\n");
    json_object_set_new(row, "strategy", json_string(qf_strategy_name(strategy)));
    json_object_set_new(row, "trials", at);
    json_array_append_new(r->rows, row);
    return status;
}

static qf_status simulate_strategy(run *r, qf_strategy strategy)
{
    const size_t walks = (size_t)r->sweeps.count * (size_t)r->request->runs;
    double *share = qf_alloc_array(walks * EFFORTS, sizeof *share);

    if (!share) return QF_MEMORY;
    qf_status status = qf_simulate(r->replay, strategy, r->request->runs, r->request->seed,
                                   efforts, EFFORTS, tell, r, share);
    cli_progress_end(&r->progress);
    r->part++;
    if (status == QF_OK) status = show_strategy(r, strategy, share);
    qf_free(share);
    return status;
}

static qf_status simulate_guess(run *r, qf_guess guess)
{
    double *share = qf_alloc_array((size_t)r->sweeps.count + 1, sizeof *share);
    int answers = 0;
    summary s = {0};

    if (!share) return QF_MEMORY;
    qf_status status = qf_simulate_guess(r->replay, guess, tell, r, share);
    cli_progress_end(&r->progress);
    r->part++;
    for (int i = 0; i < r->sweeps.count; i++)
        if (share[i] > 0) share[answers++] = share[i];
    if (status == QF_OK && answers) status = sum_up(share, answers, 1, &s);
    qf_free(share);
    if (status != QF_OK || !answers) return status;
    if (!r->request->json)
        printf("%-13s  %5.1f %5.1f   geometric mean %.1f of %d spaces\n", qf_guess_name(guess),
               100 * s.median, 100 * s.low, 100 * s.mean, answers);
    json_t *row = json_pack("{s:s, s:i}", "guess", qf_guess_name(guess), "spaces", answers);
    json_object_set_new(row, "share", as_json(&s));
    json_array_append_new(r->rows, row);
    return QF_OK;
}

static void print_heading(const run *r)
{
    int least = r->sweeps.item[0].count, most = least;

    for (int i = 1; i < r->sweeps.count; i++) {
        const int count = r->sweeps.item[i].count;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    printf("%s: %d spaces of %d to %d candidates, %d walks through each\n"
           "percent of the fastest: the median, and what nine of ten reach\n\n%-13s",
           r->request->file, r->sweeps.count, least, most, r->request->runs, "after trials");
    for (int e = 0; e < EFFORTS; e++) {
        char name[16];
        effort_name(&efforts[e], name);
        printf("  %11s", name);
    }
    printf("\n");
}

static bool is_asked_for(const run *r, int strategy)
{
    return !r->request->strategy ||
           strcmp(qf_strategy_name((qf_strategy)strategy), r->request->strategy) == 0;
}

/* Any informed strategy's first trial is what was learned. */
static bool is_told_apart(const run *r, int guess)
{
    return guess != QF_GUESS_LEARNED || !r->request->strategy;
}

static qf_status simulate_all(run *r)
{
    QF_TRY(qf_replay_open(&r->sweeps, tell_learned, r, &r->replay));
    cli_progress_end(&r->progress);
    r->start_ns = qf_now_ns();
    if (!r->request->json) print_heading(r);
    for (int s = 0; s < QF_STRATEGY_COUNT; s++) r->parts += is_asked_for(r, s);
    for (int g = 0; g < QF_GUESSES; g++) r->parts += is_told_apart(r, g);
    for (int s = 0; s < QF_STRATEGY_COUNT; s++)
        if (is_asked_for(r, s)) QF_TRY(simulate_strategy(r, (qf_strategy)s));
    if (!r->request->json && r->sweeps.item[0].kernel) printf("\nwithout a trial\n");
    for (int g = 0; g < QF_GUESSES; g++)
        if (is_told_apart(r, g)) QF_TRY(simulate_guess(r, (qf_guess)g));
    return QF_OK;
}

/* ---- where the spaces are
 * ---------------------------------------------------------------------- */

static qf_status is_json(const char *path, bool *yes)
{
    char first = 0;
    FILE *file = fopen(path, "rb");

    if (!file) return qf_fail(QF_IO, "%s: cannot be opened", path);
    if (fread(&first, 1, 1, file) != 1) first = 0;
    fclose(file);
    *yes = first == '{';
    return QF_OK;
}

static qf_status read_ledger(const char *path, qf_sweeps *sweeps)
{
    qf_store *store;

    QF_TRY(qf_store_open(path, QF_STORE_READ, &store));
    const qf_status status = qf_sweeps_of_store(store, NULL, SPACE_LEAST, sweeps);
    qf_store_close(store);
    return status;
}

qf_status cli_simulate(const cli_simulation *simulation)
{
    run r = {.request = simulation,
             .progress = cli_progress_start(simulation->json),
             .start_ns = qf_now_ns()};
    bool json = false;

    QF_TRY(is_json(simulation->file, &json));
    qf_status status =
        (json ? cli_kernel_tuner_read : read_ledger)(simulation->file, &r.sweeps);
    if (status == QF_OK && r.sweeps.count == 0)
        status = qf_fail(QF_NO_CONFIG, "%s: no problem with %d trials or more",
                         simulation->file, SPACE_LEAST);
    r.rows = json_array();
    if (status == QF_OK) status = simulate_all(&r);
    if (status == QF_OK && simulation->json) {
        json_t *o = json_pack("{s:s, s:i, s:i, s:O}", "file", simulation->file, "spaces",
                              r.sweeps.count, "walks", simulation->runs, "rows", r.rows);
        json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        printf("\n");
        json_decref(o);
    }
    json_decref(r.rows);
    qf_replay_close(r.replay);
    qf_sweeps_release(&r.sweeps);
    return status;
}
