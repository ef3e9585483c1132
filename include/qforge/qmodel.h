/* qforge/qmodel.h -- a quantised model on disk and in memory: several frozen copies of
 * each linear, one per width, and perhaps an adapter for each.
 *
 * Directory:
 *     config.json          Hugging Face's, plus "qforge": {"group": 32, "widths": [2,3,4],
 *                          "method": "gptq", "recipe": "grid=search, act-order",
 *                          "adapter_rank": 8, "adapter_scale": 0.1}
 *     model.safetensors    embeddings, norms and head in F32 under their usual names;
 *                          "<linear>.q<b>.codes"   U8  [n][ceil(k*b/8)], rows of codes as
 *                                                  one stream of bits, low bits first
 *                          "<linear>.q<b>.scales"  F32 [n][groups]
 *                          "<linear>.q<b>.offsets" F32 [n][groups]
 *     adapters.safetensors optional: "<linear>.q<b>.lora_A" F32 or BF16 [rank][groups],
 *                          "<linear>.q<b>.lora_B" [n][rank], alike
 *     tokenizer.*          a copy of the model's
 *
 * The adapter acts on group sums X of the input (QA-LoRA): y += s B (A X), which is an
 * update of the offsets, offset' = offset + s (B A). */
#ifndef QFORGE_QMODEL_H
#define QFORGE_QMODEL_H

#include "qforge/model.h"
#include "qforge/tensorfile.h"
#include "qforge/subnet.h"

enum { QF_WIDTHS_MAX = 4, QF_RECIPE_MAX = 128 };

/* One frozen copy of one linear.  Owned by the model's arena. */
typedef struct qf_qlinear {
    qf_quant quant;
    uint8_t *code; /* [n][k] */
    float *scale;  /* [n][groups] */
    float *offset; /* [n][groups] */
    float *lora_a; /* [rank][groups]; NULL without adapters */
    float *lora_b; /* [n][rank] */
} qf_qlinear;

typedef struct qf_qmodel {
    qf_model base; /* embeddings, norms, head; linears NULL */
    int group;
    int widths;
    int width[QF_WIDTHS_MAX];   /* ascending, e.g. 2, 3, 4 */
    char method[16];            /* "rtn", "gptq" */
    char recipe[QF_RECIPE_MAX]; /* of the method, where it departs from the defaults */
    int rank;                   /* 0: no adapters */
    float adapter_scale;        /* s */
    qf_dtype adapter_dtype;     /* in files: F32, or BF16 at half the size */
    qf_qlinear *linear;         /* [layers * QF_LINEARS][widths] */
    qf_arena arena, adapters;
    struct qf_tensorfile *file; /* NULL: every copy is in memory; see qf_qmodel_open */
} qf_qmodel;

/* Room for everything; base parameters are copied from `base`. */
QF_MUST_CHECK qf_status qf_qmodel_create(const qf_model *base, int group, const int *width,
                                         int widths, qf_qmodel *model);
/* The same with addresses for the copies alone: their pages take memory when they are written
 * and lose it, with what is in them, when their block is dropped. */
QF_MUST_CHECK qf_status qf_qmodel_reserve(const qf_model *base, int group, const int *width,
                                          int widths, qf_qmodel *model);
void qf_qmodel_drop_block(const qf_qmodel *model, int layer); /* of a reserved model */
/* Room for adapters, zeroed; replaces none. */
QF_MUST_CHECK qf_status qf_qmodel_add_adapters(qf_qmodel *model, int rank, float scale);
void qf_qmodel_drop_adapters(qf_qmodel *model); /* those it has, if any */
void qf_qmodel_release(qf_qmodel *model);

QF_MUST_CHECK qf_status qf_qmodel_load(const char *directory, qf_qmodel *model);
/* The same for those who want a copy at a time, as an engine of one subnet does: a copy is
 * there between taking and dropping it.  The file stays open.  Of a model that was loaded
 * taking does nothing. */
QF_MUST_CHECK qf_status qf_qmodel_open(const char *directory, qf_qmodel *model);
QF_MUST_CHECK qf_status qf_qmodel_take(const qf_qmodel *model, int index, int bits);
void qf_qmodel_drop(const qf_qmodel *model, int index, int bits);
void qf_qmodel_drop_codes(const qf_qmodel *model, int index, int bits); /* and scales */
/* Of a model that was opened, codes and scales come from its file; all offsets must be there.
 */
QF_MUST_CHECK qf_status qf_qmodel_save(const qf_qmodel *model, const char *directory);
/* The same of a reserved model whose blocks come one by one: bring fills the copies of a
 * block.  Its codes are dropped again; what stays is a quarter of them. */
typedef qf_status qf_qmodel_bring(void *context, int layer);
QF_MUST_CHECK qf_status qf_qmodel_save_blocks(const qf_qmodel *model, const char *directory,
                                              qf_qmodel_bring *bring, void *context);
/* Whether path is a directory written by qf_qmodel_save. */
bool qf_qmodel_is(const char *path);

/* Linear `index` (layer * QF_LINEARS + kind) at `bits`; NULL when not a width of it. */
const qf_qlinear *qf_qmodel_linear(const qf_qmodel *model, int index, int bits);
/* A view of its frozen matrix, adapter left out. */
qf_qmatrix qf_qmodel_matrix(const qf_qmodel *model, int index, int bits);
/* Offsets [n][groups] with the adapter folded in: offset + s B A.  `offset` may be the
 * model's own. */
void qf_qmodel_merged_offsets(const qf_qmodel *model, int index, int bits, float *offset);

#endif
