/* plain_weights.h -- fp32 copies of the weights, for peers that multiply by them as they
 * are. */
#ifndef QF_CLI_PLAIN_WEIGHTS_H
#define QF_CLI_PLAIN_WEIGHTS_H

#include "peer.h"

typedef struct cli_plain_weights {
    cli_operands operands; /* w: not ours any more */
    int copies;
    float **w; /* [copies][n][k] */
} cli_plain_weights;

/* prepare and close of such a peer; self is a cli_plain_weights. */
QF_MUST_CHECK qf_status cli_plain_prepare(cli_peer *peer, const cli_operands *operands,
                                          int copies);
void cli_plain_close(cli_peer *peer);

#endif
