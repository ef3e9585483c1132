/* product.c -- BLIS's loops: a piece of c stays in a cache while depth steps over it; a step's
 * activations stay in L2 while the kernel walks the panels. */
#include "product.h"

#include "qforge/activations.h"
#include "qforge/memory.h"

static int planes_of(const qf_kernel *kernel)
{
    return qf_recipe_of(kernel->id.recipe)->planes;
}

static int64_t step_of(const qf_product *product)
{
    const int kc = product->kernel->id.tile.kc;
    return kc ? kc : product->depth;
}

/* Each thread's lies a page from the next one's: what a thread writes, a neighbour's prefetcher
 * takes from it when it reads on beyond its own. */
int64_t qf_product_scratch(const qf_kernel *kernel)
{
    enum { PAGE = 4096 };
    const size_t bytes = (size_t)qf_kernel_scratch(&kernel->id);
    return bytes ? (int64_t)qf_round_up(bytes, QF_ALIGNMENT) + PAGE : 0;
}

static int64_t block_bytes(const qf_kernel *kernel, int64_t depth)
{
    const int planes = planes_of(kernel);
    return qf_activations_block_bytes(planes, kernel->id.tile.mr, planes ? kernel->id.group : 0,
                                      depth);
}

int64_t qf_product_activations(const qf_kernel *kernel, int64_t m, int64_t depth)
{
    const int mr = kernel->id.tile.mr;
    const int64_t bytes = (m + mr - 1) / mr * block_bytes(kernel, depth);
    return (int64_t)qf_round_up((size_t)bytes, QF_ALIGNMENT);
}

/* Bytes between blocks of rows within the step of `depth` starting at `first`, and where
 * the first block's lies. */
static int64_t step_stride(const qf_product *product, int64_t depth)
{
    const bool whole = planes_of(product->kernel) > 0;
    return block_bytes(product->kernel, whole ? product->depth : depth);
}

static uint8_t *step_activations(const qf_product *product, int64_t first)
{
    const int mr = product->kernel->id.tile.mr;
    /* int8 blocks hold all depth, group after group; fp32 ones are packed by step. */
    const bool whole = planes_of(product->kernel) > 0;
    const int64_t blocks = whole ? 1 : (product->m + mr - 1) / mr;
    return product->a + blocks * block_bytes(product->kernel, first);
}

void qf_product_pack(const qf_product *product, const float *x, int64_t row_stride,
                     int64_t k_stride, int64_t k, int part, int parts)
{
    const int mr = product->kernel->id.tile.mr;
    const int64_t step = step_of(product);
    const qf_range rows = qf_partition(product->m, mr, part, parts);

    if (rows.begin == rows.end) return;
    if (planes_of(product->kernel)) {
        QF_ASSERT(k_stride == 1);
        qf_activations_pack_i8(planes_of(product->kernel), x, row_stride, rows.begin, rows.end,
                               k, product->kernel->id.group, mr, product->a);
        return;
    }
    for (int64_t d = 0; d < product->depth; d += step) {
        const int64_t padded = product->depth - d < step ? product->depth - d : step;
        const int64_t valid = k - d < padded ? k - d : padded;
        qf_activations_pack_f32(x + d * k_stride, row_stride, k_stride, rows.begin, rows.end,
                                valid, valid < padded ? (int)padded : 0, mr,
                                step_activations(product, d));
    }
}

static void add_tail(const qf_product *product, qf_range rows, qf_range columns,
                     qf_gemm_args *args)
{
    const qf_product_tail *tail = &product->tail;

    if (tail->k == 0) return;
    args->tail_k = tail->k;
    args->tail_a = tail->a + rows.begin * tail->k;
    args->tail_a_stride = tail->k * product->kernel->id.tile.mr * (int64_t)sizeof(float);
    args->tail_w =
        (const float *)(const void *)(tail->w +
                                      columns.begin / product->w_columns.unit * tail->w_stride);
    args->tail_w_stride = tail->w_stride;
}

/* One call of the kernel per step of depth over rows x columns of c. */
static void run_block(const qf_product *product, qf_range rows, qf_range columns,
                      uint8_t *scratch)
{
    const qf_kernel *kernel = product->kernel;
    const int64_t step = step_of(product);
    const uint8_t *w =
        product->w + columns.begin / product->w_columns.unit * product->w_columns.bytes;

    for (int64_t d = 0; d < product->depth; d += step) {
        const int64_t depth = product->depth - d < step ? product->depth - d : step;
        const int64_t block = step_stride(product, depth);
        qf_gemm_args args = {
            .a = step_activations(product, d) + rows.begin / kernel->id.tile.mr * block,
            .a_stride = block,
            .w = w + d / product->w_depth.unit * product->w_depth.bytes,
            .w_stride = product->w_stride,
            .c = product->c + rows.begin * product->ldc + columns.begin,
            .ldc = product->ldc,
            .scratch = scratch,
            .m = rows.end - rows.begin,
            .n = columns.end - columns.begin,
            .k = depth,
            .accumulate = product->accumulate || d > 0,
            .id = &kernel->id,
        };
        if (d == 0) add_tail(product, rows, columns, &args);
        kernel->run(&args);
    }
}

/* Cuts of the columns fall on multiples of whole tiles and of what weights are packed by. */
static int64_t grain_of(const qf_product *product)
{
    const int nr = product->kernel->id.tile.nr;
    return product->w_columns.unit > nr ? product->w_columns.unit : nr;
}

/* Each step of depth adds to the same piece of c.  Weights and a neighbour's data go through
 * the last-level cache meanwhile, so a piece is as wide as stays nearer than that.  A step's
 * activations have to come again for every piece, which is worth it for a byte a value alone:
 * with fp32 or several planes a piece is as wide as c. */
static int64_t piece_of(const qf_product *product, int64_t rows, int64_t columns)
{
    static const int64_t bytes = 256 << 10;
    const int64_t grain = grain_of(product);
    if (planes_of(product->kernel) != 1 || product->depth <= step_of(product)) return columns;
    const int64_t wide = bytes / (rows * (int64_t)sizeof(float)) / grain * grain;
    return wide > grain ? wide : grain;
}

static int64_t largest_share(int64_t count, int64_t grain, int parts)
{
    const int64_t grains = (count + grain - 1) / grain;
    return (grains + parts - 1) / parts * grain;
}

/* One thread's share of c.  The team stands in a grid: columns are the natural cut, for
 * every thread reads its own weights; rows are cut as well where columns are too few to go
 * round.  The slowest thread counts, and to it the making of a column of weights is worth
 * that of some rows of c. */
static void cut(const qf_product *product, int part, int parts, qf_range *rows,
                qf_range *columns)
{
    static const int64_t making = 6; /* rows */
    const qf_tile *tile = &product->kernel->id.tile;
    const int64_t grain = grain_of(product);
    int64_t least = INT64_MAX;
    int across = 1;

    for (int down = 1; down <= parts; down++) {
        if (parts % down) continue;
        const int64_t high = largest_share(product->m, tile->mr, down);
        const int64_t wide = largest_share(product->n, grain, parts / down);
        if ((high + making) * wide >= least) continue;
        least = (high + making) * wide;
        across = parts / down;
    }
    *rows = qf_partition(product->m, tile->mr, part / across, parts / across);
    *columns = qf_partition(product->n, grain, part % across, across);
}

void qf_product_run(const qf_product *product, int part, int parts)
{
    const qf_tile *tile = &product->kernel->id.tile;
    qf_range rows, columns;

    cut(product, part, parts, &rows, &columns);
    if (columns.begin == columns.end) return;

    uint8_t *scratch = product->scratch + part * qf_product_scratch(product->kernel);
    const int64_t mc =
        tile->mc ? (int64_t)qf_round_up((size_t)tile->mc, (size_t)tile->mr) : product->m;
    for (int64_t m = rows.begin; m < rows.end; m += mc) {
        const int64_t end = m + mc < rows.end ? m + mc : rows.end;
        const int64_t nc = piece_of(product, end - m, columns.end - columns.begin);
        for (int64_t n = columns.begin; n < columns.end; n += nc) {
            const int64_t edge = n + nc < columns.end ? n + nc : columns.end;
            run_block(product, (qf_range){m, end}, (qf_range){n, edge}, scratch);
        }
    }
}

int qf_product_parts(qf_pool *pool, int64_t m, int64_t n, int64_t depth)
{
    /* Waking the team costs about a microsecond, some 30,000 multiply-adds. */
    static const int64_t worth_waking = 60000;
    return m * n * depth < worth_waking ? 1 : qf_pool_threads(pool);
}
