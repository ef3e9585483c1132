/* subnet_list.c -- lines, parsed. */
#include "subnet_list.h"

#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines + 1;
}

static qf_status parse(const char *path, char *text, const qf_config *config, subnet_list *list)
{
    int number = 0;

    list->subnet = qf_alloc_array((size_t)lines_of(text), sizeof *list->subnet);
    if (!list->subnet) return QF_MEMORY;
    for (char *at = text, *end; *at; at = end) {
        end = at + strcspn(at, "\n");
        if (*end) *end++ = 0;
        number++;
        if (!*at) continue;
        if (qf_subnet_parse(config, at, &list->subnet[list->count]) != QF_OK)
            return qf_fail(QF_FORMAT, "%s:%d: %.*s%s is no subnet of this model", path, number,
                           32, at, strlen(at) > 32 ? "…" : "");
        list->count++;
    }
    if (list->count == 0) return qf_fail(QF_FORMAT, "%s: no subnets in it", path);
    return QF_OK;
}

qf_status subnet_list_read(const char *path, const qf_config *config, subnet_list *list)
{
    char *text;

    *list = (subnet_list){0};
    QF_TRY(qf_file_read(path, 1 << 26, &text, NULL));
    const qf_status status = parse(path, text, config, list);
    qf_free(text);
    if (status != QF_OK) subnet_list_release(list);
    return status;
}

void subnet_list_release(subnet_list *list)
{
    qf_free(list->subnet);
    *list = (subnet_list){0};
}
