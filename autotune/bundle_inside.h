/* bundle_inside.h -- what making and writing a bundle share. */
#ifndef QF_AUTOTUNE_BUNDLE_INSIDE_H
#define QF_AUTOTUNE_BUNDLE_INSIDE_H

#include "qforge/bundle.h"
#include "qforge/codegen.h"

typedef struct qf_bundle_object {
    qf_isa isa;
    char symbol[QF_NAME_MAX];
    qf_code code;
} qf_bundle_object;

/* A text of the bundle from its template among qf_bundle_texts, whose @WORDS@ are in
 * bundle_text.c; made with qf_alloc. */
QF_MUST_CHECK qf_status qf_bundle_text(const qf_bundle *bundle, const char *template_name,
                                       char **text, size_t *size);

#endif
