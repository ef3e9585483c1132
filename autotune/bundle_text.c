/* bundle_text.c -- the texts of a bundle, from templates with @WORDS@ in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_inside.h"
#include "embedded.h"
#include "qforge/memory.h"

void qf_bundle_origin(const qf_bundle_row *row, char origin[QF_ORIGIN_MAX])
{
    char tuned[QF_NAME_MAX];
    const bool near = row->rung == QF_RUNG_NEAREST;
    const char *unrun = row->judged ? "" : ", never run";

    if (row->rung == QF_RUNG_REFERENCE) {
        snprintf(origin, QF_ORIGIN_MAX, "reference");
        return;
    }
    qf_problem_print(&row->tuned, tuned);
    if (row->rung == QF_RUNG_PRIOR)
        snprintf(origin, QF_ORIGIN_MAX, "prior%s", unrun);
    else
        snprintf(origin, QF_ORIGIN_MAX, "tuned%s%s%s%s", near ? " for " : "", near ? tuned : "",
                 row->here ? "" : " on another machine", unrun);
}

static const qf_embedded *find(const qf_embedded *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0) table++;
    QF_ASSERT(table->name);
    return table;
}

/* ---- words ------------------------------------------------------------------------------- */

typedef void writer(FILE *out, const qf_bundle *bundle);

static void write_name(FILE *out, const qf_bundle *bundle)
{
    fputs(bundle->name, out);
}

static void write_guard(FILE *out, const qf_bundle *bundle)
{
    for (const char *c = bundle->name; *c; c++)
        fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
}

static void write_version(FILE *out, const qf_bundle *bundle)
{
    (void)bundle;
    fputs(QF_VERSION, out);
}

static void write_llvm(FILE *out, const qf_bundle *bundle)
{
    (void)bundle;
    fputs(qf_codegen_version(), out);
}

static void write_arch(FILE *out, const qf_bundle *bundle)
{
    fputs(bundle->arch, out);
}

static void write_interface(FILE *out, const qf_bundle *bundle)
{
    const qf_embedded *header = find(qf_aot_files, "include/qforge/aot.h");
    (void)bundle;
    fwrite(header->bytes, 1, header->size, out);
}

static void write_rows(FILE *out, const qf_bundle *bundle)
{
    for (int i = 0; i < bundle->count; i++) {
        const qf_bundle_row *row = &bundle->rows[i];
        char problem[QF_NAME_MAX], kernel[QF_NAME_MAX] = "none", origin[QF_ORIGIN_MAX];

        if (i == 0 || row->kernel.isa != row[-1].kernel.isa)
            fprintf(out, "%s *   %s (%s)", i ? "\n" : "", qf_isa_of(row->kernel.isa)->name,
                    qf_isa_of(row->kernel.isa)->arch);
        qf_problem_print(&row->problem, problem);
        if (row->rung != QF_RUNG_REFERENCE) qf_kernel_print(&row->kernel, kernel);
        qf_bundle_origin(row, origin);
        fprintf(out, "\n *     %s\n *         %s, %s", problem, kernel, origin);
    }
}

/* Each problem once: those of the first instruction set. */
static void write_products(FILE *out, const qf_bundle *bundle)
{
    for (int i = 0; i < bundle->count; i++) {
        const qf_problem *p = &bundle->rows[i].problem;
        if (bundle->rows[i].kernel.isa != bundle->rows[0].kernel.isa) break;
        fprintf(out, "%s    {\"%s\", %d, %d, %lld, %lld, %lld},", i ? "\n" : "",
                qf_accuracy_name(p->accuracy), qf_quant_of(p->quant)->bits, p->group,
                (long long)p->m, (long long)p->n, (long long)p->k);
    }
}

static const struct {
    const char *word;
    writer *write;
} words[] = {
    {"NAME", write_name}, {"GUARD", write_guard},       {"VERSION", write_version},
    {"LLVM", write_llvm}, {"ARCH", write_arch},         {"INTERFACE", write_interface},
    {"ROWS", write_rows}, {"PRODUCTS", write_products},
};

/* Writes what the word at `text` stands for; how long it is with its @s, 0 for none. */
static size_t write_word(FILE *out, const char *text, const qf_bundle *bundle)
{
    for (size_t i = 0; *text == '@' && i < sizeof words / sizeof *words; i++) {
        const size_t length = strlen(words[i].word);
        if (strncmp(text + 1, words[i].word, length) != 0 || text[length + 1] != '@') continue;
        words[i].write(out, bundle);
        return length + 2;
    }
    return 0;
}

qf_status qf_bundle_text(const qf_bundle *bundle, const char *template_name, char **text,
                         size_t *size)
{
    const qf_embedded *template = find(qf_bundle_texts, template_name);
    const char *at = (const char *)template->bytes;
    char *made = NULL;
    FILE *out = open_memstream(&made, size);

    *text = NULL;
    if (!out) return qf_fail(QF_MEMORY, "no memory for a text");
    while (*at) {
        const size_t word = write_word(out, at, bundle);
        if (!word) fputc(*at, out);
        at += word ? word : 1;
    }
    const bool whole = !ferror(out);
    if (fclose(out) == 0 && whole) *text = qf_strdup(made);
    free(made);
    return *text ? QF_OK : qf_fail(QF_MEMORY, "no memory for a text");
}
