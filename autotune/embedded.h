/* embedded.h -- files that lie in the program, so that it needs no folder of its own
 * (cmake/EmbedFiles.cmake). */
#ifndef QF_AUTOTUNE_EMBEDDED_H
#define QF_AUTOTUNE_EMBEDDED_H

#include <stddef.h>

typedef struct qf_embedded {
    const char *name;
    const unsigned char *bytes; /* followed by a NUL */
    size_t size;
} qf_embedded;

/* Tables that end with a row without a name. */
extern const qf_embedded
    qf_aot_objects[]; /* the runtime of a bundle, compiled for this machine */
extern const qf_embedded qf_aot_files[];    /* the same as C, below src/ and include/ */
extern const qf_embedded qf_bundle_texts[]; /* of a bundle: header, example, Makefile */

#endif
