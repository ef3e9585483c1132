/* test_configs.c -- named configurations against their published sizes, and config.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/configs.h"
#include "scratch.h"

static void published_sizes(void **state)
{
    (void)state;

    assert_true(qf_configs() >= 8);
    for (int i = 0; i < qf_configs(); i++) {
        const qf_named_config *row = qf_config_at(i);
        const double parameters = (double)qf_config_parameters(&row->config);
        const double ratio = parameters / (double)row->published;
        if (!(ratio > 0.99 && ratio < 1.01))
            fail_msg("%s: %.0f parameters, published %lld", row->name, parameters,
                     (long long)row->published);
        assert_int_equal(qf_config_check(&row->config, row->name), QF_OK);
        assert_int_equal(row->config.heads * row->config.head_dim, row->config.dim);
    }
}

static void found_by_name(void **state)
{
    qf_config config;
    (void)state;

    for (int i = 0; i < qf_configs(); i++) {
        const qf_named_config *row = qf_config_at(i);
        assert_int_equal(qf_config_find(row->name, &config), QF_OK);
        assert_memory_equal(&config, &row->config, sizeof config);
        for (int j = 0; j < i; j++) assert_string_not_equal(row->name, qf_config_at(j)->name);
    }
    assert_int_equal(qf_config_find("llama9-7b", &config), QF_USAGE);
    assert_non_null(strstr(qf_message(), "llama2-7b, llama2-13b"));
    assert_non_null(strstr(qf_message(), "stories15M)"));
    assert_int_equal(qf_config_find("", &config), QF_USAGE);
}

/* The file by its path and by its directory. */
static void found_by_path(void **state)
{
    qf_config config;
    char *slash, directory[256];
    (void)state;

    check_scratch_text("config.json", "{\"model_type\": \"llama\", \"hidden_size\": 64, "
                                      "\"intermediate_size\": 96, \"num_hidden_layers\": 3, "
                                      "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
                                      "\"vocab_size\": 100, \"tie_word_embeddings\": true}");
    const char *path = check_scratch_path("config.json");
    assert_int_equal(qf_config_find(path, &config), QF_OK);
    assert_int_equal(config.layers, 3);
    assert_int_equal(config.head_dim, 16);
    /* 3 (2 64 + 2 64 64 + 2 64 32 + 3 64 96) + 64 + 100 64 */
    assert_int_equal(qf_config_parameters(&config), 99008);
    config.tied = false;
    assert_int_equal(qf_config_parameters(&config), 99008 + 6400);

    snprintf(directory, sizeof directory, "%s", path);
    slash = strrchr(directory, '/');
    *slash = 0;
    assert_int_equal(qf_config_find(directory, &config), QF_OK);
    assert_int_equal(config.vocab, 100);

    check_scratch_text("config.json", "{\"hidden_size\": 64");
    assert_int_equal(qf_config_find(path, &config), QF_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes),
        cmocka_unit_test(found_by_name),
        cmocka_unit_test(found_by_path),
    };
    return cmocka_run_group_tests(tests, check_scratch_make, check_scratch_remove);
}
