/* bundle_inside.h -- what making and writing a bundle share. */
#ifndef QF_AUTOTUNE_BUNDLE_INSIDE_H
#define QF_AUTOTUNE_BUNDLE_INSIDE_H

#include "qforge/bundle.h"
#include "qforge/codegen.h"

typedef struct qf_bundle_object {
    qf_isa isa;
    char symbol[QF_NAME_MAX];
    qf_code code;
    bool judged;
} qf_bundle_object;

/* Emits the kernels of the rows, and judges those of the instruction sets `here` that this
 * machine runs: QF_WRONG when one fails. */
QF_MUST_CHECK qf_status qf_bundle_emit(qf_bundle *bundle, uint32_t here);

/* A text of the bundle from its template among qf_bundle_texts, whose @WORDS@ are in
 * bundle_text.c; made with qf_alloc. */
QF_MUST_CHECK qf_status qf_bundle_text(const qf_bundle *bundle, const char *template_name,
                                       char **text, size_t *size);

#endif
