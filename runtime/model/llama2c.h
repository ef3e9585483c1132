/* llama2c.h -- model files of karpathy/llama2.c. */
#ifndef QF_MODEL_LLAMA2C_H
#define QF_MODEL_LLAMA2C_H

#include "qforge/model.h"

/* Reads a legacy, version 1 or version 2 (q80) file; told apart by the magic number. */
QF_MUST_CHECK qf_status qf_llama2c_load(const char *path, qf_model *model);

#endif
