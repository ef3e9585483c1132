/* quantise.h -- a whole model, block by block: the seven linears of each at every width
 * asked for; embedding, norms and head stay as they are.
 *
 * Methods that look at inputs see those of calibration text, which is carried along through
 * the blocks: through the full-precision network, so that one Hessian serves every width and
 * widths can be mixed later without having counted on each other; or, for each width by
 * itself, through the blocks as they were quantised, whose errors later blocks then make up
 * for. */
#ifndef QF_TRAIN_QUANTISE_H
#define QF_TRAIN_QUANTISE_H

#include "../checkpoint.h"
#include "calibrate.h"
#include "methods.h"

typedef struct tr_quantise_options {
    tr_method method;
    quant_options options;
    int group;
    qf_params params; /* what scales and offsets are rounded to (grid.h) */
    int widths, width[QF_WIDTHS_MAX];
    tr_calibration calibration; /* source and pool always; the rest for methods that need
                                   inputs */
    bool quantised_inputs;      /* calibrate behind quantised blocks; always so for methods
                                   that compare (methods.h) */
    double damping;             /* of the Hessian's mean diagonal, e.g. 0.01 */
    const char *partial;        /* directory for finished blocks (NULL: none): those there
                                   are taken, others are added; see tr_quantise_forget */
    bool frugal;                /* blocks leave memory when they are kept in `partial`: for
                                   models larger than it; see tr_quantise_save */
    qf_progress *reading;       /* may be NULL; counts the blocks of a model that is read to
                                   be known again in `partial`, before all work */
    qf_progress *progress;      /* may be NULL; counts work: equal parts, roughly, in equal
                                   time; of blocks that `partial` has only what
                                   passes them is, so the total falls when they are met,
                                   and done may be 0 */
    void *progress_context;     /* of both */
} tr_quantise_options;

/* The options that are not the defaults, as they are written into a quantised directory:
 * "grid=search, act-order". */
void tr_quantise_recipe(const tr_quantise_options *options, char recipe[QF_RECIPE_MAX]);

typedef struct tr_quantise_report {
    double damping;          /* the largest that was needed */
    int resumed;             /* blocks that were there already */
    char run[TR_RECIPE_MAX]; /* what is written into finished blocks */
} tr_quantise_report;

/* Makes `quantised`; after a frugal run its blocks are in `partial` alone.  A model of
 * qf_model_open is read block by block.  report may be NULL. */
QF_MUST_CHECK qf_status tr_quantise(const tr_quantise_options *options, const qf_model *model,
                                    qf_qmodel *quantised, tr_quantise_report *report);

/* Saves what tr_quantise made and reported, frugally or not, and removes the finished
 * blocks. */
QF_MUST_CHECK qf_status tr_quantise_save(const tr_quantise_options *options,
                                         const tr_quantise_report *report,
                                         const qf_qmodel *quantised, const char *directory);

/* Whether a run left finished blocks there; removes them and the directory. */
bool tr_quantise_begun(const char *partial);
QF_MUST_CHECK qf_status tr_quantise_forget(const char *partial);

#endif
