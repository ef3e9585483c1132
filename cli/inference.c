/* inference.c -- which kind of model a path is, and what is needed to run it. */
#include "inference.h"

#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

static qf_status open_quantised(const char *path, const char *digits, cli_inference *i)
{
    i->quantised = true;
    QF_TRY(qf_qmodel_open(path, &i->copies));
    const qf_config *config = &i->copies.base.config;
    if (digits) return qf_subnet_parse(config, digits, &i->subnet);
    i->subnet = qf_subnet_uniform(config, i->copies.width[i->copies.widths - 1]);
    return QF_OK;
}

static qf_status open_dense(const char *path, const char *digits, cli_inference *i)
{
    if (digits) return qf_fail(QF_USAGE, "%s: --subnet is for quantised directories", path);
    return qf_model_load(path, &i->dense);
}

qf_status cli_inference_open(const char *path, const char *subnet, cli_inference *inference)
{
    memset(inference, 0, sizeof *inference);
    const qf_status status = qf_qmodel_is(path) ? open_quantised(path, subnet, inference)
                                                : open_dense(path, subnet, inference);
    if (status != QF_OK) cli_inference_close(inference);
    return status;
}

void cli_inference_close(cli_inference *inference)
{
    if (inference->quantised)
        qf_qmodel_release(&inference->copies);
    else
        qf_model_release(&inference->dense);
    memset(inference, 0, sizeof *inference);
}

const qf_config *cli_inference_config(const cli_inference *inference)
{
    return inference->quantised ? &inference->copies.base.config : &inference->dense.config;
}

/* The directory a file lies in, made with qf_alloc. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = qf_strdup(slash ? path : ".");

    if (directory && slash) directory[slash == path ? 1 : slash - path] = 0;
    return directory;
}

qf_status cli_inference_tokenizer(const cli_inference *inference, const char *path,
                                  const char *tokenizer, qf_tokenizer **opened)
{
    const int vocab = cli_inference_config(inference)->vocab;

    if (tokenizer) return qf_tokenizer_load(tokenizer, vocab, opened);
    if (qf_directory_exists(path)) return qf_tokenizer_load(path, vocab, opened);
    char *directory = directory_of(path);
    if (!directory) return QF_MEMORY;
    const qf_status status = qf_tokenizer_load(directory, vocab, opened);
    qf_free(directory);
    return status;
}

qf_status cli_inference_engine(const cli_inference *inference, const cli_machine *machine,
                               qf_accuracy accuracy, int context, qf_engine **engine)
{
    const qf_engine_options options = {.source = machine->source,
                                       .pool = machine->pool,
                                       .accuracy = accuracy,
                                       .context = context};

    if (inference->quantised)
        return qf_engine_create_subnet(&options, &inference->copies, &inference->subnet,
                                       engine);
    return qf_engine_create(&options, &inference->dense, engine);
}

qf_status cli_accuracy_parse(const char *text, qf_accuracy *accuracy)
{
    *accuracy = qf_accuracy_named(text);
    if (*accuracy != QF_ACCURACY_COUNT) return QF_OK;
    return qf_fail(QF_USAGE, "--accuracy: '%s' is not exact, fine, fast or table", text);
}

qf_status cli_residency_parse(const char *text, qf_residency *residency)
{
    static const char *const names[] = {"auto", "warm", "cold"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *residency = (qf_residency)i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "--cache: '%s' is not auto, warm or cold", text);
}

qf_status cli_check_int(const char *option, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high) return QF_OK;
    return qf_fail(QF_USAGE, "--%s: %lld is not one of %lld to %lld", option, (long long)value,
                   (long long)low, (long long)high);
}
