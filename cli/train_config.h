/* train_config.h -- a model's shape from the command line. */
#ifndef QF_CLI_TRAIN_CONFIG_H
#define QF_CLI_TRAIN_CONFIG_H

#include "qforge/model.h"

/* "dim=192,hidden=512,layers=6,heads=6,kv_heads=2,vocab=4096,context=512"; also head_dim,
 * rope_theta, norm_eps, tied=0|1.  kv_heads is heads, head_dim dim / heads, context 256,
 * rope_theta 10000, norm_eps 1e-5 and tied 1 unless said.  QF_USAGE naming what is wrong
 * or missing. */
QF_MUST_CHECK qf_status cli_config_parse(const char *text, qf_config *config);

#endif
