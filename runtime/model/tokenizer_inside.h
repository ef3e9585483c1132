/* tokenizer_inside.h -- what the kinds of tokenizer share. */
#ifndef QF_MODEL_TOKENIZER_INSIDE_H
#define QF_MODEL_TOKENIZER_INSIDE_H

#include <jansson.h>
#include <stdbool.h>

#include "merger.h"
#include "qforge/tokenizer.h"
#include "vocabulary.h"

/* A growing list of ids. */
typedef struct qf_ids {
    int *id;
    int count, room;
} qf_ids;
QF_MUST_CHECK qf_status qf_ids_add(qf_ids *ids, int id);

/* A token that stands in the text as itself: "<|eot_id|>". */
typedef struct qf_added {
    const char *content;
    size_t length;
    int id;
    bool special;      /* says nothing to a reader */
    bool strip_before; /* takes the white space before it, after it */
    bool strip_after;
} qf_added;

typedef struct qf_splitter qf_splitter; /* regular expressions, splitter.h */

/* Encodes a stretch of text without added tokens; first: the text starts with it. */
typedef qf_status qf_encoder(const qf_tokenizer *tokenizer, qf_merger *merger, const char *text,
                             size_t length, bool first, qf_ids *ids);

typedef enum qf_prefix { QF_PREFIX_NEVER, QF_PREFIX_FIRST, QF_PREFIX_ALWAYS } qf_prefix;

struct qf_tokenizer {
    char *path;
    qf_encoder *encode;
    qf_join *join;
    int bos, eos; /* -1: none */

    qf_vocabulary pieces; /* as merges see them */
    qf_text *text;        /* [pieces.count], as readers see them */
    char raw[256];        /* what byte pieces stand for */
    int byte_id[256];     /* -1: none */
    int unknown;          /* -1: none */
    float *score;         /* [pieces.count], of llama2.c files */
    size_t longest;       /* bytes of the longest piece */
    qf_pairs merges;      /* of JSON files */

    qf_prefix prefix;    /* a space put before the text */
    bool prefix_missing; /* only if there is none yet */
    bool drops_space;    /* the first piece after the begin token is shown without it */
    bool split_words;    /* merges stay between two spaces */
    bool whole_words;    /* a word that is a piece is not merged from parts */
    bool fuse_unknown;   /* neighbours unknown are one token */
    qf_splitter *splitter;
    qf_added *added; /* longest first */
    int added_count;
    bool added_starts[256]; /* whether one begins with this byte */

    char *bytes;   /* what texts point into */
    bool built_in; /* no file was read */
};

/* Gives every piece its text: itself, or the byte that "<0x0A>" names. */
QF_MUST_CHECK qf_status qf_tokenizer_make_texts(qf_tokenizer *tokenizer, bool raw_bytes);

/* Adds symbols for one UTF-8 character: its piece, else its bytes, else the unknown
 * piece. */
QF_MUST_CHECK qf_status qf_add_character(const qf_tokenizer *tokenizer, qf_merger *merger,
                                         const char *text, size_t length);
/* Bytes of the character at `text` (at least 1), by the rule of llama2.c: up to three
 * continuation bytes belong to the byte before them. */
size_t qf_character_length(const char *text, size_t left);
/* Merges what is in the merger and hands out its ids. */
QF_MUST_CHECK qf_status qf_merge_into(qf_merger *merger, qf_ids *ids);

/* The readers fill a zeroed tokenizer whose path is set; vocab is the model's. */
QF_MUST_CHECK qf_status qf_tokenizer_read_bin(qf_tokenizer *tokenizer, int vocab);
QF_MUST_CHECK qf_status qf_tokenizer_read_json(qf_tokenizer *tokenizer, int vocab);
QF_MUST_CHECK qf_status qf_tokenizer_make_bytes(qf_tokenizer *tokenizer, int vocab);
/* Writes the built-in tokenizer as a tokenizer.json. */
QF_MUST_CHECK qf_status qf_tokenizer_bytes_save(const char *path);

#endif
