/* configs.c -- the table of named configurations. */
#include "qforge/configs.h"

#include <stdio.h>
#include <string.h>

#include "huggingface.h"
#include "qforge/file.h"

static const qf_named_config rows[] = {
#define QF_CONFIG(name, dim, hidden, layers, heads, kv_heads, head_dim, vocab, context,        \
                  rope_theta, tied, bos, eos, parameters)                                      \
    {name,                                                                                     \
     {dim, hidden, layers, heads, kv_heads, head_dim, vocab, context, rope_theta, 1e-5f, tied, \
      bos, eos},                                                                               \
     parameters},
#include "qforge/configs.def"
#undef QF_CONFIG
};

int qf_configs(void)
{
    return (int)(sizeof rows / sizeof *rows);
}

const qf_named_config *qf_config_at(int row)
{
    QF_ASSERT(row >= 0 && row < qf_configs());
    return &rows[row];
}

static qf_status refuse(const char *name)
{
    char names[256] = "";

    for (int i = 0; i < qf_configs(); i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", rows[i].name);
    }
    return qf_fail(QF_USAGE, "'%.80s' is no configuration (%s) and no config.json", name,
                   names);
}

qf_status qf_config_find(const char *name, qf_config *config)
{
    for (int i = 0; i < qf_configs(); i++) {
        if (strcmp(name, rows[i].name) != 0) continue;
        *config = rows[i].config;
        return QF_OK;
    }
    if (qf_directory_exists(name)) return qf_config_read(name, config, NULL);
    if (qf_file_exists(name)) return qf_config_read_file(name, config);
    return refuse(name);
}

int64_t qf_config_parameters(const qf_config *c)
{
    const int64_t table = (int64_t)c->vocab * c->dim;
    int64_t block = 2 * (int64_t)c->dim; /* norms */

    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)kind, &n, &k);
        block += n * k;
    }
    return c->layers * block + c->dim + (c->tied ? 1 : 2) * table;
}
