/* test_page.c -- charts, pages that need nothing else and are well formed, and gnuplot. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/page.h"
#include "cli/plot.h"
#include "qforge/file.h"
#include "qforge/memory.h"

static char directory[] = "/tmp/qf_page_XXXXXX";

static char *at(const char *name)
{
    char *path = qf_path_join(directory, name);
    assert_non_null(path);
    return path;
}

static const double x[] = {10, 20, NAN, 40}, y[] = {3, 2, 1, 1.5};
static const char *const label[] = {"a<b", "c&d", "e", "\"f\""};
static const chart_series series[] = {
    {"points & co", CHART_POINTS, 1, 4, x, y, label},
    {"front's", CHART_STEPS, 2, 4, x, y, NULL},
    {"line", CHART_LINE, 3, 4, x, y, NULL},
};
static const chart_mark mark[] = {{30, "<= 30 us"}};
static const chart sample = {
    "A <chart> of \"it\"", "cost", "loss", 3, 1, series, mark, false, false};

/* Elements open and close in order, attributes are quoted, no '&' stands alone. */
static void check_well_formed(const char *html)
{
    char open[64][16];
    int depth = 0;
    for (const char *c = html; *c; c++) {
        if (*c == '&') assert_non_null(memchr(c, ';', 7));
        if (*c != '<') continue;
        if (strncmp(c, "<!DOCTYPE html>", 15) == 0) continue;
        const char *end = c;
        for (bool quoted = false; *end && (quoted || *end != '>'); end++) {
            if (*end == '"') quoted = !quoted;
            assert_true(end == c || quoted || *end != '<');
        }
        assert_true(*end == '>');
        char name[16] = "";
        const bool closes = c[1] == '/';
        sscanf(c + 1 + closes, "%15[a-z0-9]", name);
        assert_true(*name);
        if (closes) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (end[-1] != '/') {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
        }
        if (strcmp(name, "style") == 0 && !closes) { /* raw text */
            c = strstr(c, "</style>") - 1;
            continue;
        }
        c = end;
    }
    assert_int_equal(depth, 0);
}

static void check_self_contained(const char *html)
{
    static const char *const outside[] = {"http:",   "https:",  "src=",  "href=",  "url(",
                                          "@import", "<script", "<link", "<iframe"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (strstr(html, outside[i])) fail_msg("the page has '%s'", outside[i]);
}

static void make_page(const char *path)
{
    static const char *const head[] = {"", "bits", "loss"};
    static const char *const cell[] = {"fp32", "32", "1.2", "<q4>", "4", NULL};
    static const char *const column[] = {"q", "k", "v"};
    static const int value[] = {2, 3, 4, 4, 3, 2};
    const chart_grid grid = {"bits & pieces", "block", 2, 3, column, value, 2, 4};
    page p;
    assert_int_equal(page_start(&p, "Title <1>", "sub & title"), QF_OK);
    page_heading(&p, "Heading");
    page_paragraph(&p, "Text with <angle> & ampersand.");
    page_chart(&p, &sample);
    page_row_start(&p);
    page_grid(&p, &grid);
    page_grid(&p, &grid);
    page_row_end(&p);
    page_table(&p, "A table", 3, head, 2, cell, PAGE_NUMBERS);
    assert_int_equal(page_finish(&p, path), QF_OK);
}

static void test_pages_stand_alone(void **state)
{
    (void)state;
    char *path = at("page.html"), *html;
    make_page(path);
    assert_int_equal(qf_file_read(path, 1 << 20, &html, NULL), QF_OK);
    check_self_contained(html);
    check_well_formed(html);
    assert_non_null(strstr(html, "Title &lt;1&gt;"));
    assert_non_null(strstr(html, "prefers-color-scheme:dark"));
    assert_non_null(strstr(html, "role=\"img\" aria-label=\"A &lt;chart&gt;"));
    assert_non_null(strstr(html, "<th scope=\"row\">&lt;q4&gt;</th>"));
    assert_null(strstr(html, "nan"));
    unlink(path);
    qf_free(html);
    qf_free(path);

    page p;
    assert_int_equal(page_start(&p, "a", "b"), QF_OK);
    assert_int_equal(page_finish(&p, "/nowhere/at/all.html"), QF_IO);
}

static void check_ticks(double low, double high, int most, double want_low, double want_high,
                        double want_step)
{
    const double step = chart_ticks(&low, &high, most);
    assert_true(fabs(low - want_low) < 1e-9 && fabs(high - want_high) < 1e-9);
    assert_true(fabs(step - want_step) < 1e-9);
}

static void test_ticks_are_round(void **state)
{
    (void)state;
    check_ticks(0, 1, 5, 0, 1, 0.2);
    check_ticks(1.234, 1.871, 6, 1.2, 2.0, 0.2);
    check_ticks(3, 997, 5, 0, 1000, 200);
    check_ticks(-7, 7, 7, -8, 8, 2);
    double low = 5, high = 5; /* one value still has an axis */
    assert_true(chart_ticks(&low, &high, 5) > 0 && low < 5 && high > 5);
}

static void test_gnuplot_draws(void **state)
{
    (void)state;
    char *svg = at("it's.svg"), *png = at("front.png"), *text;
    size_t size;
    const qf_status status = cli_plot(&sample, svg, png);
    if (status != QF_NOT_FOUND) {
        assert_int_equal(status, QF_OK);
        assert_int_equal(qf_file_read(svg, 1 << 22, &text, NULL), QF_OK);
        assert_non_null(strstr(text, "<svg"));
        assert_non_null(strstr(text, "A &lt;chart"));
        qf_free(text);
        assert_int_equal(qf_file_read(png, 1 << 22, &text, &size), QF_OK);
        assert_true(size > 1000 && memcmp(text, "\x89PNG", 4) == 0);
        qf_free(text);
        char *bad = at("no/such/place.svg");
        assert_int_equal(cli_plot(&sample, bad, NULL), QF_IO);
        qf_free(bad);
    }
    unlink(svg);
    unlink(png);
    qf_free(svg);
    qf_free(png);
}

static void test_without_gnuplot(void **state)
{
    (void)state;
    char *svg = at("none.svg"), *path = qf_strdup(getenv("PATH"));
    setenv("PATH", directory, 1);
    assert_int_equal(cli_plot(&sample, svg, NULL), QF_NOT_FOUND);
    assert_false(qf_file_exists(svg));
    setenv("PATH", path, 1);
    qf_free(path);
    qf_free(svg);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory); /* fails when something was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_stand_alone),
        cmocka_unit_test(test_ticks_are_round),
        cmocka_unit_test(test_gnuplot_draws),
        cmocka_unit_test(test_without_gnuplot),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
