/* cmd_search.c -- qforge search: subnets within budgets, finalists measured. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "interrupt.h"
#include "inference.h"
#include "options.h"
#include "qforge/clock.h"
#include "search_result.h"

typedef struct request {
    search_setup setup;
    cli_list limit[QF_COSTS];
    const char *strategy, *accuracy, *choice, *cache, *out;
    int64_t evaluations, finalists, seed, spread;
    bool separate;
    /* from the lists above */
    int budgets;
    qf_budget budget[CLI_LIST_MAX];
} request;

/* ---- what was asked ---- */

/* How many budgets name a cost, --latency-budgets among them. */
static int budgets_of(const request *r, int cost)
{
    return r->limit[cost].count + (cost == QF_COST_LATENCY ? (int)r->spread : 0);
}

/* The first budget of a cost: behind those of bits and bytes if each is to have its own. */
static int first_budget(const request *r, int cost)
{
    int first = 0;
    for (int c = cost + 1; r->separate && c < QF_COSTS; c++) first += budgets_of(r, c);
    return first;
}

static qf_status put_limits(request *r, int cost)
{
    static const char *const option[QF_COSTS] = {"max-latency-us", "max-bytes", "max-bits"};
    const cli_list *list = &r->limit[cost];
    const int first = first_budget(r, cost), budgets = r->separate ? list->count : r->budgets;

    if (list->count > 1 && list->count != budgets)
        return qf_fail(QF_USAGE, "--%s: %d numbers for %d budgets", option[cost], list->count,
                       budgets);
    for (int b = 0; b < budgets && list->count; b++) {
        const double limit = list->item[list->count > 1 ? b : 0];
        if (!(limit > 0) || !isfinite(limit))
            return qf_fail(QF_USAGE, "--%s: %g is not a budget", option[cost], limit);
        r->budget[first + b].limit[cost] = limit;
    }
    return QF_OK;
}

/* Lists of one number apply to every budget, and the longest list says how many there are,
 * unless each cost is to have budgets of its own. */
static qf_status pair_budgets(request *r)
{
    if (r->spread && r->limit[QF_COST_LATENCY].count)
        return qf_fail(QF_USAGE, "search: --latency-budgets or --max-latency-us, not both");
    for (int c = 0; c < QF_COSTS; c++) {
        const int count = first_budget(r, c) + budgets_of(r, c);
        if (count > r->budgets) r->budgets = count;
    }
    if (r->budgets == 0)
        return qf_fail(QF_USAGE, "search: give a budget: --max-latency-us, --latency-budgets, "
                                 "--max-bytes or --max-bits");
    if (r->budgets > CLI_LIST_MAX)
        return qf_fail(QF_USAGE, "search: more than %d budgets", CLI_LIST_MAX);
    for (int b = 0; b < r->budgets; b++) r->budget[b] = qf_budget_none;
    for (int c = 0; c < QF_COSTS; c++) QF_TRY(put_limits(r, c));
    return QF_OK;
}

static qf_status check_number(const char *option, int64_t value, int64_t least, int64_t most)
{
    if (value >= least && value <= most) return QF_OK;
    return qf_fail(QF_USAGE, "--%s: %lld is not from %lld to %lld", option, (long long)value,
                   (long long)least, (long long)most);
}

/* "paper, evolution, …" */
static const char *list_strategies(void)
{
    static char text[128];

    text[0] = 0;
    for (int s = 0; s < QF_SEARCH_STRATEGIES; s++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", s ? ", " : "",
                 qf_search_strategy_name((qf_search_strategy)s));
    return text;
}

static qf_status check_request(request *r, qf_search_strategy *strategy)
{
    if (!r->setup.model) return qf_fail(QF_USAGE, "search: --model is missing");
    if (!r->setup.text) return qf_fail(QF_USAGE, "search: --text is missing");
    *strategy = qf_search_strategy_named(r->strategy);
    if (*strategy == QF_SEARCH_STRATEGIES)
        return qf_fail(QF_USAGE, "--strategy: no '%s' (%s)", r->strategy, list_strategies());
    QF_TRY(cli_residency_parse(r->cache, &r->setup.residency));
    QF_TRY(cli_accuracy_parse(r->accuracy, &r->setup.accuracy));
    QF_TRY(qf_granularity_named(r->choice, &r->setup.granularity));
    QF_TRY(check_number("records", r->setup.records, 0, 1 << 24));
    QF_TRY(check_number("skip", r->setup.skip, 0, 1 << 24));
    QF_TRY(check_number("evaluations", r->evaluations, 0, 1 << 20));
    QF_TRY(check_number("latency-budgets", r->spread, 0, CLI_LIST_MAX));
    QF_TRY(check_number("finalists", r->finalists, 0, 64));
    QF_TRY(check_number("probes", r->setup.probes, 3, 1000));
    QF_TRY(check_number("held-out", r->setup.held_out, 1, 1000));
    QF_TRY(check_number("tokens", r->setup.tokens, 1, 1 << 16));
    r->setup.seed = (uint64_t)r->seed;
    r->setup.timeless = r->finalists == 0;
    if (r->setup.timeless && (r->spread || r->limit[QF_COST_LATENCY].count))
        return qf_fail(QF_USAGE, "search: budgets of latency need --finalists, to be measured");
    return pair_budgets(r);
}

static qf_status parse(int argc, char **argv, request *r, bool *help)
{
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &r->setup.model, "DIR", "a quantised model"},
        {"text", 0, CLI_TEXT, &r->setup.text, "FILE", "losses are measured on it"},
        {"records", 0, CLI_INT, &r->setup.records, "N", "of the text; 0: all (60)"},
        {"skip", 0, CLI_INT, &r->setup.skip, "N",
         "leave out the first records, as those of the calibration (0)"},
        {"max-latency-us", 0, CLI_LIST, &r->limit[QF_COST_LATENCY], "X[,X]",
         "budgets in microseconds per decoded token"},
        {"latency-budgets", 0, CLI_INT, &r->spread, "N",
         "N of them, evenly between the fastest subnet and the slowest uniform one"},
        {"max-bytes", 0, CLI_LIST, &r->limit[QF_COST_BYTES], "X[,X]",
         "budgets in bytes of packed linears"},
        {"max-bits", 0, CLI_LIST, &r->limit[QF_COST_BITS], "X[,X]",
         "budgets in average bits per weight"},
        {"separately", 0, CLI_FLAG, &r->separate, NULL,
         "each of these is a budget, not one with another: bits, bytes, microseconds"},
        {"strategy", 0, CLI_TEXT, &r->strategy, "NAME", list_strategies()},
        {"choice", 0, CLI_TEXT, &r->choice, "WHAT",
         "one width per linear, fused or block (linear)"},
        {"evaluations", 0, CLI_INT, &r->evaluations, "N",
         "subnets to evaluate; 0: 100 and 50 per budget (0)"},
        {"finalists", 0, CLI_INT, &r->finalists, "N",
         "subnets measured end to end per budget; 0: time is of no interest (3)"},
        {"cache", 0, CLI_TEXT, &r->cache, "MODE",
         "where a token finds the weights: auto, warm or cold (auto)"},
        {"accuracy", 0, CLI_TEXT, &r->accuracy, "CLASS",
         "of losses: exact, fine, fast or table (exact)"},
        {"probes", 0, CLI_INT, &r->setup.probes, "N",
         "subnets measured to calibrate the latency model (8)"},
        {"held-out", 0, CLI_INT, &r->setup.held_out, "N", "subnets measured to judge it (4)"},
        {"max-error", 0, CLI_REAL, &r->setup.max_error, "X",
         "refuse a latency model whose mean error on those is more (0.5)"},
        {"tokens", 0, CLI_INT, &r->setup.tokens, "N", "decoded per measurement (32)"},
        {"seed", 0, CLI_INT, &r->seed, "S", "of all random choices (0)"},
        {"threads", 't', CLI_INT, &r->setup.threads, "N", "0: all (0)"},
        {"db", 0, CLI_TEXT, &r->setup.ledger, "FILE", "the ledger; none: the prior alone"},
        {"json", 0, CLI_FLAG, &r->setup.json, NULL, "one JSON object"},
        {"out", 'o', CLI_TEXT, &r->out, "DIR", "front.json, front.svg and front.png there"},
        {0}};
    int rest;

    QF_TRY(cli_parse(argc, argv, "qforge search --model DIR --text FILE --max-bits X [options]",
                     options, &rest, help));
    if (*help) return QF_OK;
    return cli_no_operands(argc, argv, rest);
}

/* ---- finalists ---- */

static search_row row_of(const qf_candidate *trial)
{
    return (search_row){.subnet = trial->subnet,
                        .loss = trial->loss,
                        .bits = trial->cost[QF_COST_BITS],
                        .bytes = (int64_t)trial->cost[QF_COST_BYTES],
                        .predicted_us = trial->cost[QF_COST_LATENCY],
                        .measured_us = NAN};
}

/* Best loss first until one is measured within the budget; when none is, the fastest.  A
 * candidate that the last measurements already rule out is passed over. */
static qf_status measure_finalists(search_session *session, const qf_search *search,
                                   const qf_budget *budget, int finalists, search_row *best)
{
    enum { MOST = 1024 };
    int index[MOST], measured = 0;
    const int count = qf_search_best(search, budget, MOST, index);
    double slower = 0; /* least measured / predicted - 1 so far of those that failed */

    if (finalists == 0) {
        *best = row_of(&search->trial[index[0]]);
        best->fits = true;
        return QF_OK;
    }
    for (int i = 0; i < count && measured < finalists; i++) {
        search_row row = row_of(&search->trial[index[i]]);
        if (measured && row.predicted_us * (1 + slower) > budget->limit[QF_COST_LATENCY])
            continue;
        QF_TRY(search_session_measure(session, &row.subnet, &row.measured_us));
        if (cli_interrupted()) return QF_INTERRUPTED;
        row.fits = row.measured_us <= budget->limit[QF_COST_LATENCY];
        if (!measured++ || row.fits || row.measured_us < best->measured_us) *best = row;
        if (row.fits) return QF_OK;
        slower = fmax(0, row.measured_us / row.predicted_us - 1);
    }
    return QF_OK;
}

static qf_status measure_uniform(search_session *session, const qf_search_problem *problem,
                                 int width, search_row *row)
{
    qf_candidate trial = {.subnet = qf_subnet_uniform(&session->model.base.config, width)};
    QF_TRY(problem->loss(problem->context, &trial.subnet, &trial.loss));
    for (int c = 0; c < QF_COSTS; c++)
        trial.cost[c] = problem->cost(problem->context, (qf_cost)c, &trial.subnet);
    *row = row_of(&trial);
    row->fits = true;
    if (session->timeless) return QF_OK;
    return search_session_measure(session, &row->subnet, &row->measured_us);
}

/* ---- the command ---- */

static qf_status tell_result(const request *r, const search_result *result)
{
    for (int b = 0; b < result->budgets; b++)
        if (!result->best[b].fits)
            fprintf(stderr,
                    "qforge: no finalist measured within %.6g us; the fastest took %.6g "
                    "(hint: more --finalists, or a quieter machine)\n",
                    result->budget[b].limit[QF_COST_LATENCY], result->best[b].measured_us);
    if (r->out) QF_TRY(search_result_save(result, r->out));
    return search_result_print(result, r->setup.json);
}

static qf_status conclude(const request *r, search_session *session,
                          const qf_search_problem *problem, search_result *result)
{
    search_row best[CLI_LIST_MAX], uniform[QF_WIDTHS_MAX];

    for (int b = 0; b < r->budgets; b++)
        QF_TRY(measure_finalists(session, result->search, &r->budget[b], (int)r->finalists,
                                 &best[b]));
    for (int w = 0; w < problem->widths; w++)
        QF_TRY(measure_uniform(session, problem, problem->width[w], &uniform[w]));
    result->best = best;
    result->uniform = uniform;
    result->uniforms = problem->widths;
    return tell_result(r, result);
}

/* Budgets that only a measured table can name. */
static void spread_budgets(request *r, const qf_search_problem *problem)
{
    const int first = first_budget(r, QF_COST_LATENCY);
    double least, most;
    qf_search_range(problem, QF_COST_LATENCY, &least, &most);
    for (int b = 0; b < r->spread; b++)
        r->budget[first + b].limit[QF_COST_LATENCY] =
            least + (most - least) * (b + 1) / (double)(r->spread + 1);
}

/* The first cost that is limited: the axis of the front. */
static qf_cost axis_of(const request *r)
{
    int c = 0;
    if (r->spread) return QF_COST_LATENCY;
    while (r->limit[c].count == 0) c++;
    return (qf_cost)c;
}

static qf_status run(request *r, qf_search_strategy strategy, search_session *session)
{
    const int64_t start = qf_now_ns();
    QF_TRY(search_session_open(&r->setup, session));
    const qf_search_problem problem = search_session_problem(session, r->setup.granularity);
    const qf_search_options options = {.strategy = strategy,
                                       .seed = r->setup.seed,
                                       .evaluations = (int)r->evaluations,
                                       .progress = search_session_tell,
                                       .progress_context = session};
    qf_search search;

    spread_budgets(r, &problem);
    session->started = qf_now_ns();
    QF_TRY(qf_search_run(&problem, &options, r->budget, r->budgets, &search));
    search_result result = {.session = session,
                            .search = &search,
                            .strategy = strategy,
                            .axis = axis_of(r),
                            .budgets = r->budgets,
                            .budget = r->budget,
                            .seconds = (double)(qf_now_ns() - start) * 1e-9};
    const qf_status status = conclude(r, session, &problem, &result);
    qf_search_release(&search);
    return status;
}

qf_status cli_cmd_search(int argc, char **argv)
{
    request r = {
        .setup = {.records = 60, .probes = 8, .held_out = 4, .tokens = 32, .max_error = 0.5},
        .strategy = "evolution",
        .accuracy = "exact",
        .cache = "auto",
        .choice = "linear",
        .finalists = 3};
    qf_search_strategy strategy = QF_SEARCH_EVOLUTION;
    search_session session = {0};
    bool help;

    QF_TRY(parse(argc, argv, &r, &help));
    if (help) return QF_OK;
    QF_TRY(check_request(&r, &strategy));
    cli_interrupt_catch();
    const qf_status status = run(&r, strategy, &session);
    search_session_close(&session);
    return status;
}
