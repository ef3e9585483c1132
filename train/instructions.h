/* instructions.h -- instruction data as a stream whose prompts are read, not learnt. */
#ifndef QF_TRAIN_INSTRUCTIONS_H
#define QF_TRAIN_INSTRUCTIONS_H

#include "batches.h"

/* Whether a file's name says that it holds instructions: it ends with .json. */
bool tr_is_instructions(const char *path);

/* Reads Stanford Alpaca's format, a JSON array of {"instruction", "input", "output"} (input
 * may be missing or empty), into Alpaca's prompts:
 *
 *     Below is an instruction that describes a task[, paired with an input that provides
 *     further context]. Write a response that appropriately completes the request.
 *
 *     ### Instruction: … ### Input: … ### Response:
 *
 * Each record is the begin token, the prompt, the output and the end token, prompt and output
 * encoded apart; targets are the output and the end token alone: as QA-LoRA's code does
 * (train_on_source=False).  QF_FORMAT names
 * the entry that is not one. */
QF_MUST_CHECK qf_status tr_instructions_load(const char *path, const qf_tokenizer *tokenizer,
                                             tr_stream *stream);

#endif
