/* config_json.c -- config.json, as transformers writes it for LLaMA, and back.
 *
 * What would change the mathematics and is not done here (scaled rotary frequencies,
 * biases, other activations, sliding windows) is refused rather than ignored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "huggingface.h"
#include "qforge/file.h"

enum { CONFIG_BYTES_MAX = 16 << 20 };

typedef struct reader {
    const char *path;
    const json_t *root;
    qf_status status; /* of the first failure */
} reader;

static void fail(reader *r, const char *key, const char *why)
{
    if (r->status == QF_OK) r->status = qf_fail(QF_FORMAT, "%s: %s %s", r->path, key, why);
}

/* The key's value, NULL when it is absent or null. */
static const json_t *value_of(const reader *r, const char *key)
{
    const json_t *value = json_object_get(r->root, key);
    return json_is_null(value) ? NULL : value;
}

enum { REQUIRED = -0x7fffffff };

static int read_int(reader *r, const char *key, int otherwise)
{
    const json_t *value = value_of(r, key);

    if (!value && otherwise != REQUIRED) return otherwise;
    const json_int_t number = json_integer_value(value);
    if (!value)
        fail(r, key, "is missing");
    else if (!json_is_integer(value) || number < -0x7fffffff || number > 0x7fffffff)
        fail(r, key, "is not an integer");
    return (int)number;
}

static float read_float(reader *r, const json_t *value, const char *key, double otherwise)
{
    if (!value) return (float)otherwise;
    if (!json_is_number(value)) fail(r, key, "is not a number");
    return (float)json_number_value(value);
}

static bool read_bool(reader *r, const char *key, bool otherwise)
{
    const json_t *value = value_of(r, key);
    if (!value) return otherwise;
    if (!json_is_boolean(value)) fail(r, key, "is not true or false");
    return json_is_true(value);
}

/* A token id, or a list of which the first counts. */
static int read_token(reader *r, const char *key)
{
    const json_t *value = value_of(r, key);

    if (json_is_array(value)) value = json_array_get(value, 0);
    if (!value) return -1;
    const json_int_t id = json_integer_value(value);
    if (!json_is_integer(value) || id < -1 || id > 0x7fffffff) fail(r, key, "is no token id");
    return (int)id;
}

static void refuse_unless(reader *r, const char *key, const char *const *allowed)
{
    const json_t *value = value_of(r, key);

    if (!value || r->status != QF_OK) return;
    for (; *allowed; allowed++)
        if (json_is_string(value) && strcmp(json_string_value(value), *allowed) == 0) return;
    r->status = qf_fail(QF_UNSUPPORTED, "%s: %s '%.40s' is not supported", r->path, key,
                        json_is_string(value) ? json_string_value(value) : "?");
}

static void refuse_set(reader *r, const char *key)
{
    const json_t *value = value_of(r, key);
    if (r->status != QF_OK || !value || json_is_false(value)) return;
    r->status = qf_fail(QF_UNSUPPORTED, "%s: %s is not supported", r->path, key);
}

/* rope_theta stands at the top, or since transformers 5 inside rope_parameters. */
static float read_rope(reader *r)
{
    static const char *const boxes[] = {"rope_parameters", "rope_scaling"};
    const json_t *theta = value_of(r, "rope_theta");

    for (int i = 0; i < 2; i++) {
        const json_t *box = value_of(r, boxes[i]);
        const json_t *type = json_object_get(box, "rope_type");
        if (!box) continue;
        if (!type) type = json_object_get(box, "type");
        if (type && strcmp(json_is_string(type) ? json_string_value(type) : "?", "default")) {
            if (r->status == QF_OK)
                r->status =
                    qf_fail(QF_UNSUPPORTED, "%s: %s other than the default is not supported",
                            r->path, boxes[i]);
        }
        if (!theta) theta = json_object_get(box, "rope_theta");
    }
    return read_float(r, theta, "rope_theta", 10000);
}

static void refuse_other_families(reader *r)
{
    static const char *const families[] = {"llama", "mistral", NULL};
    static const char *const activations[] = {"silu", "swish", NULL};

    refuse_unless(r, "model_type", families);
    refuse_unless(r, "hidden_act", activations);
    refuse_set(r, "attention_bias");
    refuse_set(r, "mlp_bias");
    refuse_set(r, "sliding_window");
    refuse_set(r, "quantization_config");
}

static int read_head_dim(reader *r, const qf_config *c)
{
    const int given = read_int(r, "head_dim", 0);
    if (given) return given;
    if (c->heads < 1 || c->dim % c->heads) {
        fail(r, "hidden_size", "does not divide by num_attention_heads");
        return 0;
    }
    return c->dim / c->heads;
}

static qf_status read_config(const char *path, const json_t *root, qf_config *c)
{
    reader r = {.path = path, .root = root};

    refuse_other_families(&r);
    c->dim = read_int(&r, "hidden_size", REQUIRED);
    c->hidden = read_int(&r, "intermediate_size", REQUIRED);
    c->layers = read_int(&r, "num_hidden_layers", REQUIRED);
    c->heads = read_int(&r, "num_attention_heads", REQUIRED);
    c->vocab = read_int(&r, "vocab_size", REQUIRED);
    c->kv_heads = read_int(&r, "num_key_value_heads", c->heads);
    c->context = read_int(&r, "max_position_embeddings", 2048);
    if (r.status == QF_OK) c->head_dim = read_head_dim(&r, c);
    c->rope_theta = read_rope(&r);
    c->norm_eps = read_float(&r, value_of(&r, "rms_norm_eps"), "rms_norm_eps", 1e-6);
    c->tied = read_bool(&r, "tie_word_embeddings", false);
    c->bos = read_token(&r, "bos_token_id");
    c->eos = read_token(&r, "eos_token_id");
    return r.status != QF_OK ? r.status : qf_config_check(c, path);
}

static qf_status read_file(const char *path, qf_config *config, json_t **root)
{
    json_error_t error;
    char *text;
    size_t size;

    QF_TRY(qf_file_read(path, CONFIG_BYTES_MAX, &text, &size));
    *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    qf_free(text);
    if (!*root) return qf_fail(QF_FORMAT, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(*root)) return qf_fail(QF_FORMAT, "%s: not a JSON object", path);
    return read_config(path, *root, config);
}

qf_status qf_config_read(const char *directory, qf_config *config, json_t **root)
{
    json_t *whole = NULL;
    char *path = qf_path_join(directory, "config.json");

    if (root) *root = NULL;
    if (!path) return QF_MEMORY;
    const qf_status status = read_file(path, config, &whole);
    qf_free(path);
    if (root && status == QF_OK)
        *root = whole;
    else
        json_decref(whole);
    return status;
}

qf_status qf_config_read_file(const char *path, qf_config *config)
{
    json_t *root = NULL;
    const qf_status status = read_file(path, config, &root);
    json_decref(root);
    return status;
}

/* The shortest decimal that reads back as the same float: 1e-05, not 9.99999975e-06. */
static json_t *real(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    return json_real(strtod(text, NULL));
}

json_t *qf_config_json(const qf_config *c)
{
    json_t *root = json_pack(
        "{s:[s], s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "architectures",
        "LlamaForCausalLM", "model_type", "llama", "hidden_act", "silu", "torch_dtype",
        "float32", "hidden_size", c->dim, "intermediate_size", c->hidden, "num_hidden_layers",
        c->layers, "num_attention_heads", c->heads, "num_key_value_heads", c->kv_heads,
        "head_dim", c->head_dim, "vocab_size", c->vocab, "max_position_embeddings", c->context,
        "tie_word_embeddings", (int)c->tied);

    if (!root) return NULL;
    json_object_set_new(root, "rope_theta", real(c->rope_theta));
    json_object_set_new(root, "rms_norm_eps", real(c->norm_eps));
    json_object_set_new(root, "bos_token_id", c->bos < 0 ? json_null() : json_integer(c->bos));
    json_object_set_new(root, "eos_token_id", c->eos < 0 ? json_null() : json_integer(c->eos));
    return root;
}

qf_status qf_config_write(const char *directory, json_t *root)
{
    char *path = qf_path_join(directory, "config.json");
    /* Nine digits hold every float. */
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    qf_status status = QF_MEMORY;

    if (path && text) status = qf_file_write(path, text, strlen(text));
    free(text);
    qf_free(path);
    json_decref(root);
    return status;
}
