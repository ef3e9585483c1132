/* subnet_list.h -- several subnets of a model, from a file with one a line. */
#ifndef QF_CLI_SUBNET_LIST_H
#define QF_CLI_SUBNET_LIST_H

#include "qforge/subnet.h"

typedef struct subnet_list {
    int count; /* >= 1 once read */
    qf_subnet *subnet;
} subnet_list;

/* Empty lines are passed over.  QF_FORMAT, naming the line, for one that is no subnet of this
 * model, and for a file without any. */
QF_MUST_CHECK qf_status subnet_list_read(const char *path, const qf_config *config,
                                         subnet_list *list);
void subnet_list_release(subnet_list *list); /* also a zeroed one */

#endif
