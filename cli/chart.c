/* chart.c -- axes, lines, points and legends as SVG. */
#include "chart.h"

#include <math.h>
#include <string.h>

enum { LEFT = 76, RIGHT = 20, TOP = 54, BOTTOM = 52 };

/* From values to places. */
typedef struct frame {
    int width, height;
    double x_low, x_high, x_step, y_low, y_high, y_step;
    bool powers;
} frame;

void chart_write_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            fputs(entity, out);
        else if ((unsigned char)*text >= 0x20 || *text == '\n')
            fputc(*text, out);
    }
}

/* Whole powers of two, with as many left out as needed. */
static double power_ticks(double *low, double *high, int most)
{
    *low = floor(*low);
    *high = fmax(ceil(*high), *low + 1);
    const double step = fmax(1, ceil((*high - *low) / most));
    *high = *low + ceil((*high - *low) / step) * step;
    return step;
}

double chart_ticks(double *low, double *high, int most)
{
    double span = *high - *low;
    if (!(span > 0)) {
        span = fabs(*low) > 0 ? fabs(*low) : 1;
        *low -= span / 2;
        *high += span / 2;
    }
    const double raw = span / most, power = pow(10, floor(log10(raw)));
    const double lead = raw / power;
    const double step = (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
    *low = floor(*low / step + 1e-9) * step;
    *high = ceil(*high / step - 1e-9) * step;
    return step;
}

static void include(double value, double *low, double *high)
{
    if (!isfinite(value)) return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

static frame frame_of(const chart *c)
{
    frame f = {c->narrow ? 460 : 720,
               c->narrow ? 320 : 400,
               INFINITY,
               -INFINITY,
               1,
               INFINITY,
               -INFINITY,
               1,
               false};
    for (int s = 0; s < c->series_count; s++)
        for (int i = 0; i < c->series[s].count; i++) {
            include(c->series[s].x[i], &f.x_low, &f.x_high);
            include(c->series[s].y[i], &f.y_low, &f.y_high);
        }
    for (int m = 0; m < c->marks; m++) include(c->mark[m].x, &f.x_low, &f.x_high);
    if (f.x_low > f.x_high) f.x_low = 0, f.x_high = 1;
    if (f.y_low > f.y_high) f.y_low = 0, f.y_high = 1;
    f.powers = c->powers;
    f.x_step = (f.powers ? power_ticks : chart_ticks)(&f.x_low, &f.x_high, c->narrow ? 5 : 8);
    f.y_step = (f.powers ? power_ticks : chart_ticks)(&f.y_low, &f.y_high, 6);
    return f;
}

static double place_x(const frame *f, double x)
{
    return LEFT + (x - f->x_low) / (f->x_high - f->x_low) * (f->width - LEFT - RIGHT);
}

static double place_y(const frame *f, double y)
{
    return f->height - BOTTOM -
           (y - f->y_low) / (f->y_high - f->y_low) * (f->height - TOP - BOTTOM);
}

/* 12000000 as 12M: axes have little room. */
static void write_number(FILE *out, double value)
{
    const double size = fabs(value);
    if (size >= 1e6)
        fprintf(out, "%.10gM", round(value / 1e3) / 1e3);
    else if (size >= 1e4)
        fprintf(out, "%.10gk", round(value) / 1e3);
    else
        fprintf(out, "%.10g", fabs(value) < 1e-12 ? 0 : round(value * 1e9) / 1e9);
}

static void write_tick(FILE *out, const frame *f, double value)
{
    write_number(out, f->powers ? exp2(value) : value);
}

static void write_axes(FILE *out, const chart *c, const frame *f)
{
    fputs("<g class=\"grid\">", out);
    for (double y = f->y_low; y <= f->y_high + f->y_step / 2; y += f->y_step)
        fprintf(out, "<path d=\"M%d %.1fH%d\"/>", LEFT, place_y(f, y), f->width - RIGHT);
    fprintf(out, "</g><g class=\"axis\"><path d=\"M%d %dH%d\"/>", LEFT, f->height - BOTTOM,
            f->width - RIGHT);
    for (double x = f->x_low; x <= f->x_high + f->x_step / 2; x += f->x_step)
        fprintf(out, "<path d=\"M%.1f %dv5\"/>", place_x(f, x), f->height - BOTTOM);
    fputs("</g><g class=\"tick\">", out);
    for (double y = f->y_low; y <= f->y_high + f->y_step / 2; y += f->y_step) {
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 8,
                place_y(f, y) + 4);
        write_tick(out, f, y);
        fputs("</text>", out);
    }
    for (double x = f->x_low; x <= f->x_high + f->x_step / 2; x += f->x_step) {
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", place_x(f, x),
                f->height - BOTTOM + 20);
        write_tick(out, f, x);
        fputs("</text>", out);
    }
    fprintf(out, "</g><text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
            (LEFT + f->width - RIGHT) / 2, f->height - 10);
    chart_write_text(out, c->x_label);
    fprintf(out,
            "</text><text class=\"label\" transform=\"translate(18 %d) rotate(-90)\" "
            "text-anchor=\"middle\">",
            (TOP + f->height - BOTTOM) / 2);
    chart_write_text(out, c->y_label);
    fputs("</text>", out);
}

static void write_path(FILE *out, const chart_series *s, const frame *f)
{
    bool drawn = false;
    fprintf(out, "<path class=\"line s%d\" d=\"", s->colour);
    for (int i = 0; i < s->count; i++) {
        if (!isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
        const double x = place_x(f, s->x[i]), y = place_y(f, s->y[i]);
        if (!drawn)
            fprintf(out, "M%.1f %.1f", x, y);
        else if (s->style == CHART_STEPS)
            fprintf(out, "H%.1fV%.1f", x, y);
        else
            fprintf(out, "L%.1f %.1f", x, y);
        drawn = true;
    }
    fputs("\"/>", out);
}

static void write_points(FILE *out, const chart_series *s, const frame *f)
{
    /* A handful of points are the ones that matter. */
    const double radius = s->style == CHART_POINTS && s->count > 16 ? 3 : 5;
    for (int i = 0; i < s->count; i++) {
        if (!isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
        fprintf(out, "<circle class=\"dot s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", s->colour,
                place_x(f, s->x[i]), place_y(f, s->y[i]), radius);
        if (s->label) {
            fputs("<title>", out);
            chart_write_text(out, s->label[i]);
            fputs("</title>", out);
        }
        fputs("</circle>", out);
    }
}

static void write_legend(FILE *out, const chart *c)
{
    double x = LEFT;
    for (int s = 0; s < c->series_count; s++) {
        const chart_series *series = &c->series[s];
        if (series->style == CHART_POINTS)
            fprintf(out, "<circle class=\"dot s%d\" cx=\"%.1f\" cy=\"40\" r=\"4\"/>",
                    series->colour, x + 8);
        else
            fprintf(out, "<path class=\"line s%d\" d=\"M%.1f 40h16\"/>", series->colour, x);
        fprintf(out, "<text class=\"key\" x=\"%.1f\" y=\"44\">", x + 22);
        chart_write_text(out, series->name);
        fputs("</text>", out);
        x += 22 + 7.2 * (double)strlen(series->name) + 20;
    }
}

static void write_marks(FILE *out, const chart *c, const frame *f)
{
    for (int m = 0; m < c->marks; m++) {
        const double x = place_x(f, c->mark[m].x);
        fprintf(out, "<path class=\"mark\" d=\"M%.1f %dV%d\"/>", x, TOP, f->height - BOTTOM);
        /* Each a line lower than the one before: near marks stay readable. */
        fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"end\">", x - 4,
                TOP + 12 + 16 * m);
        chart_write_text(out, c->mark[m].name);
        fputs("</text>", out);
    }
}

static void open_svg(FILE *out, const char *title, int width, int height)
{
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", width, height);
    chart_write_text(out, title);
    fputs("\"><text class=\"title\" x=\"16\" y=\"20\">", out);
    chart_write_text(out, title);
    fputs("</text>", out);
}

void chart_write_svg(FILE *out, const chart *c)
{
    const frame f = frame_of(c);
    open_svg(out, c->title, f.width, f.height);
    write_axes(out, c, &f);
    write_marks(out, c, &f);
    for (int s = 0; s < c->series_count; s++) {
        if (c->series[s].style != CHART_POINTS) write_path(out, &c->series[s], &f);
        if (c->series[s].style != CHART_LINE) write_points(out, &c->series[s], &f);
    }
    write_legend(out, c);
    fputs("</svg>\n", out);
}

/* ---- grids ---- */

void chart_write_grid(FILE *out, const chart_grid *g)
{
    enum { CELL = 34, GAP = 2, SIDE = 70, HEAD = 74 };
    const int width = SIDE + g->columns * CELL + 10, height = HEAD + g->rows * CELL + 6;

    open_svg(out, g->title, width > 320 ? width : 320, height);
    for (int c = 0; c < g->columns; c++) {
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                SIDE + c * CELL + CELL / 2, HEAD - 8);
        chart_write_text(out, g->column[c]);
        fputs("</text>", out);
    }
    for (int r = 0; r < g->rows; r++) {
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", SIDE - 8,
                HEAD + r * CELL + CELL / 2 + 4);
        chart_write_text(out, g->row_name);
        fprintf(out, " %d</text>", r);
        for (int c = 0; c < g->columns; c++) {
            const int value = g->value[r * g->columns + c];
            const int range = g->most > g->least ? g->most - g->least : 1;
            const double depth = (double)(value - g->least) / range;
            fprintf(
                out,
                "<rect class=\"cell\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" "
                "fill-opacity=\"%.2f\"/>",
                SIDE + c * CELL, HEAD + r * CELL, CELL - GAP, CELL - GAP, 0.18 + 0.72 * depth);
            fprintf(out,
                    "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>",
                    depth > 0.6 ? "digit deep" : "digit", SIDE + c * CELL + (CELL - GAP) / 2,
                    HEAD + r * CELL + CELL / 2 + 4, value);
        }
    }
    fputs("</svg>\n", out);
}
