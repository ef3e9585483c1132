/* random_engine.c -- the supply of random weights with a line of progress around it. */
#include "random_engine.h"

#include "interrupt.h"
#include "qforge/clock.h"
#include "qforge/memory.h"

/* The program itself, its compiler and its threads. */
static const int64_t program_bytes = INT64_C(160) << 20;

enum { CHUNK = 128 };

static int64_t estimate(const cli_machine *machine, const qf_random_model *random,
                        qf_accuracy accuracy, int context)
{
    const int chunk = context < CHUNK ? context : CHUNK;
    const int64_t bytes =
        qf_random_model_bytes(random, machine->source, accuracy, context, chunk);
    return program_bytes + bytes + bytes / 50;
}

static qf_status check_memory(const char *name, int64_t needed, int context)
{
    const int64_t available = qf_memory_available();
    if (needed <= available) return QF_OK;
    return qf_fail(QF_MEMORY,
                   "%s needs about %.1f GB with a cache of %d positions; %.1f GB of memory "
                   "are left here",
                   name, (double)needed * 1e-9, context, (double)available * 1e-9);
}

/* ---- progress ---- */

typedef struct watched {
    qf_supply supply;
    cli_progress *progress;
    int64_t start, done, total; /* ns; bytes */
} watched;

static int64_t bytes_to_make(const qf_random_model *random, const cli_machine *machine,
                             qf_accuracy accuracy)
{
    int64_t bytes = 0;
    for (int i = 0; i <= random->config.layers * QF_LINEARS; i++)
        bytes += qf_random_linear_bytes(random, machine->source, accuracy, i);
    return bytes;
}

static qf_status supply(void *self, const qf_kernel_source *source, qf_accuracy accuracy,
                        int index, qf_packed *packed)
{
    watched *w = self;
    const double spent = (double)(qf_now_ns() - w->start) * 1e-9;

    if (cli_interrupted()) return qf_fail(QF_INTERRUPTED, "interrupted");
    if (w->done)
        cli_progress_count(w->progress, "megabytes of weights made", (int)(w->done >> 20),
                           (int)(w->total >> 20),
                           spent * (double)(w->total - w->done) / (double)w->done);
    QF_TRY(w->supply.pack(w->supply.self, source, accuracy, index, packed));
    w->done += packed->panels * packed->panel_bytes;
    return QF_OK;
}

/* ---- open and close ---- */

static qf_status make(const cli_machine *machine, qf_accuracy accuracy, int context,
                      cli_progress *progress, cli_random_engine *r)
{
    watched w = {.supply = qf_random_supply(&r->random),
                 .progress = progress,
                 .start = qf_now_ns(),
                 .total = bytes_to_make(&r->random, machine, accuracy)};
    const qf_supply shown = {&w, supply};
    const qf_engine_options options = {.source = machine->source,
                                       .pool = machine->pool,
                                       .accuracy = accuracy,
                                       .context = context,
                                       .chunk = CHUNK};

    QF_TRY(qf_random_base(&r->random, &r->base));
    const qf_status status = qf_engine_create_supplied(&options, &r->base, &shown, &r->engine);
    cli_progress_end(progress);
    r->seconds = (double)(qf_now_ns() - w.start) * 1e-9;
    return status;
}

qf_status cli_random_engine_open(const cli_machine *machine, const char *name,
                                 qf_accuracy accuracy, int context, cli_progress *progress,
                                 cli_random_engine *r)
{
    r->random.pool = machine->pool;
    r->estimated_bytes = estimate(machine, &r->random, accuracy, context);
    QF_TRY(check_memory(name, r->estimated_bytes, context));
    return make(machine, accuracy, context, progress, r);
}

void cli_random_engine_close(cli_random_engine *r)
{
    qf_engine_destroy(r->engine);
    qf_model_release(&r->base);
    *r = (cli_random_engine){0};
}
