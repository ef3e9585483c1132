/* experiment_commands.c -- the commands behind the steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment.h"

static const char *const base_name[] = {
#define CLI_BASE(id, options) #id,
#include "arms.def"
};

static const char *const base_options[] = {
#define CLI_BASE(id, options) options,
#include "arms.def"
};

static const struct {
    const char *name, *label, *runs;
    experiment_base base;
} arms[] = {
#define CLI_ARM(id, label, base, runs) {#id, label, runs, BASE_##base},
#include "arms.def"
};

const char *experiment_arm_name(experiment_arm arm)
{
    return arms[arm].name;
}

const char *experiment_arm_label(experiment_arm arm)
{
    return arms[arm].label;
}

bool experiment_arm_trains(experiment_arm arm)
{
    return arms[arm].runs[0] != 0;
}

/* ---- commands ---- */

/* Numbers of options, printed where a command can keep them. */
typedef struct figures {
    int used;
    char text[16][24];
} figures;

static const char *figure(figures *f, int64_t value)
{
    QF_ASSERT(f->used < 16);
    snprintf(f->text[f->used], sizeof f->text[0], "%lld", (long long)value);
    return f->text[f->used++];
}

/* What all commands have in common. */
static void add_common(const experiment *e, step_command *command, figures *f)
{
    step_add(command, "--json", NULL);
    if (e->threads) step_add(command, "--threads", figure(f, e->threads), NULL);
    if (e->ledger) step_add(command, "--db", e->ledger, NULL);
}

/* Adds the words of a text of spaces, MODEL being the full-precision model; `room` keeps
 * them. */
static void add_words(const experiment *e, step_command *command, const char *text, char *room,
                      size_t size)
{
    char *rest = NULL;
    snprintf(room, size, "%s", text);
    for (char *word = strtok_r(room, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        step_add(command, strcmp(word, "MODEL") == 0 ? e->model : word, NULL);
}

static qf_status model_path(const experiment *e, const char *name, char path[EXPERIMENT_PATH])
{
    const int length = snprintf(path, EXPERIMENT_PATH, "%s/models/%s", e->directory, name);
    if (length >= 0 && length < EXPERIMENT_PATH) return QF_OK;
    return qf_fail(QF_USAGE, "%s: too long a path", e->directory);
}

static void name_quantising(experiment_base base, char name[EXPERIMENT_NAME])
{
    snprintf(name, EXPERIMENT_NAME, "quantize-%s", base_name[base]);
}

/* Of one run of training: the directory, and behind "train-" the step. */
static void name_run(experiment_arm arm, int seed, int number, char name[EXPERIMENT_NAME])
{
    snprintf(name, EXPERIMENT_NAME, "%.60s-s%d.%d", arms[arm].name, seed, number);
}

bool experiment_step_name(experiment_arm arm, int seed, int index, char name[EXPERIMENT_NAME])
{
    char run[EXPERIMENT_NAME];
    int runs = arms[arm].runs[0] != 0;

    for (const char *at = arms[arm].runs; (at = strchr(at, ';')) != NULL; at++) runs++;
    name_run(arm, seed, index, run);
    snprintf(name, EXPERIMENT_NAME, "train-%.80s", run);
    if (index == 0) name_quantising(arms[arm].base, name);
    return index <= runs;
}

static qf_status quantise(experiment *e, experiment_base base, char path[EXPERIMENT_PATH])
{
    char name[EXPERIMENT_NAME], words[256];
    step_command command = {0};
    figures f = {0};
    json_t *record;

    name_quantising(base, name);
    QF_TRY(model_path(e, base_name[base], path));
    step_add(&command, "quantize", "--model", e->model, NULL);
    if (e->tokenizer) step_add(&command, "--tokenizer", e->tokenizer, NULL);
    add_words(e, &command, base_options[base], words, sizeof words);
    step_add(&command, "--bits", "2,3,4", "--group", figure(&f, e->group), "--calib", e->train,
             "--samples", figure(&f, e->samples), "--resume", "-o", path, NULL);
    add_common(e, &command, &f);
    QF_TRY(experiment_step(e, name, &command, &record));
    json_decref(record);
    return QF_OK;
}

/* One run of training, "3 --recipe paper": from one directory into another. */
static qf_status train(experiment *e, const char *name, const char *run, int seed,
                       const char *from, const char *to)
{
    char *options, words[256], step[EXPERIMENT_NAME];
    step_command command = {0};
    figures f = {0};
    json_t *record;

    const double units = strtod(run, &options);
    snprintf(step, sizeof step, "train-%.80s", name);
    step_add(&command, "train", "--model", from, "--data", e->train, "--steps",
             figure(&f, llround(units * (double)e->unit)), "--seed", figure(&f, seed), NULL);
    add_words(e, &command, options, words, sizeof words);
    step_add(&command, "--save-every", "100", "--resume", "-o", to, NULL);
    add_common(e, &command, &f);
    QF_TRY(experiment_step(e, step, &command, &record));
    json_decref(record);
    return QF_OK;
}

qf_status experiment_model(experiment *e, experiment_arm arm, int seed,
                           char path[EXPERIMENT_PATH])
{
    char from[EXPERIMENT_PATH], runs[512], name[EXPERIMENT_NAME], *rest = NULL;
    int number = 0;

    QF_TRY(quantise(e, arms[arm].base, path));
    snprintf(runs, sizeof runs, "%s", arms[arm].runs);
    for (char *run = strtok_r(runs, ";", &rest); run; run = strtok_r(NULL, ";", &rest)) {
        memcpy(from, path, sizeof from);
        name_run(arm, seed, ++number, name);
        QF_TRY(model_path(e, name, path));
        QF_TRY(train(e, name, run, seed, from, path));
    }
    return QF_OK;
}

/* "judge-paper-s1-fixed"; what is not trained has no seed. */
static void name_step(char name[EXPERIMENT_NAME], const char *verb, experiment_arm arm,
                      int seed, const char *which)
{
    if (experiment_arm_trains(arm))
        snprintf(name, EXPERIMENT_NAME, "%s-%s-s%d-%s", verb, arms[arm].name, seed, which);
    else
        snprintf(name, EXPERIMENT_NAME, "%s-%s-%s", verb, arms[arm].name, which);
}

qf_status experiment_judge_model(experiment *e, experiment_arm arm, int seed, const char *which,
                                 const char *model, const char *subnets, const char *accuracy,
                                 json_t **record)
{
    char name[EXPERIMENT_NAME];
    step_command command = {0};
    figures f = {0};

    name_step(name, "judge", arm, seed, which);
    step_add(&command, "eval", "--model", model, "--subnets", subnets, "--text", e->valid,
             "--records", figure(&f, e->records), NULL);
    if (accuracy) step_add(&command, "--accuracy", accuracy, NULL);
    add_common(e, &command, &f);
    return experiment_step(e, name, &command, record);
}

qf_status experiment_judge(experiment *e, experiment_arm arm, int seed, const char *which,
                           const char *subnets, json_t **record)
{
    char model[EXPERIMENT_PATH];

    QF_TRY(experiment_model(e, arm, seed, model));
    return experiment_judge_model(e, arm, seed, which, model, subnets, NULL, record);
}

/* Of the sweeping between them tokens are few. */
#define TIMED "--cache", "cold", "--tokens", "8"

qf_status experiment_time(experiment *e, experiment_arm arm, int seed, const char *which,
                          const char *subnets, json_t **record)
{
    char model[EXPERIMENT_PATH], name[EXPERIMENT_NAME];
    step_command command = {0};
    figures f = {0};

    QF_TRY(experiment_model(e, arm, seed, model));
    name_step(name, "time", arm, seed, which);
    step_add(&command, "bench", "token", "--model", model, "--subnets", subnets, "--seconds",
             "3", TIMED, NULL);
    add_common(e, &command, &f);
    return experiment_step(e, name, &command, record);
}

qf_status experiment_merge(experiment *e, experiment_arm arm, int seed,
                           char path[EXPERIMENT_PATH])
{
    char from[EXPERIMENT_PATH], run[EXPERIMENT_NAME], name[EXPERIMENT_NAME];
    step_command command = {0};
    json_t *record;

    QF_TRY(experiment_model(e, arm, seed, from));
    snprintf(run, sizeof run, "%.60s-s%d.merged", arms[arm].name, seed);
    QF_TRY(model_path(e, run, path));
    name_step(name, "merge", arm, seed, "all");
    step_add(&command, "merge", "--model", from, "-o", path, NULL);
    QF_TRY(experiment_step(e, name, &command, &record));
    json_decref(record);
    return QF_OK;
}

qf_status experiment_search_with(experiment *e, experiment_arm arm, int seed,
                                 const experiment_search_options *o, json_t **record)
{
    char path[EXPERIMENT_PATH], name[EXPERIMENT_NAME], which[64];
    step_command command = {0};
    figures f = {0};

    QF_TRY(experiment_model(e, arm, seed, path));
    snprintf(which, sizeof which, "%.20s-%.20s-%d%s", o->choice, o->strategy, o->evaluations,
             o->timed ? "-timed" : "");
    name_step(name, "search", arm, seed, which);
    step_add(&command, "search", "--model", path, "--text", e->train, "--skip",
             figure(&f, e->search_skip), "--records", figure(&f, e->search_records),
             "--max-bits", o->budgets, "--evaluations", figure(&f, o->evaluations), "--seed",
             figure(&f, seed), NULL);
    if (o->timed)
        step_add(&command, "--finalists", "3", "--probes", "12", "--latency-budgets",
                 figure(&f, o->timed), "--separately", TIMED, NULL);
    else
        step_add(&command, "--finalists", "0", NULL);
    step_add(&command, "--strategy", o->strategy, "--choice", o->choice, NULL);
    add_common(e, &command, &f);
    return experiment_step(e, name, &command, record);
}

qf_status experiment_search(experiment *e, experiment_arm arm, int seed, const char *budgets,
                            json_t **record)
{
    const experiment_search_options options = {.budgets = budgets,
                                               .strategy = "evolution",
                                               .choice = "linear",
                                               .evaluations = (int)e->search_evaluations};
    return experiment_search_with(e, arm, seed, &options, record);
}
