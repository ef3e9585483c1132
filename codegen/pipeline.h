/* pipeline.h -- any function for any instruction set, from a body that emits it. */
#ifndef QF_CODEGEN_PIPELINE_H
#define QF_CODEGEN_PIPELINE_H

#include "emit.h"
#include "qforge/codegen.h"

/* Emits a body, up to, not including, the return. */
typedef void cg_body(const cg_emit *e);

/* Makes void symbol(const void *args).  id and what reach the body as e->id and e->what;
 * either may be NULL.  symbol NULL: no function, the body adds data to the module.  The ISA
 * must be one that is emitted.  Thread-safe. */
QF_MUST_CHECK qf_status cg_emit_function(qf_isa isa, const qf_kernel_id *id, const void *what,
                                         const char *symbol, cg_body *body, qf_code_form form,
                                         qf_code *code);

#endif
