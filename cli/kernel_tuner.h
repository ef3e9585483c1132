/* kernel_tuner.h -- cache files of Kernel Tuner as spaces to replay searches on. */
#ifndef QF_CLI_KERNEL_TUNER_H
#define QF_CLI_KERNEL_TUNER_H

#include "qforge/simulate.h"

/* Adds one sweep.  Parameters that are not numbers count in the order of the list of their
 * values; configurations without a time failed.  QF_FORMAT naming the file and what is
 * wrong. */
QF_MUST_CHECK qf_status cli_kernel_tuner_read(const char *path, qf_sweeps *sweeps);

#endif
