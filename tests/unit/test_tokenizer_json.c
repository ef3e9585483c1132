/* test_tokenizer_json.c -- tokenizer.json of both families, by hand. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "qforge/tokenizer.h"
#include "scratch.h"

/* ---- comparing ---- */

static void assert_ids(const qf_tokenizer *t, const char *text, const char *want)
{
    char got[512] = "";
    int *id, count;

    assert_int_equal(qf_tokenizer_encode(t, text, strlen(text), 0, &id, &count), QF_OK);
    for (int i = 0; i < count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), i ? " %d" : "%d", id[i]);
    qf_free(id);
    if (strcmp(got, want) != 0) fail_msg("'%s' is [%s], wants [%s]", text, got, want);
}

/* What the ids of a text say again, after the begin token. */
static void assert_says(const qf_tokenizer *t, const char *text, const char *want)
{
    char got[512] = "";
    int *id, count;

    assert_int_equal(qf_tokenizer_encode(t, text, strlen(text), 1, &id, &count), QF_OK);
    for (int i = 0; i < count; i++) {
        size_t length;
        if (i == 0 && id[0] == qf_tokenizer_bos(t)) continue;
        const char *piece = qf_tokenizer_piece(t, i ? id[i - 1] : -1, id[i], &length);
        strncat(got, piece, length);
    }
    qf_free(id);
    if (strcmp(got, want) != 0) fail_msg("'%s' says '%s', wants '%s'", text, got, want);
}

static qf_tokenizer *load(const char *json)
{
    qf_tokenizer *t;
    check_scratch_text("tokenizer.json", json);
    if (qf_tokenizer_load(check_scratch_path("tokenizer.json"), 400, &t) != QF_OK)
        fail_msg("%s", qf_message());
    return t;
}

/* ---- SentencePiece's family ---- */

#define META  "\xE2\x96\x81"
#define BYTES "\"<0x0A>\":3,\"<0xC3>\":4,\"<0xA9>\":5"
#define SPACED_MODEL                                                                           \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,"                   \
    "\"byte_fallback\":%s,\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2," BYTES ",\"" META       \
    "\":6,\"a\":7,\"b\":8,\"" META "a\":9,\"ab\":10,\"" META "ab\":11,\"" META META "\":12},"  \
    "\"merges\":[%s]}}"
#define SPACED_ADDED                                                                           \
    "{\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true},"                      \
    "{\"id\":2,\"content\":\"</s>\",\"special\":true},"                                        \
    "{\"id\":20,\"content\":\"<tool>\",\"special\":false,\"lstrip\":true,\"rstrip\":true}],"
#define MERGES "\"" META " a\",\"a b\",\"" META "a b\",\"" META " ab\",\"" META " " META "\""
#define NORMALIZED                                                                             \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["                                  \
    "{\"type\":\"Prepend\",\"prepend\":\"" META "\"},"                                         \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" META "\"}]},"        \
    "\"pre_tokenizer\":null,"

static qf_tokenizer *load_spaced(const char *pipeline, const char *fallback, const char *merges)
{
    char json[4096];
    int used = snprintf(json, sizeof json, "%s%s", SPACED_ADDED, pipeline);
    snprintf(json + used, sizeof json - (size_t)used, SPACED_MODEL, fallback, merges);
    return load(json);
}

static void spaced_merges(void **state)
{
    qf_tokenizer *t = load_spaced(NORMALIZED, "true", MERGES);
    (void)state;

    assert_int_equal(qf_tokenizer_bos(t), 1);
    assert_int_equal(qf_tokenizer_eos(t), 2);
    assert_ids(t, "", "");
    assert_ids(t, "ab", "11");
    assert_ids(t, "a", "9");
    assert_ids(t, " a", "6 9");
    assert_ids(t, "ab ab", "11 11");
    assert_ids(t, "aab", "9 10");
    assert_ids(t, "   ", "12 12");
    assert_ids(t, "\xC3\xA9\n", "6 4 5 3");
    assert_ids(t, META "a", "6 9");   /* the sign itself is a space */
    assert_ids(t, "x", "6 0");        /* a byte without a piece */
    assert_ids(t, "\xC3\xA8", "6 0"); /* one of two bytes has a piece */
    /* Added tokens cut the text; each part is normalised for itself. */
    assert_ids(t, "<s>ab</s>", "1 11 2");
    assert_ids(t, "ab<s>ab", "11 1 11");
    assert_ids(t, "ab  <tool>  ab", "11 20 11");
    assert_says(t, "ab ab", "ab ab");
    assert_says(t, " ab", " ab");
    assert_says(t, "<s>ab</s>\xC3\xA9\n", "ab \xC3\xA9\n");
    assert_says(t, "ab<tool>b", "ab<tool> b");
    qf_tokenizer_free(t);
}

/* Pairs may be written as arrays, and ranks decide, not places. */
static void merges_as_arrays(void **state)
{
    qf_tokenizer *t = load_spaced(NORMALIZED, "true", "[\"a\",\"b\"],[\"" META "\",\"a\"]");
    (void)state;
    assert_ids(t, "ab", "6 10");
    assert_ids(t, "aa", "9 7");
    qf_tokenizer_free(t);
}

static void unknown_characters(void **state)
{
    qf_tokenizer *t = load_spaced(NORMALIZED, "false", MERGES);
    (void)state;
    assert_ids(t, "xyz", "6 0"); /* fused */
    assert_ids(t, "xay", "6 0 7 0");
    qf_tokenizer_free(t);
}

static void metaspace(void **state)
{
    static const char pipeline[] =
        "\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
        "\"Metaspace\",\"replacement\":\"" META "\",\"prepend_scheme\":\"%s\",\"split\":%s},";
    char text[256];
    (void)state;

    snprintf(text, sizeof text, pipeline, "first", "false");
    qf_tokenizer *t = load_spaced(text, "true", MERGES);
    assert_ids(t, "ab<s>ab", "11 1 10");
    assert_ids(t, " ab", "11"); /* there is a space already */
    assert_ids(t, "  a", "6 9");
    assert_ids(t, "  ", "12");
    qf_tokenizer_free(t);

    snprintf(text, sizeof text, pipeline, "always", "true");
    t = load_spaced(text, "true", MERGES);
    assert_ids(t, "ab<s>ab", "11 1 11");
    assert_ids(t, "  ", "6 6"); /* every space starts a word */
    qf_tokenizer_free(t);

    snprintf(text, sizeof text, pipeline, "never", "true");
    t = load_spaced(text, "true", MERGES);
    assert_ids(t, "ab", "10");
    assert_says(t, " ab", " ab");
    qf_tokenizer_free(t);
}

/* ---- byte-level ---- */

#define LLAMA3                                                                                 \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}|"      \
    " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define SPLIT                                                                                  \
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","        \
    "\"pattern\":{\"Regex\":\"" LLAMA3 "\"},\"behavior\":\"Isolated\",\"invert\":false},"      \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},"

/* A vocabulary of the 256 bytes, id = byte, and words of at least two bytes from id 256 on,
 * with a merge for each pair given. */
static qf_tokenizer *load_bytes(const char *pipeline, const char *words, const char *merges,
                                bool ignore_merges)
{
    qf_tokenizer *bytes, *t;
    size_t size;

    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 258, &bytes), QF_OK);
    assert_int_equal(qf_tokenizer_save(bytes, check_scratch_path("bytes")), QF_OK);
    qf_tokenizer_free(bytes);
    char *text = check_scratch_read(check_scratch_path("bytes/tokenizer.json"), &size);
    json_t *root = json_loads(text, 0, NULL), *shape = json_loads(pipeline, 0, NULL);
    json_t *extra = json_loads(words, 0, NULL), *pairs = json_loads(merges, 0, NULL);
    assert_true(root && shape && extra && pairs);
    qf_free(text);
    json_object_update(root, shape);
    json_t *model = json_object_get(root, "model");
    json_object_update(json_object_get(model, "vocab"), extra);
    json_object_set(model, "merges", pairs);
    json_object_set_new(model, "ignore_merges", json_boolean(ignore_merges));
    assert_int_equal(json_dump_file(root, check_scratch_path("level.json"), 0), 0);
    json_decref(root);
    json_decref(shape);
    json_decref(extra);
    json_decref(pairs);
    if (qf_tokenizer_load(check_scratch_path("level.json"), 400, &t) != QF_OK)
        fail_msg("%s", qf_message());
    return t;
}

/* Words the expression may cut are pieces; ignore_merges finds them whole, so the ids show
 * the cuts. */
static void llama3_words(void **state)
{
    static const char words[] =
        "{\"Hello\":300,\"\\u0120world\":301,\"123\":302,\"45\":303,\"don\":304,"
        "\"'t\":305,\"\\u0120\\u0120\":306,\"\\u0120!!\\u010a\":307,\"\\u010a\\u010a\":308,"
        "\"'LL\":309,\"\\u00c3\\u00a9t\\u00c3\\u00a9\":310,\"(x\":311,\"\\u0120(\":312}";
    qf_tokenizer *t =
        load_bytes(SPLIT "\"decoder\":{\"type\":\"ByteLevel\"}}", words, "[]", true);
    (void)state;

    assert_ids(t, "Hello world", "300 301");
    assert_ids(t, "12345", "302 303");
    assert_ids(t, "don't", "304 305");
    assert_ids(t, "don'LL", "304 309");
    assert_ids(t, "Hello   world", "300 306 301"); /* spaces but the last, which joins */
    assert_ids(t, "Hello  ", "300 306");
    assert_ids(t, "don !!\n", "304 307");
    assert_ids(t, "\n\nHello", "308 300");
    assert_ids(t, "\xC3\xA9t\xC3\xA9", "310"); /* letters beyond ASCII */
    assert_ids(t, "(x (", "311 312");
    assert_ids(t, "<s>Hello</s>", "256 300 257");
    assert_says(t, "Hello world 12345 \xC3\xA9", "Hello world 12345 \xC3\xA9");
    /* Bytes that are no UTF-8 come through as themselves. */
    assert_ids(t, "Hello\xff\xc3", "300 255 195");
    assert_ids(t, "\xed\xa0\x80", "237 160 128");
    qf_tokenizer_free(t);
}

static void byte_merges(void **state)
{
    static const char words[] = "{\"ab\":300,\"abc\":301,\"bc\":302,\"\\u0120a\":303}";
    static const char merges[] = "[\"b c\",\"a b\",\"a bc\",\"\\u0120 a\"]";
    qf_tokenizer *t = load_bytes("{\"pre_tokenizer\":{\"type\":\"ByteLevel\","
                                 "\"add_prefix_space\":true,\"use_regex\":true}}",
                                 words, merges, false);
    (void)state;

    assert_ids(t, " abc", "32 301"); /* rank 0 is "b c" */
    assert_ids(t, "abc", "32 301");  /* a space is put before */
    assert_ids(t, "ab", "32 300");
    assert_ids(t, "a", "303");
    assert_says(t, "ab", " ab"); /* and stays: this family does not take it away */
    qf_tokenizer_free(t);
}

/* ---- built in ---- */

static void bytes_without_a_file(void **state)
{
    static const char text[] = "any\x01 \xff\xC3\xA9";
    qf_tokenizer *t, *again;
    int *id, count;
    (void)state;

    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 257, &t), QF_SHAPE);
    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 258, &t), QF_OK);
    assert_int_equal(qf_tokenizer_bos(t), 256);
    assert_int_equal(qf_tokenizer_eos(t), 257);
    assert_int_equal(qf_tokenizer_encode(t, text, sizeof text - 1, 1, &id, &count), QF_OK);
    assert_int_equal(count, sizeof text);
    assert_int_equal(id[0], 256);
    for (int i = 1; i < count; i++) assert_int_equal(id[i], (uint8_t)text[i - 1]);
    qf_free(id);
    assert_says(t, text, text);

    assert_int_equal(qf_tokenizer_save(t, check_scratch_path("saved")), QF_OK);
    assert_int_equal(qf_tokenizer_load(check_scratch_path("saved"), 258, &again), QF_OK);
    assert_int_equal(qf_tokenizer_bos(again), 256);
    assert_says(again, text, text);
    /* A zero is a byte like others. */
    assert_int_equal(qf_tokenizer_encode(again, "a\0b", 3, 0, &id, &count), QF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(id[1], 0);
    qf_free(id);
    assert_int_equal(qf_tokenizer_save(again, check_scratch_path("saved/twice")), QF_OK);
    qf_tokenizer_free(again);
    qf_tokenizer_free(t);
}

/* ---- refused ---- */

static const struct refusal {
    const char *what, *json;
    qf_status status;
} refusals[] = {
    {"nothing", "", QF_FORMAT},
    {"no object", "[]", QF_UNSUPPORTED},
    {"no model", "{}", QF_UNSUPPORTED},
    {"unigram", "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", QF_UNSUPPORTED},
    {"an id that is no number", "{\"model\":{\"vocab\":{\"a\":\"1\"}}}", QF_FORMAT},
    {"a negative id", "{\"model\":{\"vocab\":{\"a\":-1}}}", QF_FORMAT},
    {"an id beyond the model", "{\"model\":{\"vocab\":{\"a\":400}}}", QF_SHAPE},
    {"an enormous id", "{\"model\":{\"vocab\":{\"a\":99999999999}}}", QF_FORMAT},
    {"an added id beyond the model",
     "{\"added_tokens\":[{\"id\":400,\"content\":\"x\"}],\"model\":{\"vocab\":{\"a\":1}}}",
     QF_SHAPE},
    {"an added token without content",
     "{\"added_tokens\":[{\"id\":4}],\"model\":{\"vocab\":{\"a\":1}}}", QF_FORMAT},
    {"an empty added token",
     "{\"added_tokens\":[{\"id\":4,\"content\":\"\"}],\"model\":{\"vocab\":{\"a\":1}}}",
     QF_FORMAT},
    {"a merge of strangers", "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[\"a b\"]}}",
     QF_FORMAT},
    {"a merge without result", "{\"model\":{\"vocab\":{\"a\":1,\"b\":2},\"merges\":[\"a b\"]}}",
     QF_FORMAT},
    {"a merge of one", "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[\"a\"]}}", QF_FORMAT},
    {"a merge of numbers", "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[[1,2]]}}", QF_FORMAT},
    {"a key twice", "{\"model\":{\"vocab\":{\"a\":1,\"a\":2}}}", QF_FORMAT},
    {"NFKC", "{\"normalizer\":{\"type\":\"NFKC\"},\"model\":{\"vocab\":{\"a\":1}}}",
     QF_UNSUPPORTED},
    {"white space", "{\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"model\":{\"vocab\":{}}}",
     QF_UNSUPPORTED},
    {"a bad expression",
     "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":"
     "\"Isolated\"},\"model\":{\"vocab\":{}}}",
     QF_FORMAT},
    {"removed matches",
     "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":"
     "\"Removed\"},\"model\":{\"vocab\":{}}}",
     QF_UNSUPPORTED},
};

static void refused(void **state)
{
    qf_tokenizer *t;
    (void)state;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        check_scratch_text("refused.json", r->json);
        qf_message_clear();
        const qf_status status = qf_tokenizer_load(check_scratch_path("refused.json"), 400, &t);
        if (status != r->status || !strstr(qf_message(), "refused.json"))
            fail_msg("%s: status %d, wants %d (%s)", r->what, status, r->status, qf_message());
    }
    assert_int_equal(qf_tokenizer_load(check_scratch_path("nowhere.json"), 400, &t), QF_IO);
    assert_int_equal(qf_tokenizer_load(check_scratch_path(""), 400, &t), QF_OK);
    qf_tokenizer_free(t); /* tokenizer.json of the tests above */
}

static void damaged(void **state)
{
    static const char text[] = "ab <s> a\n\xC3\xA9 abab";
    qf_random random = qf_random_init(6, 2);
    size_t size;
    (void)state;

    for (int kind = 0; kind < 2; kind++) {
        qf_tokenizer *t = kind
                              ? load_spaced(NORMALIZED, "true", MERGES)
                              : load_bytes(SPLIT "\"x\":0}", "{\"ab\":300}", "[\"a b\"]", true);
        char *original = check_scratch_read(qf_tokenizer_path(t), &size);
        qf_tokenizer_free(t);
        for (int round = 0; round < 1500; round++) {
            int *id, count;
            check_scratch_damage(&random, "damaged.json", original, size, size);
            if (qf_tokenizer_load(check_scratch_path("damaged.json"), 400, &t) != QF_OK)
                continue;
            if (qf_tokenizer_encode(t, text, sizeof text - 1, 1, &id, &count) == QF_OK) {
                for (int i = 0; i < count; i++) assert_in_range(id[i], 0, 399);
                qf_free(id);
            }
            qf_tokenizer_free(t);
        }
        qf_free(original);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaced_merges),
        cmocka_unit_test(merges_as_arrays),
        cmocka_unit_test(unknown_characters),
        cmocka_unit_test(metaspace),
        cmocka_unit_test(llama3_words),
        cmocka_unit_test(byte_merges),
        cmocka_unit_test(bytes_without_a_file),
        cmocka_unit_test(refused),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, check_scratch_make, check_scratch_remove);
}
