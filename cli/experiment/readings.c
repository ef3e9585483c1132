/* readings.c -- what steps printed, by name. */
#include "readings.h"

#include <string.h>

qf_status reading_loss(const json_t *record, int first, int count, double *mean)
{
    const json_t *list = json_object_get(json_object_get(record, "result"), "subnets");

    *mean = 0;
    for (int i = first; i < first + count; i++) {
        const json_t *value = json_object_get(json_array_get(list, (size_t)i), "nll_per_token");
        if (!json_is_number(value))
            return qf_fail(QF_FORMAT, "a record of qforge eval has no loss of subnet %d",
                           i + 1);
        *mean += json_number_value(value) / count;
    }
    return QF_OK;
}

qf_status reading_of(const json_t *record, const char *digits, const char *name, double *value)
{
    const json_t *list = json_object_get(json_object_get(record, "result"), "subnets");
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *subnet = json_string_value(json_object_get(item, "subnet"));
        const json_t *number = json_object_get(item, name);
        if (!subnet || strcmp(subnet, digits) != 0 || !json_is_number(number)) continue;
        *value = json_number_value(number);
        return QF_OK;
    }
    return qf_fail(QF_FORMAT, "a record has no number '%s' of subnet %.40s", name, digits);
}

qf_status reading_number(const json_t *record, const char *outer, const char *inner,
                         double *value)
{
    const json_t *object = json_object_get(record, "result");
    if (outer) object = json_object_get(object, outer);
    const json_t *number = json_object_get(object, inner);

    if (!json_is_number(number))
        return qf_fail(QF_FORMAT, "a record has no number '%s'", inner);
    *value = json_number_value(number);
    return QF_OK;
}
