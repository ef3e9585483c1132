/* listing.h -- the assembly of a kernel, of any architecture: its lines, loops and spills. */
#ifndef QF_CHECK_LISTING_H
#define QF_CHECK_LISTING_H

#include <stdbool.h>

#include "qforge/codegen.h"

enum { CHECK_LINES_MAX = 40000 };

typedef struct check_listing {
    const qf_kernel_id *id;
    char name[QF_NAME_MAX];
    qf_code code;
    const char *line[CHECK_LINES_MAX];
    int lines;
} check_listing;

/* Lines, both in it. */
typedef struct check_span {
    int first, last;
} check_span;

/* How an instruction set's assembly says it. */
typedef struct check_words {
    const char *call;
    const char *fma[2];  /* multiply-adds of floats, mnemonics that may go either way */
    const char *convert; /* integers to floats */
    const char *dot;     /* byte products; NULL: no instruction */
    const char *matrix;  /* products of four rows by eight k; NULL: no instruction */
    int dot_bits;        /* of a code they can take */
    const char *whole;   /* what names a register of full width; "\t" where mnemonics do */
} check_words;

check_words check_words_of(qf_isa isa);

/* False, with qf_message(), when it cannot be emitted.  The id must live as long. */
bool check_listing_make(const qf_kernel_id *id, check_listing *l);
void check_listing_release(check_listing *l);

bool check_has(const check_listing *l, int line, const char *what);
int check_count(const check_listing *l, check_span s, const char *what);
int check_count_bytes(const check_listing *listing, check_span span); /* dot and matrix */
int check_count_fma(const check_listing *l, check_span s);
/* Neither a label nor a directive nor a comment. */
int check_instructions(const check_listing *l, check_span s);
/* A vector to or from the stack; the same, only to. */
bool check_on_stack(const check_listing *l, int line);
bool check_to_stack(const check_listing *l, int line);

/* The innermost loop with the most products, floats' or bytes', and no conversion if
 * `pure`; false when there is none. */
bool check_hot_loop(const check_listing *l, bool bytes, bool pure, check_span *loop);

#endif
