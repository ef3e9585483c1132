/* experiment.c -- steps, and the commands behind them. */
#include "experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../interrupt.h"
#include "qforge/clock.h"
#include "qforge/file.h"
#include "qforge/memory.h"

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

/* ---- steps ---- */

static qf_status make_below(const experiment *e, const char *name)
{
    char *path = qf_path_join(e->directory, name);
    if (!path) return QF_MEMORY;
    const qf_status status = qf_directory_make(path);
    qf_free(path);
    return status;
}

qf_status experiment_open(experiment *e)
{
    e->line = cli_progress_start();
    e->seen = json_object();
    if (!e->seen) return QF_MEMORY;
    if (e->rehearse) return QF_OK;
    QF_TRY(make_below(e, "steps"));
    return make_below(e, "models");
}

void experiment_close(experiment *e)
{
    json_decref(e->seen);
    e->seen = NULL;
}

static void print_command(const step_command *command)
{
    printf("qforge");
    for (int i = 0; i < command->words; i++) {
        const char *word = command->word[i];
        const bool plain = strcspn(word, " '\"\\$;&|<>()*?#~") == strlen(word);
        printf(plain ? " %s" : " '%s'", word);
    }
    printf("\n");
}

static void announce(const experiment *e, const char *name)
{
    char left[24] = "time unknown";
    if (e->done > 0) cli_duration(e->spent / e->done * (e->steps - e->done), left);
    fprintf(stderr, "%s: %d steps left, about %s\n", name, e->steps - e->done, left);
}

static void account(experiment *e, const char *name, const json_t *record)
{
    if (json_object_get(e->seen, name)) return;
    json_object_set_new(e->seen, name, json_true());
    e->seconds += json_number_value(json_object_get(record, "seconds"));
    e->cpu_seconds += json_number_value(json_object_get(record, "cpu_seconds"));
    const int64_t peak = json_integer_value(json_object_get(record, "peak_bytes"));
    if (peak > e->peak_bytes) e->peak_bytes = peak;
}

static qf_status rehearse(experiment *e, const char *name, const step_command *command)
{
    json_t *record;

    if (json_object_get(e->seen, name)) return QF_OK;
    json_object_set_new(e->seen, name, json_true());
    if (e->tell) print_command(command);
    const qf_status status = step_recall(e->directory, name, command, &record);
    if (status == QF_OK) json_decref(record);
    if (status == QF_NOT_FOUND) e->steps++;
    return status == QF_NOT_FOUND ? QF_OK : status;
}

qf_status experiment_step(experiment *e, const char *name, const step_command *command,
                          json_t **record)
{
    *record = NULL;
    if (e->rehearse) return rehearse(e, name, command);
    if (cli_interrupted()) return QF_INTERRUPTED;
    qf_status status = step_recall(e->directory, name, command, record);
    if (status == QF_NOT_FOUND) {
        const int64_t start = qf_now_ns();
        announce(e, name);
        status = step_run(e->directory, name, command, record);
        e->spent += (double)(qf_now_ns() - start) * 1e-9;
        e->done++;
    }
    if (status == QF_OK) account(e, name, *record);
    return status;
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

/* Adds the words of a text of spaces; `room` keeps them. */
static void add_words(step_command *command, const char *text, char *room, size_t size)
{
    char *rest = NULL;
    snprintf(room, size, "%s", text);
    for (char *word = strtok_r(room, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        step_add(command, word, NULL);
}

static qf_status model_path(const experiment *e, const char *name, char path[EXPERIMENT_PATH])
{
    const int length = snprintf(path, EXPERIMENT_PATH, "%s/models/%s", e->directory, name);
    if (length >= 0 && length < EXPERIMENT_PATH) return QF_OK;
    return qf_fail(QF_USAGE, "%s: too long a path", e->directory);
}

static qf_status quantise(experiment *e, experiment_base base, char path[EXPERIMENT_PATH])
{
    char name[EXPERIMENT_NAME], words[256];
    step_command command = {0};
    figures f = {0};
    json_t *record;

    snprintf(name, sizeof name, "quantize-%s", base_name[base]);
    QF_TRY(model_path(e, base_name[base], path));
    step_add(&command, "quantize", "--model", e->model, NULL);
    if (e->tokenizer) step_add(&command, "--tokenizer", e->tokenizer, NULL);
    add_words(&command, base_options[base], words, sizeof words);
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

    const int64_t units = strtol(run, &options, 10);
    snprintf(step, sizeof step, "train-%.80s", name);
    step_add(&command, "train", "--model", from, "--data", e->train, "--steps",
             figure(&f, units * e->unit), "--seed", figure(&f, seed), NULL);
    add_words(&command, options, words, sizeof words);
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
        snprintf(name, sizeof name, "%s-s%d.%d", arms[arm].name, seed, ++number);
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

qf_status experiment_judge(experiment *e, experiment_arm arm, int seed, const char *which,
                           const char *subnets, json_t **record)
{
    char path[EXPERIMENT_PATH], name[EXPERIMENT_NAME];
    step_command command = {0};
    figures f = {0};

    QF_TRY(experiment_model(e, arm, seed, path));
    name_step(name, "judge", arm, seed, which);
    step_add(&command, "eval", "--model", path, "--subnets", subnets, "--text", e->valid,
             "--records", figure(&f, e->records), NULL);
    add_common(e, &command, &f);
    return experiment_step(e, name, &command, record);
}

qf_status experiment_search(experiment *e, experiment_arm arm, int seed, const char *budgets,
                            json_t **record)
{
    char path[EXPERIMENT_PATH], name[EXPERIMENT_NAME];
    step_command command = {0};
    figures f = {0};

    QF_TRY(experiment_model(e, arm, seed, path));
    name_step(name, "search", arm, seed, "bits");
    step_add(&command, "search", "--model", path, "--text", e->train, "--skip",
             figure(&f, e->search_skip), "--records", figure(&f, e->search_records),
             "--max-bits", budgets, "--evaluations", figure(&f, e->search_evaluations),
             "--finalists", "0", "--seed", figure(&f, seed), NULL);
    add_common(e, &command, &f);
    return experiment_step(e, name, &command, record);
}
