/* experiment.c -- steps: rehearsed, recalled or done, and accounted for. */
#include "experiment.h"

#include <stdio.h>
#include <string.h>

#include "../interrupt.h"
#include "../progress.h"
#include "qforge/clock.h"
#include "qforge/file.h"
#include "qforge/memory.h"

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

json_t *experiment_steps_of(const experiment *e, experiment_arm arm, int seed)
{
    char path[EXPERIMENT_PATH], name[EXPERIMENT_NAME];
    json_t *steps = json_array();
    bool all = true;

    for (int i = 0; experiment_step_name(arm, seed, i, name); i++) {
        snprintf(path, sizeof path, "%.3900s/steps/%s.json", e->directory, name);
        json_t *record = json_load_file(path, 0, NULL);
        all &= record != NULL;
        if (record) json_array_append_new(steps, record);
    }
    if (all) return steps;
    json_decref(steps);
    return NULL;
}
