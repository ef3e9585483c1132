/* train_config.c -- a table of keys drives the parser. */
#include "train_config.h"

#include <stdlib.h>
#include <string.h>

typedef struct key {
    const char *name;
    int *number; /* one of the two */
    float *real;
    bool *flag;
} key;

static qf_status store(const key *k, const char *value, size_t length)
{
    char *end;
    const double number = strtod(value, &end);
    if (end != value + length || length == 0 || !(number >= 0 && number <= 1e9))
        return qf_fail(QF_USAGE, "--config: %s: '%.*s' is not a number", k->name, (int)length,
                       value);
    if (k->real) {
        *k->real = (float)number;
        return QF_OK;
    }
    if (number != (double)(int)number || (k->flag && number > 1))
        return qf_fail(QF_USAGE, "--config: %s: '%.*s' is not %s", k->name, (int)length, value,
                       k->flag ? "0 or 1" : "a whole number");
    if (k->flag)
        *k->flag = number > 0;
    else
        *k->number = (int)number;
    return QF_OK;
}

static qf_status parse_pair(const key *keys, const char *pair, size_t length)
{
    const size_t name = strcspn(pair, "=,");
    if (name >= length)
        return qf_fail(QF_USAGE, "--config: '%.*s' is no key=value", (int)length, pair);
    for (const key *k = keys; k->name; k++)
        if (strlen(k->name) == name && strncmp(k->name, pair, name) == 0)
            return store(k, pair + name + 1, length - name - 1);
    return qf_fail(QF_USAGE, "--config: unknown key '%.*s'", (int)name, pair);
}

static qf_status fill_in(qf_config *c)
{
    const struct {
        const char *name;
        int value;
    } needed[] = {{"dim", c->dim},
                  {"hidden", c->hidden},
                  {"layers", c->layers},
                  {"heads", c->heads},
                  {"vocab", c->vocab}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (needed[i].value < 1)
            return qf_fail(QF_USAGE, "--config: %s is missing", needed[i].name);
    if (!c->kv_heads) c->kv_heads = c->heads;
    if (!c->head_dim && c->dim % c->heads)
        return qf_fail(QF_USAGE, "--config: dim %d is no multiple of %d heads", c->dim,
                       c->heads);
    if (!c->head_dim) c->head_dim = c->dim / c->heads;
    return qf_config_check(c, "--config");
}

qf_status cli_config_parse(const char *text, qf_config *c)
{
    *c = (qf_config){.context = 256,
                     .rope_theta = 10000,
                     .norm_eps = 1e-5f,
                     .tied = true,
                     .bos = -1,
                     .eos = -1};
    const key keys[] = {
        {.name = "dim", .number = &c->dim},
        {.name = "hidden", .number = &c->hidden},
        {.name = "layers", .number = &c->layers},
        {.name = "heads", .number = &c->heads},
        {.name = "kv_heads", .number = &c->kv_heads},
        {.name = "head_dim", .number = &c->head_dim},
        {.name = "vocab", .number = &c->vocab},
        {.name = "context", .number = &c->context},
        {.name = "rope_theta", .real = &c->rope_theta},
        {.name = "norm_eps", .real = &c->norm_eps},
        {.name = "tied", .flag = &c->tied},
        {0},
    };
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        QF_TRY(parse_pair(keys, at, length));
        at += length;
        if (!*at) return fill_in(c);
    }
}
