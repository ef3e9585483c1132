/* kernel_tuner.c -- {"tune_params_keys": [name...], "tune_params": {name: [value...]},
 * "cache": {key: {name: value..., "time": ms or what went wrong}}}. */
#include "kernel_tuner.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_MOST = 1 << 30, AXES_MOST = 16 };

typedef struct source {
    const char *path;
    json_t *names, *values, *cache; /* borrowed */
} source;

static qf_status wrong(const source *s, const char *what)
{
    return qf_fail(QF_FORMAT, "%s: %s", s->path, what);
}

static qf_status read_number(const source *s, const char *name, json_t *value, double *number)
{
    size_t i;
    json_t *known;

    if (json_is_number(value) && isfinite(json_number_value(value))) {
        *number = json_number_value(value);
        return QF_OK;
    }
    json_array_foreach(json_object_get(s->values, name), i, known)
    {
        if (!json_equal(known, value)) continue;
        *number = (double)i;
        return QF_OK;
    }
    return qf_fail(QF_FORMAT, "%s: a configuration has no known value of %s", s->path, name);
}

static qf_status read_configuration(const source *s, json_t *one, qf_sweep *sweep)
{
    for (int a = 0; a < sweep->axes; a++) {
        const char *name = json_string_value(json_array_get(s->names, (size_t)a));
        QF_TRY(read_number(s, name, json_object_get(one, name),
                           &sweep->value[sweep->count * sweep->axes + a]));
    }
    const double time = json_number_value(json_object_get(one, "time"));
    sweep->ns[sweep->count++] = time > 0 && isfinite(time) ? time * 1e6 : 0;
    return QF_OK;
}

static qf_status read_cache(const source *s, qf_sweep *sweep)
{
    const size_t count = json_object_size(s->cache);
    bool timed = false;
    const char *key;
    json_t *one;

    sweep->axes = (int)json_array_size(s->names);
    sweep->ns = qf_alloc_array(count + 1, sizeof *sweep->ns);
    sweep->value = qf_alloc_array((count + 1) * AXES_MOST, sizeof *sweep->value);
    if (!sweep->ns || !sweep->value) return QF_MEMORY;
    json_object_foreach(s->cache, key, one) QF_TRY(read_configuration(s, one, sweep));
    for (int i = 0; i < sweep->count; i++) timed |= sweep->ns[i] > 0;
    return timed ? QF_OK : wrong(s, "no configuration has a time");
}

static qf_status read_names(const source *s)
{
    const size_t axes = json_array_size(s->names);
    size_t i;
    json_t *name;

    if (axes < 1 || axes > AXES_MOST)
        return wrong(s, "not a cache of Kernel Tuner: no tune_params_keys, or too many");
    if (json_object_size(s->cache) < 1) return wrong(s, "its cache is empty");
    json_array_foreach(s->names, i, name) if (!json_is_string(name)) return wrong(
        s, "a name in tune_params_keys is no text");
    return QF_OK;
}

static qf_status add(const source *s, json_t *root, qf_sweeps *sweeps)
{
    const char *kernel = json_string_value(json_object_get(root, "kernel_name"));
    const char *device = json_string_value(json_object_get(root, "device_name"));

    QF_TRY(read_names(s));
    qf_sweep *item = qf_alloc_array((size_t)sweeps->count + 1, sizeof *item);
    if (!item) return QF_MEMORY;
    if (sweeps->count) memcpy(item, sweeps->item, (size_t)sweeps->count * sizeof *item);
    qf_free(sweeps->item);
    sweeps->item = item;
    qf_sweep *sweep = &sweeps->item[sweeps->count++];
    *sweep = (qf_sweep){0};
    snprintf(sweep->name, sizeof sweep->name, "%.40s on %.40s", kernel ? kernel : "a kernel",
             device ? device : "a device");
    return read_cache(s, sweep);
}

qf_status cli_kernel_tuner_read(const char *path, qf_sweeps *sweeps)
{
    json_error_t error;
    char *text;
    size_t size;

    QF_TRY(qf_file_read(path, FILE_MOST, &text, &size));
    json_t *root = json_loadb(text, size, 0, &error);
    qf_free(text);
    if (!root) return qf_fail(QF_FORMAT, "%s:%d: %s", path, error.line, error.text);
    const source s = {path, json_object_get(root, "tune_params_keys"),
                      json_object_get(root, "tune_params"), json_object_get(root, "cache")};
    const qf_status status = add(&s, root, sweeps);
    json_decref(root);
    return status;
}
