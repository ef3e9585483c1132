/* tokenizer_pipeline.c -- what happens to a text before its merges, and which tokens
 * stand at its ends. */
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "splitter.h"
#include "tokenizer_json.h"

/* GPT-2's own, used when ByteLevel says use_regex. */
static const char gpt2_words[] =
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef qf_status step(qf_json_reader *reader, const json_t *step);

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static qf_status refuse(const qf_json_reader *r, const char *what, const char *type)
{
    return qf_fail(QF_UNSUPPORTED, "%s: %s '%.40s' is not supported", r->t->path, what, type);
}

/* Runs `each` on a step, or on every step of a sequence of them. */
static qf_status walk(qf_json_reader *r, const json_t *value, const char *list, step *each)
{
    const json_t *steps = json_object_get(value, list);
    json_t *one;
    size_t i;

    if (!value || json_is_null(value)) return QF_OK;
    if (strcmp(text_in(value, "type"), "Sequence") != 0) return each(r, value);
    json_array_foreach(steps, i, one) QF_TRY(each(r, one));
    return QF_OK;
}

/* ---- normaliser ---- */

static qf_status read_normalizer(qf_json_reader *r, const json_t *value)
{
    static const char meta_space[] = "\xE2\x96\x81";
    const char *type = text_in(value, "type");

    if (!strcmp(type, "Prepend") && !strcmp(text_in(value, "prepend"), meta_space)) {
        r->t->prefix = QF_PREFIX_ALWAYS;
        return QF_OK;
    }
    /* Spaces are written as U+2581: pieces were brought back to spaces instead. */
    if (!strcmp(type, "Replace") && !strcmp(text_in(value, "content"), meta_space) &&
        !strcmp(text_in(json_object_get(value, "pattern"), "String"), " "))
        return QF_OK;
    return refuse(r, "normalizer", type);
}

/* ---- pre-tokeniser ---- */

static qf_status read_metaspace(qf_json_reader *r, const json_t *value)
{
    const char *scheme = text_in(value, "prepend_scheme");
    const json_t *old = json_object_get(value, "add_prefix_space");

    r->t->prefix_missing = true;
    r->t->split_words = !json_is_false(json_object_get(value, "split"));
    if (!strcmp(scheme, "never") || (!*scheme && json_is_false(old)))
        r->t->prefix = QF_PREFIX_NEVER;
    else
        r->t->prefix = strcmp(scheme, "first") ? QF_PREFIX_ALWAYS : QF_PREFIX_FIRST;
    return QF_OK;
}

static qf_status need_splitter(qf_json_reader *r)
{
    return r->t->splitter ? QF_OK : qf_splitter_create(&r->t->splitter);
}

static qf_status read_split(qf_json_reader *r, const json_t *value)
{
    const json_t *pattern = json_object_get(value, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *literal = json_string_value(json_object_get(pattern, "String"));
    const char *behavior = text_in(value, "behavior");

    if (strcmp(behavior, "Isolated") != 0 || json_is_true(json_object_get(value, "invert")))
        return refuse(r, "a split that is", *behavior ? behavior : "inverted");
    if (!regex && !literal)
        return qf_fail(QF_FORMAT, "%s: a split without pattern", r->t->path);
    QF_TRY(need_splitter(r));
    return qf_splitter_add(r->t->splitter, r->t->path, regex ? regex : literal, !regex);
}

static qf_status read_byte_level(qf_json_reader *r, const json_t *value)
{
    r->byte_level = true;
    QF_TRY(need_splitter(r));
    if (json_is_true(json_object_get(value, "add_prefix_space"))) {
        r->t->prefix = QF_PREFIX_ALWAYS;
        r->t->prefix_missing = true;
    }
    if (json_is_false(json_object_get(value, "use_regex"))) return QF_OK;
    return qf_splitter_add(r->t->splitter, r->t->path, gpt2_words, false);
}

static qf_status read_pre_tokenizer(qf_json_reader *r, const json_t *value)
{
    const char *type = text_in(value, "type");

    if (!strcmp(type, "Metaspace")) return read_metaspace(r, value);
    if (!strcmp(type, "Split")) return read_split(r, value);
    if (!strcmp(type, "ByteLevel")) return read_byte_level(r, value);
    return refuse(r, "pre-tokenizer", type);
}

qf_status qf_json_read_pipeline(qf_json_reader *r)
{
    QF_TRY(walk(r, json_object_get(r->root, "normalizer"), "normalizers", read_normalizer));
    QF_TRY(walk(r, json_object_get(r->root, "pre_tokenizer"), "pretokenizers",
                read_pre_tokenizer));
    if (r->t->splitter && !r->byte_level) return refuse(r, "a split", "without ByteLevel");
    return QF_OK;
}

/* ---- begin and end ---- */

static int added_id(const qf_tokenizer *t, const char *content)
{
    const size_t length = strlen(content);
    for (int i = 0; i < t->added_count; i++)
        if (t->added[i].length == length && !memcmp(t->added[i].content, content, length))
            return t->added[i].id;
    return -1;
}

/* "bos_token": "<s>", or the whole description of the token. */
static int configured(const qf_tokenizer *t, const json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value)) value = json_object_get(value, "content");
    return json_is_string(value) ? added_id(t, json_string_value(value)) : -1;
}

static int usual(const qf_tokenizer *t, const char *const *names)
{
    int id = -1;
    for (; id < 0 && *names; names++) id = added_id(t, *names);
    return id;
}

/* tokenizer_config.json is optional, and so is everything in it. */
static json_t *read_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    const int length = slash ? (int)(slash - path) : 1;
    char directory[4096];

    if (length >= (int)sizeof directory) return NULL;
    memcpy(directory, slash ? path : ".", (size_t)length);
    directory[length] = 0;
    char *beside = qf_path_join(directory, "tokenizer_config.json");
    json_t *config = beside ? json_load_file(beside, 0, NULL) : NULL;
    qf_free(beside);
    return config;
}

/* The first special token of the template for one text: "<s> $A". */
static int templated(const qf_json_reader *r)
{
    const json_t *post = json_object_get(r->root, "post_processor");
    const json_t *list = json_object_get(post, "processors");
    const json_t *single = json_object_get(post, "single");
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_object_get(one, "single")) single = json_object_get(one, "single");
    }
    const json_t *first = json_object_get(json_array_get(single, 0), "SpecialToken");
    return first ? added_id(r->t, text_in(first, "id")) : -1;
}

qf_status qf_json_read_ends(qf_json_reader *r)
{
    static const char *const begins[] = {"<s>",   "<|begin_of_text|>", "<|startoftext|>",
                                         "<bos>", "<|endoftext|>",     NULL};
    static const char *const ends[] = {"</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>",
                                       NULL};
    json_t *config = read_beside(r->t->path);

    r->t->bos = configured(r->t, config, "bos_token");
    r->t->eos = configured(r->t, config, "eos_token");
    json_decref(config);
    if (r->t->bos < 0) r->t->bos = templated(r);
    if (r->t->bos < 0) r->t->bos = usual(r->t, begins);
    if (r->t->eos < 0) r->t->eos = usual(r->t, ends);
    return QF_OK;
}
