/* loader.h -- functions of any kind in a qf_jit, made once each. */
#ifndef QF_CODEGEN_LOADER_H
#define QF_CODEGEN_LOADER_H

#include "qforge/codegen.h"

/* Makes an object that defines the symbol; cache is the jit's directory or NULL. */
typedef qf_status cg_emitter(const char *cache, const void *what, qf_code *code);

/* The address of `symbol` (QF_NAME_MAX bytes, zero padded), made by emit(what) when it is
 * not there yet.  hash may be NULL.  Thread-safe. */
QF_MUST_CHECK qf_status cg_jit_function(qf_jit *jit, const char symbol[QF_NAME_MAX],
                                        cg_emitter *emit, const void *what, uintptr_t *address,
                                        char hash[17]);

#endif
