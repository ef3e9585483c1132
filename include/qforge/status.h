/* qforge/status.h -- how functions say that something went wrong.
 *
 * The world failed (a file, memory, the compiler): the function returns a
 * qf_status and has left one sentence with qf_fail(), written where the cause
 * was first seen; callers pass the status on untouched.  Something is simply
 * not there: QF_NOT_FOUND, with no sentence.  The programmer failed: QF_ASSERT,
 * which stays in every build.  Libraries never print and never exit. */
#ifndef QFORGE_STATUS_H
#define QFORGE_STATUS_H

typedef enum qf_status {
#define QF_STATUS(id, exit_code, text) QF_##id,
#include "qforge/statuses.def"
#undef QF_STATUS
    QF_STATUS_COUNT
} qf_status;

#define QF_MUST_CHECK          __attribute__((warn_unused_result))
#define QF_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Records the sentence for `status` in this thread and returns `status`.  The
 * sentence names the file and the cause: "model.bin: truncated, 12 of 64 bytes". */
qf_status qf_fail(qf_status status, const char *format, ...) QF_PRINTF(2, 3);

/* The last sentence recorded in this thread, "" if none.  Valid until the next
 * qf_fail() of the thread. */
const char *qf_message(void);
void qf_message_clear(void);

const char *qf_status_text(qf_status status); /* the generic half */
int qf_status_exit_code(qf_status status);

/* Returns from the calling function when `call` does not give QF_OK. */
#define QF_TRY(call)                                                                           \
    do {                                                                                       \
        const qf_status qf_try_status = (call);                                                \
        if (qf_try_status != QF_OK) return qf_try_status;                                      \
    } while (0)

_Noreturn void qf_assert_failed(const char *what, const char *file, int line);
#define QF_ASSERT(condition)                                                                   \
    ((condition) ? (void)0 : qf_assert_failed(#condition, __FILE__, __LINE__))

#endif
