/* text_out.c -- buffering, escaping, numbers that read back. */
#include "text_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_out_begin(text_out *out, qf_export_sink *sink, void *context)
{
    out->sink = sink;
    out->context = context;
    out->status = QF_OK;
    out->used = 0;
}

qf_status text_out_end(text_out *out)
{
    if (out->status == QF_OK && out->used)
        out->status = out->sink(out->context, out->buffer, out->used);
    out->used = 0;
    return out->status;
}

static void put_bytes(text_out *out, const char *bytes, size_t size)
{
    while (size) {
        if (out->used == sizeof out->buffer) text_out_end(out);
        const size_t room = sizeof out->buffer - out->used, part = size < room ? size : room;
        memcpy(out->buffer + out->used, bytes, part);
        out->used += part;
        bytes += part;
        size -= part;
    }
}

void text_put(text_out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* ---- strings ----------------------------------------------------------------------------- */

/* Bytes of the well-formed character at the beginning, 0 when there is none. */
static size_t utf8_at(const unsigned char *c)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } kinds[] = {
        {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t more = 0; more < 4; more++) {
        if ((*c & kinds[more].mask) != kinds[more].lead) continue;
        uint32_t code = *c & (unsigned char)~kinds[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((c[i] & 0xc0) != 0x80) return 0;
            code = code << 6 | (c[i] & 0x3f);
        }
        const bool surrogate = code >= 0xd800 && code < 0xe000;
        return code < kinds[more].least || code > 0x10ffff || surrogate ? 0 : more + 1;
    }
    return 0;
}

void text_put_string(text_out *out, const char *text)
{
    text_put(out, "\"");
    while (*text) {
        const unsigned char c = (unsigned char)*text;
        const size_t size = utf8_at((const unsigned char *)text);
        char escaped[8];
        if (size == 0) {
            text_put(out, "\xef\xbf\xbd");
        } else if (c < 0x20 || c == '"' || c == '\\') {
            snprintf(escaped, sizeof escaped, c < 0x20 ? "\\u%04x" : "\\%c", c);
            text_put(out, escaped);
        } else {
            put_bytes(out, text, size);
        }
        text += size ? size : 1;
    }
    text_put(out, "\"");
}

void text_put_field(text_out *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        text_put(out, text);
        return;
    }
    text_put(out, "\"");
    for (const char *c = text; *c; c++)
        put_bytes(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    text_put(out, "\"");
}

/* ---- numbers ----------------------------------------------------------------------------- */

void text_put_real(text_out *out, double value)
{
    char text[40];

    if (!isfinite(value)) {
        text_put(out, isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    if (!strpbrk(text, ".e")) strcat(text, ".0"); /* an integer would lose the sign of -0 */
    text_put(out, text);
}

void text_put_int(text_out *out, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    text_put(out, text);
}
