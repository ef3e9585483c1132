/* contest.c -- random weights, as many copies as the cache mode wants, plans. */
#include "contest.h"

#include <string.h>

#include "qforge/clock.h"
#include "qforge/memory.h"
#include "qforge/random.h"

void cli_contest_ours(void *context)
{
    cli_contest *c = context;
    const qf_gemm *gemm = &c->gemm[c->next];
    const bool forward = c->problem.op == QF_FORWARD;

    qf_gemm_run(gemm, c->x, forward ? c->problem.k : c->problem.n, c->y,
                forward ? c->problem.n : c->problem.k, c->problem.m, false, c->workspace);
    c->next = (c->next + 1) % c->copies;
}

void cli_contest_peer(void *context)
{
    cli_contest *c = context;

    c->peer.call->run(&c->peer, c->peer_next);
    c->peer_next = (c->peer_next + 1) % c->peer_copies;
}

/* Runs a side once untimed, and remembers how long that took. */
static void settle(qf_timed *call, cli_contest *c, int64_t *last_ns)
{
    enum { LONG_NS = 10 * 1000 * 1000 };

    if (*last_ns > LONG_NS) return;
    const int64_t start = qf_now_ns();
    call(c);
    *last_ns = qf_now_ns() - start;
}

void cli_contest_our_turn(void *context)
{
    cli_contest *c = context;

    if (!c->peers_turn) return;
    c->peers_turn = false;
    if (c->peer.call->rest) c->peer.call->rest(&c->peer);
    settle(cli_contest_ours, c, &c->settling_ns);
}

void cli_contest_peers_turn(void *context)
{
    cli_contest *c = context;

    if (c->peers_turn) return;
    c->peers_turn = true;
    qf_pool_rest(c->pool);
    settle(cli_contest_peer, c, &c->peer_settling_ns);
}

int64_t cli_contest_weight_bytes(const cli_contest *contest)
{
    return contest->packed[0].panels * contest->packed[0].panel_bytes;
}

/* Random codes and parameters of ordinary size: speed does not depend on values. */
static qf_status random_weights(const qf_problem *p, const qf_layout *layout, qf_packed *packed)
{
    qf_random random = qf_random_init(1, 0);
    const bool plain = p->quant == QF_F32;
    const int64_t weights = p->n * p->k;
    const int64_t params = plain ? weights : p->n * qf_groups(p->k, p->group);
    float *values = qf_alloc_array((size_t)params, sizeof *values);
    uint8_t *code = qf_alloc(plain ? 0 : (size_t)weights);
    qf_status status = values && code ? QF_OK : QF_MEMORY;

    if (status == QF_OK) {
        for (int64_t i = 0; i < params; i++)
            values[i] = 0.01f + 0.01f * (float)qf_random_unit(&random);
        if (plain) {
            status = qf_pack_f32(layout, values, p->k, p->n, p->k, packed);
        } else {
            const uint32_t mask = (1u << qf_quant_of(p->quant)->bits) - 1;
            for (int64_t i = 0; i < weights; i++)
                code[i] = (uint8_t)(qf_random_u32(&random) & mask);
            const qf_qmatrix matrix = {p->quant, p->group, p->n, p->k, code, values, values};
            status = qf_pack_quantised(layout, &matrix, packed);
        }
    }
    qf_free(values);
    qf_free(code);
    return status;
}

static qf_status copy_packed(const qf_packed *from, qf_packed *to)
{
    const size_t bytes = (size_t)(from->panels * from->panel_bytes);
    *to = *from;
    to->bytes = qf_alloc(bytes);
    if (!to->bytes) return QF_MEMORY;
    memcpy(to->bytes, from->bytes, bytes);
    return QF_OK;
}

static qf_status open_ours(const qf_kernel_source *source, const qf_cpu *cpu, qf_pool *pool,
                           const qf_kernel *kernel, qf_cache_mode cache, cli_contest *c)
{
    const qf_problem *p = &c->problem;
    const qf_layout layout = qf_source_layout(source, p->accuracy, p->quant, p->group);
    const int64_t bytes =
        (p->n + layout.panel - 1) / layout.panel * qf_layout_panel_bytes(&layout, p->k);

    const int copies = qf_cache_copies(cpu, cache, bytes, p->threads);
    c->packed = qf_alloc_array((size_t)copies, sizeof *c->packed);
    c->gemm = qf_alloc_array((size_t)copies, sizeof *c->gemm);
    if (!c->packed || !c->gemm) return QF_MEMORY;
    while (c->copies < copies) {
        qf_packed *packed = &c->packed[c->copies];
        qf_gemm *gemm = &c->gemm[c->copies];
        if (c->copies == 0)
            QF_TRY(random_weights(p, &layout, packed));
        else
            QF_TRY(copy_packed(&c->packed[0], packed));
        c->copies++;
        if (kernel)
            QF_TRY(qf_gemm_with(kernel, packed, p->m, pool, gemm));
        else
            QF_TRY(qf_gemm_plan(source, packed, p->accuracy, p->op, p->m, pool, gemm));
    }
    c->kernel = c->gemm[0].kernel;
    c->workspace = qf_alloc(qf_gemm_workspace(&c->gemm[0]));
    return c->workspace ? QF_OK : QF_MEMORY;
}

/* ---- the peer ---- */

/* A step that may start the peer's threads. */
typedef struct peer_step {
    const cli_peer_wish *wish;
    qf_cache_mode cache;
    const qf_cpu *cpu;
    cli_contest *contest;
    qf_status status;
} peer_step;

static void open_peer(void *context)
{
    peer_step *step = context;
    step->status = cli_peer_open(step->wish, &step->contest->problem, &step->contest->peer);
}

static qf_status prepare_with(cli_contest *c, float *w)
{
    const cli_operands operands = {w, c->x, c->y};

    qf_packed_dequantise(&c->packed[0], w);
    QF_TRY(c->peer.call->prepare(&c->peer, &operands, c->peer_copies));
    return cli_peer_check(&c->peer, &operands, c->peer_copies);
}

static void prepare_peer(void *context)
{
    peer_step *step = context;
    cli_contest *c = step->contest;
    float *w = qf_alloc((size_t)(c->problem.n * c->problem.k) * sizeof *w);

    c->peer_copies =
        qf_cache_copies(step->cpu, step->cache, c->peer.weight_bytes, c->problem.threads);
    step->status = w ? prepare_with(c, w) : QF_MEMORY;
    qf_free(w);
    if (step->status == QF_OK && c->peer.call->rest) c->peer.call->rest(&c->peer);
}

qf_status cli_contest_open(const qf_kernel_source *source, const qf_cpu *cpu, qf_pool *pool,
                           const qf_problem *problem, const qf_kernel *kernel,
                           qf_cache_mode cache, const cli_peer_wish *wish, cli_contest *contest)
{
    qf_random random = qf_random_init(2, 0);
    const int64_t wider = problem->n > problem->k ? problem->n : problem->k;
    peer_step step = {wish, cache, cpu, contest, QF_OK};

    *contest = (cli_contest){.problem = *problem, .cache = cache, .pool = pool};
    qf_pool_apart(pool, open_peer, &step); /* first: most that goes wrong does here */
    QF_TRY(step.status);
    contest->x = qf_alloc_array((size_t)(problem->m * wider), sizeof *contest->x);
    contest->y = qf_alloc_array((size_t)(problem->m * wider), sizeof *contest->y);
    if (!contest->x || !contest->y) return QF_MEMORY;
    for (int64_t i = 0; i < problem->m * wider; i++)
        contest->x[i] = (float)qf_random_normal(&random);
    QF_TRY(open_ours(source, cpu, pool, kernel, cache, contest));
    if (contest->peer.call) qf_pool_apart(pool, prepare_peer, &step);
    return step.status;
}

void cli_contest_close(cli_contest *contest)
{
    cli_peer_close(&contest->peer);
    for (int i = 0; i < contest->copies; i++) qf_packed_release(&contest->packed[i]);
    qf_free(contest->packed);
    qf_free(contest->gemm);
    qf_free(contest->x);
    qf_free(contest->y);
    qf_free(contest->workspace);
    *contest = (cli_contest){0};
}
