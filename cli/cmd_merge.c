/* cmd_merge.c -- qforge merge: folds adapters into the offsets of the frozen copies. */
#include <stdio.h>

#include "command.h"
#include "options.h"
#include "paths.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/qmodel.h"
#include "train/qfa/fold.h"

/* The model needs no tokenizer here, but the merged directory is to be whole. */
static qf_status copy_beside(const char *from, const char *to, const char *name)
{
    char *source = qf_path_join(from, name), *target = qf_path_join(to, name);
    qf_status status = source && target ? QF_OK : QF_MEMORY;

    if (status == QF_OK && qf_file_exists(source)) status = qf_file_copy(source, target);
    qf_free(source);
    qf_free(target);
    return status;
}

static qf_status merge(const char *from, const char *to)
{
    qf_qmodel model;

    QF_TRY(qf_qmodel_open(from, &model));
    const int rank = model.rank;
    qf_status status = tr_adapters_merge(&model);
    if (status == QF_OK) status = qf_directory_make(to);
    if (status == QF_OK) status = copy_beside(from, to, "tokenizer.json");
    if (status == QF_OK) status = copy_beside(from, to, "tokenizer.bin");
    if (status == QF_OK) status = qf_qmodel_save(&model, to);
    if (status == QF_OK)
        printf("%s: adapters of rank %d folded into %d x %d matrices\n", to, rank,
               model.base.config.layers * QF_LINEARS, model.widths);
    qf_qmodel_release(&model);
    return status;
}

qf_status cli_cmd_merge(int argc, char **argv)
{
    const char *model = NULL, *out = NULL;
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &model, "DIR", "quantised model with adapters"},
        {"out", 'o', CLI_TEXT, &out, "DIR", "directory to write"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge merge --model DIR -o DIR", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(cli_need("merge", "--model", model));
    QF_TRY(cli_need("merge", "-o", out));
    QF_TRY(cli_distinct(model, out));
    return merge(model, out);
}
