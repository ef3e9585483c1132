/* input_facts.h -- what a method is told of an input, made from the sums of calibration. */
#ifndef QF_INPUT_FACTS_H
#define QF_INPUT_FACTS_H

#include "hessian.h"
#include "quantiser.h"

typedef struct input_facts {
    quant_needs needs;
    const qf_kernel_source *source;
    qf_pool *pool;
    float *diagonal, *u, *drift; /* [widest], [widest][widest]: NULL where not needed */
    int64_t *order;              /* [widest], with act_order */
    double damping;              /* the largest that was needed */
} input_facts;

/* For inputs up to `widest`. */
QF_MUST_CHECK qf_status input_facts_init(input_facts *facts, quant_needs needs,
                                         const quant_options *options, int64_t widest,
                                         const qf_kernel_source *source, qf_pool *pool);
void input_facts_release(input_facts *facts);

/* The facts of one input; valid until the next.  cross: sum of (y - x) x^T where the drift is
 * needed.  Damping is that asked for.  Fails as hessian_factor does. */
QF_MUST_CHECK qf_status input_facts_make(input_facts *facts, const hessian *h,
                                         const hessian *cross, double damping, const char *what,
                                         quant_inputs *inputs);

#endif
