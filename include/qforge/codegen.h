/* qforge/codegen.h -- kernels made at run time.
 *
 * Emission gives pure bytes: no address of this process is in them, so they can be
 * hashed, kept on disk, printed for an ISA this machine lacks, and run elsewhere.
 * LLVM is known to this room only. */
#ifndef QFORGE_CODEGEN_H
#define QFORGE_CODEGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/status.h"

typedef enum qf_code_form { QF_CODE_IR, QF_CODE_ASM, QF_CODE_OBJECT } qf_code_form;

typedef struct qf_code {
    uint8_t *bytes; /* owned; text forms end in NUL (not counted) */
    size_t size;
} qf_code;

/* Emits one kernel.  QF_UNSUPPORTED when the tile cannot live in the registers, the
 * recipe has no such format or the ISA cannot be emitted; QF_CODEGEN when LLVM refused
 * (a bug of ours).  Thread-safe. */
QF_MUST_CHECK qf_status qf_codegen_emit(const qf_kernel_id *id, qf_code_form form,
                                        qf_code *code);
void qf_code_release(qf_code *code);
/* 64-bit content hash, as 16 hexadecimal digits. */
void qf_code_hash(const qf_code *code, char hash[17]);
/* "LLVM 19.1.7" */
const char *qf_codegen_version(void);

/* Whether kernels are emitted for this ISA; those of `c` are compiled. */
bool qf_codegen_emits(qf_isa isa);
/* Whether the tile is one the recipe can be emitted for: what the tuner's space is made
 * of.  QF_UNSUPPORTED with a sentence saying why not. */
QF_MUST_CHECK qf_status qf_codegen_check(const qf_kernel_id *id);
/* The same for those who count. */
typedef enum qf_misfit {
    QF_FITS,
    QF_MISFIT_FORMAT,   /* the recipe has no such format, the ISA cannot be emitted */
    QF_MISFIT_TILE,     /* no tile of any recipe */
    QF_MISFIT_UNROLL,   /* there is no loop to unroll */
    QF_MISFIT_COLUMNS,  /* nr does not divide what is dequantised at once */
    QF_MISFIT_REGISTERS /* it would spill */
} qf_misfit;
qf_misfit qf_codegen_misfit(const qf_kernel_id *id);

/* ---- kernels for another day ---- */
/* An object with the table `symbol` of at most QF_TABLE_MAX kernels in other objects
 * (qf_aot_kernel of aot.h, the last row all zero), for the architecture of an ISA that is
 * emitted. */
enum { QF_TABLE_MAX = 4096 }; /* rows */
typedef struct qf_table_row {
    qf_problem problem;
    qf_kernel_id kernel;
} qf_table_row;
QF_MUST_CHECK qf_status qf_codegen_table(qf_isa isa, const char *symbol,
                                         const qf_table_row *rows, int count, qf_code_form form,
                                         qf_code *code);

/* ---- loading ---- */
typedef struct qf_jit qf_jit;

/* cache: directory for objects (made when missing), NULL for none; a damaged or
 * unwritable cache costs time, never correctness. */
QF_MUST_CHECK qf_status qf_jit_create(const char *cache, qf_jit **jit);
void qf_jit_destroy(qf_jit *jit); /* kernels of it are gone */
/* The directory, the jit's own string; NULL: none.  Another jit on it loads the same code a
 * second time. */
const char *qf_jit_cache(const qf_jit *jit);

/* A callable kernel; emitted, or taken from memory or disk.  hash (may be NULL) is the
 * code's.  Thread-safe; the function lives as long as the jit. */
QF_MUST_CHECK qf_status qf_jit_get(qf_jit *jit, const qf_kernel_id *id, qf_gemm_fn **kernel,
                                   char hash[17]);

#endif
