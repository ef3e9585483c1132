/* peer_ggml.c -- the product as llama.cpp runs it: a graph of one node, computed by ggml's
 * CPU backend.
 *
 * As in llama.cpp weights lie in memory of the kind that repacks them where ggml has
 * kernels for that, else as they are in a file; activations are fp32 and rounding them to
 * 8 bits is part of the time; threads spin between graphs.  Descriptions of graphs, one
 * for each copy of the weights, and threads are made beforehand.  All copies share the
 * operands, and the memory for rounded activations is the backend's. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ggml_api.h"
#include "peer.h"
#include "qforge/memory.h"

enum { F32 = 0, GRAPH_NODES = 8 };

typedef struct ggml_peer {
    cli_ggml ggml;
    const cli_ggml_type *type;
    ggml_backend *backend;
    ggml_threadpool *pool;
    ggml_context *weights, *products; /* descriptions */
    ggml_buffer *stored, *x, *y;
    ggml_cgraph **graph; /* [copies] */
} ggml_peer;

/* A context for so many tensors and graphs. */
static ggml_context *new_context(const cli_ggml *ggml, int tensors, int graphs)
{
    const size_t bytes = (size_t)tensors * ggml->ggml_tensor_overhead() +
                         (size_t)graphs * ggml->ggml_graph_overhead_custom(GRAPH_NODES, false);
    return ggml->ggml_init((ggml_init_params){bytes + 1024, NULL, true});
}

static ggml_cgraph *new_graph(const ggml_peer *self, ggml_context *context, ggml_tensor *result)
{
    ggml_cgraph *graph = self->ggml.ggml_new_graph_custom(context, GRAPH_NODES, false);
    self->ggml.ggml_build_forward_expand(graph, result);
    return graph;
}

/* 0: done. */
static int compute(const ggml_peer *self, ggml_cgraph *graph)
{
    return self->ggml.ggml_backend_graph_compute(self->backend, graph);
}

static qf_status no_memory(void)
{
    return qf_fail(QF_MEMORY, "ggml cannot allocate memory for the weights");
}

/* ---- where weights lie ---- */

/* Asked as llama.cpp's loader asks: with a weight that lies there. */
static bool can_multiply(const cli_peer *peer, ggml_buffer_type *kind)
{
    const ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    const qf_problem *p = &peer->problem;
    bool can = false;

    ggml_context *context = new_context(ggml, 3, 0);
    if (!context) return false;
    ggml_tensor *w = ggml->ggml_new_tensor_2d(context, self->type->number, p->k, p->n);
    ggml_buffer *buffer = ggml->ggml_backend_alloc_ctx_tensors_from_buft(context, kind);
    if (buffer) {
        ggml_tensor *x = ggml->ggml_new_tensor_2d(context, F32, p->k, p->m);
        can = ggml->ggml_backend_dev_supports_op(ggml->ggml_backend_get_device(self->backend),
                                                 ggml->ggml_mul_mat(context, w, x));
        ggml->ggml_backend_buffer_free(buffer);
    }
    ggml->ggml_free(context);
    return can;
}

/* The first kind of memory with a layout of its own that takes the weights, else the plain
 * kind, else NULL. */
static ggml_buffer_type *choose_memory(const cli_peer *peer)
{
    const ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    ggml_device *device = ggml->ggml_backend_get_device(self->backend);
    ggml_extra_buffers_fn *extra;

    *(void **)&extra = ggml->ggml_backend_reg_get_proc_address(
        ggml->ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts");
    for (ggml_buffer_type **kind = extra ? extra(device) : NULL; kind && *kind; kind++)
        if (can_multiply(peer, *kind)) return *kind;
    ggml_buffer_type *plain = ggml->ggml_backend_get_default_buffer_type(self->backend);
    return can_multiply(peer, plain) ? plain : NULL;
}

static void describe(cli_peer *peer, ggml_buffer_type *kind)
{
    const ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    const char *name = ggml->ggml_backend_buft_name(kind);
    const char *word = strcmp(name, "CPU_REPACK") == 0 ? "repacked"
                       : strcmp(name, "CPU") == 0      ? "not repacked"
                                                       : name;

    snprintf(peer->variant, sizeof peer->variant, "%s, %s, ggml %.16s", ggml->library, word,
             ggml->ggml_version());
}

/* ---- preparing ---- */

/* Reads weights back as ggml's kernels mean them, into w. */
static qf_status dequantise(const cli_peer *peer, void *quantised, float *w)
{
    const ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    const qf_problem *p = &peer->problem;
    const size_t bytes = (size_t)(p->n * p->k) * sizeof(float);
    int failed = -1;

    ggml_context *context = new_context(ggml, 2, 1);
    ggml_buffer *from =
        ggml->ggml_backend_cpu_buffer_from_ptr(quantised, (size_t)peer->weight_bytes);
    ggml_buffer *to = ggml->ggml_backend_cpu_buffer_from_ptr(w, bytes);
    if (context && from && to) {
        ggml_tensor *stored = ggml->ggml_new_tensor_2d(context, self->type->number, p->k, p->n);
        ggml_tensor *plain = ggml->ggml_cast(context, stored, F32);
        ggml->ggml_backend_tensor_alloc(from, stored, quantised);
        ggml->ggml_backend_tensor_alloc(to, plain, w);
        failed = compute(self, new_graph(self, context, plain));
    }
    if (to) ggml->ggml_backend_buffer_free(to);
    if (from) ggml->ggml_backend_buffer_free(from);
    if (context) ggml->ggml_free(context);
    return failed ? no_memory() : QF_OK;
}

/* w, rounded by ggml itself, as bytes and in place. */
static qf_status quantise(const cli_peer *peer, void *quantised, float *w)
{
    const ggml_peer *self = peer->self;
    const qf_problem *p = &peer->problem;
    const int64_t count = p->n * p->k;
    double moved = 0, size = 0;

    float *before = qf_alloc_array((size_t)count, sizeof *before);
    if (!before) return QF_MEMORY;
    memcpy(before, w, (size_t)count * sizeof *w);
    self->ggml.ggml_quantize_chunk(self->type->number, w, quantised, 0, p->n, p->k, NULL);
    const qf_status status = dequantise(peer, quantised, w);
    for (int64_t i = 0; i < count; i++) {
        moved += ((double)w[i] - before[i]) * ((double)w[i] - before[i]);
        size += (double)before[i] * before[i];
    }
    qf_free(before);
    QF_TRY(status);
    if (!(moved <= self->type->rounding * self->type->rounding * size))
        return qf_fail(QF_WRONG, "%s moves weights by %.2g of their size, %.2g is the limit",
                       peer->name, sqrt(moved / size), self->type->rounding);
    return QF_OK;
}

/* Tensors of all copies in memory of the right kind. */
static qf_status store_weights(cli_peer *peer, const void *quantised, int copies,
                               ggml_tensor **tensor)
{
    ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    const qf_problem *p = &peer->problem;
    const int type = self->type->number;

    ggml_buffer_type *kind = choose_memory(peer);
    if (!kind)
        return qf_fail(QF_UNSUPPORTED, "%s cannot multiply by %s", ggml->library,
                       self->type->name);
    describe(peer, kind);
    self->weights = new_context(ggml, copies, 0);
    if (!self->weights) return no_memory();
    for (int i = 0; i < copies; i++)
        tensor[i] = ggml->ggml_new_tensor_2d(self->weights, type, p->k, p->n);
    self->stored = ggml->ggml_backend_alloc_ctx_tensors_from_buft(self->weights, kind);
    if (!self->stored) return no_memory();
    for (int i = 0; i < copies; i++)
        ggml->ggml_backend_tensor_set(tensor[i], quantised, 0, (size_t)peer->weight_bytes);
    return QF_OK;
}

/* One graph for each copy: y = x w^T, on the contest's own x and y. */
static qf_status build_graphs(cli_peer *peer, const cli_operands *operands, int copies,
                              ggml_tensor **tensor)
{
    ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;
    const qf_problem *p = &peer->problem;
    void *x_data = (void *)operands->x; /* only read */

    self->products = new_context(ggml, copies + 1, copies);
    self->graph = qf_alloc_array((size_t)copies, sizeof(ggml_cgraph *));
    if (!self->products || !self->graph) return no_memory();
    ggml_tensor *x = ggml->ggml_new_tensor_2d(self->products, F32, p->k, p->m);
    self->x = ggml->ggml_backend_cpu_buffer_from_ptr(x_data, ggml->ggml_nbytes(x));
    self->y = ggml->ggml_backend_cpu_buffer_from_ptr(operands->y,
                                                     (size_t)(p->m * p->n) * sizeof(float));
    if (!self->x || !self->y) return no_memory();
    ggml->ggml_backend_tensor_alloc(self->x, x, x_data);
    for (int i = 0; i < copies; i++) {
        ggml_tensor *y = ggml->ggml_mul_mat(self->products, tensor[i], x);
        ggml->ggml_backend_tensor_alloc(self->y, y, operands->y);
        self->graph[i] = new_graph(self, self->products, y);
    }
    return QF_OK;
}

/* Threads as llama.cpp starts them by default: free to move, spinning for a while. */
static qf_status start_threads(const cli_peer *peer)
{
    static ggml_threadpool_params params;
    ggml_peer *self = peer->self;
    const cli_ggml *ggml = &self->ggml;

    ggml->ggml_threadpool_params_init(&params, peer->problem.threads);
    self->pool = ggml->ggml_threadpool_new(&params);
    if (!self->pool) return no_memory();
    ggml->ggml_backend_cpu_set_n_threads(self->backend, peer->problem.threads);
    ggml->ggml_backend_cpu_set_threadpool(self->backend, self->pool);
    return QF_OK;
}

static qf_status prepare(cli_peer *peer, const cli_operands *operands, int copies)
{
    ggml_tensor **tensor = qf_alloc_array((size_t)copies, sizeof(ggml_tensor *));
    void *quantised = qf_alloc((size_t)peer->weight_bytes);
    qf_status status = tensor && quantised ? QF_OK : QF_MEMORY;

    if (status == QF_OK) status = start_threads(peer);
    if (status == QF_OK) status = quantise(peer, quantised, operands->w);
    if (status == QF_OK) status = store_weights(peer, quantised, copies, tensor);
    if (status == QF_OK) status = build_graphs(peer, operands, copies, tensor);
    qf_free(tensor);
    qf_free(quantised);
    return status;
}

/* ---- running ---- */

/* A failure leaves y as it was, which cli_peer_check notices. */
static void run(cli_peer *peer, int copy)
{
    const ggml_peer *self = peer->self;
    compute(self, self->graph[copy]);
}

/* The next graph wakes them.  In builds on OpenMP pausing does nothing: those threads fall
 * asleep by themselves in a few ms. */
static void rest(cli_peer *peer)
{
    const struct timespec nap = {0, 5000000};
    const ggml_peer *self = peer->self;

    if (peer->problem.threads == 1) return;
    self->ggml.ggml_threadpool_pause(self->pool);
    nanosleep(&nap, NULL);
}

static void close_peer(cli_peer *peer)
{
    ggml_peer *self = peer->self;
    if (!self) return;
    const cli_ggml *ggml = &self->ggml;

    if (self->backend) ggml->ggml_backend_free(self->backend);
    if (self->pool) ggml->ggml_threadpool_free(self->pool);
    if (self->products) ggml->ggml_free(self->products);
    if (self->weights) ggml->ggml_free(self->weights);
    if (self->x) ggml->ggml_backend_buffer_free(self->x);
    if (self->y) ggml->ggml_backend_buffer_free(self->y);
    if (self->stored) ggml->ggml_backend_buffer_free(self->stored);
    qf_free(self->graph);
    qf_free(self);
}

/* ---- opening ---- */

static qf_status check_shape(const qf_problem *p, const cli_ggml_type *type)
{
    if (p->op != QF_FORWARD)
        return qf_fail(QF_SHAPE, "--vs ggml: it has forward products only");
    if (p->k % type->block != 0)
        return qf_fail(QF_SHAPE, "--shape: K is %lld, %s of ggml needs a multiple of %d",
                       (long long)p->k, type->name, type->block);
    return QF_OK;
}

qf_status cli_peer_open_ggml(const cli_peer_wish *wish, cli_peer *peer)
{
    static const cli_peer_calls calls = {prepare, run, rest, close_peer};
    const qf_problem *p = &peer->problem;
    const cli_ggml_type *type;

    QF_TRY(cli_ggml_find_type(wish->ggml_type, qf_quant_of(p->quant)->bits, &type));
    QF_TRY(check_shape(p, type));
    if (!wish->ggml_lib)
        return qf_fail(QF_USAGE,
                       "--vs ggml needs --ggml-lib, the directory of libggml-base.so");
    ggml_peer *self = peer->self = qf_alloc(sizeof *self);
    if (!self) return QF_MEMORY;
    peer->call = &calls;
    self->type = type;
    QF_TRY(cli_ggml_load(wish->ggml_lib, wish->ggml_cpu, &self->ggml));
    QF_TRY(cli_ggml_check_type(&self->ggml, type));
    self->backend = self->ggml.ggml_backend_cpu_init();
    if (!self->backend) return qf_fail(QF_UNSUPPORTED, "%s does not start", self->ggml.library);
    snprintf(peer->name, sizeof peer->name, "ggml %s", type->name);
    peer->weight_bytes = (int64_t)self->ggml.ggml_row_size(type->number, p->k) * p->n;
    peer->tolerance = type->activations;
    return QF_OK;
}
