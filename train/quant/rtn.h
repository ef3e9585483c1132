/* rtn.h -- round to nearest: every group on its own min-max grid. */
#ifndef QF_RTN_H
#define QF_RTN_H

#include "grid.h"
#include "qforge/pool.h"

/* Quantises w [n][k] into the codes, scales and offsets of `out` (qmodel.h). */
QF_MUST_CHECK qf_status rtn_quantise(const quant_format *format, const float *w, int64_t n,
                                     int64_t k, qf_pool *pool, const char *what,
                                     const qf_qlinear *out);

#endif
