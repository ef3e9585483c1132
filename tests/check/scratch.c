/* scratch.c -- files for tests. */
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "qforge/file.h"
#include "qforge/memory.h"

static char directory[64];

int check_scratch_make(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/qforge-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

int check_scratch_remove(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

const char *check_scratch_path(const char *name)
{
    enum { PATHS = 256 };
    static char *paths[PATHS];
    char path[256];
    int i = 0;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    while (i < PATHS && paths[i] && strcmp(paths[i], path) != 0) i++;
    assert_true(i < PATHS);
    if (!paths[i]) paths[i] = strdup(path);
    return paths[i];
}

void check_scratch_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(check_scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void check_scratch_text(const char *name, const char *text)
{
    check_scratch_write(name, text, strlen(text));
}

char *check_scratch_read(const char *path, size_t *size)
{
    char *data;
    assert_int_equal(qf_file_read(path, SIZE_MAX / 4, &data, size), QF_OK);
    return data;
}

static void damage_once(qf_random *random, uint8_t *bytes, size_t head)
{
    static const uint32_t extremes[] = {0,           1,           0x7f,        0xff,
                                        0x7fffffffu, 0x80000000u, 0xffffffffu, 0x7fc00000u};
    const size_t at = qf_random_below(random, (uint32_t)head);

    switch (qf_random_below(random, 4)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << qf_random_below(random, 8));
        return;
    case 1:
        bytes[at] = (uint8_t)qf_random_u32(random);
        return;
    case 2:
        if (at + 4 <= head) memcpy(bytes + at, &extremes[qf_random_below(random, 8)], 4);
        return;
    default: {
        const size_t from = qf_random_below(random, (uint32_t)head);
        const size_t longest = head - (at > from ? at : from);
        memmove(bytes + at, bytes + from, longest < 8 ? longest : 8);
    }
    }
}

void check_scratch_damage(qf_random *random, const char *name, const char *original,
                          size_t count, size_t head)
{
    uint8_t *bytes = qf_alloc(count + 64);

    memcpy(bytes, original, count);
    const int times = 1 + (int)qf_random_below(random, 3);
    for (int i = 0; i < times; i++) damage_once(random, bytes, head);
    size_t size = count;
    if (qf_random_below(random, 8) == 0) size = qf_random_below(random, (uint32_t)count);
    if (qf_random_below(random, 16) == 0) size = count + 1 + qf_random_below(random, 63);
    check_scratch_write(name, bytes, size);
    qf_free(bytes);
}

const char *check_shared_data(const char *name)
{
    static char paths[8][1024];
    static int next;
    const char *source = getenv("QFORGE_SOURCE");
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/../shared/data/%s", source ? source : ".", name);
    return access(path, R_OK) == 0 ? path : NULL;
}
