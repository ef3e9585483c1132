/* bundle_write.c -- a bundle as a folder: everything is written beside its place before
 * anything is renamed into it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "bundle_inside.h"
#include "embedded.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILES_MAX = 128, NAME_LENGTH = 160 };

typedef struct file {
    char name[NAME_LENGTH]; /* below the folder */
    uint8_t *bytes;
    size_t size;
    bool owned;
    qf_output output;
} file;

typedef struct folder {
    const char *path;
    file files[FILES_MAX];
    int count;
} folder;

static file *add(folder *f, const char *name)
{
    QF_ASSERT(f->count < FILES_MAX);
    file *made = &f->files[f->count++];
    snprintf(made->name, sizeof made->name, "%s", name);
    return made;
}

/* ---- what is in it ----------------------------------------------------------------------- */

/* The table of an architecture's kernels. */
static qf_status make_table(const qf_bundle *bundle, const char *arch, qf_code *code)
{
    qf_table_row *rows = qf_alloc_array((size_t)bundle->count, sizeof *rows);
    char symbol[NAME_LENGTH];
    qf_isa isa = QF_ISA_C;
    int count = 0;

    if (!rows) return QF_MEMORY;
    for (int i = 0; i < bundle->count; i++) {
        const qf_bundle_row *row = &bundle->rows[i];
        if (strcmp(qf_isa_of(row->kernel.isa)->arch, arch) != 0) continue;
        isa = row->kernel.isa;
        if (row->rung != QF_RUNG_REFERENCE)
            rows[count++] = (qf_table_row){row->problem, row->kernel};
    }
    snprintf(symbol, sizeof symbol, "%s_table", bundle->name);
    const qf_status status = qf_codegen_table(isa, symbol, rows, count, QF_CODE_OBJECT, code);
    qf_free(rows);
    return status;
}

static int count_embedded(const qf_embedded *table)
{
    int count = 0;
    while (table[count].name) count++;
    return count;
}

static qf_status make_archive(const qf_bundle *bundle, const qf_bundle_archive *archive,
                              const qf_code *table, file *out)
{
    enum { LONGEST = QF_NAME_MAX + 2 };
    const int runtime = archive->whole ? count_embedded(qf_aot_objects) : 0;
    const int most = bundle->object_count + 1 + runtime;
    qf_member *members = qf_alloc_array((size_t)most, sizeof *members);
    char(*names)[LONGEST] = qf_alloc_array((size_t)most, sizeof *names);
    int count = 0;
    qf_status status = QF_MEMORY;

    if (members && names) {
        members[count++] = (qf_member){"table.o", table->bytes, table->size};
        for (int i = 0; i < bundle->object_count; i++) {
            const qf_bundle_object *object = &bundle->objects[i];
            if (strcmp(qf_isa_of(object->isa)->arch, archive->arch) != 0) continue;
            snprintf(names[count], LONGEST, "%s.o", object->symbol);
            members[count] = (qf_member){names[count], object->code.bytes, object->code.size};
            count++;
        }
        for (int i = 0; i < runtime; i++)
            members[count++] = (qf_member){qf_aot_objects[i].name, qf_aot_objects[i].bytes,
                                           qf_aot_objects[i].size};
        out->owned = true;
        status = qf_archive_make(members, count, &out->bytes, &out->size);
    }
    qf_free(names);
    qf_free(members);
    return status;
}

static qf_status add_archive(const qf_bundle *bundle, const qf_bundle_archive *archive,
                             folder *f)
{
    qf_code table;

    QF_TRY(make_table(bundle, archive->arch, &table));
    const qf_status status = make_archive(bundle, archive, &table, add(f, archive->path));
    qf_code_release(&table);
    return status;
}

static qf_status add_text(const qf_bundle *bundle, const char *template_name, const char *name,
                          folder *f)
{
    file *text = add(f, name);
    char *bytes;

    text->owned = true;
    QF_TRY(qf_bundle_text(bundle, template_name, &bytes, &text->size));
    text->bytes = (uint8_t *)bytes;
    return QF_OK;
}

/* The runtime as C, for the architectures whose compiler this program is not of. */
static void add_sources(folder *f)
{
    for (const qf_embedded *source = qf_aot_files; source->name; source++) {
        file *copy = add(f, source->name);
        copy->bytes = (uint8_t *)(uintptr_t)source->bytes;
        copy->size = source->size;
    }
}

static qf_status fill(const qf_bundle *bundle, folder *f)
{
    char header[NAME_LENGTH];
    bool foreign = false;

    for (int i = 0; i < bundle->archive_count; i++) {
        foreign |= !bundle->archives[i].whole;
        QF_TRY(add_archive(bundle, &bundle->archives[i], f));
    }
    if (foreign) add_sources(f);
    snprintf(header, sizeof header, "%s.h", bundle->name);
    QF_TRY(add_text(bundle, "bundle_header.in", header, f));
    QF_TRY(add_text(bundle, "bundle_example.in", "example.c", f));
    return add_text(bundle, "bundle_makefile.in", "Makefile", f);
}

/* ---- to the disk ------------------------------------------------------------------------- */

/* The path of a file's folder, or of the file itself. */
static qf_status path_of(const folder *f, const char *name, bool parent, char **path)
{
    char *slash;

    *path = qf_path_join(f->path, name);
    if (!*path) return QF_MEMORY;
    if (parent && (slash = strrchr(*path, '/'))) *slash = 0;
    return QF_OK;
}

static qf_status write_beside(const folder *f, file *out)
{
    char *path;

    QF_TRY(path_of(f, out->name, true, &path));
    qf_status status = qf_directory_make(path);
    qf_free(path);
    QF_TRY(status);
    QF_TRY(path_of(f, out->name, false, &path));
    status = qf_output_open(path, &out->output);
    qf_free(path);
    QF_TRY(status);
    return qf_output_write(&out->output, out->bytes, out->size);
}

static qf_status write_all(folder *f)
{
    for (int i = 0; i < f->count; i++) QF_TRY(write_beside(f, &f->files[i]));
    for (int i = 0; i < f->count; i++) QF_TRY(qf_output_commit(&f->files[i].output));
    return QF_OK;
}

/* Nothing stays of a failure: folders that are empty now were made for it, or were as empty
 * before; the one asked for is kept if it was there. */
static void clean(const folder *f, bool existed)
{
    for (int i = f->count - 1; i >= 0; i--) {
        char *path = NULL;
        if (!strchr(f->files[i].name, '/') ||
            path_of(f, f->files[i].name, true, &path) != QF_OK)
            continue;
        for (char *slash; strlen(path) > strlen(f->path) && rmdir(path) == 0; *slash = 0)
            slash = strrchr(path, '/');
        qf_free(path);
    }
    if (!existed) rmdir(f->path);
}

static void release(folder *f)
{
    for (int i = 0; i < f->count; i++) {
        if (f->files[i].output.path) qf_output_abandon(&f->files[i].output);
        if (f->files[i].owned) qf_free(f->files[i].bytes);
    }
}

qf_status qf_bundle_write(const qf_bundle *bundle, const char *directory)
{
    folder *f = qf_alloc(sizeof *f);
    const bool existed = qf_directory_exists(directory);

    if (!f) return QF_MEMORY;
    f->path = directory;
    qf_status status = fill(bundle, f);
    if (status == QF_OK) status = write_all(f);
    release(f);
    if (status != QF_OK) clean(f, existed);
    qf_free(f);
    return status;
}
