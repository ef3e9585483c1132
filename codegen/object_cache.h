/* object_cache.h -- emitted objects on disk, found by what they were made from.
 *
 * The key is a hash of the kernel's IR, the target's features and LLVM's version: a
 * changed emitter or compiler asks for another file, so nothing stale is ever loaded.
 * Each file ends in a hash of its bytes: a torn or damaged one is made again. */
#ifndef QF_CODEGEN_OBJECT_CACHE_H
#define QF_CODEGEN_OBJECT_CACHE_H

#include "qforge/codegen.h"

/* directory NULL: no cache.  Trouble with the cache is not an error. */
QF_MUST_CHECK qf_status cg_cached_object(const char *directory, const qf_kernel_id *id,
                                         qf_code *code);

#endif
