/* isa.h -- what the emitters need to know of an instruction set.
 *
 * Everything that can be said in plain vector IR is; a hook exists only where an
 * instruction has no IR spelling.  A new ISA is one isa_<name>.c and a row in isas.def. */
#ifndef QF_CODEGEN_ISA_H
#define QF_CODEGEN_ISA_H

#include "emit.h"

/* Products of unsigned codes with int8 activations: lanes x 4 of each go in, one partial
 * sum per lane comes out, in an accumulator of the ISA's own type. */
typedef struct cg_dot {
    LLVMTypeRef (*type)(const cg_emit *e); /* of the accumulator */
    /* acc + the products of quad (u8) and x (s8), both <4 lanes x i8> */
    LLVMValueRef (*add)(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad, LLVMValueRef x);
    /* The products alone, of the accumulator's type; NULL: one instruction adds them. */
    LLVMValueRef (*product)(const cg_emit *e, LLVMValueRef quad, LLVMValueRef x);
    LLVMValueRef (*finish)(const cg_emit *e, LLVMValueRef acc); /* <lanes x i32> */
    int max_bits;              /* of a code one add can take without saturating */
    int (*max_adds)(int bits); /* adds before finish() that cannot overflow */
} cg_dot;

/* Products that take one of four numbers, or quads, of an operand: four broadcasts are one
 * load. */
typedef struct cg_lanes {
    /* Sixteen bytes, in whatever form the other two take them. */
    LLVMValueRef (*load)(const cg_emit *e, LLVMValueRef at);
    /* acc + number `lane` (0..3) times w; acc + the products of quad `lane` with codes. */
    LLVMValueRef (*fma)(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef w,
                        LLVMValueRef acc);
    LLVMValueRef (*dot)(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef codes,
                        LLVMValueRef acc);
} cg_lanes;

/* Products of whole matrices, two rows of activations by two columns of codes over eight k in
 * every 128 bits.  Two neighbouring quads are woven for it, even words and odd ones,
 *
 *     a = a0 a1 a2 a3 …, b = b0 b1 b2 b3 …  ->  a0 b0 a2 b2 …,  a1 b1 a3 b3 …
 *
 * where a word is four k of a column (of a row): columns 0 and 2, 1 and 3 are then neighbours
 * with eight k each.  Weaving what was woven gives back a and b, and parts the sums likewise.
 */
typedef struct cg_matrix {
    /* Codes or sums, or what cg_lanes loads; woven is of the same type. */
    void (*weave)(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef woven[2]);
    /* acc <lanes x i32>, woven codes, woven activations */
    LLVMValueRef (*add)(const cg_emit *e, LLVMValueRef acc, LLVMValueRef codes, LLVMValueRef x);
} cg_matrix;

typedef struct cg_isa {
    const char *triple, *cpu; /* NULL triple: not emitted (the reference) */
    int registers;            /* vector registers */
    const char *tie;          /* inline-assembly constraint of a vector register */
    int scalable;             /* bytes of vscale's unit; 0: vectors have one length */
    const cg_dot *dot;
    const cg_lanes *lanes;   /* NULL: every lane must hold the number */
    const cg_matrix *matrix; /* beside dot and lanes; NULL: there is no such product */
    /* Bytes of `table`, one for every byte of `index`, which is below sixteen, of the same 128
     * bits; NULL where products are not looked up. */
    LLVMValueRef (*lookup)(const cg_emit *e, LLVMValueRef table, LLVMValueRef index);
    void (*mark)(const cg_emit *e); /* attributes of the function; may be NULL */
    /* (byte >> shift) & mask of <4 lanes x i8>; NULL where that is two instructions. */
    LLVMValueRef (*cut)(const cg_emit *e, LLVMValueRef bytes, int shift, int mask);
    /* Stores the lanes of <lanes x float>, `stride` bytes apart; NULL where one instruction
     * cannot. */
    void (*spread)(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride);
    /* One <i32 or float> from memory in every lane of the type; NULL: a load and a splat. */
    LLVMValueRef (*broadcast)(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at);
    /* <lanes x half> to <lanes x float>; NULL where the instruction set converts. */
    LLVMValueRef (*widen)(const cg_emit *e, LLVMValueRef half);
} cg_isa;

#define QF_ISA(id, name, arch, vector_bytes, bytes, features) extern const cg_isa cg_isa_##id;
#include "qforge/isas.def"
#undef QF_ISA

const cg_isa *cg_isa_of(qf_isa isa);

#endif
