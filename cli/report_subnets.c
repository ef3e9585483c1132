/* report_subnets.c -- qforge report subnets: what a search chose, for scripts. */
#include <jansson.h>
#include <stdio.h>

#include "options.h"
#include "report.h"

static qf_status print_subnets(const json_t *root, const char *path)
{
    const json_t *results = json_object_get(root, "results"), *entry;
    size_t i;

    if (json_array_size(results) == 0)
        return qf_fail(QF_FORMAT, "%s: not the result of a search", path);
    json_array_foreach(results, i, entry)
    {
        const char *digits = json_string_value(json_object_get(entry, "subnet"));
        if (!digits) return qf_fail(QF_FORMAT, "%s: result %zu has no subnet", path, i);
        puts(digits);
    }
    return QF_OK;
}

qf_status cli_report_subnets(int argc, char **argv)
{
    const cli_option options[] = {{0}};
    json_error_t error;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge report subnets FILE", options, &rest, &help));
    if (help) return QF_OK;
    if (argc - rest != 1) return qf_fail(QF_USAGE, "report subnets: wants one file");
    json_t *root = json_load_file(argv[rest], 0, &error);
    if (!root) return qf_fail(QF_FORMAT, "%s: %s", argv[rest], error.text);
    const qf_status status = print_subnets(root, argv[rest]);
    json_decref(root);
    return status;
}
