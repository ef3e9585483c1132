/* llama2c.c -- model files of karpathy/llama2.c (export.py).
 *
 *     legacy      int32 dim, hidden, layers, heads, kv_heads, vocab, context;
 *                 a negative vocab says that the head is not the embedding
 *                 f32  embedding, attention norms, q, k, v, o, mlp norms, w1, w2, w3 (each
 *                      for all layers), final norm, two tables of rotary angles
 *                      [context][head_dim / 2] nobody reads any more, head if untied
 *     version 1   "ak42", int32 1, the seven numbers, u8 tied; zeros up to 256 bytes
 *                 f32  attention norms, mlp norms, final norm, embedding, q, k, v, o,
 *                      w1, w2, w3, head if untied
 *     version 2   the same header with int32 group after u8 tied
 *                 f32  attention norms, mlp norms, final norm
 *                 q80  embedding, then layer by layer for each of q, k, v, o, w1, w2, w3,
 *                      head if untied: int8 codes, then one f32 scale per group
 *
 * Its rotary embedding turns neighbours (2i, 2i + 1); in memory it turns halves
 * (i, i + head_dim / 2), so the rows of q and k are put in that order. */
#include "llama2c.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parameters.h"

enum { MAGIC = 0x616b3432, HEADER_BYTES = 256, LEGACY_HEADER_BYTES = 28 };

typedef struct source {
    const char *path;
    const uint8_t *map;
    size_t size, at; /* bytes */
    int version;     /* 0 legacy */
    int group;       /* of version 2 */
    qf_model *model;
} source;

static int32_t int_at(const source *s, size_t at)
{
    int32_t value;
    memcpy(&value, s->map + at, sizeof value);
    return value;
}

/* ---- header ---- */

static qf_status read_config(source *s, size_t at, bool tied, qf_config *c)
{
    const int vocab = int_at(s, at + 20);

    *c =
        (qf_config){.dim = int_at(s, at),
                    .hidden = int_at(s, at + 4),
                    .layers = int_at(s, at + 8),
                    .heads = int_at(s, at + 12),
                    .kv_heads = int_at(s, at + 16),
                    .vocab = s->version == 0 && vocab < 0 && vocab > INT32_MIN ? -vocab : vocab,
                    .context = int_at(s, at + 24),
                    .rope_theta = 10000,
                    .norm_eps = 1e-5f,
                    .tied = s->version == 0 ? vocab > 0 : tied,
                    .bos = 1,
                    .eos = 2};
    if (c->heads < 1 || c->dim % c->heads)
        return qf_fail(QF_SHAPE, "%s: %d heads do not divide a width of %d", s->path, c->heads,
                       c->dim);
    c->head_dim = c->dim / c->heads;
    return qf_config_check(c, s->path);
}

static qf_status read_versioned(source *s, qf_config *config)
{
    if (s->size < HEADER_BYTES)
        return qf_fail(QF_FORMAT, "%s: truncated, %zu of %d bytes of header", s->path, s->size,
                       HEADER_BYTES);
    s->version = int_at(s, 4);
    if (s->version != 1 && s->version != 2)
        return qf_fail(QF_UNSUPPORTED, "%s: llama2.c version %d is not supported (1, 2)",
                       s->path, s->version);
    s->at = HEADER_BYTES;
    const uint8_t tied = s->map[36];
    if (tied > 1) return qf_fail(QF_FORMAT, "%s: shared-classifier flag is %d", s->path, tied);
    QF_TRY(read_config(s, 8, tied, config));
    if (s->version == 1) return QF_OK;
    s->group = int_at(s, 37);
    if (s->group < 1) return qf_fail(QF_FORMAT, "%s: group of %d", s->path, s->group);
    return QF_OK;
}

static qf_status read_header(source *s, qf_config *config)
{
    if (s->size >= 8 && int_at(s, 0) == MAGIC) return read_versioned(s, config);
    if (s->size < LEGACY_HEADER_BYTES)
        return qf_fail(QF_FORMAT, "%s: truncated, %zu of %d bytes of header", s->path, s->size,
                       LEGACY_HEADER_BYTES);
    s->at = LEGACY_HEADER_BYTES;
    return read_config(s, 0, false, config);
}

/* ---- sizes ---- */

static int64_t layer_weights(const qf_config *c)
{
    int64_t sum = 0;
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)kind, &n, &k);
        sum += n * k;
    }
    return sum;
}

static qf_status check_groups(const source *s, const qf_config *c)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)kind, &n, &k);
        if (n * k % s->group)
            return qf_fail(QF_SHAPE, "%s: groups of %d do not divide %lldx%lld weights",
                           s->path, s->group, (long long)n, (long long)k);
    }
    if ((int64_t)c->vocab * c->dim % s->group)
        return qf_fail(QF_SHAPE, "%s: groups of %d do not divide the embedding", s->path,
                       s->group);
    return QF_OK;
}

/* The file must be exactly as long as its header says. */
static qf_status check_size(const source *s, const qf_config *c)
{
    const int64_t table = (int64_t)c->vocab * c->dim * (c->tied ? 1 : 2);
    const int64_t norms = (2 * (int64_t)c->layers + 1) * c->dim;
    const int64_t matrices = table + c->layers * layer_weights(c);
    const int64_t angles = s->version == 0 ? (int64_t)c->context * c->head_dim : 0;
    int64_t bytes = (int64_t)s->at + 4 * (norms + angles);

    if (s->version == 2) {
        QF_TRY(check_groups(s, c));
        bytes += matrices + 4 * (matrices / s->group);
    } else {
        bytes += 4 * matrices;
    }
    if ((uint64_t)bytes == s->size) return QF_OK;
    return qf_fail(QF_FORMAT, "%s: header asks for %lld bytes, file has %zu", s->path,
                   (long long)bytes, s->size);
}

/* ---- values ---- */

static void take_f32(source *s, float *into, int64_t count)
{
    memcpy(into, s->map + s->at, (size_t)count * sizeof *into);
    s->at += (size_t)count * sizeof *into;
}

static void take_q80(source *s, float *into, int64_t count)
{
    const int8_t *code = (const int8_t *)s->map + s->at;
    const uint8_t *scales = s->map + s->at + count;
    float scale = 0;

    for (int64_t i = 0; i < count; i++) {
        if (i % s->group == 0) memcpy(&scale, scales + i / s->group * 4, sizeof scale);
        into[i] = (float)code[i] * scale;
    }
    s->at += (size_t)(count + count / s->group * 4);
}

static void take_linear(source *s, int layer, qf_linear_kind kind)
{
    int64_t n, k;
    float *into = s->model->linear[layer * QF_LINEARS + (int)kind];

    qf_linear_shape(&s->model->config, kind, &n, &k);
    if (s->version == 2)
        take_q80(s, into, n * k);
    else
        take_f32(s, into, n * k);
}

static void take_layers(source *s, qf_linear_kind kind)
{
    for (int layer = 0; layer < s->model->config.layers; layer++) take_linear(s, layer, kind);
}

/* w1 is the gate, w2 leads down, w3 leads up. */
static void take_mlp(source *s)
{
    take_layers(s, QF_LINEAR_GATE);
    take_layers(s, QF_LINEAR_DOWN);
    take_layers(s, QF_LINEAR_UP);
}

static void take_attention(source *s)
{
    for (int kind = QF_LINEAR_QUERY; kind <= QF_LINEAR_OUTPUT; kind++)
        take_layers(s, (qf_linear_kind)kind);
}

static void take_norms(source *s, float *norm)
{
    take_f32(s, norm, (int64_t)s->model->config.layers * s->model->config.dim);
}

static void take_legacy(source *s, int64_t table)
{
    const qf_config *c = &s->model->config;

    take_f32(s, s->model->embedding, table);
    take_norms(s, s->model->attention_norm);
    take_attention(s);
    take_norms(s, s->model->mlp_norm);
    take_mlp(s);
    take_f32(s, s->model->final_norm, c->dim);
    s->at += (size_t)c->context * (size_t)c->head_dim * sizeof(float);
    if (!c->tied) take_f32(s, s->model->head, table);
}

static void take_versioned(source *s, int64_t table)
{
    void (*const take)(source *, float *, int64_t) = s->version == 2 ? take_q80 : take_f32;

    take_norms(s, s->model->attention_norm);
    take_norms(s, s->model->mlp_norm);
    take_f32(s, s->model->final_norm, s->model->config.dim);
    take(s, s->model->embedding, table);
    take_attention(s);
    take_mlp(s);
    if (!s->model->config.tied) take(s, s->model->head, table);
}

/* Row 2i + j of a head (j = 0, 1) becomes row i + j * head_dim / 2. */
static qf_status permute_rotary(float *w, int heads, int head_dim, int64_t k)
{
    const int64_t half = head_dim / 2, head = head_dim * k;
    float *old = qf_alloc_array((size_t)head, sizeof *old);

    if (!old) return QF_MEMORY;
    for (int h = 0; h < heads; h++, w += head) {
        memcpy(old, w, (size_t)head * sizeof *old);
        for (int64_t row = 0; row < head_dim; row++)
            memcpy(w + (row / 2 + row % 2 * half) * k, old + row * k, (size_t)k * sizeof *w);
    }
    qf_free(old);
    return QF_OK;
}

static qf_status permute_all(qf_model *model)
{
    const qf_config *c = &model->config;

    for (int layer = 0; layer < c->layers; layer++) {
        float **linear = model->linear + layer * QF_LINEARS;
        QF_TRY(permute_rotary(linear[QF_LINEAR_QUERY], c->heads, c->head_dim, c->dim));
        QF_TRY(permute_rotary(linear[QF_LINEAR_KEY], c->kv_heads, c->head_dim, c->dim));
    }
    return QF_OK;
}

static qf_status check_finite(const source *s)
{
    for (int i = 0; i < qf_parameter_count(&s->model->config, true); i++) {
        const qf_parameter p = qf_parameter_at(s->model, true, i);
        const int64_t count = p.shape[0] * (p.rank == 2 ? p.shape[1] : 1);
        for (int64_t j = 0; j < count; j++)
            if (!isfinite(p.data[j]))
                return qf_fail(QF_FORMAT, "%s: element %lld of %s is %s", s->path, (long long)j,
                               p.name, isnan(p.data[j]) ? "NaN" : "infinite");
    }
    return QF_OK;
}

static qf_status read_model(source *s)
{
    qf_config config;

    QF_TRY(read_header(s, &config));
    QF_TRY(check_size(s, &config));
    QF_TRY(qf_model_create(&config, QF_LINEARS_ALL, s->model));
    const int64_t table = (int64_t)config.vocab * config.dim;
    if (s->version == 0)
        take_legacy(s, table);
    else
        take_versioned(s, table);
    QF_ASSERT(s->at == s->size || (s->version == 0 && s->at <= s->size));
    QF_TRY(check_finite(s));
    return permute_all(s->model);
}

static qf_status read_descriptor(source *s, int descriptor)
{
    struct stat info;

    if (fstat(descriptor, &info) != 0)
        return qf_fail(QF_IO, "%s: cannot read: %s", s->path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return qf_fail(QF_IO, "%s: not a regular file", s->path);
    s->size = (size_t)info.st_size;
    if (s->size == 0) return qf_fail(QF_FORMAT, "%s: empty file", s->path);
    void *map = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED)
        return qf_fail(QF_IO, "%s: cannot map: %s", s->path, strerror(errno));
    s->map = map;
    const qf_status status = read_model(s);
    munmap(map, s->size);
    return status;
}

qf_status qf_llama2c_load(const char *path, qf_model *model)
{
    source s = {.path = path, .model = model};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    memset(model, 0, sizeof *model);
    if (descriptor < 0) return qf_fail(QF_IO, "%s: cannot open: %s", path, strerror(errno));
    const qf_status status = read_descriptor(&s, descriptor);
    close(descriptor);
    if (status != QF_OK) qf_model_release(model);
    return status;
}
