/* peer.c -- finds a peer in the table and holds it against the plain product. */
#include "peer.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"

typedef qf_status opener(const cli_peer_wish *wish, cli_peer *peer);

static const struct {
    const char *name;
    opener *open;
} table[] = {
#define CLI_PEER(name, summary) {#name, cli_peer_open_##name},
#include "peers.def"
#undef CLI_PEER
};

static const char names[] =
#define CLI_PEER(name, summary) " " #name
#include "peers.def"
#undef CLI_PEER
    ;

static opener *find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0) return table[i].open;
    return NULL;
}

qf_status cli_peer_open(const cli_peer_wish *wish, const qf_problem *problem, cli_peer *peer)
{
    *peer = (cli_peer){.problem = *problem};
    if ((!wish->name || strcmp(wish->name, "ggml") != 0) &&
        (wish->ggml_lib || wish->ggml_type || wish->ggml_cpu))
        return qf_fail(QF_USAGE, "--ggml-lib, --ggml-type and --ggml-cpu need --vs ggml");
    if (!wish->name) return QF_OK;
    opener *open = find(wish->name);
    if (!open) return qf_fail(QF_USAGE, "--vs: no peer '%s' (there are:%s)", wish->name, names);
    const qf_status status = open(wish, peer);
    if (status != QF_OK) cli_peer_close(peer);
    return status;
}

void cli_peer_close(cli_peer *peer)
{
    if (peer->call) peer->call->close(peer);
    *peer = (cli_peer){0};
}

/* ---- is it right? ---- */

static double norm(const float *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
    return sqrt(sum);
}

static double distance(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double difference = (double)a[i] - b[i];
        sum += difference * difference;
    }
    return isnan(sum) ? INFINITY : sqrt(sum);
}

double cli_peer_error(const qf_problem *problem, const cli_operands *operands)
{
    const bool forward = problem->op == QF_FORWARD;
    const int64_t depth = forward ? problem->k : problem->n;
    const int64_t columns = forward ? problem->n : problem->k;
    const int64_t rows = problem->m < 4 ? problem->m : 4;
    const double gain = norm(operands->w, problem->n * problem->k) / sqrt((double)depth);
    qf_problem one = *problem;
    double worst = 0;

    float *right = qf_alloc_array((size_t)columns, sizeof *right);
    if (!right) return -1;
    one.m = 1;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t row = rows > 1 ? i * (problem->m - 1) / (rows - 1) : 0;
        const float *x = operands->x + row * depth;
        cli_plain_product(&one, operands->w, x, right);
        const double error = distance(operands->y + row * columns, right, columns);
        const double size = gain * norm(x, depth);
        worst = fmax(worst, size > 0 ? error / size : error);
    }
    qf_free(right);
    return worst;
}

static qf_status check_copy(cli_peer *peer, const cli_operands *operands, int copy)
{
    const qf_problem *p = &peer->problem;
    const int64_t size = p->m * (p->op == QF_FORWARD ? p->n : p->k);

    for (int64_t i = 0; i < size; i++) operands->y[i] = NAN; /* what is not written shows */
    peer->call->run(peer, copy);
    const double error = cli_peer_error(p, operands);
    if (error < 0) return QF_MEMORY;
    if (error > peer->tolerance)
        return qf_fail(QF_WRONG,
                       "%s (%s): its product is off by %.2g of its size, %.2g is the limit",
                       peer->name, peer->variant, error, peer->tolerance);
    return QF_OK;
}

qf_status cli_peer_check(cli_peer *peer, const cli_operands *operands, int copies)
{
    QF_TRY(check_copy(peer, operands, 0));
    return copies > 1 ? check_copy(peer, operands, copies - 1) : QF_OK;
}
