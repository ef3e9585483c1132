/* plot.h -- charts as files, drawn by gnuplot. */
#ifndef QF_CLI_PLOT_H
#define QF_CLI_PLOT_H

#include "chart.h"
#include "qforge/status.h"

/* Draws the chart as SVG and as PNG (either path may be NULL), each written beside and
 * renamed into place.  QF_NOT_FOUND, without a sentence, when this machine has no
 * gnuplot; QF_IO with gnuplot's own words when it failed. */
QF_MUST_CHECK qf_status cli_plot(const chart *chart, const char *svg, const char *png);

#endif
