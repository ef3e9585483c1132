/* qforge/configs.h -- the configurations that have a name (configs.def), and those of
 * config.json. */
#ifndef QFORGE_CONFIGS_H
#define QFORGE_CONFIGS_H

#include "qforge/model.h"

typedef struct qf_named_config {
    const char *name;
    qf_config config;
    int64_t published; /* parameters, as its makers say */
} qf_named_config;

int qf_configs(void); /* rows */
const qf_named_config *qf_config_at(int row);

/* A row's configuration, or else that of the config.json at `name` or in the directory
 * `name`.  QF_USAGE with the names there are when it is none of these. */
QF_MUST_CHECK qf_status qf_config_find(const char *name, qf_config *config);

int64_t qf_config_parameters(const qf_config *config); /* a tied head counts once */

#endif
