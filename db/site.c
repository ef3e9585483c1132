/* site.c -- file systems, mounts, hosts, and the names of shards. */
#include "site.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "qforge/memory.h"
#include "qforge/store.h"

enum { FUSE_MAGIC = 0x65735546 };

/* ---- what kind ----------------------------------------------------------------------- */

static bool fuse_is_local(const char *type)
{
    static const char *const local[] = {
#define NETWORK_FS(magic, name)
#define LOCAL_FUSE(type) type,
#include "network_fs.def"
#undef LOCAL_FUSE
#undef NETWORK_FS
    };
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strcmp(type, local[i]) == 0) return true;
    return false;
}

const char *site_network(long magic, const char *type)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } kinds[] = {
#define NETWORK_FS(magic, name) {magic, name},
#define LOCAL_FUSE(type)
#include "network_fs.def"
#undef LOCAL_FUSE
#undef NETWORK_FS
    };
    if ((uint32_t)magic == FUSE_MAGIC) return fuse_is_local(type) ? NULL : "FUSE";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].magic == (uint32_t)magic) return kinds[i].name;
    return NULL;
}

/* A line: "36 35 98:0 /inner /mount rw,noatime master:1 - fuse.sshfs source options". */
void site_mount_type(FILE *mounts, unsigned major, unsigned minor, char *type, size_t size)
{
    char *line = NULL;
    size_t room = 0;

    *type = 0;
    while (!*type && getline(&line, &room, mounts) > 0) {
        unsigned a, b;
        const char *at = strstr(line, " - ");
        if (!at || sscanf(line, "%*u %*u %u:%u", &a, &b) != 2 || a != major || b != minor)
            continue;
        snprintf(type, size, "%.*s", (int)strcspn(at + 3, " \n"), at + 3);
    }
    free(line);
}

static void mount_type_of(const char *directory, char *type, size_t size)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    struct stat info;

    *type = 0;
    if (mounts && stat(directory, &info) == 0)
        site_mount_type(mounts, major(info.st_dev), minor(info.st_dev), type, size);
    if (mounts) fclose(mounts);
}

/* ---- which host ------------------------------------------------------------------------ */

static void name_host(char host[SITE_HOST_MAX])
{
    if (gethostname(host, SITE_HOST_MAX) != 0) *host = 0;
    host[SITE_HOST_MAX - 1] = 0;
    for (char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-') *c = '_';
    if (!*host) strcpy(host, "localhost");
}

static qf_status directory_of(const char *path, char directory[SITE_PATH_MAX])
{
    if (strlen(path) >= SITE_PATH_MAX)
        return qf_fail(QF_DATABASE, "%.40s…: the path is too long", path);
    strcpy(directory, path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0;
    else
        strcpy(directory, ".");
    return QF_OK;
}

qf_status site_of(const char *path, ledger_site *site)
{
    char directory[SITE_PATH_MAX], type[64];
    struct statfs system;

    QF_TRY(directory_of(path, directory));
    if (statfs(directory, &system) != 0)
        return errno == ENOENT ? QF_NOT_FOUND
                               : qf_fail(QF_DATABASE, "%s: %s", directory, strerror(errno));
    mount_type_of(directory, type, sizeof type);
    site->network = site_network((long)system.f_type, type);
    name_host(site->host);
    return QF_OK;
}

/* ---- shards ---------------------------------------------------------------------------- */

/* Bytes of the name before ".db". */
static size_t stem_of(const char *name)
{
    const size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".db") == 0 ? length - 3 : length;
}

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether "<stem>.<host>.db" and no host in between. */
static bool is_shard_of_host(const char *path, const char *host)
{
    const size_t stem = stem_of(path), length = strlen(host);
    return path[stem] && stem > length + 1 && path[stem - length - 1] == '.' &&
           strncmp(path + stem - length, host, length) == 0;
}

qf_status site_shard(const char *path, const char *host, char shard[SITE_PATH_MAX])
{
    const bool already = is_shard_of_host(path, host);
    const int size =
        already ? snprintf(shard, SITE_PATH_MAX, "%s", path)
                : snprintf(shard, SITE_PATH_MAX, "%.*s.%s.db", (int)stem_of(path), path, host);
    if (size < SITE_PATH_MAX) return QF_OK;
    return qf_fail(QF_DATABASE, "%.40s…: the path is too long", path);
}

static bool is_shard_name(const char *file, const char *name)
{
    const size_t stem = stem_of(name), length = strlen(file);
    return length > stem + 4 && strncmp(file, name, stem) == 0 && file[stem] == '.' &&
           strcmp(file + length - 3, ".db") == 0 && strcmp(file, name) != 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static qf_status add(qf_shards *shards, const char *directory, const char *file)
{
    char **grown = qf_alloc_array((size_t)shards->count + 1, sizeof *grown);

    if (!grown) return QF_MEMORY;
    if (shards->count) memcpy(grown, shards->path, (size_t)shards->count * sizeof *grown);
    qf_free(shards->path);
    shards->path = grown;
    const size_t size = strlen(directory) + strlen(file) + 2;
    char *path = qf_alloc(size);
    if (!path) return QF_MEMORY;
    snprintf(path, size, "%s%s", directory, file);
    shards->path[shards->count++] = path;
    return QF_OK;
}

qf_status qf_shards_find(const char *path, qf_shards *shards)
{
    char directory[SITE_PATH_MAX], prefix[SITE_PATH_MAX];
    const char *name = name_in(path);
    qf_status status = QF_OK;

    *shards = (qf_shards){0};
    QF_TRY(directory_of(path, directory));
    snprintf(prefix, sizeof prefix, "%.*s", (int)(name - path), path);
    DIR *listing = opendir(directory);
    if (!listing) return qf_fail(QF_DATABASE, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry; status == QF_OK && (entry = readdir(listing));)
        if (is_shard_name(entry->d_name, name)) status = add(shards, prefix, entry->d_name);
    closedir(listing);
    if (status != QF_OK)
        qf_shards_release(shards);
    else if (shards->count)
        qsort(shards->path, (size_t)shards->count, sizeof *shards->path, by_name);
    return status;
}

void qf_shards_release(qf_shards *shards)
{
    for (int i = 0; i < shards->count; i++) qf_free(shards->path[i]);
    qf_free(shards->path);
    *shards = (qf_shards){0};
}
