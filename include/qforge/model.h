/* qforge/model.h -- a LLaMA-family model: its configuration and its parameters.
 *
 * Rotary embedding in memory is always Hugging Face's (rotate halves); llama2.c files,
 * which interleave pairs, have the rows of q and k permuted when they are read. */
#ifndef QFORGE_MODEL_H
#define QFORGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/memory.h"
#include "qforge/qmatrix.h"
#include "qforge/status.h"

typedef struct qf_config {
    int dim, hidden, layers, heads, kv_heads, head_dim, vocab, context;
    float rope_theta, norm_eps;
    bool tied;    /* the head is the embedding */
    int bos, eos; /* token ids, -1 when unknown */
} qf_config;

typedef enum qf_linear_kind {
#define QF_LINEAR(id, name, rows, columns) QF_LINEAR_##id,
#include "qforge/linears.def"
#undef QF_LINEAR
    QF_LINEARS
} qf_linear_kind;

const char *qf_linear_name(qf_linear_kind kind); /* "self_attn.q_proj" */
/* Rows (outputs) and columns (inputs) of a linear of this configuration. */
void qf_linear_shape(const qf_config *config, qf_linear_kind kind, int64_t *n, int64_t *k);
/* QF_SHAPE or QF_RANGE with a sentence naming `path` when the numbers make no model. */
QF_MUST_CHECK qf_status qf_config_check(const qf_config *config, const char *path);

/* fp32 parameters; all in one arena. */
typedef struct qf_model {
    qf_config config;
    float *embedding;      /* [vocab][dim] */
    float *attention_norm; /* [layers][dim] */
    float *mlp_norm;       /* [layers][dim] */
    float *final_norm;     /* [dim] */
    float *head;           /* [vocab][dim]; == embedding when tied */
    float **linear;        /* [layers * QF_LINEARS], each [n][k]; NULL entries where
                              a quantised directory holds no fp32 linears */
    qf_arena arena;
    struct qf_blocks *blocks; /* NULL: every linear is in memory; see qf_model_open */
} qf_model;

/* Which linears a new model has: none (NULL), all, or addresses for all, whose pages take
 * memory when they are written (qf_reserve). */
typedef enum qf_linears_room {
    QF_LINEARS_NONE,
    QF_LINEARS_ALL,
    QF_LINEARS_RESERVED
} qf_linears_room;

/* Room for every parameter, zeroed. */
QF_MUST_CHECK qf_status qf_model_create(const qf_config *config, qf_linears_room room,
                                        qf_model *model);
void qf_model_release(qf_model *model);

/* Reads a llama2.c file (legacy, version 1, version 2 = q80) or a Hugging Face
 * directory (config.json; model.safetensors or its shards with an index).  Every length
 * is checked against the file before it is used; NaN and infinite weights are refused. */
QF_MUST_CHECK qf_status qf_model_load(const char *path, qf_model *model);
/* The same for models larger than memory: of a Hugging Face directory only what is outside the
 * blocks is read, and the linears of a block are there between taking and dropping it, zero
 * before and after.  The files stay open.  Of other files all is read, and taking does
 * nothing. */
QF_MUST_CHECK qf_status qf_model_open(const char *path, qf_model *model);
QF_MUST_CHECK qf_status qf_model_take_block(const qf_model *model, int layer);
void qf_model_drop_block(const qf_model *model, int layer);
/* Writes a Hugging Face directory (config.json, model.safetensors, F32), creating it.
 * Each file is written beside and renamed into place. */
QF_MUST_CHECK qf_status qf_model_save(const qf_model *model, const char *directory);

#endif
