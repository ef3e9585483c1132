/* listing.c -- what little of four assembly languages one must know. */
#include "listing.h"

#include <string.h>

enum { LOOPS_MAX = 4096 };

static bool is(qf_isa isa, const char *arch)
{
    return strcmp(qf_isa_of(isa)->arch, arch) == 0;
}

static bool needs(qf_isa isa, const char *feature)
{
    return strstr(qf_isa_of(isa)->features, feature) != NULL;
}

static check_words x86_words(qf_isa isa)
{
    const bool vnni = needs(isa, "vnni");
    return (check_words){
        .call = "\tcall",
        .fma = {"\tvfmadd", "\tvfmadd"},
        .convert = "vcvtdq2ps",
        .dot = vnni ? "\tvpdpbusd" : "\tvpmaddubsw",
        .dot_bits = vnni ? 8 : 4,
        .whole = qf_isa_of(isa)->vector_bytes == 64 ? "%zmm" : "%ymm",
    };
}

check_words check_words_of(qf_isa isa)
{
    if (is(isa, "x86_64")) return x86_words(isa);
    if (is(isa, "riscv64"))
        return (check_words){.call = "\tcall",
                             .fma = {"\tvfmacc", "\tvfmadd"},
                             .convert = "vfcvt.f.x",
                             .whole = "\tv"};
    if (is(isa, "ppc64le"))
        return (check_words){.call = "\tbl ",
                             .fma = {"\txvmaddasp", "\txvmaddmsp"},
                             .convert = "xvcvsxwsp",
                             .dot = "\tvmsummbm",
                             .dot_bits = 8,
                             .whole = "\t"};
    const bool i8mm = needs(isa, "+i8mm");
    return (check_words){.call = "\tbl\t",
                         .fma = {"\tfmla", "\tfmad"},
                         .convert = "scvtf",
                         .dot = i8mm ? "\tusdot" : "\tsdot",
                         .matrix = i8mm ? "\tusmmla" : NULL,
                         .dot_bits = i8mm ? 8 : 4,
                         .whole = needs(isa, "+sve") ? "\tz" : "\tv"};
}

bool check_listing_make(const qf_kernel_id *id, check_listing *l)
{
    l->id = id;
    l->lines = 0;
    qf_kernel_symbol(id, l->name);
    if (qf_codegen_emit(id, QF_CODE_ASM, &l->code) != QF_OK) return false;
    char *rest = NULL, *text = (char *)l->code.bytes;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        QF_ASSERT(l->lines < CHECK_LINES_MAX);
        l->line[l->lines++] = line;
    }
    return true;
}

void check_listing_release(check_listing *l)
{
    qf_code_release(&l->code);
}

bool check_has(const check_listing *l, int line, const char *what)
{
    return strstr(l->line[line], what) != NULL;
}

int check_count(const check_listing *l, check_span s, const char *what)
{
    int found = 0;
    for (int i = s.first; i <= s.last; i++) found += check_has(l, i, what);
    return found;
}

int check_count_fma(const check_listing *l, check_span s)
{
    const check_words w = check_words_of(l->id->isa);
    const bool one = strcmp(w.fma[0], w.fma[1]) == 0;
    return check_count(l, s, w.fma[0]) + (one ? 0 : check_count(l, s, w.fma[1]));
}

int check_count_bytes(const check_listing *l, check_span s)
{
    const check_words w = check_words_of(l->id->isa);
    return check_count(l, s, w.dot) + (w.matrix ? check_count(l, s, w.matrix) : 0);
}

int check_instructions(const check_listing *l, check_span s)
{
    int found = 0;
    for (int i = s.first; i <= s.last; i++) {
        const char *line = l->line[i];
        found += line[0] == '\t' && line[1] >= 'a' && line[1] <= 'z';
    }
    return found;
}

/* ---- spills ---- */

bool check_on_stack(const check_listing *l, int line)
{
    const qf_isa isa = l->id->isa;
    if (is(isa, "x86_64")) return check_has(l, line, "mm") && check_has(l, line, "(%rsp)");
    if (is(isa, "riscv64"))
        return check_has(l, line, "\tvs1r.v") || check_has(l, line, "\tvl1r.v");
    if (is(isa, "ppc64le"))
        return (check_has(l, line, "\tstxv") || check_has(l, line, "\tlxv")) &&
               check_has(l, line, "(1)");
    const char *operand = strchr(l->line[line] + 1, '\t');
    if (!operand || (operand[1] != 'q' && operand[1] != 'z')) return false;
    const bool memory = check_has(l, line, "\tstr\t") || check_has(l, line, "\tstp\t") ||
                        check_has(l, line, "\tldr\t") || check_has(l, line, "\tldp\t");
    return memory && check_has(l, line, "[sp");
}

bool check_to_stack(const check_listing *l, int line)
{
    if (!check_on_stack(l, line)) return false;
    if (!is(l->id->isa, "x86_64"))
        return check_has(l, line, "\tst") || check_has(l, line, "\tvs");
    return strcmp(strrchr(l->line[line], ')'), ")") == 0;
}

/* ---- loops ---- */

static bool is_jump(const check_listing *l, int line)
{
    const char *text = l->line[line];
    if (text[0] != '\t') return false;
    if (is(l->id->isa, "x86_64")) return text[1] == 'j';
    if (is(l->id->isa, "riscv64")) return text[1] == 'b' || text[1] == 'j';
    return text[1] == 'b' || strncmp(text + 1, "cb", 2) == 0 || strncmp(text + 1, "tb", 2) == 0;
}

static int label_line(const check_listing *l, const char *label, size_t length)
{
    for (int i = 0; i < l->lines; i++)
        if (strncmp(l->line[i], label, length) == 0 && l->line[i][length] == ':') return i;
    return -1;
}

/* Jumps to a label above are what makes loops. */
static int find_loops(const check_listing *l, check_span loop[LOOPS_MAX])
{
    int loops = 0;

    for (int i = 0; i < l->lines; i++) {
        const char *target = is_jump(l, i) ? strstr(l->line[i], ".LBB") : NULL;
        if (!target) continue;
        const int first = label_line(l, target, strcspn(target, " \t#"));
        if (first < 0 || first > i) continue;
        QF_ASSERT(loops < LOOPS_MAX);
        loop[loops++] = (check_span){first, i};
    }
    return loops;
}

static bool is_innermost(const check_span *loop, int loops, int which)
{
    for (int i = 0; i < loops; i++)
        if (i != which && loop[i].first >= loop[which].first &&
            loop[i].last <= loop[which].last)
            return false;
    return true;
}

bool check_hot_loop(const check_listing *l, bool bytes, bool pure, check_span *hot)
{
    const check_words w = check_words_of(l->id->isa);
    static check_span loop[LOOPS_MAX];
    const int loops = find_loops(l, loop);
    int most = 0;

    for (int i = 0; i < loops; i++) {
        const int products =
            bytes ? check_count_bytes(l, loop[i]) : check_count_fma(l, loop[i]);
        if (products <= most || !is_innermost(loop, loops, i)) continue;
        if (pure && check_count(l, loop[i], w.convert)) continue;
        most = products;
        *hot = loop[i];
    }
    return most > 0;
}
