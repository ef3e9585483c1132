/* spills.c -- follows values from the stack through additions back to the stack. */
#include "spills.h"

#include <stdlib.h>
#include <string.h>

enum { REGISTERS = 32, PLACES_MAX = 1024, OPERANDS_MAX = 5, NOWHERE = -1 };

/* Where on the stack the sum in a register came from or lies as well. */
typedef struct trace {
    int origin[REGISTERS];
    char place[PLACES_MAX][24];
    int added[PLACES_MAX];
    int places;
} trace;

typedef struct instruction {
    char text[160];
    const char *name, *operand[OPERANDS_MAX];
    int operands;
} instruction;

/* Commas within parentheses part nothing. */
static bool parse(const char *line, instruction *i)
{
    int depth = 0;

    if (line[0] != '\t' || line[1] != 'v' || strlen(line) >= sizeof i->text) return false;
    strcpy(i->text, line + 1);
    i->name = i->text, i->operands = 0;
    char *p = strchr(i->text, '\t');
    if (!p) return false;
    *p++ = '\0';
    i->operand[i->operands++] = p;
    for (; *p; p++) {
        depth += (*p == '(') - (*p == ')');
        if (*p != ',' || depth) continue;
        *p++ = '\0';
        if (i->operands == OPERANDS_MAX) return false;
        i->operand[i->operands++] = p;
    }
    return true;
}

static int register_of(const char *operand)
{
    while (*operand == ' ') operand++;
    if (operand[0] != '%' || strncmp(operand + 2, "mm", 2) != 0) return NOWHERE;
    return atoi(operand + 4) % REGISTERS;
}

static int place_of(trace *t, const char *operand)
{
    while (*operand == ' ') operand++;
    if (!strstr(operand, "(%rsp)") || strlen(operand) >= sizeof t->place[0]) return NOWHERE;
    for (int i = 0; i < t->places; i++)
        if (strcmp(t->place[i], operand) == 0) return i;
    QF_ASSERT(t->places < PLACES_MAX);
    strcpy(t->place[t->places], operand);
    t->added[t->places] = 0;
    return t->places++;
}

static int origin_of(trace *t, const char *operand)
{
    const int reg = register_of(operand);
    return reg < 0 ? place_of(t, operand) : t->origin[reg];
}

static bool adds(const char *name)
{
    static const char *const names[] = {"vpadd", "vpdp", "vfmadd", "vaddp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static bool in_place(const char *name)
{
    return strncmp(name, "vpdp", 4) == 0 || strncmp(name, "vfm", 3) == 0;
}

static void follow(trace *t, const instruction *i)
{
    const char *to = i->operand[i->operands - 1];
    const int reg = register_of(to), place = reg < 0 ? place_of(t, to) : NOWHERE;
    const bool moves = strncmp(i->name, "vmov", 4) == 0 && i->operands == 2;

    if (place >= 0 && moves) { /* put there */
        const int from = register_of(i->operand[0]);
        if (from < 0) return;
        t->added[place] += t->origin[from] == place;
        t->origin[from] = place;
    } else if (reg >= 0 && moves) {
        t->origin[reg] = origin_of(t, i->operand[0]);
    } else if (reg >= 0) {
        int origin = NOWHERE;
        /* A product's own register is among the operands of those that add in place. */
        const int own = in_place(i->name) ? i->operands : i->operands - 1;
        for (int o = 0; adds(i->name) && origin < 0 && o < own; o++)
            origin = origin_of(t, i->operand[o]);
        t->origin[reg] = origin;
    }
}

int check_sums_on_stack(const check_listing *l, check_span loop)
{
    static trace t;
    int most = 0;

    if (strcmp(qf_isa_of(l->id->isa)->arch, "x86_64") != 0) return 0;
    t.places = 0;
    for (int r = 0; r < REGISTERS; r++) t.origin[r] = NOWHERE;
    for (int line = loop.first; line <= loop.last; line++) {
        instruction i;
        if (parse(l->line[line], &i)) follow(&t, &i);
    }
    for (int p = 0; p < t.places; p++)
        if (t.added[p] > most) most = t.added[p];
    return most;
}
