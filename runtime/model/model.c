/* model.c -- the numbers of a LLaMA model and room for its parameters. */
#include "qforge/model.h"

#include <math.h>
#include <string.h>

#include "huggingface.h"

const char *qf_linear_name(qf_linear_kind kind)
{
    static const char *const names[] = {
#define QF_LINEAR(id, name, rows, columns) name,
#include "qforge/linears.def"
#undef QF_LINEAR
    };
    QF_ASSERT((unsigned)kind < QF_LINEARS);
    return names[kind];
}

void qf_linear_shape(const qf_config *config, qf_linear_kind kind, int64_t *n, int64_t *k)
{
    const qf_config *c = config;
    const struct {
        int64_t rows, columns;
    } shapes[] = {
#define QF_LINEAR(id, name, rows, columns) {rows, columns},
#include "qforge/linears.def"
#undef QF_LINEAR
    };
    QF_ASSERT((unsigned)kind < QF_LINEARS);
    *n = shapes[kind].rows;
    *k = shapes[kind].columns;
}

/* ---- configuration ---- */

/* Largest values taken: far above any model, and small enough that no product of the
 * shapes below overflows 64 bits. */
enum {
    DIM_MAX = 1 << 17,
    HIDDEN_MAX = 1 << 19,
    LAYERS_MAX = 1 << 10,
    HEADS_MAX = 1 << 10,
    HEAD_DIM_MAX = 1 << 10,
    VOCAB_MAX = 1 << 22,
    CONTEXT_MAX = 1 << 24
};

static qf_status check_extent(const char *path, const char *what, int value, int most)
{
    if (value >= 1 && value <= most) return QF_OK;
    return qf_fail(QF_RANGE, "%s: %s is %d, it must be 1 to %d", path, what, value, most);
}

static qf_status check_token(const char *path, const char *what, int token, int vocab)
{
    if (token >= -1 && token < vocab) return QF_OK;
    return qf_fail(QF_RANGE, "%s: %s token %d is not one of %d", path, what, token, vocab);
}

qf_status qf_config_check(const qf_config *c, const char *path)
{
    QF_TRY(check_extent(path, "the width", c->dim, DIM_MAX));
    QF_TRY(check_extent(path, "the hidden width", c->hidden, HIDDEN_MAX));
    QF_TRY(check_extent(path, "the number of layers", c->layers, LAYERS_MAX));
    QF_TRY(check_extent(path, "the number of heads", c->heads, HEADS_MAX));
    QF_TRY(check_extent(path, "the number of key heads", c->kv_heads, HEADS_MAX));
    QF_TRY(check_extent(path, "the width of a head", c->head_dim, HEAD_DIM_MAX));
    QF_TRY(check_extent(path, "the vocabulary", c->vocab, VOCAB_MAX));
    QF_TRY(check_extent(path, "the context", c->context, CONTEXT_MAX));
    if (c->heads % c->kv_heads)
        return qf_fail(QF_SHAPE, "%s: %d heads cannot share %d key heads", path, c->heads,
                       c->kv_heads);
    if (c->head_dim % 2)
        return qf_fail(QF_SHAPE, "%s: a head of width %d cannot be rotated", path, c->head_dim);
    if (!(c->rope_theta >= 1 && isfinite(c->rope_theta)))
        return qf_fail(QF_RANGE, "%s: rope_theta is %g", path, (double)c->rope_theta);
    if (!(c->norm_eps >= 0 && c->norm_eps < 1))
        return qf_fail(QF_RANGE, "%s: the epsilon of its norms is %g", path,
                       (double)c->norm_eps);
    QF_TRY(check_token(path, "begin", c->bos, c->vocab));
    return check_token(path, "end", c->eos, c->vocab);
}

/* ---- parameters ---- */

static float *take_floats(qf_arena *arena, int64_t count)
{
    return qf_arena_take(arena, (size_t)count * sizeof(float));
}

/* Run twice: with an arena that only measures, then for real. */
static void lay_out(qf_model *model, qf_linears_room room, qf_arena *arena)
{
    const qf_config *c = &model->config;
    const int count = c->layers * QF_LINEARS;

    model->embedding = take_floats(arena, (int64_t)c->vocab * c->dim);
    model->attention_norm = take_floats(arena, (int64_t)c->layers * c->dim);
    model->mlp_norm = take_floats(arena, (int64_t)c->layers * c->dim);
    model->final_norm = take_floats(arena, c->dim);
    model->head = c->tied ? model->embedding : take_floats(arena, (int64_t)c->vocab * c->dim);
    model->linear = qf_arena_take(arena, (size_t)count * sizeof *model->linear);
    for (int i = 0; room != QF_LINEARS_NONE && i < count; i++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        float *weights = take_floats(arena, n * k);
        if (model->linear) model->linear[i] = weights;
    }
}

qf_status qf_model_create(const qf_config *config, qf_linears_room room, qf_model *model)
{
    qf_arena measure = {0};

    memset(model, 0, sizeof *model);
    QF_TRY(qf_config_check(config, "model"));
    model->config = *config;
    lay_out(model, room, &measure);
    QF_TRY(room == QF_LINEARS_RESERVED ? qf_arena_reserve(&model->arena, measure.used)
                                       : qf_arena_init(&model->arena, measure.used));
    lay_out(model, room, &model->arena);
    return QF_OK;
}

void qf_model_release(qf_model *model)
{
    qf_huggingface_close(model->blocks);
    qf_arena_release(&model->arena);
    memset(model, 0, sizeof *model);
}
