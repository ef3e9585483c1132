/* tune_report.c -- plans and results of tuning, as text and as JSON. */
#include "tune_report.h"

#include <stdio.h>

#include "progress.h"
#include "tie_set.h"

/* ---- before ---------------------------------------------------------------------------- */

void cli_tune_print_plan(const qf_problem *problem, const qf_tune_outline *o)
{
    char name[QF_NAME_MAX];

    qf_problem_print(problem, name);
    printf("%s: %d kernels, %d worth measuring\n", name, o->space, o->planned);
    printf("  of %d that can be written down, left out are\n", o->grid);
    for (int i = 0; i < QF_LEFT_OUT_COUNT; i++)
        if (o->left_out[i])
            printf("  %8d  %s\n", o->left_out[i], qf_left_out_summary((qf_left_out)i));
}

json_t *cli_tune_json_of_plan(const qf_problem *problem, const qf_tune_outline *o)
{
    char name[QF_NAME_MAX];
    json_t *reasons = json_object();

    qf_problem_print(problem, name);
    for (int i = 0; i < QF_LEFT_OUT_COUNT; i++)
        json_object_set_new(reasons, qf_left_out_name((qf_left_out)i),
                            json_integer(o->left_out[i]));
    return json_pack("{s:s, s:i, s:i, s:i, s:o}", "problem", name, "grid", o->grid, "space",
                     o->space, "planned", o->planned, "left_out", reasons);
}

/* ---- after ----------------------------------------------------------------------------- */

/* ", elected at …"; empty where there is nothing to be told. */
static const char *slowness(const qf_tune_result *result, char text[96])
{
    text[0] = 0;
    if (result->pace > 0 && result->pace < QF_SLOW_PACE)
        snprintf(text, 96, ", elected at %.0f %% of the machine's speed: run it again later",
                 100 * result->pace);
    return text;
}

void cli_tune_print_result(const qf_problem *problem, const qf_tune_result *result,
                           const qf_ties *ties)
{
    char name[QF_NAME_MAX], kernel[QF_NAME_MAX], took[24], slow[96], names[CLI_TIES_TEXT];
    const qf_best *b = &result->best;

    qf_problem_print(problem, name);
    qf_kernel_print(&b->kernel, kernel);
    cli_duration(result->seconds, took);
    printf("%s\n  %s  %.2f us [%.2f, %.2f] %s%s\n", name, kernel, b->ns / 1e3, b->low_ns / 1e3,
           b->high_ns / 1e3, qf_cache_mode_name(b->cache),
           b->settled ? slowness(result, slow) : ", not settled: run it again");
    if (result->measured + result->failed == 0)
        printf("  known already: %d kernels reused\n", result->reused);
    else
        printf("  %d measured, %d reused, %d failed, %d quarantined of %d; %s\n",
               result->measured, result->reused, result->failed, result->skipped,
               result->planned, took);
    cli_ties_text(ties, names);
    if (ties->count) printf("  %d could not be told from it: %s\n", ties->count, names);
    fflush(stdout);
}

json_t *cli_tune_json_of_result(const qf_problem *problem, const qf_tune_result *result,
                                const qf_ties *ties)
{
    char name[QF_NAME_MAX], kernel[QF_NAME_MAX];
    const qf_best *b = &result->best;

    qf_problem_print(problem, name);
    qf_kernel_print(&b->kernel, kernel);
    json_t *o = json_pack(
        "{s:s, s:s, s:f, s:f, s:f, s:s, s:b, s:i, s:i, s:i, s:i, s:i, s:f, s:f}", "problem",
        name, "kernel", kernel, "median_us", b->ns / 1e3, "low_us", b->low_ns / 1e3, "high_us",
        b->high_ns / 1e3, "cache", qf_cache_mode_name(b->cache), "settled", b->settled,
        "planned", result->planned, "measured", result->measured, "reused", result->reused,
        "failed", result->failed, "quarantined", result->skipped, "pace", result->pace,
        "seconds", result->seconds);
    cli_ties_json(ties, o);
    return o;
}

void cli_tune_print_so_far(const cli_problems *problems, const qf_tune_result *result,
                           int begun)
{
    printf("interrupted; the best so far:\n");
    for (int i = 0; i < problems->count; i++) {
        char name[QF_NAME_MAX], kernel[QF_NAME_MAX];
        const qf_tune_result *r = &result[i];
        qf_problem_print(&problems->item[i], name);
        qf_kernel_print(&r->best.kernel, kernel);
        if (i >= begun || !r->found)
            printf("  %-34s %s\n", name, i < begun ? "nothing yet" : "not begun");
        else
            printf("  %-34s %-48s %10.2f us%s\n", name, kernel, r->best.ns / 1e3,
                   r->best.settled ? "" : ", not settled");
    }
    fflush(stdout);
}
