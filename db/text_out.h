/* text_out.h -- text for a sink, in pieces; JSON and CSV values. */
#ifndef QF_DB_TEXT_OUT_H
#define QF_DB_TEXT_OUT_H

#include <stdint.h>

#include "qforge/exchange.h"

typedef struct text_out {
    qf_export_sink *sink;
    void *context;
    qf_status status; /* of the first failure; then nothing more is written */
    size_t used;
    char buffer[1 << 14];
} text_out;

void text_out_begin(text_out *out, qf_export_sink *sink, void *context);
qf_status text_out_end(text_out *out); /* writes what is left */

void text_put(text_out *out, const char *text);
/* Quoted and escaped for JSON; bytes that are no UTF-8 become U+FFFD. */
void text_put_string(text_out *out, const char *text);
/* As short as reads back to the same number; infinities, which JSON lacks, as "inf". */
void text_put_real(text_out *out, double value);
void text_put_int(text_out *out, int64_t value);
/* A field of CSV, in quotes where it needs them (RFC 4180). */
void text_put_field(text_out *out, const char *text);

#endif
