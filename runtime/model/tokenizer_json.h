/* tokenizer_json.h -- the steps of reading tokenizer.json. */
#ifndef QF_MODEL_TOKENIZER_JSON_H
#define QF_MODEL_TOKENIZER_JSON_H

#include "tokenizer_inside.h"

typedef struct qf_json_reader {
    qf_tokenizer *t;
    json_t *root;
    bool byte_level, byte_fallback;
    char *room; /* where the next piece's bytes go */
} qf_json_reader;

/* Normaliser and pre-tokeniser: the family, the prefix, the splitter. */
QF_MUST_CHECK qf_status qf_json_read_pipeline(qf_json_reader *reader);
/* Begin and end tokens: of tokenizer_config.json beside the file, else of the template,
 * else by their usual names. */
QF_MUST_CHECK qf_status qf_json_read_ends(qf_json_reader *reader);

QF_MUST_CHECK qf_status qf_tokenizer_of_json(qf_tokenizer *tokenizer, json_t *root, int vocab);

#endif
