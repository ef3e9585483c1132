/* input_facts.c -- diagonal, order, factor, drift: each from the one before. */
#include "input_facts.h"

#include "drift.h"
#include "qforge/memory.h"

static qf_status make_matrix(size_t widest, bool needed, float **matrix)
{
    if (needed) *matrix = qf_alloc_array(widest * widest, sizeof **matrix);
    return *matrix || !needed ? QF_OK : QF_MEMORY;
}

static qf_status make_room(input_facts *f, const quant_options *options, size_t widest)
{
    const bool ordered = options->act_order && f->needs >= QUANT_NEEDS_FACTOR;

    f->diagonal = qf_alloc_array(widest, sizeof *f->diagonal);
    if (ordered) f->order = qf_alloc_array(widest, sizeof *f->order);
    if (!f->diagonal || (ordered && !f->order)) return QF_MEMORY;
    QF_TRY(make_matrix(widest, f->needs >= QUANT_NEEDS_FACTOR, &f->u));
    return make_matrix(widest, f->needs >= QUANT_NEEDS_DRIFT, &f->drift);
}

qf_status input_facts_init(input_facts *f, quant_needs needs, const quant_options *options,
                           int64_t widest, const qf_kernel_source *source, qf_pool *pool)
{
    *f = (input_facts){.needs = needs, .source = source, .pool = pool};
    const qf_status status = make_room(f, options, (size_t)widest);
    if (status != QF_OK) input_facts_release(f);
    return status;
}

void input_facts_release(input_facts *f)
{
    qf_free(f->diagonal);
    qf_free(f->order);
    qf_free(f->u);
    qf_free(f->drift);
    *f = (input_facts){0};
}

qf_status input_facts_make(input_facts *f, const hessian *h, const hessian *cross,
                           double damping, const char *what, quant_inputs *inputs)
{
    *inputs = (quant_inputs){f->diagonal, f->order, f->u, f->drift};
    QF_TRY(hessian_diagonal(h, what, f->diagonal));
    if (!f->u) return QF_OK;
    if (f->order) QF_TRY(hessian_order(f->diagonal, h->k, f->order));
    QF_TRY(hessian_factor(h, f->order, what, &damping, f->u));
    if (damping > f->damping) f->damping = damping;
    return f->drift ? drift_factor(cross, f->order, f->u, f->source, f->pool, f->drift) : QF_OK;
}
