/* tune_problems.c -- options and models into problems. */
#include "tune_problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/configs.h"
#include "qforge/memory.h"
#include "qforge/qmodel.h"

enum { WIDTHS_MAX = 8, PROBLEMS_MAX = 512 };

typedef struct widths {
    qf_quant quant[WIDTHS_MAX];
    int count;
} widths;

static qf_status parse_widths(const char *text, widths *list)
{
    list->count = 0;
    for (const char *at = text; *at;) {
        char *end;
        const long bits = strtol(at, &end, 10);
        const qf_quant quant = qf_quant_of_bits((int)bits);
        if (end == at || (*end && *end != ',') || quant == QF_QUANT_COUNT ||
            list->count == WIDTHS_MAX)
            return qf_fail(QF_USAGE, "--bits: '%s' is no list of 2, 3, 4, 8 or 32", text);
        list->quant[list->count++] = quant;
        at = *end ? end + 1 : end;
    }
    return list->count ? QF_OK : qf_fail(QF_USAGE, "--bits: no width given");
}

static void add(cli_problems *problems, const qf_problem *problem)
{
    qf_problem p = qf_problem_on(problem, problems->isa);

    if (p.quant == QF_F32) p.group = 0, p.accuracy = QF_EXACT;
    for (int i = 0; i < problems->count; i++)
        if (qf_problem_equal(&problems->item[i], &p)) return;
    QF_ASSERT(problems->count < PROBLEMS_MAX);
    problems->item[problems->count++] = p;
}

/* ---- one shape ------------------------------------------------------------------------- */

qf_status cli_problem_shape(const char *option, const char *text, qf_problem *p)
{
    long long m, n, k;
    int used = 0;

    if (sscanf(text, "%lldx%lldx%lld%n", &m, &n, &k, &used) != 3 || text[used] || m < 1 ||
        n < 1 || k < 1 || m > 1 << 24 || n > 1 << 24 || k > 1 << 24)
        return qf_fail(QF_USAGE, "--%s: '%s' is not MxNxK such as 512x4096x4096", option, text);
    p->m = m, p->n = n, p->k = k;
    return QF_OK;
}

static qf_status parse_op(const char *text, qf_op *op)
{
    *op = text && strcmp(text, "grad") == 0 ? QF_GRAD_INPUT : QF_FORWARD;
    if (!text || *op == QF_GRAD_INPUT || strcmp(text, "forward") == 0) return QF_OK;
    return qf_fail(QF_USAGE, "--op: '%s' is neither forward nor grad", text);
}

static qf_status parse_class(const char *text, qf_problem *p)
{
    p->accuracy = text ? qf_accuracy_named(text) : p->op == QF_FORWARD ? QF_FAST : QF_EXACT;
    if (p->accuracy == QF_ACCURACY_COUNT)
        return qf_fail(QF_USAGE,
                       "--recipe: '%s' is no class (exact, fine, fast, table) or recipe", text);
    if (p->accuracy != QF_EXACT && p->op == QF_GRAD_INPUT)
        return qf_fail(QF_USAGE, "--recipe: there are no %s grad products",
                       qf_accuracy_name(p->accuracy));
    return QF_OK;
}

qf_status cli_problem_class(const char *text, const char *op, qf_problem *p, qf_recipe *recipe)
{
    QF_TRY(parse_op(op, &p->op));
    *recipe = text ? qf_recipe_named(text) : QF_RECIPE_COUNT;
    if (*recipe == QF_RECIPE_COUNT) return parse_class(text, p);
    const qf_recipe_row *row = qf_recipe_of(*recipe);
    if (op && row->op != p->op)
        return qf_fail(QF_USAGE, "--recipe: %s is not for --op %s", text, op);
    p->accuracy = row->accuracy;
    p->op = row->op;
    return QF_OK;
}

qf_status cli_recipe_check(qf_recipe recipe, const qf_problem *p, qf_isa isa)
{
    if (recipe == QF_RECIPE_COUNT || qf_recipe_answers(recipe, p)) return QF_OK;
    const char *name = qf_recipe_of(recipe)->name;
    if (!qf_recipe_reads(recipe, p->quant))
        return qf_fail(QF_USAGE, "--recipe: %s does not read weights of %d bits", name,
                       qf_quant_of(p->quant)->bits);
    return qf_fail(QF_USAGE, "--recipe: no %s on %s, where the class %s answers instead", name,
                   qf_isa_of(isa)->name, qf_accuracy_name(p->accuracy));
}

static bool takes_plain(const qf_problem *p, qf_recipe recipe)
{
    if (recipe != QF_RECIPE_COUNT) return qf_recipe_of(recipe)->formats == QF_FORMATS_ANY;
    return p->op == QF_FORWARD;
}

static qf_status from_shape(const cli_problem_request *r, const widths *list,
                            cli_problems *problems)
{
    qf_problem p = {.group = (int)r->group, .threads = r->threads};

    QF_TRY(cli_problem_shape("shape", r->shape, &p));
    QF_TRY(cli_problem_class(r->recipe, r->op, &p, &problems->recipe));
    for (int i = 0; i < list->count; i++) {
        p.quant = list->quant[i];
        if (p.quant == QF_F32 && !takes_plain(&p, problems->recipe))
            return qf_fail(QF_USAGE, "--bits: 32 goes with exact forward products only");
        const qf_problem here = qf_problem_on(&p, problems->isa);
        QF_TRY(cli_recipe_check(problems->recipe, &here, problems->isa));
        add(problems, &p);
    }
    return QF_OK;
}

/* ---- a model --------------------------------------------------------------------------- */

static void add_linears(const qf_config *config, const widths *list, qf_problem p,
                        cli_problems *problems)
{
    for (int kind = 0; kind < QF_LINEARS; kind++)
        for (int i = 0; i < list->count; i++) {
            p.quant = list->quant[i];
            if (p.quant == QF_F32 && p.op == QF_GRAD_INPUT) continue;
            qf_linear_shape(config, (qf_linear_kind)kind, &p.n, &p.k);
            add(problems, &p);
        }
}

static void from_config(const qf_config *config, const cli_problem_request *r, int group,
                        const widths *list, cli_problems *problems)
{
    const qf_problem token = {
        .accuracy = QF_FAST, .group = group, .m = 1, .threads = r->threads};
    qf_problem training = token, prompt = token, head = token;

    training.accuracy = QF_EXACT, training.m = r->rows;
    prompt.m = r->prompt;
    add_linears(config, list, token, problems);
    add_linears(config, list, training, problems);
    training.op = QF_GRAD_INPUT;
    add_linears(config, list, training, problems);
    add_linears(config, list, prompt, problems);
    head.quant = QF_F32, head.n = config->vocab, head.k = config->dim;
    add(problems, &head);
    head.m = r->rows;
    add(problems, &head);
}

/* A quantised model brings its own group and widths. */
static qf_status from_quantised(const cli_problem_request *r, const widths *asked,
                                cli_problems *problems)
{
    qf_qmodel model;
    widths list = *asked;

    QF_TRY(qf_qmodel_open(r->model, &model));
    if (!r->bits)
        for (list.count = 0; list.count < model.widths; list.count++)
            list.quant[list.count] = qf_quant_of_bits(model.width[list.count]);
    from_config(&model.base.config, r, model.group, &list, problems);
    qf_qmodel_release(&model);
    return QF_OK;
}

static qf_status from_file(const cli_problem_request *r, const widths *list,
                           cli_problems *problems)
{
    qf_model model;

    if (qf_qmodel_is(r->model)) return from_quantised(r, list, problems);
    QF_TRY(qf_model_load(r->model, &model));
    from_config(&model.config, r, (int)r->group, list, problems);
    qf_model_release(&model);
    return QF_OK;
}

static qf_status from_model(const cli_problem_request *r, const widths *list,
                            cli_problems *problems)
{
    qf_config config;

    if (r->rows < 1 || r->prompt < 1 || r->rows > 1 << 20 || r->prompt > 1 << 20)
        return qf_fail(QF_USAGE, "--rows and --prompt are between 1 and %d", 1 << 20);
    if (r->recipe || r->op)
        return qf_fail(QF_USAGE, "--recipe and --op go with --shape: a model needs them all");
    if (r->model) return from_file(r, list, problems);
    QF_TRY(qf_config_find(r->config, &config));
    from_config(&config, r, (int)r->group, list, problems);
    return QF_OK;
}

qf_status cli_problems_make(const cli_problem_request *r, cli_problems *problems)
{
    widths list;

    *problems = (cli_problems){.recipe = QF_RECIPE_COUNT, .isa = r->isa};
    if (!!r->shape + !!r->model + !!r->config != 1)
        return qf_fail(QF_USAGE,
                       "give --shape MxNxK or --model PATH or --config NAME, one of them");
    if (r->group < 0 || r->group > 1024 || !qf_group_valid((int)r->group))
        return qf_fail(QF_USAGE, "--group: %lld is not 32, 64 or 128", (long long)r->group);
    QF_TRY(parse_widths(r->bits ? r->bits : r->shape ? "4" : "2,3,4", &list));
    problems->item = qf_alloc_array(PROBLEMS_MAX, sizeof *problems->item);
    if (!problems->item) return QF_MEMORY;
    const qf_status status =
        r->shape ? from_shape(r, &list, problems) : from_model(r, &list, problems);
    if (status != QF_OK) cli_problems_release(problems);
    return status;
}

void cli_problems_release(cli_problems *problems)
{
    qf_free(problems->item);
    *problems = (cli_problems){0};
}

qf_status cli_problems_shard(const char *shard, cli_problems *problems)
{
    int part, parts, used = 0, kept = 0;

    if (!shard) return QF_OK;
    if (sscanf(shard, "%7d/%7d%n", &part, &parts, &used) != 2 || shard[used] || part < 1 ||
        part > parts)
        return qf_fail(QF_USAGE,
                       "--shard: '%s' is not i/n, the i-th of n parts, of at most seven digits",
                       shard);
    for (int i = part - 1; i < problems->count; i += parts)
        problems->item[kept++] = problems->item[i];
    problems->count = kept;
    return QF_OK;
}
