/* huggingface.h -- the pieces of a Hugging Face model directory, for whole models
 * (huggingface.c) and quantised ones. */
#ifndef QF_MODEL_HUGGINGFACE_H
#define QF_MODEL_HUGGINGFACE_H

#include <jansson.h>

#include "qforge/model.h"
#include "qforge/tensorfile.h"

/* Reads and checks directory/config.json.  root (may be NULL) gets all of it, to be
 * released with json_decref, for keys of our own. */
QF_MUST_CHECK qf_status qf_config_read(const char *directory, qf_config *config, json_t **root);
/* The same of a file by any name. */
QF_MUST_CHECK qf_status qf_config_read_file(const char *path, qf_config *config);
/* A new object with the keys transformers reads; NULL when memory is out. */
json_t *qf_config_json(const qf_config *config);
/* Writes directory/config.json; releases root. */
QF_MUST_CHECK qf_status qf_config_write(const char *directory, json_t *root);

/* Makes the model and reads its parameters (all but the linears when with_linears is
 * false) from one file that may hold other tensors too.  Shapes are checked before room
 * is made. */
QF_MUST_CHECK qf_status qf_parameters_read(const qf_tensorfile *file, const qf_config *config,
                                           bool with_linears, qf_model *model);
/* Hands the parameters to the writer, which borrows them. */
QF_MUST_CHECK qf_status qf_parameters_add(qf_tensorwriter *writer, const qf_model *model,
                                          bool with_linears);

/* A model of a Hugging Face directory, single file or shards. */
QF_MUST_CHECK qf_status qf_huggingface_load(const char *directory, qf_model *model);
/* The same with its blocks left in the files (qf_model_open). */
QF_MUST_CHECK qf_status qf_huggingface_open(const char *directory, qf_model *model);
QF_MUST_CHECK qf_status qf_huggingface_take(const qf_model *model, int layer);
void qf_huggingface_close(struct qf_blocks *blocks); /* NULL is fine */

#endif
