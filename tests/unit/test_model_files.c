/* test_model_files.c -- models of Hugging Face and llama2.c: what is read, what is
 * refused. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/model.h"
#include "qforge/tensorfile.h"
#include "scratch.h"
#include "tiny.h"

static void assert_same_config(const qf_config *a, const qf_config *b)
{
    assert_int_equal(a->dim, b->dim);
    assert_int_equal(a->hidden, b->hidden);
    assert_int_equal(a->layers, b->layers);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->kv_heads, b->kv_heads);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->vocab, b->vocab);
    assert_int_equal(a->context, b->context);
    assert_int_equal(a->tied, b->tied);
    assert_int_equal(a->bos, b->bos);
    assert_int_equal(a->eos, b->eos);
    assert_true(a->rope_theta == b->rope_theta && a->norm_eps == b->norm_eps);
}

static void assert_models_equal(const qf_model *a, const qf_model *b)
{
    const qf_config *c = &a->config;
    const size_t row = (size_t)c->dim * sizeof(float);

    assert_same_config(c, &b->config);
    assert_memory_equal(a->embedding, b->embedding, (size_t)c->vocab * row);
    assert_memory_equal(a->head, b->head, (size_t)c->vocab * row);
    assert_memory_equal(a->attention_norm, b->attention_norm, (size_t)c->layers * row);
    assert_memory_equal(a->mlp_norm, b->mlp_norm, (size_t)c->layers * row);
    assert_memory_equal(a->final_norm, b->final_norm, row);
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        assert_memory_equal(a->linear[i], b->linear[i], (size_t)(n * k) * sizeof(float));
    }
}

static void save_and_load(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        const char *directory = check_scratch_path(tied ? "a/b/tied" : "a/b/untied");
        qf_model model, again;
        check_tiny_model(&model, tied, 11);
        model.config.rope_theta = 500000;
        model.config.norm_eps = 1e-6f;
        model.config.eos = -1;
        assert_int_equal(qf_model_save(&model, directory), QF_OK);
        assert_int_equal(qf_model_load(directory, &again), QF_OK);
        assert_int_equal(again.head == again.embedding, tied);
        assert_models_equal(&model, &again);
        qf_model_release(&model);
        qf_model_release(&again);
    }
}

/* ---- Hugging Face directories written by hand ---- */

/* Splits a saved model into two shards of halved precision with an index. */
static void reshard(const char *from, const char *to, qf_dtype dtype)
{
    qf_tensorfile *file;
    qf_tensorwriter *writer[2];
    uint16_t *halves[64] = {0};
    char path[256], index[16384] = "{\"metadata\":{\"total_size\":1},\"weight_map\":{";

    snprintf(path, sizeof path, "%s/model.safetensors", from);
    assert_int_equal(qf_tensorfile_open(path, &file), QF_OK);
    for (int s = 0; s < 2; s++) {
        snprintf(path, sizeof path, "%s/part-%d.safetensors", to, s);
        assert_int_equal(qf_tensorwriter_create(path, &writer[s]), QF_OK);
    }
    const int count = qf_tensorfile_count(file);
    assert_true(count <= 64);
    for (int i = 0; i < count; i++) {
        const qf_tensor *t = qf_tensorfile_at(file, i);
        halves[i] = qf_alloc_array((size_t)t->count, sizeof **halves);
        for (int64_t j = 0; j < t->count; j++) {
            float value;
            memcpy(&value, t->data + 4 * j, sizeof value);
            halves[i][j] = dtype == QF_DTYPE_F16 ? qf_half_of(value) : qf_bfloat_of(value);
        }
        assert_int_equal(
            qf_tensorwriter_add(writer[i % 2], t->name, dtype, t->rank, t->shape, halves[i]),
            QF_OK);
        snprintf(index + strlen(index), sizeof index - strlen(index),
                 "%s\"%s\":\"part-%d.safetensors\"", i ? "," : "", t->name, i % 2);
    }
    strcat(index, "}}");
    for (int s = 0; s < 2; s++) {
        assert_int_equal(qf_tensorwriter_commit(writer[s]), QF_OK);
        qf_tensorwriter_destroy(writer[s]);
    }
    for (int i = 0; i < count; i++) qf_free(halves[i]);
    qf_tensorfile_close(file);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", to);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(index, out);
    fclose(out);
}

static void copy_config(const char *from, const char *to)
{
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "%s/config.json", from);
    char *text = check_scratch_read(path, &size);
    snprintf(path, sizeof path, "%s/config.json", to);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fwrite(text, 1, size, out);
    fclose(out);
    qf_free(text);
}

static void shards_of_halves(void **state)
{
    const char *from = check_scratch_path("whole"), *to = check_scratch_path("shards");
    qf_model model, again;
    (void)state;

    check_tiny_model(&model, false, 12);
    assert_int_equal(qf_model_save(&model, from), QF_OK);
    assert_int_equal(mkdir(to, 0777), 0);
    copy_config(from, to);
    for (int kind = 0; kind < 2; kind++) {
        reshard(from, to, kind ? QF_DTYPE_BF16 : QF_DTYPE_F16);
        assert_int_equal(qf_model_load(to, &again), QF_OK);
        for (int i = 0; i < 48; i++) {
            const float exact = model.linear[3][i];
            const float rounded =
                kind ? qf_bfloat_value(qf_bfloat_of(exact)) : qf_half_value(qf_half_of(exact));
            assert_true(again.linear[3][i] == rounded);
            assert_true(rounded != exact);
        }
        qf_model_release(&again);
    }
    /* A shard that is gone, an index that points elsewhere. */
    assert_int_equal(remove(check_scratch_path("shards/part-1.safetensors")), 0);
    assert_int_equal(qf_model_load(to, &again), QF_IO);
    assert_non_null(strstr(qf_message(), "part-1.safetensors"));
    check_scratch_text("shards/model.safetensors.index.json",
                       "{\"weight_map\":{\"x\":\"../whole/model.safetensors\"}}");
    assert_int_equal(qf_model_load(to, &again), QF_FORMAT);
    check_scratch_text("shards/model.safetensors.index.json", "{\"weight_map\":[]}");
    assert_int_equal(qf_model_load(to, &again), QF_FORMAT);
    check_scratch_text("shards/model.safetensors.index.json",
                       "{\"weight_map\":{\"lm_head.weight\":\"part-0.safetensors\"}}");
    assert_int_equal(qf_model_load(to, &again), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "missing"));
    qf_model_release(&model);
}

/* A model of which one block is in memory: the same numbers, one file or shards. */
static void check_blocks(const char *path)
{
    qf_model whole, blocks;

    assert_int_equal(qf_model_load(path, &whole), QF_OK);
    assert_int_equal(qf_model_open(path, &blocks), QF_OK);
    const qf_config *c = &whole.config;
    assert_memory_equal(whole.embedding, blocks.embedding,
                        (size_t)c->vocab * (size_t)c->dim * sizeof(float));
    assert_memory_equal(whole.final_norm, blocks.final_norm, (size_t)c->dim * sizeof(float));
    for (int turn = 0; turn < 2; turn++)
        for (int layer = c->layers - 1; layer >= 0; layer--) {
            assert_int_equal(qf_model_take_block(&blocks, layer), QF_OK);
            for (int kind = 0; kind < QF_LINEARS; kind++) {
                const int index = layer * QF_LINEARS + kind;
                int64_t n, k;
                qf_linear_shape(c, (qf_linear_kind)kind, &n, &k);
                assert_memory_equal(whole.linear[index], blocks.linear[index],
                                    (size_t)(n * k) * sizeof(float));
            }
            qf_model_drop_block(&blocks, layer);
        }
    qf_model_release(&blocks);
    qf_model_release(&whole);
}

static void blocks_one_by_one(void **state)
{
    const char *from = check_scratch_path("one"), *to = check_scratch_path("several");
    qf_model model;
    (void)state;

    check_tiny_model(&model, false, 13);
    assert_int_equal(qf_model_save(&model, from), QF_OK);
    assert_int_equal(mkdir(to, 0777), 0);
    copy_config(from, to);
    reshard(from, to, QF_DTYPE_BF16);
    check_blocks(from);
    check_blocks(to);
    /* Values are looked at when a block is taken, shapes and files at once. */
    model.linear[QF_LINEARS + 2][5] = NAN;
    assert_int_equal(qf_model_save(&model, from), QF_OK);
    qf_model_release(&model);
    assert_int_equal(qf_model_open(from, &model), QF_OK);
    assert_int_equal(qf_model_take_block(&model, 0), QF_OK);
    assert_int_equal(qf_model_take_block(&model, 1), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "model.layers.1."));
    qf_model_release(&model);
    assert_int_equal(remove(check_scratch_path("several/part-1.safetensors")), 0);
    assert_int_equal(qf_model_open(to, &model), QF_IO);
}

/* ---- config.json ---- */

static const struct config_case {
    const char *key, *value; /* replaces or is added; value NULL: taken out */
    qf_status status;
    const char *says; /* part of the sentence */
} config_cases[] = {
    {"unheard_of", "{\"a\":[1]}", QF_OK, ""},
    {"eos_token_id", "[2, 3]", QF_OK, ""},
    {"bos_token_id", "null", QF_OK, ""},
    {"rope_scaling", "null", QF_OK, ""},
    {"rope_scaling", "{\"rope_type\":\"default\"}", QF_OK, ""},
    {"rope_parameters", "{\"rope_theta\":10000.0,\"rope_type\":\"default\"}", QF_OK, ""},
    {"rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8}", QF_UNSUPPORTED, "rope_scaling"},
    {"rope_scaling", "{\"type\":\"linear\",\"factor\":2}", QF_UNSUPPORTED, "rope_scaling"},
    {"model_type", "\"gpt2\"", QF_UNSUPPORTED, "gpt2"},
    {"hidden_act", "\"gelu\"", QF_UNSUPPORTED, "gelu"},
    {"attention_bias", "true", QF_UNSUPPORTED, "attention_bias"},
    {"mlp_bias", "true", QF_UNSUPPORTED, "mlp_bias"},
    {"sliding_window", "4096", QF_UNSUPPORTED, "sliding_window"},
    {"quantization_config", "{}", QF_UNSUPPORTED, "quantization_config"},
    {"hidden_size", NULL, QF_FORMAT, "hidden_size is missing"},
    {"vocab_size", NULL, QF_FORMAT, "vocab_size is missing"},
    {"hidden_size", "\"48\"", QF_FORMAT, "hidden_size"},
    {"hidden_size", "48.5", QF_FORMAT, "hidden_size"},
    {"hidden_size", "0", QF_RANGE, "width"},
    {"hidden_size", "-48", QF_RANGE, "width"},
    {"hidden_size", "1000000000", QF_RANGE, "width"},
    {"hidden_size", "9999999999", QF_FORMAT, "hidden_size"},
    {"num_hidden_layers", "100000", QF_RANGE, "layers"},
    {"num_hidden_layers", "3", QF_FORMAT, "missing"},
    {"num_attention_heads", "3", QF_SHAPE, "key heads"},
    {"num_attention_heads", "0", QF_RANGE, "heads"},
    {"num_key_value_heads", "4", QF_SHAPE, "shape"},
    {"num_key_value_heads", "3", QF_SHAPE, "key heads"},
    {"num_key_value_heads", "0", QF_RANGE, "key heads"},
    {"head_dim", "11", QF_SHAPE, "rotated"},
    {"head_dim", "24", QF_SHAPE, "shape"},
    {"head_dim", NULL, QF_OK, ""},
    {"intermediate_size", "45", QF_SHAPE, "shape"},
    {"vocab_size", "51", QF_SHAPE, "shape"},
    /* Enough weights to exhaust memory are not believed before the file is seen. */
    {"intermediate_size", "500000", QF_SHAPE, "shape"},
    {"vocab_size", "4000000", QF_SHAPE, "shape"},
    {"max_position_embeddings", "0", QF_RANGE, "context"},
    {"rope_theta", "0", QF_RANGE, "rope_theta"},
    {"rope_theta", "\"x\"", QF_FORMAT, "rope_theta"},
    {"rms_norm_eps", "-1", QF_RANGE, "epsilon"},
    {"rms_norm_eps", "[]", QF_FORMAT, "rms_norm_eps"},
    {"tie_word_embeddings", "1", QF_FORMAT, "tie_word_embeddings"},
    {"tie_word_embeddings", "true", QF_OK, ""},
    {"bos_token_id", "50", QF_RANGE, "begin"},
    {"eos_token_id", "-7", QF_FORMAT, "eos_token_id"},
    {"eos_token_id", "\"</s>\"", QF_FORMAT, "eos_token_id"},
};

/* The tiny model's config.json with one change. */
static void write_changed(const char *original, const struct config_case *change)
{
    json_t *root = json_loads(original, 0, NULL);

    assert_non_null(root);
    json_object_del(root, change->key);
    if (change->value)
        json_object_set_new(root, change->key,
                            json_loads(change->value, JSON_DECODE_ANY, NULL));
    assert_int_equal(
        json_dump_file(root, check_scratch_path("configs/config.json"), JSON_INDENT(1)), 0);
    json_decref(root);
}

static void configurations(void **state)
{
    const char *directory = check_scratch_path("configs");
    qf_model model, again;
    size_t size;
    (void)state;

    check_tiny_model(&model, false, 13);
    assert_int_equal(qf_model_save(&model, directory), QF_OK);
    qf_model_release(&model);
    char *original = check_scratch_read(check_scratch_path("configs/config.json"), &size);
    for (size_t i = 0; i < sizeof config_cases / sizeof *config_cases; i++) {
        const struct config_case *c = &config_cases[i];
        write_changed(original, c);
        qf_message_clear();
        const qf_status status = qf_model_load(directory, &again);
        if (status != c->status || !strstr(qf_message(), c->says))
            fail_msg("%s %s: status %d, wants %d (%s)", c->key, c->value ? c->value : "absent",
                     status, c->status, qf_message());
        qf_model_release(&again);
    }
    assert_true(qf_memory_peak() < 32 << 20);
    check_scratch_text("configs/config.json", "{\"a\": 1, \"a\": 2}");
    assert_int_equal(qf_model_load(directory, &again), QF_FORMAT);
    check_scratch_text("configs/config.json", "[]");
    assert_int_equal(qf_model_load(directory, &again), QF_FORMAT);
    check_scratch_text("configs/config.json", "");
    assert_int_equal(qf_model_load(directory, &again), QF_FORMAT);
    assert_int_equal(remove(check_scratch_path("configs/config.json")), 0);
    assert_int_equal(qf_model_load(directory, &again), QF_IO);
    qf_free(original);
}

static void weights_not_finite(void **state)
{
    const char *directory = check_scratch_path("nan");
    qf_model model, again;
    (void)state;

    check_tiny_model(&model, true, 14);
    model.linear[9][5] = NAN;
    assert_int_equal(qf_model_save(&model, directory), QF_OK);
    assert_int_equal(qf_model_load(directory, &again), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "NaN"));
    assert_non_null(strstr(qf_message(), "model.layers.1"));
    qf_model_release(&model);
}

static void damaged_configs(void **state)
{
    const char *directory = check_scratch_path("fuzz");
    qf_random random = qf_random_init(3, 8);
    qf_model model, again;
    size_t size;
    (void)state;

    check_tiny_model(&model, true, 15);
    assert_int_equal(qf_model_save(&model, directory), QF_OK);
    qf_model_release(&model);
    char *original = check_scratch_read(check_scratch_path("fuzz/config.json"), &size);
    for (int round = 0; round < 1500; round++) {
        check_scratch_damage(&random, "fuzz/config.json", original, size, size);
        if (qf_model_load(directory, &again) == QF_OK) qf_model_release(&again);
    }
    qf_free(original);
}

/* ---- llama2.c ---- */

enum { DIM = 16, HIDDEN = 24, LAYERS = 2, HEADS = 4, KV_HEADS = 2, VOCAB = 40, CONTEXT = 8 };
enum { KV = DIM / HEADS * KV_HEADS, LAYER = 2 * DIM * DIM + 2 * DIM * KV + 3 * DIM * HIDDEN };
enum { ROOM = 1 << 17 };

typedef struct image {
    uint8_t bytes[ROOM];
    size_t size;
    float next; /* weights count up, so that every place is known */
} image;

static void put(image *im, const void *data, size_t size)
{
    assert_true(im->size + size <= ROOM);
    memcpy(im->bytes + im->size, data, size);
    im->size += size;
}

static void put_int(image *im, int32_t value)
{
    put(im, &value, sizeof value);
}

static void put_weights(image *im, int count)
{
    for (int i = 0; i < count; i++, im->next += 1) put(im, &im->next, sizeof im->next);
}

static void put_numbers(image *im, int vocab)
{
    const int32_t numbers[] = {DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, vocab, CONTEXT};
    for (int i = 0; i < 7; i++) put_int(im, numbers[i]);
}

static void make_legacy(image *im, bool tied)
{
    *im = (image){.next = 1};
    put_numbers(im, tied ? VOCAB : -VOCAB);
    put_weights(im, VOCAB * DIM + LAYERS * DIM);
    put_weights(im, LAYERS * (2 * DIM * DIM + 2 * DIM * KV) + LAYERS * DIM);
    put_weights(im, LAYERS * 3 * DIM * HIDDEN + DIM);
    put_weights(im, CONTEXT * DIM / HEADS); /* the two tables of angles */
    if (!tied) put_weights(im, VOCAB * DIM);
}

static void make_versioned(image *im, int version, bool tied, int group)
{
    const int tables = tied ? 1 : 2, matrices = tables * VOCAB * DIM + LAYERS * LAYER;
    const uint8_t flag = tied;

    *im = (image){.next = 1};
    put_int(im, 0x616b3432);
    put_int(im, version);
    put_numbers(im, VOCAB);
    put(im, &flag, 1);
    put_int(im, group);
    im->size = 256;
    put_weights(im, (2 * LAYERS + 1) * DIM);
    if (version == 1) put_weights(im, matrices);
    /* One run of codes and scales is as long as all of them. */
    if (version == 2) im->size += (size_t)(matrices + 4 * (matrices / group));
}

static qf_status load_image(const image *im, qf_model *model)
{
    check_scratch_write("model.bin", im->bytes, im->size);
    return qf_model_load(check_scratch_path("model.bin"), model);
}

static void legacy_places(void **state)
{
    static image im;
    qf_model m;
    (void)state;

    for (int tied = 0; tied < 2; tied++) {
        make_legacy(&im, tied);
        assert_int_equal(load_image(&im, &m), QF_OK);
        assert_int_equal(m.config.tied, tied);
        assert_true(m.embedding[0] == 1);
        const float norms = 1 + VOCAB * DIM;
        assert_true(m.attention_norm[0] == norms);
        const float query = norms + LAYERS * DIM;
        /* Rows 0, 1, 2, 3 of a head of width 4 are stored for halves: 0, 2, 1, 3. */
        const float *q = m.linear[QF_LINEAR_QUERY];
        assert_true(q[0] == query && q[DIM] == query + 2 * DIM);
        assert_true(q[2 * DIM] == query + DIM && q[3 * DIM] == query + 3 * DIM);
        assert_true(q[5 * DIM] == query + 6 * DIM);
        const float key = query + LAYERS * DIM * DIM;
        assert_true(m.linear[QF_LINEAR_KEY][DIM] == key + 2 * DIM);
        const float value = key + LAYERS * DIM * KV;
        assert_true(m.linear[QF_LINEAR_VALUE][DIM] == value + DIM);
        const float gate = value + LAYERS * DIM * KV + LAYERS * DIM * DIM + LAYERS * DIM;
        assert_true(m.linear[QF_LINEAR_GATE][0] == gate);
        assert_true(m.linear[QF_LINEARS + QF_LINEAR_DOWN][0] ==
                    gate + 3 * (float)(DIM * HIDDEN));
        assert_true(m.linear[QF_LINEAR_UP][0] == gate + 4 * (float)(DIM * HIDDEN));
        if (!tied) assert_true(m.head[VOCAB * DIM - 1] == im.next - 1);
        qf_model_release(&m);
    }
}

static void versions(void **state)
{
    static image im;
    qf_model m;
    (void)state;

    for (int tied = 0; tied < 2; tied++) {
        make_versioned(&im, 1, tied, 0);
        assert_int_equal(load_image(&im, &m), QF_OK);
        assert_true(m.mlp_norm[0] == 1 + LAYERS * DIM);
        assert_true(m.embedding[0] == 1 + (2 * LAYERS + 1) * DIM);
        qf_model_release(&m);
    }
    make_versioned(&im, 2, true, 8);
    const size_t codes = 256 + 4 * (2 * LAYERS + 1) * DIM;
    const float half = 0.5f;
    im.bytes[codes + 9] = 0xfe; /* -2 in the second group of the embedding */
    memcpy(im.bytes + codes + VOCAB * DIM + 4, &half, sizeof half);
    assert_int_equal(load_image(&im, &m), QF_OK);
    assert_true(m.embedding[9] == -1 && m.embedding[8] == 0);
    qf_model_release(&m);
}

static void llama2c_lies(void **state)
{
    static image im;
    qf_model m;
    (void)state;

    make_legacy(&im, true);
    const size_t whole = im.size;
    static const size_t cuts[] = {0, 1, 4, 8, 27, 28, 200};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        im.size = cuts[i];
        assert_int_equal(load_image(&im, &m), QF_FORMAT);
    }
    im.size = whole - 1;
    assert_int_equal(load_image(&im, &m), QF_FORMAT);
    im.size = whole + 1;
    assert_int_equal(load_image(&im, &m), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "model.bin"));
    im.size = whole;
    memcpy(im.bytes + whole / 2 / 4 * 4, &(float){NAN}, 4);
    assert_int_equal(load_image(&im, &m), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "NaN"));

    for (int number = 0; number < 7; number++) {
        static const int32_t values[] = {0, -1, 1, 7, INT32_MAX, INT32_MIN};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            make_legacy(&im, true);
            memcpy(im.bytes + 4 * number, &values[v], 4);
            assert_int_not_equal(load_image(&im, &m), QF_OK);
        }
    }
    make_versioned(&im, 3, true, 8);
    assert_int_equal(load_image(&im, &m), QF_UNSUPPORTED);
    make_versioned(&im, 2, true, 8);
    memset(im.bytes + 37, 0, 4); /* a group of 0 */
    assert_int_equal(load_image(&im, &m), QF_FORMAT);
    im.bytes[37] = 7;
    assert_int_equal(load_image(&im, &m), QF_SHAPE);
    make_versioned(&im, 1, true, 0);
    im.bytes[36] = 9;
    assert_int_equal(load_image(&im, &m), QF_FORMAT);
    assert_int_equal(qf_model_load(check_scratch_path("absent"), &m), QF_IO);
}

static void damaged_llama2c(void **state)
{
    static image im;
    qf_random random = qf_random_init(4, 9);
    qf_model m;
    (void)state;

    for (int round = 0; round < 2000; round++) {
        if (round % 3 == 0)
            make_legacy(&im, true);
        else
            make_versioned(&im, round % 3, round % 2, 8);
        check_scratch_damage(&random, "damaged.bin", (const char *)im.bytes, im.size, 48);
        if (qf_model_load(check_scratch_path("damaged.bin"), &m) == QF_OK) qf_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(save_and_load),      cmocka_unit_test(shards_of_halves),
        cmocka_unit_test(blocks_one_by_one),  cmocka_unit_test(configurations),
        cmocka_unit_test(weights_not_finite), cmocka_unit_test(damaged_configs),
        cmocka_unit_test(legacy_places),      cmocka_unit_test(versions),
        cmocka_unit_test(llama2c_lies),       cmocka_unit_test(damaged_llama2c),
    };
    return cmocka_run_group_tests(tests, check_scratch_make, check_scratch_remove);
}
