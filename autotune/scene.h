/* scene.h -- one product as it is heard: its numbers, where they lie, what is wanted. */
#ifndef QF_AUTOTUNE_SCENE_H
#define QF_AUTOTUNE_SCENE_H

#include "hearing.h"
#include "qforge/pack.h"
#include "qforge/random.h"

typedef struct scene {
    qf_courtroom *room;
    const qf_kernel *kernel;
    const qf_hearing *hearing;
    const qf_recipe_row *recipe;
    qf_layout layout;
    int64_t wn, wk, groups; /* W is [wn][wk] */
    int64_t padded;         /* depth in whole groups or panels */
    qf_random random;
    /* logical operands */
    uint8_t *code;
    float *scale, *offset;  /* as packed, rounded to the layout's type */
    float *plain;           /* f32 weights */
    float *x;               /* [m][depth] */
    float *before;          /* [m][columns], c at the start */
    float *tail_x, *tail_w; /* [m][tail], [columns][tail] */
    double *want, *bound;
    qf_packed packed;
    qf_guarded w, c, scratch, tail_blocks, tail_panels;
    int64_t ldc;
} scene;

/* want, and the bound of every error, of the logical operands.  QF_MEMORY. */
QF_MUST_CHECK qf_status scene_answer(scene *s);

#endif
