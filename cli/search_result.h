/* search_result.h -- what a search found, told. */
#ifndef QF_CLI_SEARCH_RESULT_H
#define QF_CLI_SEARCH_RESULT_H

#include "search_session.h"

/* A subnet with everything that is known of it. */
typedef struct search_row {
    qf_subnet subnet;
    double loss, bits, predicted_us, measured_us; /* measured_us NAN: not measured */
    int64_t bytes;
    bool fits; /* the measured time is within the budget too */
} search_row;

typedef struct search_result {
    const search_session *session;
    const qf_search *search;
    qf_search_strategy strategy;
    qf_cost axis; /* of the front */
    int budgets;
    const qf_budget *budget;
    const search_row *best; /* [budgets] */
    int uniforms;
    const search_row *uniform; /* one per width */
    double seconds;
} search_result;

/* A table for people on stdout, or one JSON object. */
QF_MUST_CHECK qf_status search_result_print(const search_result *result, bool json);
/* front.json (with every trial), front.svg and front.png in `directory`. */
QF_MUST_CHECK qf_status search_result_save(const search_result *result, const char *directory);

#endif
