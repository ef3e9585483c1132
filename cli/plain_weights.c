/* plain_weights.c -- fp32 copies of the weights. */
#include "plain_weights.h"

#include <string.h>

#include "qforge/memory.h"

qf_status cli_plain_prepare(cli_peer *peer, const cli_operands *operands, int copies)
{
    cli_plain_weights *plain = peer->self = qf_alloc(sizeof *plain);
    if (!plain) return QF_MEMORY;
    plain->operands = *operands;
    plain->w = qf_alloc_array((size_t)copies, sizeof *plain->w);
    if (!plain->w) return QF_MEMORY;
    for (; plain->copies < copies; plain->copies++) {
        float *w = qf_alloc((size_t)peer->weight_bytes);
        if (!w) return QF_MEMORY;
        memcpy(w, operands->w, (size_t)peer->weight_bytes);
        plain->w[plain->copies] = w;
    }
    return QF_OK;
}

void cli_plain_close(cli_peer *peer)
{
    cli_plain_weights *plain = peer->self;
    if (!plain) return;
    for (int i = 0; i < plain->copies; i++) qf_free(plain->w[i]);
    qf_free(plain->w);
    qf_free(plain);
}
