/* emit.h -- the vocabulary emitters speak: values, loops and branches over the LLVM C API.
 *
 * No emitter builds a basic block or a phi by hand.  Vectors come in one width, the
 * ISA's: `lanes` fp32 numbers, equally many i32, twice as many i16, four times i8. */
#ifndef QF_CODEGEN_EMIT_H
#define QF_CODEGEN_EMIT_H

#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/codegen.h"
#include "qforge/kernel.h"

struct cg_isa;

typedef struct cg_emit {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef build;
    LLVMValueRef function;
    const struct cg_isa *isa;
    const qf_kernel_id *id; /* NULL for what is no GEMM kernel, which reads `what` */
    const void *what;
    int lanes;         /* fp32 numbers in a vector */
    int panel;         /* rows of a weight panel, 2 * lanes */
    qf_misfit *misfit; /* checks say here what is wrong; NULL: nobody asks */
    unsigned
        align; /* bytes every vector of packed weights is aligned to: its own, 32 at most */
    LLVMTypeRef i1, i8, i16, i32, i64, f16, f32, pointer;
    LLVMTypeRef vf32, vf16, vi32, vi16, vi8;
} cg_emit;

/* ---- constants ---- */
LLVMValueRef cg_i64(const cg_emit *e, int64_t value);
LLVMValueRef cg_bytes(const cg_emit *e, int value); /* <4 lanes x i8> of one value */
LLVMValueRef cg_words(const cg_emit *e, int value); /* <lanes x i32> of one value */
LLVMValueRef cg_zero(LLVMTypeRef type);

/* ---- addresses and memory; offsets in bytes ---- */
LLVMValueRef cg_at(const cg_emit *e, LLVMValueRef base, LLVMValueRef offset);
/* An address to prefetch, which may lie behind everything there is. */
LLVMValueRef cg_beyond(const cg_emit *e, LLVMValueRef base, LLVMValueRef offset);
LLVMValueRef cg_at_const(const cg_emit *e, LLVMValueRef base, int64_t offset);
LLVMValueRef cg_load(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at, unsigned align);
void cg_store(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, unsigned align);
enum { CG_LINE = 64 }; /* bytes of a cache line, on all that is emitted for or close to it */
/* The lines of the next `bytes`: into L1, to be written or read at once; or into L2, for what
 * is read a while later.  Addresses that are none do no harm. */
typedef enum cg_intent { CG_TO_WRITE, CG_TO_READ, CG_TO_READ_AT_ONCE } cg_intent;
void cg_prefetch(const cg_emit *e, LLVMValueRef at, int64_t bytes, cg_intent intent);
/* Field of qf_gemm_args. */
LLVMValueRef cg_argument(const cg_emit *e, LLVMTypeRef type, size_t offset);

/* ---- i64 arithmetic ---- */
LLVMValueRef cg_add(const cg_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_sub(const cg_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef cg_mul(const cg_emit *e, LLVMValueRef a, int64_t b);
LLVMValueRef cg_div(const cg_emit *e, LLVMValueRef a, int64_t b);       /* a >= 0 */
LLVMValueRef cg_less(const cg_emit *e, LLVMValueRef a, LLVMValueRef b); /* signed */

/* ---- vectors ---- */
LLVMValueRef cg_splat(const cg_emit *e, LLVMValueRef scalar);
/* One float from memory in every lane. */
LLVMValueRef cg_load_splat(const cg_emit *e, LLVMValueRef at);
/* Four bytes from memory in every lane, as <4 lanes x i8>. */
LLVMValueRef cg_load_splat_quad(const cg_emit *e, LLVMValueRef at);
/* A run of numbers, or of quads, in memory, one a row of the tile, each to be multiplied with
 * whole vectors: broadcast one by one, or taken as lanes of four where the instruction set
 * can. */
typedef struct cg_splats {
    LLVMValueRef at;
    int count;
    LLVMValueRef value; /* the one at hand in every lane, or four of them */
    int lane;           /* of the four; -1: in every lane */
} cg_splats;
/* Brings number i to hand; in ascending order. */
void cg_splat_take(const cg_emit *e, cg_splats *splats, int i);
void cg_splat_take_quad(const cg_emit *e, cg_splats *splats, int i);
/* acc + the one at hand times w; acc + the products of the quad at hand with codes. */
LLVMValueRef cg_splat_fma(const cg_emit *e, const cg_splats *splats, LLVMValueRef w,
                          LLVMValueRef acc);
LLVMValueRef cg_splat_dot(const cg_emit *e, const cg_splats *splats, LLVMValueRef codes,
                          LLVMValueRef acc);
LLVMValueRef cg_fma(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
/* Shuffles by a list of indices into a followed by b. */
LLVMValueRef cg_shuffle(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, const int *index,
                        int count);
/* Calls an overloaded or plain intrinsic. */
LLVMValueRef cg_intrinsic(const cg_emit *e, const char *name, LLVMTypeRef *overload,
                          unsigned overloads, LLVMValueRef *args, unsigned count);
/* Lanes below `count` (an i64, may be negative): <lanes x i1>. */
LLVMValueRef cg_mask_below(const cg_emit *e, LLVMValueRef count);

/* Pins values in registers at this point and keeps what computes them from moving
 * across it: an empty inline assembly with each value as in- and output.  Without it
 * LLVM's scheduler interleaves unrolled steps and spills the accumulators.  Tying a
 * pointer holds back every later load through it, so a step's unpacking cannot be pulled
 * in front of the step before; the processor reorders as it likes. */
void cg_tie(const cg_emit *e, LLVMValueRef *value, int count);

/* ---- control flow ---- */
enum { CG_CARRIED_MAX = 160 };

/* for (index = begin; index < end; index += step), tested at the bottom after a guard;
 * `carried` values go round: they are replaced by the loop's phis at begin, and by the
 * values after the loop at end. */
typedef struct cg_loop {
    LLVMValueRef index;
    LLVMValueRef limit;
    int64_t step;
    LLVMBasicBlockRef before, body, after;
    int carried;
    LLVMValueRef start[CG_CARRIED_MAX], phi[CG_CARRIED_MAX];
} cg_loop;
void cg_loop_begin(const cg_emit *e, cg_loop *loop, LLVMValueRef begin, LLVMValueRef end,
                   int64_t step, int carried, LLVMValueRef *value);
void cg_loop_end(const cg_emit *e, cg_loop *loop, LLVMValueRef *value);

/* if (condition) { … } else { … }, without values. */
typedef struct cg_if {
    LLVMBasicBlockRef other, after;
} cg_if;
void cg_if_begin(const cg_emit *e, cg_if *branch, LLVMValueRef condition);
void cg_else(const cg_emit *e, cg_if *branch);
void cg_if_end(const cg_emit *e, cg_if *branch);

#endif
