/* curve.c -- the CSV of a run. */
#include "curve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qforge/memory.h"

struct tr_curve {
    FILE *file;
    char *path;
};

static const char header[] = "step,loss,rate,norm,bits\n";

/* Bytes of the header and the rows of steps 1..steps; 0 when the file begins otherwise. */
static long kept_bytes(FILE *file, int64_t steps)
{
    char line[256];
    long kept = 0;

    if (!fgets(line, sizeof line, file) || strcmp(line, header) != 0) return 0;
    for (int64_t step = 1;; step++) {
        kept = ftell(file);
        if (step > steps || !fgets(line, sizeof line, file)) return kept;
        if (strtoll(line, NULL, 10) != step || !strchr(line, '\n')) return kept;
    }
}

static qf_status failed(const tr_curve *curve)
{
    return qf_fail(QF_IO, "%s: %s", curve->path, strerror(errno));
}

static qf_status cut(tr_curve *curve, int64_t steps)
{
    const long kept = steps > 0 ? kept_bytes(curve->file, steps) : 0;

    rewind(curve->file);
    if (ftruncate(fileno(curve->file), kept) || fseek(curve->file, kept, SEEK_SET))
        return failed(curve);
    if (kept == 0 && (fputs(header, curve->file) < 0 || fflush(curve->file) != 0))
        return failed(curve);
    return QF_OK;
}

qf_status tr_curve_open(const char *path, int64_t steps, tr_curve **curve)
{
    tr_curve *c = qf_alloc(sizeof *c);

    if (!c) return QF_MEMORY;
    c->path = qf_strdup(path);
    c->file = fopen(path, "r+");
    if (!c->file) c->file = fopen(path, "w+");
    qf_status status = !c->path ? QF_MEMORY : c->file ? QF_OK : failed(c);
    if (status == QF_OK) status = cut(c, steps);
    if (status == QF_OK)
        *curve = c;
    else
        tr_curve_close(c);
    return status;
}

void tr_curve_close(tr_curve *curve)
{
    if (!curve) return;
    if (curve->file) fclose(curve->file);
    qf_free(curve->path);
    qf_free(curve);
}

qf_status tr_curve_add(tr_curve *curve, const tr_progress *p, double bits)
{
    const int written = fprintf(curve->file, "%lld,%.6f,%g,%.5g,%.5f\n", (long long)p->step,
                                p->loss, p->rate, p->norm, bits);
    return written < 0 || fflush(curve->file) != 0 ? failed(curve) : QF_OK;
}
