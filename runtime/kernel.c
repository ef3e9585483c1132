/* kernel.c -- the tables as values, and names that are printed from values and parsed
 * back to the same values. */
#include "qforge/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const qf_quant_row quants[] = {
#define QF_QUANT(id, name, bits) {name, bits},
#include "qforge/quants.def"
#undef QF_QUANT
};

static const qf_isa_row isas[] = {
#define QF_ISA(id, name, arch, vector_bytes, bytes, features)                                  \
    {name, arch, vector_bytes, QF_BYTES_##bytes, features},
#include "qforge/isas.def"
#undef QF_ISA
};

static const qf_accuracy_row accuracies[] = {
#define QF_ACCURACY(id, name, params, order, summary)                                          \
    {name, QF_PARAMS_##params, QF_ORDER_##order, summary},
#include "qforge/accuracies.def"
#undef QF_ACCURACY
};

static const qf_recipe_row recipes[] = {
#define QF_RECIPE(id, name, accuracy, op, planes, formats, depth)                              \
    {name, QF_##accuracy, QF_##op, planes, QF_FORMATS_##formats, QF_DEPTH_##depth},
#include "qforge/recipes.def"
#undef QF_RECIPE
};

const qf_quant_row *qf_quant_of(qf_quant quant)
{
    QF_ASSERT((unsigned)quant < QF_QUANT_COUNT);
    return &quants[quant];
}

const qf_isa_row *qf_isa_of(qf_isa isa)
{
    QF_ASSERT((unsigned)isa < QF_ISA_COUNT);
    return &isas[isa];
}

const qf_accuracy_row *qf_accuracy_of(qf_accuracy accuracy)
{
    QF_ASSERT((unsigned)accuracy < QF_ACCURACY_COUNT);
    return &accuracies[accuracy];
}

const qf_recipe_row *qf_recipe_of(qf_recipe recipe)
{
    QF_ASSERT((unsigned)recipe < QF_RECIPE_COUNT);
    return &recipes[recipe];
}

qf_quant qf_quant_named(const char *name)
{
    int i = 0;
    while (i < QF_QUANT_COUNT && strcmp(quants[i].name, name) != 0) i++;
    return (qf_quant)i;
}

qf_isa qf_isa_named(const char *name)
{
    int i = 0;
    while (i < QF_ISA_COUNT && strcmp(isas[i].name, name) != 0) i++;
    return (qf_isa)i;
}

qf_accuracy qf_accuracy_named(const char *name)
{
    int i = 0;
    while (i < QF_ACCURACY_COUNT && strcmp(accuracies[i].name, name) != 0) i++;
    return (qf_accuracy)i;
}

qf_recipe qf_recipe_named(const char *name)
{
    int i = 0;
    while (i < QF_RECIPE_COUNT && strcmp(recipes[i].name, name) != 0) i++;
    return (qf_recipe)i;
}

qf_quant qf_quant_of_bits(int bits)
{
    int i = 0;
    while (i < QF_QUANT_COUNT && quants[i].bits != bits) i++;
    return (qf_quant)i;
}

const char *qf_accuracy_name(qf_accuracy accuracy)
{
    return qf_accuracy_of(accuracy)->name;
}

qf_params qf_recipe_params(qf_recipe recipe)
{
    return qf_accuracy_of(qf_recipe_of(recipe)->accuracy)->params;
}

qf_order qf_recipe_order(qf_recipe recipe)
{
    return qf_accuracy_of(qf_recipe_of(recipe)->accuracy)->order;
}

bool qf_recipe_reads(qf_recipe recipe, qf_quant quant)
{
    switch (qf_recipe_of(recipe)->formats) {
    case QF_FORMATS_ANY:
        return true;
    case QF_FORMATS_QUANTISED:
        return quant != QF_F32;
    case QF_FORMATS_TWO_BITS:
        return quant == QF_Q2;
    }
    return false;
}

bool qf_recipe_answers(qf_recipe recipe, const qf_problem *problem)
{
    const qf_recipe_row *row = qf_recipe_of(recipe);
    return row->accuracy == problem->accuracy && row->op == problem->op &&
           qf_recipe_reads(recipe, problem->quant);
}

qf_accuracy qf_accuracy_on(qf_accuracy accuracy, qf_quant quant, qf_isa isa)
{
    const bool tables = qf_accuracy_of(accuracy)->order == QF_ORDER_NIBBLES;
    if (!tables || (quant == QF_Q2 && qf_isa_of(isa)->bytes == QF_BYTES_TABLES))
        return accuracy;
    return QF_FAST;
}

bool qf_group_valid(int group)
{
    return group == 32 || group == 64 || group == 128;
}

int qf_isa_panel(qf_isa isa)
{
    return 2 * qf_isa_of(isa)->vector_bytes / 4;
}

int64_t qf_kernel_scratch(const qf_kernel_id *id)
{
    if (id->quant == QF_F32 || id->tile.kc == 0) return 0;
    /* int8 recipes keep bytes (wide codes in two halves), the others fp32; grad
     * dequantises whole blocks of 32 columns or whole panels, the others their own nr */
    const qf_recipe_row *recipe = qf_recipe_of(id->recipe);
    const int bytes = recipe->planes == 0 ? 4 : qf_quant_of(id->quant)->bits > 4 ? 2 : 1;
    const int panel = qf_isa_panel(id->isa), slice = panel < 32 ? 32 : panel;
    const int width = recipe->op == QF_GRAD_INPUT ? slice : id->tile.nr;
    return (int64_t)id->tile.kc * width * bytes;
}

/* ---- printing ---- */

/* "q4g64", or "f32" */
static void print_format(qf_quant quant, int group, char *out, size_t size)
{
    if (quant == QF_F32)
        snprintf(out, size, "%s", quants[quant].name);
    else
        snprintf(out, size, "%sg%d", quants[quant].name, group);
}

void qf_problem_print(const qf_problem *problem, char name[QF_NAME_MAX])
{
    char format[16];
    print_format(problem->quant, problem->group, format, sizeof format);
    snprintf(name, QF_NAME_MAX, "%s_%s%s_%lldx%lldx%lld_t%d",
             qf_accuracy_name(problem->accuracy), problem->op == QF_GRAD_INPUT ? "grad_" : "",
             format, (long long)problem->m, (long long)problem->n, (long long)problem->k,
             problem->threads);
}

void qf_kernel_symbol(const qf_kernel_id *id, char name[QF_NAME_MAX])
{
    char format[16];
    print_format(id->quant, id->group, format, sizeof format);
    int used = snprintf(name, QF_NAME_MAX, "gemm_%s_%s_%s_%dx%d_u%d", format,
                        qf_recipe_of(id->recipe)->name, qf_isa_of(id->isa)->name, id->tile.mr,
                        id->tile.nr, id->tile.unroll);
    if (id->tile.prefetch)
        used += snprintf(name + used, (size_t)(QF_NAME_MAX - used), "_pf%d", id->tile.prefetch);
    if (id->tile.align)
        snprintf(name + used, (size_t)(QF_NAME_MAX - used), "_al%d", id->tile.align);
}

void qf_kernel_print(const qf_kernel_id *id, char name[QF_NAME_MAX])
{
    qf_kernel_symbol(id, name);
    size_t used = strlen(name);
    if (id->tile.kc)
        used += (size_t)snprintf(name + used, QF_NAME_MAX - used, "_kc%d", id->tile.kc);
    if (id->tile.mc) snprintf(name + used, QF_NAME_MAX - used, "_mc%d", id->tile.mc);
}

/* ---- parsing ---- */

/* Cuts the next part off *text at '_'; false when there is none. */
static bool next_part(const char **text, char *part, size_t size)
{
    const size_t length = strcspn(*text, "_");
    if (length == 0 || length >= size) return false;
    memcpy(part, *text, length);
    part[length] = 0;
    *text += length;
    if (**text == '_' && !*++*text) return false; /* a '_' with nothing behind it */
    return true;
}

/* Cuts digits off *text: a number of 1..most. */
static bool cut_number(const char **text, int64_t most, int64_t *value)
{
    *value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        *value = 10 * *value + (**text - '0');
        if (*value > most) return false;
    }
    return *value > 0;
}

enum { MOST_CUT = 1 << 20 };
static const int64_t most_size = INT64_C(1) << 40;

/* "6x16": `count` numbers, nothing behind them. */
static bool parse_sizes(const char *part, int64_t most, int count, int64_t *size)
{
    for (int i = 0; i < count; i++)
        if ((i && *part++ != 'x') || !cut_number(&part, most, &size[i])) return false;
    return !*part;
}

/* A number right after `prefix`, nothing behind it. */
static bool parse_number(const char *part, const char *prefix, int *value)
{
    const size_t length = strlen(prefix);
    int64_t number;
    if (strncmp(part, prefix, length) != 0 || !parse_sizes(part + length, MOST_CUT, 1, &number))
        return false;
    *value = (int)number;
    return true;
}

static bool parse_format(const char *part, qf_quant *quant, int *group)
{
    char name[16];
    const size_t length = strcspn(part, "g");
    if (length >= sizeof name) return false;
    memcpy(name, part, length);
    name[length] = 0;
    *quant = qf_quant_named(name);
    *group = 0;
    if (*quant == QF_QUANT_COUNT) return false;
    if (*quant == QF_F32) return part[length] == 0;
    return parse_number(part + length, "g", group) && qf_group_valid(*group);
}

static bool parse_tile(const char *text, qf_tile *tile)
{
    char part[32];
    int64_t size[2];
    if (!next_part(&text, part, sizeof part) || !parse_sizes(part, MOST_CUT, 2, size))
        return false;
    *tile = (qf_tile){.mr = (int)size[0], .nr = (int)size[1], .unroll = 1};
    while (*text) {
        if (!next_part(&text, part, sizeof part)) return false;
        if (!parse_number(part, "u", &tile->unroll) && !parse_number(part, "kc", &tile->kc) &&
            !parse_number(part, "mc", &tile->mc) && !parse_number(part, "al", &tile->align) &&
            !parse_number(part, "pf", &tile->prefetch))
            return false;
    }
    return true;
}

static bool parse_kernel(const char *name, qf_kernel_id *id)
{
    char part[32];
    if (!next_part(&name, part, sizeof part) || strcmp(part, "gemm") != 0) return false;
    if (!next_part(&name, part, sizeof part) || !parse_format(part, &id->quant, &id->group))
        return false;
    if (!next_part(&name, part, sizeof part)) return false;
    if ((id->recipe = qf_recipe_named(part)) == QF_RECIPE_COUNT) return false;
    if (!next_part(&name, part, sizeof part)) return false;
    if ((id->isa = qf_isa_named(part)) == QF_ISA_COUNT) return false;
    return parse_tile(name, &id->tile);
}

static bool parse_problem(const char *name, qf_problem *problem)
{
    char part[64];
    int64_t size[3];

    *problem = (qf_problem){0};
    if (!next_part(&name, part, sizeof part)) return false;
    problem->accuracy = qf_accuracy_named(part);
    if (problem->accuracy == QF_ACCURACY_COUNT) return false;
    if (!next_part(&name, part, sizeof part)) return false;
    if (strcmp(part, "grad") == 0) {
        problem->op = QF_GRAD_INPUT;
        if (!next_part(&name, part, sizeof part)) return false;
    }
    if (!parse_format(part, &problem->quant, &problem->group)) return false;
    if (!next_part(&name, part, sizeof part)) return false;
    if (!parse_sizes(part, most_size, 3, size)) return false;
    problem->m = size[0], problem->n = size[1], problem->k = size[2];
    return next_part(&name, part, sizeof part) && parse_number(part, "t", &problem->threads) &&
           !*name;
}

qf_status qf_problem_parse(const char *name, qf_problem *problem)
{
    if (parse_problem(name, problem)) return QF_OK;
    return qf_fail(QF_USAGE, "'%s' is no problem name such as exact_q4g64_512x4096x4096_t1",
                   name);
}

qf_status qf_kernel_parse(const char *name, qf_kernel_id *id)
{
    if (parse_kernel(name, id)) return QF_OK;
    return qf_fail(QF_USAGE, "'%s' is no kernel name such as gemm_q4g64_panel_avx2_6x16_u2",
                   name);
}

qf_status qf_tile_parse(const char *text, qf_tile *tile)
{
    if (parse_tile(text, tile)) return QF_OK;
    return qf_fail(QF_USAGE, "'%s' is no tile such as 6x16_u2_kc256_mc192", text);
}

bool qf_kernel_equal(const qf_kernel_id *a, const qf_kernel_id *b)
{
    return a->recipe == b->recipe && a->quant == b->quant && a->group == b->group &&
           a->isa == b->isa && memcmp(&a->tile, &b->tile, sizeof a->tile) == 0;
}

bool qf_problem_equal(const qf_problem *a, const qf_problem *b)
{
    return a->accuracy == b->accuracy && a->op == b->op && a->quant == b->quant &&
           a->group == b->group && a->m == b->m && a->n == b->n && a->k == b->k &&
           a->threads == b->threads;
}

qf_problem qf_problem_on(const qf_problem *problem, qf_isa isa)
{
    qf_problem p = *problem;
    p.accuracy = qf_accuracy_on(p.accuracy, p.quant, isa);
    return p;
}

double qf_problem_distance(const qf_problem *a, const qf_problem *b)
{
    return 2 * fabs(log2((double)a->m / (double)b->m)) +
           fabs(log2((double)a->n / (double)b->n)) / 2 +
           fabs(log2((double)a->k / (double)b->k)) / 2 +
           2 * fabs(log2((double)a->threads / b->threads));
}
