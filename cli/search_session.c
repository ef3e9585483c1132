/* search_session.c -- opens, measures, evaluates. */
#include "search_session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "qforge/clock.h"
#include "qforge/memory.h"
#include "qforge/store.h"

/* ---- the text ---- */

/* Leaves out the first `skip` records. */
static void drop_records(qf_corpus *corpus, int skip)
{
    for (int i = 0; i < skip; i++) qf_free(corpus->token[i]);
    corpus->sequences -= skip;
    memmove(corpus->token, corpus->token + skip,
            (size_t)corpus->sequences * sizeof *corpus->token);
    memmove(corpus->length, corpus->length + skip,
            (size_t)corpus->sequences * sizeof *corpus->length);
    memmove(corpus->bytes, corpus->bytes + skip,
            (size_t)corpus->sequences * sizeof *corpus->bytes);
}

static qf_status open_text(const search_setup *setup, search_session *s)
{
    const qf_config *config = &s->model.base.config;
    const int records = setup->records ? (int)(setup->records + setup->skip) : 0;

    QF_TRY(qf_tokenizer_load(setup->model, config->vocab, &s->tokenizer));
    QF_TRY(qf_corpus_load(setup->text, s->tokenizer, config->context, records, &s->corpus));
    if (s->corpus.sequences <= setup->skip)
        return qf_fail(QF_USAGE, "%s: --skip %lld leaves none of its %d records", setup->text,
                       (long long)setup->skip, s->corpus.sequences);
    drop_records(&s->corpus, (int)setup->skip);
    return QF_OK;
}

/* ---- subnets ---- */

static qf_status open_engine(search_session *s, const qf_subnet *subnet, qf_accuracy accuracy,
                             qf_engine **engine)
{
    const qf_engine_options options = {
        .source = s->machine.source, .pool = s->machine.pool, .accuracy = accuracy};
    return qf_engine_create_subnet(&options, &s->model, subnet, engine);
}

qf_status search_session_loss(search_session *s, const qf_subnet *subnet, double *loss)
{
    qf_engine *engine;
    qf_likelihood sum;

    QF_TRY(open_engine(s, subnet, s->accuracy, &engine));
    const qf_status status = qf_engine_likelihood(engine, NULL, &s->corpus, NULL, NULL, &sum);
    qf_engine_destroy(engine);
    QF_TRY(status);
    *loss = sum.nll / (double)sum.tokens;
    return QF_OK;
}

static const double seconds_each = 0.15;

/* What caches are swept with before every token. */
static int64_t sweep_of(const search_session *s)
{
    const bool cold = s->table.residency == QF_RESIDENT_COLD;
    return cold ? 2 * qf_cpu_cache_bytes(&s->machine.cpu, 3) : 0;
}

static qf_status open_reference(search_session *s)
{
    const qf_config *config = &s->model.base.config;
    const qf_subnet middle =
        qf_subnet_uniform(config, s->model.width[(s->model.widths - 1) / 2]);
    const int64_t head = (int64_t)config->vocab * config->dim * (int64_t)sizeof(float);
    const int64_t bytes = qf_subnet_bytes(config, &middle, s->model.group) + head;

    if (8 * bytes > s->machine.cpu.memory_bytes) return QF_OK;
    QF_TRY(open_engine(s, &middle, QF_FAST, &s->reference));
    return qf_latency_of_engine(s->reference, s->tokens, 4 * seconds_each, sweep_of(s),
                                &s->reference_us);
}

static qf_status measure_engine(search_session *s, qf_engine *engine, double *us)
{
    double ratio = 0;

    if (!s->reference) QF_TRY(open_reference(s));
    if (!s->reference)
        return qf_latency_of_engine(engine, s->tokens, seconds_each, sweep_of(s), us);
    QF_TRY(
        qf_latency_beside(engine, s->reference, s->tokens, seconds_each, sweep_of(s), &ratio));
    *us = ratio * s->reference_us;
    return QF_OK;
}

qf_status search_session_measure(search_session *s, const qf_subnet *subnet, double *us)
{
    qf_engine *engine;
    QF_TRY(open_engine(s, subnet, QF_FAST, &engine));
    const qf_status status = measure_engine(s, engine, us);
    qf_engine_destroy(engine);
    return status;
}

static qf_status loss_of(void *context, const qf_subnet *subnet, double *loss)
{
    return search_session_loss(context, subnet, loss);
}

static double cost_of(void *context, qf_cost cost, const qf_subnet *subnet)
{
    const search_session *s = context;
    switch (cost) {
    case QF_COST_LATENCY:
        return s->timeless ? NAN : qf_latency_predict(&s->table, subnet);
    case QF_COST_BYTES:
        return (double)qf_subnet_bytes(&s->model.base.config, subnet, s->model.group);
    case QF_COST_BITS:
    default:
        return qf_subnet_bits(&s->model.base.config, subnet);
    }
}

qf_search_problem search_session_problem(search_session *s, qf_granularity granularity)
{
    const int layers = s->model.base.config.layers;
    qf_search_problem problem = {.linears = layers * QF_LINEARS,
                                 .genes = qf_genes(granularity, layers),
                                 .first = s->first,
                                 .widths = s->model.widths,
                                 .context = s,
                                 .loss = loss_of,
                                 .cost = cost_of};
    memcpy(problem.width, s->model.width, sizeof problem.width);
    for (int i = problem.linears; i > 0; i--) s->first[qf_gene_of(granularity, i - 1)] = i - 1;
    s->first[problem.genes] = problem.linears;
    return problem;
}

/* ---- progress ---- */

static bool tell(search_session *s, const char *what, int done, int total)
{
    cli_progress_count(&s->line, what, done, total, cli_seconds_left(s->started, done, total));
    if (done == total) cli_progress_end(&s->line);
    return !cli_interrupted();
}

bool search_session_tell(void *context, int done, int total)
{
    return tell(context, "search", done, total);
}

static bool tell_rows(void *context, int done, int total)
{
    return tell(context, "latency table", done, total);
}

static bool tell_probes(void *context, int done, int total)
{
    return tell(context, "calibration", done, total);
}

/* ---- latency ---- */

static qf_status probe(void *self, const qf_subnet *subnet, double *us)
{
    return search_session_measure(self, subnet, us);
}

/* The ledger for new rows of the table, if there is one that can be written. */
static void open_ledger(search_session *s)
{
    if (!s->machine.store) return;
    if (qf_store_open(qf_store_path(s->machine.store), QF_STORE_WRITE, &s->ledger) == QF_OK) {
        cli_ledger_notice(s->ledger);
        return;
    }
    s->ledger = NULL;
    fprintf(stderr, "qforge: the latency table is not kept: %s\n", qf_message());
    qf_message_clear();
}

static qf_status measure_table(const search_setup *setup, search_session *s)
{
    open_ledger(s);
    const qf_latency_options options = {.source = s->machine.source,
                                        .pool = s->machine.pool,
                                        .cpu = &s->machine.cpu,
                                        .store = s->ledger ? s->ledger : s->machine.store,
                                        .keep = s->ledger != NULL,
                                        .progress = tell_rows,
                                        .progress_context = s};
    s->started = qf_now_ns();
    QF_TRY(qf_latency_measure(&options, &s->model.base.config, s->model.group, s->model.width,
                              s->model.widths, &s->table));
    s->table.residency = setup->residency;
    s->started = qf_now_ns();
    QF_TRY(qf_latency_calibrate(&s->table, probe, s, (int)setup->probes, (int)setup->held_out,
                                setup->seed, tell_probes, s, &s->fit));
    if (s->fit.error_mean <= setup->max_error) return QF_OK;
    return qf_fail(QF_RANGE,
                   "the latency model is off by %.0f %% on %d held-out subnets, more than "
                   "--max-error %g: a quieter machine, more --probes or --tokens would help",
                   100 * s->fit.error_mean, s->fit.held_out, setup->max_error);
}

qf_status search_session_open(const search_setup *setup, search_session *s)
{
    memset(s, 0, sizeof *s);
    s->line = cli_progress_start(setup->json);
    s->accuracy = setup->accuracy;
    QF_TRY(qf_qmodel_open(setup->model, &s->model));
    s->tokens = (int)setup->tokens;
    QF_TRY(open_text(setup, s));
    QF_TRY(cli_machine_open(setup->threads, setup->ledger, &s->machine));
    s->timeless = setup->timeless;
    return s->timeless ? QF_OK : measure_table(setup, s);
}

void search_session_close(search_session *s)
{
    qf_store_close(s->ledger);
    qf_engine_destroy(s->reference);
    cli_machine_close(&s->machine);
    qf_corpus_release(&s->corpus);
    qf_tokenizer_free(s->tokenizer);
    qf_qmodel_release(&s->model);
    memset(s, 0, sizeof *s);
}
