/* test_qmodel.c -- quantised directories: round trips, and files that lie. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/qmodel.h"
#include "qforge/tensorfile.h"
#include "tiny.h"

/* ---- a directory of its own for every test ---- */
static char directory[] = "/tmp/qforge-qmodel-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static const char *path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", directory, name);
    return path;
}

static void save_tiny(bool tied, int rank)
{
    qf_qmodel model;
    check_tiny_quantised(&model, tied, 4);
    if (tied) snprintf(model.recipe, sizeof model.recipe, "grid=search");
    if (rank) check_tiny_adapters(&model, rank, 5);
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    qf_qmodel_release(&model);
}

static void assert_copies_equal(const qf_qmodel *a, const qf_qmodel *b)
{
    const qf_config *c = &a->base.config;
    for (int at = 0; at < c->layers * QF_LINEARS * a->widths; at++) {
        const qf_qlinear *x = &a->linear[at], *y = &b->linear[at];
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)(at / a->widths % QF_LINEARS), &n, &k);
        const int64_t groups = qf_groups(k, a->group);
        assert_int_equal(x->quant, y->quant);
        assert_memory_equal(x->code, y->code, (size_t)(n * k));
        assert_memory_equal(x->scale, y->scale, (size_t)(n * groups) * sizeof(float));
        assert_memory_equal(x->offset, y->offset, (size_t)(n * groups) * sizeof(float));
        assert_int_equal(!x->lora_a, !y->lora_a);
        if (!x->lora_a) continue;
        assert_memory_equal(x->lora_a, y->lora_a, (size_t)(a->rank * groups) * sizeof(float));
        assert_memory_equal(x->lora_b, y->lora_b, (size_t)(n * a->rank) * sizeof(float));
    }
}

static void round_trip(bool tied, int rank)
{
    qf_qmodel model, back;
    const qf_config *c = &model.base.config;

    check_tiny_quantised(&model, tied, 4);
    if (tied) snprintf(model.recipe, sizeof model.recipe, "grid=search");
    if (rank) check_tiny_adapters(&model, rank, 5);
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    assert_true(qf_qmodel_is(directory));
    assert_int_equal(qf_qmodel_load(directory, &back), QF_OK);
    assert_int_equal(back.group, 32);
    assert_int_equal(back.widths, 3);
    assert_int_equal(back.width[2], 4);
    assert_string_equal(back.method, "rtn");
    assert_string_equal(back.recipe, model.recipe);
    assert_int_equal(back.rank, rank);
    assert_true(back.adapter_scale == model.adapter_scale);
    assert_memory_equal(back.base.embedding, model.base.embedding,
                        (size_t)(c->vocab * c->dim) * sizeof(float));
    assert_memory_equal(back.base.head, model.base.head,
                        (size_t)(c->vocab * c->dim) * sizeof(float));
    assert_memory_equal(back.base.mlp_norm, model.base.mlp_norm,
                        (size_t)(c->layers * c->dim) * sizeof(float));
    assert_null(back.base.linear[0]);
    assert_copies_equal(&model, &back);
    qf_qmodel_release(&back);
    assert_int_equal(qf_qmodel_open(directory, &back), QF_OK);
    assert_int_equal(back.rank, rank);
    for (int at = 0; at < c->layers * QF_LINEARS * 3; at++)
        assert_int_equal(qf_qmodel_take(&back, at / 3, back.width[at % 3]), QF_OK);
    assert_copies_equal(&model, &back);
    qf_qmodel_drop(&back, 0, 2);
    assert_int_equal(qf_qmodel_take(&back, 0, 2), QF_OK);
    assert_copies_equal(&model, &back);
    qf_qmodel_release(&model);
    qf_qmodel_release(&back);
}

/* What was opened and lost its codes is whole when it is saved, its offsets as they are now. */
static void an_opened_model_is_saved_from_its_file(void **state)
{
    qf_qmodel model, opened, back;
    char other[160];

    (void)state;
    check_tiny_quantised(&model, false, 4);
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    const int copies = model.base.config.layers * QF_LINEARS * 3;
    assert_int_equal(qf_qmodel_open(directory, &opened), QF_OK);
    for (int at = 0; at < copies; at++) {
        const int bits = opened.width[at % 3];
        assert_int_equal(qf_qmodel_take(&opened, at / 3, bits), QF_OK);
        model.linear[at].offset[0] = opened.linear[at].offset[0] += (float)at;
        qf_qmodel_drop_codes(&opened, at / 3, bits);
    }
    snprintf(other, sizeof other, "%s/other", directory);
    assert_int_equal(qf_qmodel_save(&opened, other), QF_OK);
    qf_qmodel_release(&opened);
    assert_int_equal(qf_qmodel_load(other, &back), QF_OK);
    assert_copies_equal(&model, &back);
    assert_string_equal(back.method, model.method);
    qf_qmodel_release(&model);
    qf_qmodel_release(&back);
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    round_trip(true, 0);
    round_trip(false, 3);
    round_trip(true, 2);
    round_trip(true, 0); /* over one with adapters: they go */
    char path[128];
    assert_false(qf_file_exists(path_of("adapters.safetensors", path)));
}

/* Eight bits of mantissa stay, and saving again keeps them. */
static void adapters_may_be_brief(void **state)
{
    qf_qmodel model, back[2];
    char path[128];
    struct stat whole, brief;
    double worst = 0;

    (void)state;
    check_tiny_quantised(&model, false, 4);
    check_tiny_adapters(&model, 3, 5);
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    assert_int_equal(stat(path_of("adapters.safetensors", path), &whole), 0);
    model.adapter_dtype = QF_DTYPE_BF16;
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    assert_int_equal(stat(path, &brief), 0);
    assert_true(brief.st_size < whole.st_size);
    assert_int_equal(qf_qmodel_load(directory, &back[0]), QF_OK);
    assert_int_equal(back[0].adapter_dtype, QF_DTYPE_BF16);
    for (int at = 0; at < model.base.config.layers * QF_LINEARS * 3; at++) {
        int64_t n, k;
        qf_linear_shape(&model.base.config, (qf_linear_kind)(at / 3 % QF_LINEARS), &n, &k);
        for (int64_t i = 0; i < 3 * n; i++) {
            const double was = model.linear[at].lora_b[i], is = back[0].linear[at].lora_b[i];
            worst = fmax(worst, fabs(is - was) / fabs(was));
        }
        for (int64_t i = 0; i < 3 * qf_groups(k, 32); i++) {
            const double was = model.linear[at].lora_a[i], is = back[0].linear[at].lora_a[i];
            worst = fmax(worst, fabs(is - was) / fabs(was));
        }
    }
    assert_true(worst > 0 && worst <= 1.0 / 256);
    assert_int_equal(qf_qmodel_save(&back[0], directory), QF_OK);
    assert_int_equal(qf_qmodel_load(directory, &back[1]), QF_OK);
    assert_copies_equal(&back[0], &back[1]);
    qf_qmodel_release(&model);
    qf_qmodel_release(&back[0]);
    qf_qmodel_release(&back[1]);
}

static void copies_are_found_by_width(void **state)
{
    (void)state;
    qf_qmodel model;
    check_tiny_quantised(&model, true, 4);
    assert_non_null(qf_qmodel_linear(&model, 3, 3));
    assert_null(qf_qmodel_linear(&model, 3, 8));
    const qf_qmatrix matrix = qf_qmodel_matrix(&model, 7 + QF_LINEAR_DOWN, 2);
    assert_int_equal(matrix.n, 48);
    assert_int_equal(matrix.k, 44);
    assert_int_equal(matrix.quant, QF_Q2);
    assert_int_equal(qf_qmatrix_check(&matrix, "down"), QF_OK);
    qf_qmodel_release(&model);
}

static void wrong_widths_are_refused(void **state)
{
    (void)state;
    static const int bad[][2] = {{3, 2}, {2, 2}, {5, 8}, {1, 2}, {4, 32}};
    qf_qmodel model;
    qf_model base;

    check_tiny_model(&base, true, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(qf_qmodel_create(&base, 32, bad[i], 2, &model), QF_USAGE);
    assert_int_equal(qf_qmodel_create(&base, 48, (const int[]){2}, 1, &model), QF_USAGE);
    assert_int_equal(qf_qmodel_create(&base, 32, (const int[]){2}, 0, &model), QF_USAGE);
    qf_model_release(&base);
}

static void other_directories_are_not_ours(void **state)
{
    (void)state;
    qf_qmodel quantised;
    qf_model plain;
    char path[128];

    assert_false(qf_qmodel_is("/nonexistent"));
    assert_false(qf_qmodel_is(directory));
    check_tiny_model(&plain, true, 1);
    assert_int_equal(qf_model_save(&plain, directory), QF_OK);
    qf_model_release(&plain);
    assert_false(qf_qmodel_is(directory));
    assert_int_equal(qf_qmodel_load(directory, &quantised), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "qforge"));
    save_tiny(true, 0);
    assert_true(qf_qmodel_is(directory));
    assert_true(qf_model_load(directory, &plain) != QF_OK); /* no fp32 linears */
    assert_int_equal(unlink(path_of("config.json", path)), 0);
    assert_false(qf_qmodel_is(directory));
}

/* ---- hostile files ---- */

/* Replaces the first `old` in config.json. */
static void edit_config(const char *old, const char *fresh)
{
    char path[128], *text, *at, edited[8192];

    assert_int_equal(qf_file_read(path_of("config.json", path), 1 << 16, &text, NULL), QF_OK);
    at = strstr(text, old);
    assert_non_null(at);
    snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - text), text, fresh,
             at + strlen(old));
    assert_int_equal(qf_file_write(path, edited, strlen(edited)), QF_OK);
    qf_free(text);
}

static void assert_refused(const char *why)
{
    qf_qmodel model;
    qf_message_clear();
    const qf_status status = qf_qmodel_load(directory, &model);
    assert_true(status != QF_OK);
    if (!strstr(qf_message(), why)) fail_msg("'%s' does not say '%s'", qf_message(), why);
    assert_non_null(strstr(qf_message(), directory));
}

static void lying_configs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *fresh, *why;
    } lies[] = {
        {"\"group\": 32", "\"group\": 33", "groups of 33"},
        {"\"group\": 32", "\"group\": 64", ".scales' is not"},
        {"\"group\": 32", "\"group\": -32", "groups of -32"},
        {"\"group\": 32", "\"group\": 4294967328", "groups of"},
        {"\"adapter_rank\": 3", "\"adapter_rank\": -3", "adapter_rank"},
        {"\"adapter_rank\": 3", "\"adapter_rank\": 2000000000", "adapter_rank"},
        {"\"adapter_rank\": 3", "\"adapter_rank\": 4", "lora_A' is not"},
        {"\"adapter_scale\": 0.125", "\"adapter_scale\": 1e300", "adapter_scale"},
        {"\"method\": \"rtn\"", "\"method\": \"a method of a very long name\"", "method"},
        {"\"method\": \"rtn\"", "\"method\": 7", "method"},
        {"\"method\": \"rtn\"", "\"method\": \"rtn\", \"recipe\": 3", "recipe"},
        {"\"method\": \"rtn\"", "\"method\": \"rtn\", \"recipe\": \"\"", "recipe"},
        {"\"hidden_size\": 48", "\"hidden_size\": 64", "is not"},
        {"\"intermediate_size\": 44", "\"intermediate_size\": 450000", "is not"},
        {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "missing"},
        {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000", ""},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        save_tiny(true, 3);
        edit_config(lies[i].old, lies[i].fresh);
        assert_refused(lies[i].why);
    }
}

/* The list is printed over several lines: widths are tried through a fresh object. */
static void lying_widths_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"[]", "[3,2]", "[2,2]", "[2,3,4,5]",   "[2,3,4,5,8]",
                                        "7",  "[1]",   "[9]",   "[2,\"3\",4]", "[2,5]"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char fresh[64];
        save_tiny(true, 0);
        snprintf(fresh, sizeof fresh, "\"widths\": %s, \"old\"", lists[i]);
        edit_config("\"widths\"", fresh);
        qf_qmodel model;
        assert_true(qf_qmodel_load(directory, &model) != QF_OK);
    }
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "adapters.safetensors"};
    for (int i = 0; i < 2; i++) {
        char path[128];
        struct stat file;
        save_tiny(true, 3);
        assert_int_equal(stat(path_of(names[i], path), &file), 0);
        const off_t sizes[] = {file.st_size - 1, file.st_size / 2, 9, 0};
        for (int j = 0; j < 4; j++) {
            assert_int_equal(truncate(path, sizes[j]), 0);
            assert_refused(names[i]);
        }
        assert_int_equal(unlink(path), 0);
        assert_refused(names[i]);
    }
}

/* Writes the model with one number spoilt: the file is whole, its content is not. */
static void wild_numbers_are_refused(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        qf_qmodel model;
        check_tiny_quantised(&model, true, 4);
        check_tiny_adapters(&model, 2, 5);
        float *const spoilt[] = {&model.linear[4].scale[1], &model.linear[4].offset[0],
                                 &model.linear[4].lora_b[3]};
        *spoilt[which] = which == 1 ? INFINITY : NAN;
        assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
        qf_qmodel_release(&model);
        assert_refused("model.layers.0.self_attn.k_proj.q3");
    }
}

static void missing_and_misshapen_tensors_are_refused(void **state)
{
    (void)state;
    /* An adapter file in the place of the model's, and the other way round. */
    char model[128], adapters[128];
    save_tiny(true, 3);
    path_of("model.safetensors", model);
    path_of("adapters.safetensors", adapters);
    assert_int_equal(qf_file_copy(adapters, model), QF_OK);
    assert_refused("missing");
    save_tiny(true, 3);
    assert_int_equal(qf_file_copy(model, adapters), QF_OK);
    assert_refused("missing");
}

static void a_directory_that_cannot_be_written(void **state)
{
    (void)state;
    qf_qmodel model;
    check_tiny_quantised(&model, true, 4);
    assert_int_equal(qf_qmodel_save(&model, "/proc/qforge"), QF_IO);
    assert_non_null(strstr(qf_message(), "/proc/qforge"));
    qf_qmodel_release(&model);
}

#define IN_DIRECTORY(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

/* Memory of what is dropped comes back as zeros, and nothing else is touched. */
static void dropped_blocks_are_gone(void **state)
{
    (void)state;
    static const int width[] = {2, 4};
    qf_config config = check_tiny_config(true);
    enum { CODES = 256 * 256, MIDDLE = CODES / 2 };
    qf_model base;
    qf_qmodel model;

    config.dim = 256, config.head_dim = 64, config.kv_heads = config.heads;
    assert_int_equal(qf_model_create(&config, QF_LINEARS_RESERVED, &base), QF_OK);
    assert_int_equal(qf_qmodel_reserve(&base, 32, width, 2, &model), QF_OK);
    for (int layer = 0; layer < 2; layer++) {
        memset(qf_qmodel_linear(&model, layer * QF_LINEARS, 4)->code, 7, CODES);
        base.linear[layer * QF_LINEARS][MIDDLE] = 1;
    }
    qf_qmodel_drop_block(&model, 0);
    assert_int_equal(qf_qmodel_linear(&model, 0, 4)->code[MIDDLE], 0);
    assert_int_equal(qf_qmodel_linear(&model, QF_LINEARS, 4)->code[MIDDLE], 7);
    assert_int_equal(qf_qmodel_linear(&model, QF_LINEARS, 4)->code[0], 7);
    qf_qmodel_drop_block(&model, 1); /* the last */
    assert_int_equal(qf_qmodel_linear(&model, QF_LINEARS, 4)->code[MIDDLE], 0);
    qf_model_drop_block(&base, 0); /* of a model that was not opened: nothing */
    assert_true(base.linear[0][MIDDLE] == 1);
    qf_qmodel_release(&model);
    qf_model_release(&base);
}

/* Large enough for whole pages: those of codes are gone, those of offsets are not. */
static void codes_go_and_offsets_stay(void **state)
{
    static const int width[] = {4};
    enum { OFFSETS = 256 * 8, MIDDLE = 256 * 256 / 2 };
    qf_config config = check_tiny_config(true);
    qf_model base;
    qf_qmodel model, opened;

    (void)state;
    config.dim = 256, config.head_dim = 64, config.kv_heads = config.heads;
    assert_int_equal(qf_model_create(&config, QF_LINEARS_RESERVED, &base), QF_OK);
    assert_int_equal(qf_qmodel_create(&base, 32, width, 1, &model), QF_OK);
    strcpy(model.method, "rtn");
    qf_qlinear *query = &model.linear[0];
    memset(query->code, 7, 256 * 256);
    for (int i = 0; i < OFFSETS; i++) query->offset[i] = (float)(i + 1);
    assert_int_equal(qf_qmodel_save(&model, directory), QF_OK);
    assert_int_equal(qf_qmodel_open(directory, &opened), QF_OK);
    assert_int_equal(qf_qmodel_take(&opened, 0, 4), QF_OK);
    assert_int_equal(opened.linear[0].code[MIDDLE], 7);
    qf_qmodel_drop_codes(&opened, 0, 4);
    assert_int_equal(opened.linear[0].code[MIDDLE], 0);
    assert_memory_equal(opened.linear[0].offset, query->offset, OFFSETS * sizeof(float));
    qf_qmodel_drop(&opened, 0, 4);
    assert_true(opened.linear[0].offset[OFFSETS / 2] == 0);
    qf_qmodel_release(&opened);
    qf_qmodel_release(&model);
    qf_model_release(&base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(codes_go_and_offsets_stay),
        IN_DIRECTORY(an_opened_model_is_saved_from_its_file),
        IN_DIRECTORY(what_is_saved_is_loaded),
        IN_DIRECTORY(adapters_may_be_brief),
        cmocka_unit_test(dropped_blocks_are_gone),
        cmocka_unit_test(copies_are_found_by_width),
        cmocka_unit_test(wrong_widths_are_refused),
        IN_DIRECTORY(other_directories_are_not_ours),
        IN_DIRECTORY(lying_configs_are_refused),
        IN_DIRECTORY(lying_widths_are_refused),
        IN_DIRECTORY(cut_files_are_refused),
        IN_DIRECTORY(wild_numbers_are_refused),
        IN_DIRECTORY(missing_and_misshapen_tensors_are_refused),
        cmocka_unit_test(a_directory_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
