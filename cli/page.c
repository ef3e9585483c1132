/* page.c -- head, style, headings, tables. */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#fbfbf9;--card:#fff;--ink:#1d2327;--soft:#5c6670;"
    "--line:#dfe3e6;--s1:#0b66b8;--s2:#c8500a;--s3:#0a8a63;--s4:#a3478b;--s5:#b07c00;"
    "--s6:#3f8fc4}"
    "@media(prefers-color-scheme:dark){:root{--back:#14171a;--card:#1c2125;--ink:#e6e9eb;"
    "--soft:#9aa5ae;--line:#333b41;--s1:#5db2f7;--s2:#ff9a5c;--s3:#4fd1a5;--s4:#e39bcf;"
    "--s5:#f0c24b;--s6:#9ad0f5}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}"
    "main{max-width:980px;margin:0 auto;padding:2.5rem 1.25rem 4rem}"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}"
    "h2{font-size:1.25rem;margin:2.6rem 0 .5rem}"
    "p{margin:.4rem 0 1rem;max-width:72ch}.sub{color:var(--soft);margin-bottom:1.5rem}"
    "figure{margin:1rem 0;padding:.9rem;background:var(--card);border:1px solid var(--line);"
    "border-radius:10px}"
    "figure svg{display:block;width:100%;height:auto}"
    ".row{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:1rem}"
    ".row figure{margin:0}"
    ".wrap{overflow-x:auto;background:var(--card);border:1px solid var(--line);"
    "border-radius:10px;margin:1rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}"
    "caption{text-align:left;padding:.8rem 1rem .3rem;color:var(--soft)}"
    "th,td{padding:.45rem 1rem;border-top:1px solid var(--line);text-align:left;"
    "vertical-align:top}"
    "thead th{border-top:0;color:var(--soft);font-weight:600;vertical-align:bottom}"
    "tbody th{font-weight:600}"
    ".num td,.num tbody th{white-space:nowrap}"
    ".num td,.num thead "
    "th:not(:first-child){text-align:right;font-variant-numeric:tabular-nums}"
    ".code td,.code tbody th{font:.78rem/1.5 ui-monospace,\"DejaVu Sans Mono\",monospace;"
    "white-space:nowrap;padding:.3rem .8rem}"
    "svg text{font-family:inherit;fill:var(--ink)}"
    "svg .title{font-size:15px;font-weight:600}svg .key{font-size:13px}"
    "svg .tick,svg .tick text{font-size:12px;fill:var(--soft)}"
    "svg .label{font-size:13px;fill:var(--soft)}"
    "svg .grid path{stroke:var(--line);fill:none}svg .axis path{stroke:var(--soft);fill:none}"
    "svg .mark{stroke:var(--soft);stroke-dasharray:4 4;fill:none}"
    "svg .line{fill:none;stroke-width:2.2;stroke-linejoin:round}"
    "svg .dot{stroke:var(--card);stroke-width:1}"
    "svg .line.s1{stroke:var(--s1)}svg .line.s2{stroke:var(--s2)}svg .line.s3{stroke:var(--s3)}"
    "svg .line.s4{stroke:var(--s4)}svg .line.s5{stroke:var(--s5)}svg .line.s6{stroke:var(--s6)}"
    "svg .dot.s1{fill:var(--s1)}svg .dot.s2{fill:var(--s2)}svg .dot.s3{fill:var(--s3)}"
    "svg .dot.s4{fill:var(--s4)}svg .dot.s5{fill:var(--s5)}svg .dot.s6{fill:var(--s6)}"
    "svg .cell{fill:var(--s1)}svg .digit{font-size:13px}svg .digit.deep{fill:var(--card)}"
    "footer{margin-top:3rem;color:var(--soft);font-size:.85rem}"
    "@media print{figure,.wrap{break-inside:avoid}}";

static void write_element(FILE *out, const char *element, const char *text)
{
    fprintf(out, "<%s>", element);
    chart_write_text(out, text);
    fprintf(out, "</%s>\n", element);
}

qf_status page_start(page *p, const char *title, const char *subtitle)
{
    memset(p, 0, sizeof *p);
    p->out = open_memstream(&p->text, &p->size);
    if (!p->out) return qf_fail(QF_MEMORY, "out of memory for a page");
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
          p->out);
    write_element(p->out, "title", title);
    fprintf(p->out, "<style>%s</style>\n</head>\n<body>\n<main>\n", style);
    write_element(p->out, "h1", title);
    fputs("<p class=\"sub\">", p->out);
    chart_write_text(p->out, subtitle);
    fputs("</p>\n", p->out);
    return QF_OK;
}

void page_heading(page *p, const char *text)
{
    write_element(p->out, "h2", text);
}

void page_paragraph(page *p, const char *text)
{
    write_element(p->out, "p", text);
}

void page_chart(page *p, const chart *c)
{
    fputs("<figure>", p->out);
    chart_write_svg(p->out, c);
    fputs("</figure>\n", p->out);
}

void page_row_start(page *p)
{
    fputs("<div class=\"row\">\n", p->out);
}

void page_grid(page *p, const chart_grid *grid)
{
    fputs("<figure>", p->out);
    chart_write_grid(p->out, grid);
    fputs("</figure>\n", p->out);
}

void page_row_end(page *p)
{
    fputs("</div>\n", p->out);
}

void page_table(page *p, const char *caption, int columns, const char *const *head, int rows,
                const char *const *cell, page_cells cells)
{
    FILE *out = p->out;
    fprintf(out, "<div class=\"wrap\"><table%s>\n<caption>",
            cells == PAGE_NUMBERS ? " class=\"num\"" : " class=\"code\"");
    chart_write_text(out, caption);
    fputs("</caption>\n<thead><tr>", out);
    for (int c = 0; c < columns; c++) {
        fputs("<th scope=\"col\">", out);
        chart_write_text(out, head[c]);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int r = 0; r < rows; r++) {
        fputs("<tr>", out);
        for (int c = 0; c < columns; c++) {
            const char *text = cell[r * columns + c];
            fputs(c ? "<td>" : "<th scope=\"row\">", out);
            chart_write_text(out, text ? text : "");
            fputs(c ? "</td>" : "</th>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

qf_status page_finish(page *p, const char *path)
{
    fprintf(p->out, "<footer>Made by qforge %s.</footer>\n</main>\n</body>\n</html>\n",
            QF_VERSION);
    const bool failed = ferror(p->out) != 0;
    const qf_status closed =
        fclose(p->out) || failed ? qf_fail(QF_MEMORY, "out of memory for a page") : QF_OK;
    p->out = NULL;
    const qf_status status = closed == QF_OK ? qf_file_write(path, p->text, p->size) : closed;
    page_abandon(p);
    return status;
}

void page_abandon(page *p)
{
    if (p->out) fclose(p->out);
    free(p->text);
    memset(p, 0, sizeof *p);
}
