/* qforge/vectorised.h -- plain loops that are worth wider vectors than the baseline has. */
#ifndef QFORGE_VECTORISED_H
#define QFORGE_VECTORISED_H

/* Hot loops are compiled twice, for baseline x86-64 and for AVX2; the loader chooses.
 * Without contraction both give the same bits.  Thread sanitiser's runtime is not up
 * when the loader chooses, so it gets the baseline alone; so does clang, whose choosers
 * of static functions are global and clash between files. */
#if defined(__SANITIZE_THREAD__)
#define QF_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QF_TSAN 1
#endif
#endif
#if defined(__x86_64__) && !defined(QF_TSAN) && !defined(__clang__)
#define QF_VECTORISED __attribute__((target_clones("avx2", "default")))
#else
#define QF_VECTORISED
#endif

/* Sums are kept in this many lanes, element i in lane i % QF_LANES, because C does not
 * let a compiler reorder one running sum. */
enum { QF_LANES = 16 };

#endif
