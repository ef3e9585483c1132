/* ggml_api.c -- finds, loads and questions ggml. */
#include "ggml_api.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef int score_fn(void);

/* ---- formats ---- */

static const cli_ggml_type types[] = {
#define CLI_GGML_TYPE(name, number, block, bits, rounding, activations)                        \
    {#name, number, block, bits, rounding, activations},
#include "ggml_types.def"
#undef CLI_GGML_TYPE
};

static const char type_names[] =
#define CLI_GGML_TYPE(name, number, block, bits, rounding, activations) " " #name
#include "ggml_types.def"
#undef CLI_GGML_TYPE
    ;

qf_status cli_ggml_find_type(const char *name, int bits, const cli_ggml_type **type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *type = &types[i];
        if (name ? strcmp(name, types[i].name) == 0 : bits == types[i].bits) return QF_OK;
    }
    if (name) return qf_fail(QF_USAGE, "--ggml-type: no '%s' (there are:%s)", name, type_names);
    return qf_fail(QF_USAGE, "--ggml-type: say which, none stands for %d bits", bits);
}

/* ---- which library ---- */

static qf_status open_library(const char *directory, const char *file, void **library)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path)
        return qf_fail(QF_USAGE, "--ggml-lib: %s: too long a path", directory);
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*library) return qf_fail(QF_NOT_FOUND, "--ggml-lib: %s", dlerror());
    return QF_OK;
}

/* ISO C has no cast from object to function pointer; POSIX has. */
static score_fn *score_of(void *library)
{
    score_fn *score;
    *(void **)&score = dlsym(library, "ggml_backend_score");
    return score;
}

static bool is_variant(const char *file)
{
    static const char front[] = "libggml-cpu-", back[] = ".so";
    const size_t length = strlen(file);

    return strncmp(file, front, sizeof front - 1) == 0 && length > sizeof front + sizeof back &&
           strcmp(file + length - (sizeof back - 1), back) == 0;
}

/* The variant with the highest score, "libggml-cpu.so" when none has any: what ggml does
 * itself. */
static void best_variant(const char *directory, DIR *listing, char file[NAME_MAX + 1])
{
    const struct dirent *entry;
    int best = 0;

    snprintf(file, NAME_MAX + 1, "libggml-cpu.so");
    while ((entry = readdir(listing))) {
        void *library;
        if (!is_variant(entry->d_name)) continue;
        if (open_library(directory, entry->d_name, &library) != QF_OK) continue;
        score_fn *score = score_of(library);
        const int points = score ? score() : 0;
        if (points > best) {
            best = points;
            snprintf(file, NAME_MAX + 1, "%s", entry->d_name);
        }
        dlclose(library);
    }
    qf_message_clear(); /* a variant that does not load is only not the best */
}

static qf_status named_variant(const char *name, char file[NAME_MAX + 1])
{
    if (strchr(name, '/') || strlen(name) > NAME_MAX / 2)
        return qf_fail(QF_USAGE, "--ggml-cpu: '%s' is not the NAME of libggml-cpu-NAME.so",
                       name);
    snprintf(file, NAME_MAX + 1, "libggml-cpu-%s.so", name);
    return QF_OK;
}

static qf_status choose_variant(const char *directory, const char *name,
                                char file[NAME_MAX + 1])
{
    void *base;
    DIR *listing = opendir(directory);

    if (!listing)
        return qf_fail(QF_NOT_FOUND, "--ggml-lib: %s: %s", directory, strerror(errno));
    /* First and for good: what all variants stand on does not bear to be loaded twice. */
    qf_status status = open_library(directory, "libggml-base.so", &base);
    if (status == QF_OK && name)
        status = named_variant(name, file);
    else if (status == QF_OK)
        best_variant(directory, listing, file);
    closedir(listing);
    return status;
}

/* ---- what it offers ---- */

static const struct {
    const char *name;
    size_t offset;
} calls[] = {
#define CLI_GGML_CALL(result, name, parameters) {#name, offsetof(cli_ggml, name)},
#include "ggml_calls.def"
#undef CLI_GGML_CALL
};

/* A library's handle answers for what it depends on too. */
static qf_status resolve(void *library, cli_ggml *ggml)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        void *address = dlsym(library, calls[i].name);
        if (!address)
            return qf_fail(QF_UNSUPPORTED, "--ggml-lib: %s has no %s: too old or too new",
                           ggml->library, calls[i].name);
        memcpy((char *)ggml + calls[i].offset, &address, sizeof address);
    }
    return QF_OK;
}

static qf_status strange(const cli_ggml *ggml, const char *what)
{
    return qf_fail(QF_UNSUPPORTED, "--ggml-lib: %s of ggml %s has another %s than we know",
                   ggml->library, ggml->ggml_version(), what);
}

static void stay_silent(int level, const char *text, void *context)
{
    (void)level, (void)text, (void)context;
}

static qf_status check_layouts(const cli_ggml *ggml)
{
    enum { BYTES = 1 << 16, CANARY = 0x5a, TAIL = 64 };
    static ggml_threadpool_params params;

    ggml_context *context = ggml->ggml_init((ggml_init_params){BYTES, NULL, true});
    if (!context) return strange(ggml, "ggml_init_params");
    const bool same =
        ggml->ggml_get_mem_size(context) == BYTES && ggml->ggml_get_no_alloc(context);
    ggml->ggml_free(context);
    if (!same) return strange(ggml, "ggml_init_params");
    memset(params.bytes, CANARY, sizeof params.bytes);
    ggml->ggml_threadpool_params_init(&params, 1);
    if (params.bytes[0] == CANARY) return strange(ggml, "ggml_threadpool_params");
    for (size_t i = sizeof params.bytes - TAIL; i < sizeof params.bytes; i++)
        if (params.bytes[i] != CANARY) return strange(ggml, "ggml_threadpool_params");
    return QF_OK;
}

qf_status cli_ggml_check_type(const cli_ggml *ggml, const cli_ggml_type *type)
{
    const char *name = ggml->ggml_type_name(type->number);

    if (!name || strcmp(name, type->name) != 0 ||
        ggml->ggml_blck_size(type->number) != type->block)
        return strange(ggml, type->name);
    return QF_OK;
}

qf_status cli_ggml_load(const char *directory, const char *cpu, cli_ggml *ggml)
{
    char file[NAME_MAX + 1];
    void *library;

    QF_TRY(choose_variant(directory, cpu, file));
    QF_TRY(open_library(directory, file, &library));
    snprintf(ggml->library, sizeof ggml->library, "%.60s", file);
    score_fn *score = score_of(library);
    if (score && score() == 0)
        return qf_fail(QF_UNSUPPORTED, "--ggml-cpu: %s does not run on this CPU", file);
    QF_TRY(resolve(library, ggml));
    ggml->ggml_log_set(stay_silent, NULL);
    return check_layouts(ggml);
}
