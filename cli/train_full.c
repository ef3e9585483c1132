/* train_full.c -- qforge train --full. */
#include <string.h>

#include "train.h"
#include "train/full.h"
#include "train_config.h"

static qf_status schedule_of(const cli_train *train, tr_schedule *schedule)
{
    const double rate = cli_or_real(train->rate, 1e-3);
    const int64_t tenth = train->steps / 10;

    *schedule = (tr_schedule){.decay = TR_COSINE,
                              .peak = rate,
                              .floor = rate / 10,
                              .warmup = cli_or(train->warmup, tenth < 100 ? tenth : 100),
                              .steps = train->steps};
    return train->schedule ? tr_decay_named(train->schedule, &schedule->decay) : QF_OK;
}

static qf_status options_of(const cli_train *train, const cli_machine *machine,
                            const qf_config *config, tr_stream *stream,
                            tr_full_options *options)
{
    const int length = (int)cli_or(train->length, config->context);
    *options = (tr_full_options){.source = machine->source,
                                 .pool = machine->pool,
                                 .config = *config,
                                 .stream = stream,
                                 .batch = (int)cli_or(train->batch, 8),
                                 .length = length,
                                 .adamw = tr_adamw_defaults,
                                 .seed = (uint64_t)train->seed,
                                 .directory = train->out,
                                 .resume = train->resume,
                                 .save_every = cli_or(train->save_every, 0),
                                 .report = cli_train_tell};
    options->adamw.beta2 = 0.95; /* GPT-3's; 0.999 forgets too slowly for short runs */
    options->adamw.weight_decay = cli_or_real(train->weight_decay, 0.1);
    options->adamw.clip = cli_or_real(train->clip, 1);
    QF_TRY(schedule_of(train, &options->schedule));
    return cli_train_windows(train, stream, length);
}

static qf_status run(const cli_train *train, cli_machine *machine, qf_config *config,
                     const qf_tokenizer *tokenizer)
{
    cli_train_report report = {.line = cli_progress_start(train->json), .log = train->log};
    tr_full_options options;
    tr_stream stream;

    config->bos = qf_tokenizer_bos(tokenizer);
    config->eos = qf_tokenizer_eos(tokenizer);
    QF_TRY(tr_stream_load(train->data, tokenizer, &stream));
    qf_status status = options_of(train, machine, config, &stream, &options);
    options.report_context = &report;
    if (status == QF_OK) status = tr_full_train(&options);
    tr_stream_release(&stream);
    if (status == QF_OK) status = qf_tokenizer_save(tokenizer, train->out);
    if (status == QF_OK) return cli_train_finish(train, &report);
    cli_progress_end(&report.line);
    return status;
}

qf_status cli_train_full(const cli_train *train)
{
    cli_machine machine = {0};
    qf_tokenizer *tokenizer = NULL;
    qf_config config;

    if (!train->config) return qf_fail(QF_USAGE, "train --full: --config is missing");
    if (!train->tokenizer) return qf_fail(QF_USAGE, "train --full: --tokenizer is missing");
    QF_TRY(cli_config_parse(train->config, &config));
    QF_TRY(qf_tokenizer_load(train->tokenizer, config.vocab, &tokenizer));
    qf_status status = cli_machine_open(cli_or(train->threads, 0), train->ledger, &machine);
    if (status == QF_OK) status = run(train, &machine, &config, tokenizer);
    cli_machine_close(&machine);
    qf_tokenizer_free(tokenizer);
    return status;
}
