/* peer.h -- what a product is compared with, in the same run.
 *
 * A peer is opened for one problem, prepared with the weights it multiplies by, run, and
 * closed.  It keeps as many copies of its weights as it is told to, in its own format.
 * Peers are rows of peers.def; their libraries are loaded when asked for, so that the
 * program depends on none. */
#ifndef QF_CLI_PEER_H
#define QF_CLI_PEER_H

#include "qforge/kernel.h"

/* What the command line says.  ggml_*: NULL when not said. */
typedef struct cli_peer_wish {
    const char *name;      /* a row of peers.def, or NULL: no peer */
    const char *ggml_lib;  /* directory of libggml-base.so and libggml-cpu*.so */
    const char *ggml_type; /* weight format; default by the problem's bits */
    const char *ggml_cpu;  /* NAME of libggml-cpu-NAME.so; default the best that runs here */
} cli_peer_wish;

/* The product in fp32: forward y[m][n] = x[m][k] w[n][k]^T, grad-input
 * y[m][k] = x[m][n] w[n][k].  w is there only while the peer is prepared, which overwrites
 * it with the nearest its format holds; x and y stay where they are until it is closed. */
typedef struct cli_operands {
    float *w;
    const float *x;
    float *y;
} cli_operands;

typedef struct cli_peer cli_peer;
typedef struct cli_peer_calls {
    QF_MUST_CHECK qf_status (*prepare)(cli_peer *peer, const cli_operands *operands,
                                       int copies);
    void (*run)(cli_peer *peer, int copy); /* the timed one: y = the product */
    void (*rest)(cli_peer *peer);          /* its threads stop spinning; may be NULL */
    void (*close)(cli_peer *peer);         /* whatever was done before */
} cli_peer_calls;

enum { CLI_PEER_TEXT = 160 };
struct cli_peer {
    const cli_peer_calls *call; /* NULL: no peer */
    char name[32];              /* "openblas", "ggml q4_0" */
    char variant[CLI_PEER_TEXT];
    qf_problem problem;
    int64_t weight_bytes; /* of one copy as it is stored */
    double tolerance;     /* largest honest cli_peer_error */
    void *self;           /* the peer's own */
};

/* Opens the peer that wish names for the problem; its threads, problem->threads with the
 * caller, may start here or at any later call.  QF_NOT_FOUND with a sentence when a
 * library is not there, QF_USAGE when the wish is none, QF_SHAPE when the peer cannot
 * multiply this. */
QF_MUST_CHECK qf_status cli_peer_open(const cli_peer_wish *wish, const qf_problem *problem,
                                      cli_peer *peer);
void cli_peer_close(cli_peer *peer); /* also a zeroed one */

/* Runs the prepared peer with its first and its last copy and compares y with the plain
 * product of the weights as the peer holds them: QF_WRONG with a sentence beyond the tolerance,
 * so that nothing that computes something else is timed. */
QF_MUST_CHECK qf_status cli_peer_check(cli_peer *peer, const cli_operands *operands,
                                       int copies);

/* How far y is from the plain product: |error| of the worst of up to four rows, in the
 * 2-norm, in units of the size it has when x is random, |x| |w| / sqrt(depth).  NaN counts
 * as infinite.  Negative: memory is out. */
double cli_peer_error(const qf_problem *problem, const cli_operands *operands);

/* Each opener fills call, name, variant, weight_bytes, tolerance; problem is filled. */
#define CLI_PEER(name, summary)                                                                \
    QF_MUST_CHECK qf_status cli_peer_open_##name(const cli_peer_wish *wish, cli_peer *peer);
#include "peers.def"
#undef CLI_PEER

/* The plain C product: the reference peer, and what all are checked by. */
void cli_plain_product(const qf_problem *problem, const float *w, const float *x, float *y);

#endif
