/* object_cache.c -- read if whole, else emit and write beside and rename. */
#include "object_cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qforge/memory.h"

enum { TRAILER = 16, PATH_LENGTH = 4096, OBJECT_MAX = 64 << 20 };

static qf_status cache_path(const char *directory, const qf_kernel_id *id, char *path,
                            size_t size)
{
    qf_code ir;
    char key[17];

    QF_TRY(qf_codegen_emit(id, QF_CODE_IR, &ir));
    /* The features and LLVM's version are not in the IR: they join it for the hash. */
    const char *features = qf_isa_of(id->isa)->features, *version = qf_codegen_version();
    const size_t extra = strlen(features) + strlen(version);
    qf_code keyed = {qf_alloc(ir.size + extra + 1), ir.size + extra};
    qf_status status = QF_MEMORY;
    if (keyed.bytes) {
        memcpy(keyed.bytes, ir.bytes, ir.size);
        memcpy(keyed.bytes + ir.size, features, strlen(features));
        memcpy(keyed.bytes + ir.size + strlen(features), version, strlen(version));
        qf_code_hash(&keyed, key);
        status = snprintf(path, size, "%s/%s.o", directory, key) < (int)size ? QF_OK : QF_IO;
    }
    qf_code_release(&keyed);
    qf_code_release(&ir);
    return status;
}

/* False unless the whole file is there and its trailer agrees. */
static bool read_object(const char *path, qf_code *code)
{
    struct stat about;
    char hash[17];
    const int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) return false;
    bool good =
        fstat(file, &about) == 0 && about.st_size > TRAILER && about.st_size < OBJECT_MAX;
    if (good) {
        const size_t size = (size_t)about.st_size;
        *code = (qf_code){qf_alloc(size + 1), size};
        good = code->bytes && read(file, code->bytes, size) == (ssize_t)size;
        if (good) {
            code->size = size - TRAILER;
            qf_code_hash(code, hash);
            good = memcmp(code->bytes + code->size, hash, TRAILER) == 0;
            code->bytes[code->size] = 0;
        }
        if (!good) qf_code_release(code);
    }
    close(file);
    return good;
}

static void write_object(const char *path, const qf_code *code)
{
    char beside[PATH_LENGTH + 32], hash[17];

    snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(beside, "wb");
    if (!file) return;
    qf_code_hash(code, hash);
    bool good = fwrite(code->bytes, 1, code->size, file) == code->size &&
                fwrite(hash, 1, TRAILER, file) == TRAILER;
    good = fclose(file) == 0 && good;
    if (!good || rename(beside, path) != 0) unlink(beside);
}

/* Makes every missing directory of the path; failures show when a file is written. */
static void make_directories(const char *directory)
{
    char path[PATH_LENGTH];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path) return;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    mkdir(path, 0777);
}

qf_status cg_cached_object(const char *directory, const qf_kernel_id *id, qf_code *code)
{
    char path[PATH_LENGTH];

    *code = (qf_code){0};
    if (!directory) return qf_codegen_emit(id, QF_CODE_OBJECT, code);
    QF_TRY(cache_path(directory, id, path, sizeof path));
    if (read_object(path, code)) return QF_OK;
    QF_TRY(qf_codegen_emit(id, QF_CODE_OBJECT, code));
    make_directories(directory);
    write_object(path, code);
    return QF_OK;
}
