/* emit_kernels.c -- kernels of any instruction set as object files, and a table of them in C.
 *
 *     emit_kernels ISA SAMPLE THIN DIRECTORY
 *
 * Of SAMPLE tiles of every recipe, format and group (0: all) one in THIN, others for every
 * instruction set, becomes DIRECTORY/<number>.o; the table is DIRECTORY/table.c. */
#include <stdio.h>
#include <stdlib.h>

#include "catalogue.h"
#include "qforge/codegen.h"

enum { PATH_LENGTH = 4096 };

typedef struct output {
    const char *directory;
    FILE *declared, *listed;
    int seen, thin, count;
} output;

static void die(const char *what)
{
    fprintf(stderr, "emit_kernels: %s\n", what);
    exit(1);
}

static FILE *open_in(const char *directory, const char *name)
{
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (!file) die(path);
    return file;
}

static void write_kernel(void *context, const qf_kernel_id *id)
{
    output *out = context;
    char symbol[QF_NAME_MAX], name[QF_NAME_MAX], file_name[32];
    qf_code code;

    if ((out->seen++ + (int)id->isa) % out->thin) return;
    qf_kernel_symbol(id, symbol);
    qf_kernel_print(id, name);
    if (qf_codegen_emit(id, QF_CODE_OBJECT, &code) != QF_OK) die(qf_message());
    snprintf(file_name, sizeof file_name, "%d.o", out->count++);
    FILE *file = open_in(out->directory, file_name);
    const bool written = fwrite(code.bytes, 1, code.size, file) == code.size;
    if (fclose(file) != 0 || !written) die("cannot write an object");
    qf_code_release(&code);
    fprintf(out->declared, "void %s(const qf_gemm_args *args);\n", symbol);
    fprintf(out->listed, "    {\"%s\", %s},\n", name, symbol);
}

int main(int argc, char **argv)
{
    if (argc != 5) die("usage: emit_kernels ISA SAMPLE THIN DIRECTORY");
    const qf_isa isa = qf_isa_named(argv[1]);
    if (isa == QF_ISA_COUNT || isa == QF_ISA_C) die("no such instruction set");
    output out = {.directory = argv[4],
                  .declared = open_in(argv[4], "declared.h"),
                  .listed = open_in(argv[4], "listed.h"),
                  .thin = atoi(argv[3])};
    if (out.thin < 1) die("THIN is at least 1");
    if (check_catalogue(isa, atoi(argv[2]), write_kernel, &out) < 1) die(qf_message());

    FILE *table = open_in(argv[4], "table.c");
    fprintf(table, "#include \"judged.h\"\n#include \"declared.h\"\n"
                   "const judged_kernel judged[] = {\n#include \"listed.h\"\n};\n"
                   "const int judged_count = sizeof judged / sizeof *judged;\n");
    if (fclose(table) != 0 || fclose(out.declared) != 0 || fclose(out.listed) != 0)
        die("cannot write the table");
    printf("%d\n", out.count);
    return 0;
}
