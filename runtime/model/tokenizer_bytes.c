/* tokenizer_bytes.c -- the tokenizer that needs no file: a token per byte, 256 begins a
 * text, 257 ends it.  It is an ordinary tokenizer.json, made here, so that it can be saved
 * as one and read by others. */
#include <stdlib.h>
#include <string.h>

#include "byte_level.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "tokenizer_json.h"

enum { BEGIN = 256, END = 257 };

static json_t *make_vocabulary(void)
{
    json_t *vocab = json_object();
    for (int b = 0; b < 256; b++) {
        const int character = qf_byte_level_character((uint8_t)b);
        char text[3] = {(char)character, 0, 0};
        if (character >= 0x80) {
            text[0] = (char)(0xC0 | character >> 6);
            text[1] = (char)(0x80 | (character & 0x3F));
        }
        json_object_set_new(vocab, text, json_integer(b));
    }
    return vocab;
}

static json_t *make_added(int id, const char *content)
{
    return json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", content,
                     "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1);
}

static json_t *make_root(void)
{
    json_t *byte_level = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel",
                                   "add_prefix_space", 0, "trim_offsets", 1, "use_regex", 0);
    json_t *model = json_pack("{s:s, s:n, s:n, s:b, s:b, s:b, s:o, s:[]}", "type", "BPE",
                              "dropout", "unk_token", "fuse_unk", 0, "byte_fallback", 0,
                              "ignore_merges", 0, "vocab", make_vocabulary(), "merges");
    json_t *template = json_pack(
        "{s:s, s:[{s:{s:s, s:i}}, {s:{s:s, s:i}}], s:[{s:{s:s, s:i}}, {s:{s:s, s:i}}, "
        "{s:{s:s, s:i}}], s:{s:{s:s, s:[i], s:[s]}}}",
        "type", "TemplateProcessing", "single", "SpecialToken", "id", "<s>", "type_id", 0,
        "Sequence", "id", "A", "type_id", 0, "pair", "SpecialToken", "id", "<s>", "type_id", 0,
        "Sequence", "id", "A", "type_id", 0, "Sequence", "id", "B", "type_id", 0,
        "special_tokens", "<s>", "id", "<s>", "ids", BEGIN, "tokens", "<s>");

    return json_pack("{s:s, s:n, s:n, s:[o, o], s:n, s:O, s:o, s:o, s:o}", "version", "1.0",
                     "truncation", "padding", "added_tokens", make_added(BEGIN, "<s>"),
                     make_added(END, "</s>"), "normalizer", "pre_tokenizer", byte_level,
                     "post_processor", template, "decoder", byte_level, "model", model);
}

qf_status qf_tokenizer_make_bytes(qf_tokenizer *t, int vocab)
{
    json_t *root = make_root();

    if (!root) return qf_fail(QF_MEMORY, "no memory for a tokenizer of bytes");
    t->built_in = true;
    const qf_status status = qf_tokenizer_of_json(t, root, vocab);
    json_decref(root);
    return status;
}

qf_status qf_tokenizer_bytes_save(const char *path)
{
    json_t *root = make_root();
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    qf_status status = QF_MEMORY;

    if (text) status = qf_file_write(path, text, strlen(text));
    free(text);
    json_decref(root);
    return status;
}
