/* cmd_tune.c -- qforge tune: finds and remembers the fastest correct kernels. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cache_option.h"
#include "command.h"
#include "command_line.h"
#include "interrupt.h"
#include "machine.h"
#include "options.h"
#include "places.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/memory.h"
#include "qforge/tune.h"
#include "ranks.h"
#include "simulation.h"
#include "tune_problems.h"
#include "tune_report.h"

typedef struct run {
    cli_problem_request request;
    const char *strategy, *cache, *ledger, *shard, *simulated;
    qf_cache_mode mode; /* as cache says */
    int64_t threads, trials, seed, walks;
    double budget;
    bool json, dry;

    cli_rank rank;             /* of several that tune a part each, into files of their own */
    char common[CLI_PATH_MAX]; /* the ledger of them all */
    cli_machine machine;
    qf_store *store;
    int64_t session;
    cli_problems problems;
    cli_progress progress;
    int64_t start_ns, trial_ns;          /* of all; when the last trial ended */
    int candidates, looked_at, measured; /* over all problems */
    int at, begun;                       /* problem, problems */
    qf_tune_result *result;              /* [problems.count] */
    char *command;                       /* as typed */
    json_t *results;
} run;

/* ---- progress -------------------------------------------------------------------------- */

static bool stop(void *context)
{
    (void)context;
    return cli_interrupted();
}

static double elapsed(const run *r)
{
    return (double)(qf_now_ns() - r->start_ns) * 1e-9;
}

/* Reused outcomes cost next to nothing: the rest goes at the pace of those measured, and
 * meetings at that of meetings.  Before an event (NULL) there is but a guess. */
static double seconds_left(const run *r, const qf_tune_event *event)
{
    const double pace = r->measured ? elapsed(r) / r->measured : 0.3;
    const double budget = r->budget - elapsed(r);
    double left = pace * (r->candidates - r->looked_at);

    if (event && event->final) left += cli_seconds_left(r->trial_ns, event->done, event->total);
    return r->budget > 0 && budget < left ? (budget > 0 ? budget : 0) : left;
}

static json_t *fields_of(const run *r, const qf_tune_event *event)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];

    qf_problem_print(event->problem, problem);
    qf_kernel_print(event->kernel, kernel);
    return json_pack("{s:i, s:i, s:s, s:i, s:i, s:o, s:s, s:f}", "product", r->at + 1, "of",
                     r->problems.count, "problem", problem, event->final ? "met" : "tried",
                     event->done, event->final ? "meetings" : "kernels", event->total,
                     "best_us",
                     event->best_ns > 0 ? json_real(event->best_ns / 1e3) : json_null(),
                     "kernel", kernel, "seconds_left", seconds_left(r, event));
}

static void report(void *context, const qf_tune_event *event)
{
    run *r = context;
    char name[QF_NAME_MAX], left[24];

    if (event->final && event->done == 1) cli_progress_end(&r->progress); /* another stage */
    if (!event->final) {
        r->looked_at++;
        r->measured += !event->reused;
        r->trial_ns = qf_now_ns();
    }
    qf_problem_print(event->problem, name);
    cli_duration(seconds_left(r, event), left);
    cli_progress_tell(&r->progress, r->json ? fields_of(r, event) : NULL,
                      "[%d/%d] %s: %d of %d %s, best %.2f us, %s left", r->at + 1,
                      r->problems.count, name, event->done, event->total,
                      event->final ? "meetings of the fastest" : "kernels",
                      event->best_ns / 1e3, left);
}

/* ---- results --------------------------------------------------------------------------- */

static qf_status take_result(run *r, const qf_problem *problem, const qf_tune_result *result)
{
    const qf_scope scope = {r->machine.cpu.tune_key, QF_CODE_ABI};
    qf_ties ties;

    if (!result->found) return QF_OK;
    QF_TRY(qf_store_ties(r->store, &scope, &result->best, &ties));
    if (r->json)
        json_array_append_new(r->results, cli_tune_json_of_result(problem, result, &ties));
    else
        cli_tune_print_result(problem, result, &ties);
    qf_ties_release(&ties);
    return QF_OK;
}

static void print_line(json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    printf("\n");
    json_decref(o);
}

static void print_json(run *r, qf_status status)
{
    json_t *o = json_pack("{s:s, s:b, s:f, s:O}", "ledger", qf_store_path(r->store), "complete",
                          status == QF_OK, "seconds", elapsed(r), "problems", r->results);
    if (status == QF_INTERRUPTED || status == QF_MEMORY) {
        json_object_set_new(o, "not_begun", json_integer(r->problems.count - r->begun));
        json_object_set_new(o, "resume", json_string(r->command));
    }
    print_line(o);
}

/* What there is, and how to get the rest. */
static void say_unfinished(run *r, qf_status status)
{
    if (!r->json && status == QF_INTERRUPTED)
        cli_tune_print_so_far(&r->problems, r->result, r->begun);
    fprintf(stderr, "everything measured is kept; go on with: %s\n", r->command);
}

/* ---- the work -------------------------------------------------------------------------- */

static qf_tune_options options_of(run *r)
{
    return (qf_tune_options){
        .cpu = &r->machine.cpu,
        .jit = r->machine.jit,
        .store = r->store,
        .session = r->session,
        .champions = &r->machine.champions,
        .pool = r->machine.pool,
        .strategy = qf_strategy_named(r->strategy),
        .seed = (uint64_t)r->seed,
        .trials = (int)r->trials,
        .recipe = r->problems.recipe,
        .cache = r->cache ? &r->mode : NULL,
        .stop = stop,
        .report = report,
        .context = r,
    };
}

/* Counts what lies ahead; a dry run says so. */
static qf_status survey(run *r)
{
    const qf_tune_options options = options_of(r);

    for (int i = 0; i < r->problems.count; i++) {
        const qf_problem *problem = &r->problems.item[i];
        qf_tune_outline outline;
        QF_TRY(qf_tune_plan(&options, problem, &outline));
        if (r->dry && r->json)
            json_array_append_new(r->results, cli_tune_json_of_plan(problem, &outline));
        if (r->dry && !r->json) cli_tune_print_plan(problem, &outline);
        r->candidates += outline.planned;
    }
    return QF_OK;
}

static void say_planned(run *r)
{
    char time[24];

    if (r->json) {
        print_line(json_pack("{s:s, s:O, s:i, s:f}", "schema", "qforge-tune-plan/1", "problems",
                             r->results, "kernels", r->candidates, "seconds",
                             seconds_left(r, NULL)));
        return;
    }
    cli_duration(seconds_left(r, NULL), time);
    printf("in all %d kernels for %d products, about %s\n", r->candidates, r->problems.count,
           time);
}

/* This problem's part of the budget; when that is used up only what the ledger knows. */
static double budget_of(const run *r)
{
    const double left = r->budget - elapsed(r);
    if (r->budget <= 0) return 0;
    return left > 0 ? left / (r->problems.count - r->at) : 1e-9;
}

/* A problem without a valid kernel, or without the memory to try them in, does not keep the
 * others from being tuned: the next may be smaller. */
static qf_status tune_all(run *r)
{
    qf_tune_options options = options_of(r);
    qf_status worst = QF_OK;
    char sentence[256] = "";

    for (r->at = 0; r->at < r->problems.count; r->at++) {
        const qf_problem *problem = &r->problems.item[r->at];
        qf_tune_result *result = &r->result[r->at];

        options.budget_s = budget_of(r);
        r->begun++;
        const qf_status status = qf_tune(&options, problem, result);
        cli_progress_end(&r->progress);
        if (status != QF_INTERRUPTED || r->json) QF_TRY(take_result(r, problem, result));
        if (status == QF_NO_CONFIG || status == QF_MEMORY) {
            if (worst == QF_MEMORY) continue;
            worst = status;
            snprintf(sentence, sizeof sentence, "%s", qf_message());
        } else if (status != QF_OK) {
            return status;
        }
    }
    return worst == QF_OK ? QF_OK : qf_fail(worst, "%s", sentence);
}

static qf_status open_ledger(run *r)
{
    char path[CLI_PATH_MAX];
    QF_TRY(cli_ledger_to_write(r->ledger, path));
    QF_TRY(qf_store_open(path, QF_STORE_WRITE, &r->store));
    cli_ledger_notice(r->store);
    /* What the ledger of all ranks knows, where this one can see it, is where it begins. */
    if (!r->rank.launcher) return QF_OK;
    const qf_status status = qf_store_merge(r->store, r->common);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

/* One of several processes: leaves the rest to qforge-mpi, or takes its part of the problems
 * and a ledger of its own. */
static qf_status take_rank(run *r, char *const argv[])
{
    if (r->shard || r->dry) return QF_OK;
    QF_TRY(cli_ledger_path(r->ledger, r->common));
    QF_TRY(cli_rank_find(r->common, &r->rank));
    if (!r->rank.launcher) return QF_OK;
    if (r->rank.beside > 1 && r->rank.rank == 0)
        fprintf(
            stderr,
            "qforge: %d ranks on this host disturb each other's times; one a host is best\n",
            r->rank.beside);
    QF_TRY(cli_ledger_to_write(r->ledger, r->common));
    const qf_status status = cli_rank_join(&r->rank, r->common, argv);
    if (status != QF_NOT_FOUND) return status;
    r->shard = r->rank.shard;
    r->ledger = r->rank.file;
    fprintf(stderr,
            "qforge: rank %d of %d (%s): part %s, into %s; `qforge db merge --db %s` gathers\n",
            r->rank.rank, r->rank.size, r->rank.launcher, r->shard, r->ledger, r->common);
    return QF_OK;
}

static qf_status hold_session(run *r)
{
    const qf_session_info info = {&r->machine.cpu, QF_CODE_ABI, qf_codegen_version(),
                                  r->strategy,     r->command,  (uint64_t)r->seed,
                                  r->budget};

    QF_TRY(qf_session_begin(r->store, &info, &r->session));
    cli_interrupt_catch();
    const qf_status status = tune_all(r);
    if (r->json) print_json(r, status);
    if (status == QF_INTERRUPTED || status == QF_MEMORY) say_unfinished(r, status);
    const bool whole = status == QF_OK || status == QF_NO_CONFIG;
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%s", qf_message());
    const qf_status ended =
        qf_session_end(r->store, r->session, whole ? QF_SESSION_DONE : QF_SESSION_INTERRUPTED);
    return status == QF_OK ? ended : qf_fail(status, "%s", sentence);
}

static qf_status execute(run *r)
{
    QF_TRY(cli_machine_open(r->threads, "none", &r->machine));
    r->request.threads = qf_pool_threads(r->machine.pool);
    r->request.isa = qf_cpu_best_isa(&r->machine.cpu);
    QF_TRY(cli_problems_make(&r->request, &r->problems));
    const int products = r->problems.count;
    QF_TRY(cli_problems_shard(r->shard, &r->problems));
    if (r->problems.count == 0 && !r->json)
        printf("part %s has none of the %d products\n", r->shard, products);
    r->result = qf_alloc_array((size_t)r->problems.count + 1, sizeof *r->result);
    if (!r->result) return QF_MEMORY;
    /* A dry run makes no ledger, and heeds what there is. */
    QF_TRY(r->dry ? cli_ledger_find(r->ledger, &r->store) : open_ledger(r));
    QF_TRY(survey(r));
    if (!r->dry) return hold_session(r);
    say_planned(r);
    return QF_OK;
}

#define QF_STRATEGY(id, name, thorough, summary) ", " #name
static const char strategy_names[] =
#include "qforge/strategies.def"
    ;
#undef QF_STRATEGY

static qf_status simulate(const run *r)
{
    const cli_simulation simulation = {.file = r->simulated,
                                       .strategy = r->strategy,
                                       .runs = (int)r->walks,
                                       .seed = (uint64_t)r->seed,
                                       .json = r->json};
    if (r->walks < 1 || r->walks > 1000)
        return qf_fail(QF_USAGE, "--walks: %lld is not between 1 and 1000",
                       (long long)r->walks);
    return cli_simulate(&simulation);
}

static qf_status check(run *r)
{
    if (r->cache) QF_TRY(cli_cache_mode_parse(r->cache, &r->mode));
    if (r->cache && r->simulated)
        return qf_fail(QF_USAGE, "--cache: --simulate replays what was timed without it");
    if (r->strategy && qf_strategy_named(r->strategy) == QF_STRATEGY_COUNT)
        return qf_fail(QF_USAGE, "--strategy: '%s' is none of ours (%s)", r->strategy,
                       strategy_names + 2);
    if (!(r->budget >= 0 && r->budget < 1e7))
        return qf_fail(QF_USAGE, "--budget: %g is no number of seconds", r->budget);
    if (r->trials < 0 || r->trials > 1 << 20)
        return qf_fail(QF_USAGE, "--trials: %lld is out of range", (long long)r->trials);
    return QF_OK;
}

static qf_status tune(run *r, int argc, char **argv, const cli_option *options)
{
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv,
                     "qforge tune --shape MxNxK | --model PATH | --config NAME [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(r));
    r->progress = cli_progress_start(r->json);
    if (r->simulated) return simulate(r);
    QF_TRY(take_rank(r, argv));
    if (!r->strategy) r->strategy = qf_strategy_name((qf_strategy)0);
    r->results = json_array();
    const qf_status status = execute(r);
    json_decref(r->results);
    qf_free(r->result);
    cli_problems_release(&r->problems);
    qf_store_close(r->store);
    cli_machine_close(&r->machine);
    return status;
}

qf_status cli_cmd_tune(int argc, char **argv)
{
    run r = {.request = {.group = 64, .rows = 512, .prompt = 128},
             .walks = 5,
             .start_ns = qf_now_ns()};
    cli_problem_request *q = &r.request;
    const cli_option options[] = {
        {"shape", 's', CLI_TEXT, &q->shape, "MxNxK", "rows, outputs, inputs"},
        {"model", 'm', CLI_TEXT, &q->model, "PATH", "every product of this model instead"},
        {"config", 'c', CLI_TEXT, &q->config, "NAME",
         "or of a model known by name, or a config.json"},
        {"bits", 'b', CLI_TEXT, &q->bits, "LIST", "widths of the weights: 2, 3, 4, 8, 32"},
        {"group", 'g', CLI_INT, &q->group, "N", "group size: 32, 64, 128"},
        {"recipe", 'r', CLI_TEXT, &q->recipe, "NAME",
         "a class (exact, fine, fast, table) or a recipe"},
        {"op", 'o', CLI_TEXT, &q->op, "OP", "forward or grad"},
        {"rows", 0, CLI_INT, &q->rows, "N", "of a model: tokens per training step, 512"},
        {"prompt", 0, CLI_INT, &q->prompt, "N", "of a model: tokens per prompt chunk, 128"},
        {"threads", 't', CLI_INT, &r.threads, "N", "threads, 0 for all"},
        {"strategy", 0, CLI_TEXT, &r.strategy, "NAME", strategy_names + 2},
        {"cache", 0, CLI_TEXT, &r.cache, "MODE",
         "time with hot, warm or cold weights, whatever runs (default: by rows)"},
        {"budget", 0, CLI_REAL, &r.budget, "SECONDS", "stop searching after, 0: never"},
        {"trials", 'n', CLI_INT, &r.trials, "N", "most kernels per problem, 0: all"},
        {"seed", 0, CLI_INT, &r.seed, "N", "of the random order and the judge"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "the tuning ledger"},
        {"shard", 0, CLI_TEXT, &r.shard, "I/N",
         "only the I-th of N parts of the problems, for batch schedulers"},
        {"json", 'j', CLI_FLAG, &r.json, NULL, "for programs"},
        {"simulate", 0, CLI_TEXT, &r.simulated, "FILE",
         "replay strategies on what this ledger, or cache of Kernel Tuner, holds"},
        {"walks", 0, CLI_INT, &r.walks, "N", "simulated, through every space, 5"},
        {"dry-run", 0, CLI_FLAG, &r.dry, NULL, "say what would be measured"},
        {0}};

    r.command = cli_command_line(argc, argv);
    if (!r.command) return QF_MEMORY;
    const qf_status status = tune(&r, argc, argv, options);
    qf_free(r.command);
    return status;
}
