/* test_reference_models.c -- real models and vocabularies beside the project: logits as
 * llama2.c computes them, ids as llama.cpp and llama2.c give them. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/engine.h"
#include "qforge/memory.h"
#include "qforge/tokenizer.h"
#include "scratch.h"

/* ---- logits ---- */

enum { PROMPT = 5 };

static void assert_logits(const qf_model *model, const char *golden, bool by_chunk)
{
    const qf_engine_options options = {
        .source = &qf_reference_source, .context = 16, .chunk = by_chunk ? 3 : 0};
    const int vocab = model->config.vocab;
    float *logits = qf_alloc_array((size_t)PROMPT * (size_t)vocab, sizeof *logits);
    int prompt[PROMPT], position;
    qf_engine *engine;
    double worst = 0;

    FILE *file = fopen(golden, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "# prompt tokens: %d %d %d %d %d", prompt, prompt + 1,
                            prompt + 2, prompt + 3, prompt + 4),
                     PROMPT);
    assert_int_equal(qf_engine_create(&options, model, &engine), QF_OK);
    assert_int_equal(qf_engine_step(engine, prompt, PROMPT, 0, true, logits), QF_OK);
    for (int p = 0; p < PROMPT; p++) {
        assert_int_equal(fscanf(file, " pos %d:", &position), 1);
        assert_int_equal(position, p);
        for (int t = 0; t < vocab; t++) {
            double want;
            assert_int_equal(fscanf(file, "%lf", &want), 1);
            worst = fmax(worst, fabs(want - (double)logits[p * vocab + t]));
        }
    }
    fclose(file);
    if (!(worst <= 1e-3)) fail_msg("%s: off by %g", golden, worst);
    qf_engine_destroy(engine);
    qf_free(logits);
}

static void golden_logits(void **state)
{
    static const struct {
        const char *model, *golden;
    } cases[] = {
        {"models/stories260K/stories260K.bin", "models/stories260K/golden_logits.txt"},
        {"models/stories260K/stories260K.v1.bin", "models/stories260K/golden_logits.txt"},
        {"models/stories3M/stories3M.deq-f32.bin", "models/stories3M/golden_logits.deq.txt"},
        {"models/stories3M/stories3M-q80.bin", "models/stories3M/golden_logits.deq.txt"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *golden = check_shared_data(cases[i].golden);
        qf_model model, again;
        assert_int_equal(qf_model_load(check_shared_data(cases[i].model), &model), QF_OK);
        assert_logits(&model, golden, i % 2);
        assert_int_equal(qf_model_save(&model, check_scratch_path("saved")), QF_OK);
        assert_int_equal(qf_model_load(check_scratch_path("saved"), &again), QF_OK);
        assert_logits(&again, golden, true);
        qf_model_release(&model);
        qf_model_release(&again);
    }
}

/* ---- ids ---- */

/* Compares every golden input of LLaMA-2's vocabulary; returns how many there were. */
static int assert_golden_ids(const qf_tokenizer *t)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    static const char base[] = "models/llama2-tokenizer/ggml-vocab-llama-spm.gguf";
    char name[128], *line = NULL;
    size_t size, room = 0;
    int cases = 0;

    snprintf(name, sizeof name, "%s.inp", base);
    char *inputs = check_scratch_read(check_shared_data(name), &size);
    snprintf(name, sizeof name, "%s.out", base);
    FILE *outputs = fopen(check_shared_data(name), "r");
    assert_non_null(outputs);
    for (char *at = inputs, *end; (end = strstr(at, separator)); cases++) {
        int *id, count;
        assert_true(getline(&line, &room, outputs) > 0);
        assert_int_equal(qf_tokenizer_encode(t, at, (size_t)(end - at), 0, &id, &count), QF_OK);
        char *want = line;
        for (int i = 0; i < count; i++)
            if (id[i] != (int)strtol(want, &want, 10))
                fail_msg("'%.*s': id %d is %d", (int)(end - at), at, i, id[i]);
        assert_int_equal(strspn(want, " \n"), strlen(want));
        qf_free(id);
        at = end + sizeof separator - 1;
    }
    free(line);
    fclose(outputs);
    qf_free(inputs);
    return cases;
}

/* ---- the same vocabulary as a tokenizer.json ---- */

typedef struct piece {
    float score;
    char *text; /* spaces as U+2581 */
} piece;

enum { PIECES = 32000, FIRST_NORMAL = 259 };

static char *with_meta_spaces(const char *bytes, int32_t length)
{
    char *text = malloc(3 * (size_t)length + 1), *to = text;
    for (int32_t i = 0; i < length; i++) {
        if (bytes[i] == ' ') {
            memcpy(to, "\xE2\x96\x81", 3);
            to += 3;
        } else {
            *to++ = bytes[i];
        }
    }
    *to = 0;
    return text;
}

static void read_pieces(const char *path, piece *pieces)
{
    size_t size, at = 4;
    char *data = check_scratch_read(path, &size);
    for (int id = 0; id < PIECES; id++) {
        int32_t length;
        memcpy(&pieces[id].score, data + at, 4);
        memcpy(&length, data + at + 4, 4);
        pieces[id].text = with_meta_spaces(data + at + 8, length);
        at += 8 + (size_t)length;
    }
    assert_int_equal(at, size);
    free(pieces[1].text);
    free(pieces[2].text);
    pieces[1].text = strdup("<s>");
    pieces[2].text = strdup("</s>");
    qf_free(data);
}

static const piece *by_score_pieces;

static int by_score(const void *left, const void *right)
{
    const int a = *(const int *)left, b = *(const int *)right;
    const float x = by_score_pieces[a].score, y = by_score_pieces[b].score;
    if (x != y) return x > y ? -1 : 1;
    return a - b;
}

/* Every way to join a piece from two others, best pieces first. */
static json_t *make_merges(const piece *pieces, const json_t *vocab)
{
    int *order = malloc(PIECES * sizeof *order), count = 0;
    json_t *merges = json_array();

    for (int id = FIRST_NORMAL; id < PIECES; id++) order[count++] = id;
    by_score_pieces = pieces;
    qsort(order, (size_t)count, sizeof *order, by_score);
    for (int i = 0; i < count; i++) {
        const char *text = pieces[order[i]].text;
        for (size_t cut = 1; cut < strlen(text); cut++) {
            char left[256];
            if (((unsigned char)text[cut] & 0xC0) == 0x80) continue;
            snprintf(left, sizeof left, "%.*s", (int)cut, text);
            if (json_object_get(vocab, left) && json_object_get(vocab, text + cut))
                json_array_append_new(merges, json_pack("[s, s]", left, text + cut));
        }
    }
    free(order);
    return merges;
}

static void write_json(const char *path, const piece *pieces, json_t *pipeline)
{
    json_t *vocab = json_object(), *added = json_array();

    for (int id = 0; id < PIECES; id++)
        json_object_set_new(vocab, pieces[id].text, json_integer(id));
    for (int id = 0; id < 3; id++)
        json_array_append_new(added, json_pack("{s:i, s:s, s:b}", "id", id, "content",
                                               pieces[id].text, "special", 1));
    json_t *root =
        json_pack("{s:o, s:{s:s, s:s, s:b, s:b, s:o, s:o}}", "added_tokens", added, "model",
                  "type", "BPE", "unk_token", "<unk>", "fuse_unk", 1, "byte_fallback", 1,
                  "merges", make_merges(pieces, vocab), "vocab", vocab);
    assert_non_null(root);
    json_object_update(root, pipeline);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    json_decref(pipeline);
}

static void golden_ids(void **state)
{
    static const char *const pipelines[] = {
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
        "\"prepend\":\"\xE2\x96\x81\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
        "\"content\":\"\xE2\x96\x81\"}]},\"pre_tokenizer\":null}",
    };
    const char *bin = check_shared_data("models/llama2-tokenizer/tokenizer.bin");
    static piece pieces[PIECES];
    qf_tokenizer *t;
    (void)state;

    assert_int_equal(qf_tokenizer_load(bin, PIECES, &t), QF_OK);
    assert_int_equal(assert_golden_ids(t), 46);
    qf_tokenizer_free(t);
    assert_int_equal(qf_tokenizer_load(bin, PIECES + 1, &t), QF_SHAPE);
    assert_int_equal(qf_tokenizer_load(bin, PIECES - 1, &t), QF_SHAPE);

    read_pieces(bin, pieces);
    const char *path = check_scratch_path("tokenizer.json");
    write_json(path, pieces, json_loads(pipelines[0], 0, NULL));
    assert_int_equal(qf_tokenizer_load(path, PIECES, &t), QF_OK);
    assert_int_equal(qf_tokenizer_bos(t), 1);
    assert_int_equal(qf_tokenizer_eos(t), 2);
    assert_int_equal(assert_golden_ids(t), 46);
    qf_tokenizer_free(t);
    for (int id = 0; id < PIECES; id++) free(pieces[id].text);
}

/* A long text comes back byte by byte, and its encoding is not quadratic in its length. */
static void long_text(void **state)
{
    const char *bin = check_shared_data("models/llama2-tokenizer/tokenizer.bin");
    size_t size, at = 0;
    qf_tokenizer *t;
    int *id, count;
    (void)state;

    char *text = check_scratch_read(check_shared_data("text/tinyshakespeare.txt"), &size);
    assert_int_equal(qf_tokenizer_load(bin, PIECES, &t), QF_OK);
    assert_int_equal(qf_tokenizer_encode(t, text, size, 1, &id, &count), QF_OK);
    for (int i = 1; i < count; i++) {
        size_t length;
        const char *said = qf_tokenizer_piece(t, id[i - 1], id[i], &length);
        assert_true(at + length <= size);
        assert_memory_equal(said, text + at, length);
        at += length;
    }
    assert_int_equal(at, size);
    qf_free(id);
    qf_free(text);
    qf_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_logits),
        cmocka_unit_test(golden_ids),
        cmocka_unit_test(long_text),
    };
    if (!check_shared_data("models")) return 77;
    return cmocka_run_group_tests(tests, check_scratch_make, check_scratch_remove);
}
