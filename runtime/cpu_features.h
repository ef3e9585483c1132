/* cpu_features.h -- which features, by their LLVM names, this CPU has and its operating
 * system has switched on. */
#ifndef QF_RUNTIME_CPU_FEATURES_H
#define QF_RUNTIME_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether every one of "+avx2,+fma" may be executed here.  A name without a probe is
 * not: better slow than an illegal instruction. */
bool qf_features_usable(const char *features);

/* Bytes of this machine's vectors where the features' have no length of their own (SVE); 0
 * where they have. */
int qf_features_vector_bytes(const char *list);

/* Whether each name of the list has a probe on this architecture. */
bool qf_features_known(const char *features);

/* The names present here, "avx,avx2,f16c", in an order that never changes. */
void qf_features_print(char *text, size_t size);

#endif
