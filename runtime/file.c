/* file.c -- reading whole files, and replacing them whole. */
#include "qforge/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qforge/memory.h"

bool qf_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool qf_directory_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *qf_path_join(const char *directory, const char *name)
{
    const size_t size = strlen(directory) + strlen(name) + 2;
    char *path = qf_alloc(size);
    if (path) snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static qf_status make_one(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return QF_OK;
    return qf_fail(QF_IO, "%s: cannot make the directory: %s", path, strerror(errno));
}

qf_status qf_directory_make(const char *path)
{
    char *partial = qf_strdup(path);
    qf_status status = partial ? QF_OK : QF_MEMORY;

    for (char *at = partial; status == QF_OK && at && (at = strchr(at + 1, '/'));) {
        *at = 0;
        status = make_one(partial);
        *at = '/';
    }
    if (status == QF_OK) status = make_one(path);
    if (status == QF_OK && !qf_directory_exists(path))
        status = qf_fail(QF_IO, "%s: not a directory", path);
    qf_free(partial);
    return status;
}

/* ---- reading ---- */

static qf_status check_regular(int descriptor, const char *path, struct stat *info)
{
    if (fstat(descriptor, info) != 0)
        return qf_fail(QF_IO, "%s: cannot read: %s", path, strerror(errno));
    if (!S_ISREG(info->st_mode)) return qf_fail(QF_IO, "%s: not a regular file", path);
    return QF_OK;
}

static qf_status read_all(int descriptor, const char *path, size_t limit, char **data,
                          size_t *size)
{
    struct stat info;
    size_t done = 0;

    QF_TRY(check_regular(descriptor, path, &info));
    if ((uint64_t)info.st_size > limit)
        return qf_fail(QF_FORMAT, "%s: %lld bytes, more than the %zu such a file may have",
                       path, (long long)info.st_size, limit);
    const size_t total = (size_t)info.st_size;
    *data = qf_alloc(total + 1);
    if (!*data) return QF_MEMORY;
    while (done < total) {
        const ssize_t got = read(descriptor, *data + done, total - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return qf_fail(QF_IO, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0) return qf_fail(QF_IO, "%s: shrank while it was read", path);
        done += (size_t)got;
    }
    if (size) *size = total;
    return QF_OK;
}

qf_status qf_file_read(const char *path, size_t limit, char **data, size_t *size)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *data = NULL;
    if (descriptor < 0) return qf_fail(QF_IO, "%s: cannot open: %s", path, strerror(errno));
    const qf_status status = read_all(descriptor, path, limit, data, size);
    close(descriptor);
    if (status != QF_OK) {
        qf_free(*data);
        *data = NULL;
    }
    return status;
}

/* ---- writing ---- */

qf_status qf_output_open(const char *path, qf_output *output)
{
    const size_t size = strlen(path) + 32;

    *output = (qf_output){-1, qf_strdup(path), qf_alloc(size)};
    if (!output->path || !output->beside) {
        qf_output_abandon(output);
        return QF_MEMORY;
    }
    snprintf(output->beside, size, "%s.%ld.part", path, (long)getpid());
    output->descriptor =
        open(output->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (output->descriptor >= 0) return QF_OK;
    const int cause = errno;
    qf_output_abandon(output);
    return qf_fail(QF_IO, "%s: cannot write: %s", path, strerror(cause));
}

qf_status qf_output_write(qf_output *output, const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        const ssize_t put = write(output->descriptor, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            return qf_fail(QF_IO, "%s: cannot write: %s", output->path, strerror(errno));
        at += put;
        size -= (size_t)put;
    }
    return QF_OK;
}

static void release(qf_output *output)
{
    qf_free(output->path);
    qf_free(output->beside);
    *output = (qf_output){-1, NULL, NULL};
}

void qf_output_abandon(qf_output *output)
{
    if (output->descriptor >= 0) {
        close(output->descriptor);
        unlink(output->beside);
    }
    release(output);
}

/* The rename itself must reach the disk too; file systems that cannot sync a directory
 * say EINVAL, and then there is nothing to be done. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *directory = qf_alloc(length + 2);

    if (!directory) return;
    memcpy(directory, slash ? path : ".", slash ? length : 1);
    const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    qf_free(directory);
}

qf_status qf_output_commit(qf_output *output)
{
    int cause = 0;

    if (fsync(output->descriptor) != 0) cause = errno;
    if (close(output->descriptor) != 0 && !cause) cause = errno;
    output->descriptor = -1;
    if (!cause && rename(output->beside, output->path) != 0) cause = errno;
    if (cause)
        unlink(output->beside);
    else
        sync_directory(output->path);
    const qf_status status =
        cause ? qf_fail(QF_IO, "%s: cannot write: %s", output->path, strerror(cause)) : QF_OK;
    release(output);
    return status;
}

qf_status qf_file_write(const char *path, const void *data, size_t size)
{
    qf_output output;

    QF_TRY(qf_output_open(path, &output));
    const qf_status status = qf_output_write(&output, data, size);
    if (status == QF_OK) return qf_output_commit(&output);
    qf_output_abandon(&output);
    return status;
}

qf_status qf_file_copy(const char *from, const char *to)
{
    char *data;
    size_t size;

    QF_TRY(qf_file_read(from, SIZE_MAX / 4, &data, &size));
    const qf_status status = qf_file_write(to, data, size);
    qf_free(data);
    return status;
}
