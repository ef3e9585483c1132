/* sgemm_bench.c -- both operands lie as the caller has them and are packed in every call: what
 * is timed is what training pays. */
#include "sgemm_bench.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "blas.h"
#include "qforge/clock.h"
#include "qforge/measure.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "roofline.h"

typedef struct bench {
    const cli_sgemm_request *request;
    qf_pool *pool;
    qf_sgemm plan;
    cli_sgemm_fn *peer; /* NULL: none */
    float *a, *b, *c;
    void *workspace;
    bool peers_turn;
    qf_status status; /* of loading the peer */
} bench;

static int64_t bytes_read(const qf_problem *p)
{
    return (p->m + p->n) * p->k * (int64_t)sizeof(float);
}

/* ---- the two sides ---- */

static void ours(void *context)
{
    const bench *s = context;
    const qf_sgemm_shape *p = &s->plan.shape;

    qf_sgemm_run(&s->plan, p->m, p->n, p->k, s->a, p->a_transposed ? p->m : p->k, s->b,
                 p->b_transposed ? p->k : p->n, s->c, p->n, false, s->workspace);
}

static void theirs(void *context)
{
    const bench *s = context;
    const qf_sgemm_shape *p = &s->plan.shape;
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;

    s->peer(CLI_BLAS_ROW_MAJOR, p->a_transposed ? CLI_BLAS_TRANSPOSED : CLI_BLAS_PLAIN,
            p->b_transposed ? CLI_BLAS_TRANSPOSED : CLI_BLAS_PLAIN, m, n, k, 1, s->a,
            p->a_transposed ? m : k, s->b, p->b_transposed ? k : n, 0, s->c, n);
}

/* As in contest.h: before a side's turn the other one sleeps, and its own runs once. */
static void our_turn(void *context)
{
    bench *s = context;

    if (!s->peers_turn) return;
    s->peers_turn = false;
    cli_blas_rest(s->request->problem.threads);
    ours(s);
}

static void their_turn(void *context)
{
    bench *s = context;

    if (s->peers_turn) return;
    s->peers_turn = true;
    qf_pool_rest(s->pool);
    theirs(s);
}

/* ---- setting up ---- */

static qf_status parse_transposes(const cli_sgemm_request *r, qf_sgemm_shape *shape)
{
    const char *t = r->transpose;

    if (strlen(t) != 2 || strspn(t, "nt") != 2)
        return qf_fail(QF_USAGE, "--transpose: '%s' is not nn, nt, tn or tt", t);
    *shape =
        (qf_sgemm_shape){r->problem.m, r->problem.n, r->problem.k, t[0] == 't', t[1] == 't'};
    return QF_OK;
}

static float *random_matrix(int64_t count, uint64_t stream)
{
    qf_random random = qf_random_init(4, stream);
    float *matrix = qf_alloc_array((size_t)count, sizeof *matrix);

    for (int64_t i = 0; matrix && i < count; i++) matrix[i] = (float)qf_random_normal(&random);
    return matrix;
}

static void load_peer(void *context)
{
    bench *s = context;
    s->status = cli_blas_load(s->request->problem.threads, &s->peer);
}

static qf_status open_bench(cli_machine *machine, const qf_kernel *kernel, bench *s)
{
    const qf_problem *p = &s->request->problem;
    qf_sgemm_shape shape;

    QF_TRY(parse_transposes(s->request, &shape));
    if (s->request->vs->name) qf_pool_apart(s->pool, load_peer, s);
    QF_TRY(s->status);
    QF_TRY(qf_sgemm_plan(machine->source, shape, machine->pool, &s->plan));
    s->plan.kernel = *kernel;
    s->a = random_matrix(p->m * p->k, 0);
    s->b = random_matrix(p->k * p->n, 1);
    s->c = qf_alloc_array((size_t)(p->m * p->n), sizeof *s->c);
    s->workspace = qf_alloc(qf_sgemm_workspace(&s->plan));
    return s->a && s->b && s->c && s->workspace ? QF_OK : QF_MEMORY;
}

static void close_bench(bench *s)
{
    qf_free(s->a);
    qf_free(s->b);
    qf_free(s->c);
    qf_free(s->workspace);
}

/* ---- are they right? ---- */

/* Of an element of the product of such matrices, in units of its size, sqrt(k): fp32 rounds by
 * less, and an element that is another one's differs by about 1. */
static const double bound = 1e-3;

static double element(const bench *s, int64_t i, int64_t j)
{
    const qf_sgemm_shape *p = &s->plan.shape;
    double sum = 0;

    for (int64_t d = 0; d < p->k; d++) {
        const float a = s->a[p->a_transposed ? d * p->m + i : i * p->k + d];
        sum += (double)a * s->b[p->b_transposed ? j * p->k + d : d * p->n + j];
    }
    return sum;
}

/* At corners and here and there: the kernels were judged whole, this is about the transposes
 * and the strides. */
static qf_status check_ours(bench *s)
{
    enum { SAMPLES = 64 };
    const qf_sgemm_shape *p = &s->plan.shape;
    qf_random random = qf_random_init(5, 0);
    double worst = 0;

    for (int64_t i = 0; i < p->m * p->n; i++) s->c[i] = NAN; /* what is not written shows */
    ours(s);
    for (int i = 0; i < SAMPLES; i++) {
        const int64_t row =
            i < 4 ? (i & 1) * (p->m - 1) : qf_random_below(&random, (uint32_t)p->m);
        const int64_t column =
            i < 4 ? (i >> 1) * (p->n - 1) : qf_random_below(&random, (uint32_t)p->n);
        const double error = fabs(s->c[row * p->n + column] - element(s, row, column));
        worst = error <= worst ? worst : error; /* NaN stays */
    }
    if (worst <= bound * sqrt((double)p->k)) return QF_OK;
    return qf_fail(QF_WRONG, "fp32 product %s: an element is off by %.2g",
                   s->request->transpose, worst);
}

/* Every element of ours, which check_ours() left in c, against the peer's. */
static qf_status check_peer(bench *s)
{
    const size_t count = (size_t)(s->plan.shape.m * s->plan.shape.n);
    float *mine = qf_alloc_array(count, sizeof *mine);
    double worst = 0;

    if (!mine) return QF_MEMORY;
    memcpy(mine, s->c, count * sizeof *mine);
    for (size_t i = 0; i < count; i++) s->c[i] = NAN;
    qf_pool_apart(s->pool, theirs, s);
    for (size_t i = 0; i < count; i++) {
        const double error = fabs((double)mine[i] - (double)s->c[i]);
        worst = error <= worst ? worst : error;
    }
    qf_free(mine);
    if (worst <= bound * sqrt((double)s->plan.shape.k)) return QF_OK;
    return qf_fail(QF_WRONG, "fp32 product %s: an element differs from %s's by %.2g",
                   s->request->transpose, cli_blas_library, worst);
}

/* ---- the figures ---- */

static qf_status roof_fraction(const cli_machine *machine, bench *s, double *fraction)
{
    const cli_roofline line = {&machine->cpu, machine->jit, machine->pool, 0.1};
    const qf_problem *p = &s->request->problem;
    return cli_roof_share(&line, p, s->plan.kernel.id.recipe, bytes_read(p), QF_WARM, ours, s,
                          fraction);
}

static double gflops(const qf_problem *p, const qf_timing *t)
{
    return 2.0 * (double)p->m * (double)p->n * (double)p->k / t->median_ns;
}

static double gbps(const qf_problem *p, const qf_timing *t)
{
    return (double)bytes_read(p) / t->median_ns;
}

static void print_json(const bench *s, const qf_comparison *result, double fraction)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    const qf_problem *p = &s->request->problem;
    const qf_timing *t = &result->a, *u = &result->b;

    qf_problem_print(p, problem);
    qf_kernel_print(&s->plan.kernel.id, kernel);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f}", "problem", problem,
                  "transpose", s->request->transpose, "kernel", kernel, "median_us",
                  t->median_ns / 1e3, "low_us", t->low_ns / 1e3, "high_us", t->high_ns / 1e3,
                  "best_us", t->best_ns / 1e3, "samples", t->samples, "gflops", gflops(p, t),
                  "gbps", gbps(p, t), "roof_fraction", fraction);
    if (s->peer)
        json_object_update_new(
            o, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "vs",
                         s->request->vs->name, "vs_variant", cli_blas_library, "vs_us",
                         u->median_ns / 1e3, "vs_gflops", gflops(p, u), "vs_gbps", gbps(p, u),
                         "vs_bits_per_weight", 32.0, "ratio", result->ratio, "ratio_low",
                         result->ratio_low, "ratio_high", result->ratio_high));
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(o);
}

static void print_text(const bench *s, const qf_comparison *result, double fraction)
{
    char kernel[QF_NAME_MAX];
    const qf_problem *p = &s->request->problem;
    const qf_timing *t = &result->a, *u = &result->b;

    qf_kernel_print(&s->plan.kernel.id, kernel);
    printf("%s, %s, packing and all\n", kernel, s->request->transpose);
    printf("  %.1f us [%.1f, %.1f]  %.1f GFLOP/s  %.2f GB/s of operands  %.0f %% of the roof\n",
           t->median_ns / 1e3, t->low_ns / 1e3, t->high_ns / 1e3, gflops(p, t), gbps(p, t),
           100 * fraction);
    if (s->peer)
        printf("%s (%s)\n  %.1f us  %.1f GFLOP/s  %.2f GB/s of operands  ours is %.3f times as "
               "fast [%.3f, %.3f]\n",
               s->request->vs->name, cli_blas_library, u->median_ns / 1e3, gflops(p, u),
               gbps(p, u), result->ratio, result->ratio_low, result->ratio_high);
}

static qf_status measure(const cli_machine *machine, bench *s)
{
    const cli_sgemm_request *r = s->request;
    qf_measure_options options = qf_measure_defaults;
    qf_comparison result = {0};
    double fraction;

    options.max_seconds = r->seconds;
    options.min_seconds = r->seconds / 4;
    QF_TRY(check_ours(s));
    if (s->peer) {
        QF_TRY(check_peer(s));
        s->peers_turn = true;
        result = qf_compare(&options, 1, (qf_side){ours, our_turn, s},
                            (qf_side){theirs, their_turn, s});
        our_turn(s);
    } else {
        result.a = qf_measure(&options, ours, NULL, s);
    }
    QF_TRY(roof_fraction(machine, s, &fraction));
    if (r->json)
        print_json(s, &result, fraction);
    else
        print_text(s, &result, fraction);
    return QF_OK;
}

qf_status cli_sgemm_bench(const cli_sgemm_request *request, cli_machine *machine,
                          const qf_kernel *kernel)
{
    bench s = {.request = request, .pool = machine->pool};
    const cli_peer_wish *vs = request->vs;

    if ((vs->name && strcmp(vs->name, "openblas") != 0) || vs->ggml_lib || vs->ggml_type ||
        vs->ggml_cpu)
        return qf_fail(QF_USAGE, "--transpose: the one peer of such products is openblas");
    qf_status status = open_bench(machine, kernel, &s);
    if (status == QF_OK) status = measure(machine, &s);
    close_bench(&s);
    return status;
}
