/* judge_kernels.c -- the judge, and kernels made ahead of time, in one program for a machine
 * without LLVM: an emulated one.
 *
 *     judge_kernels EVERY [spoil|peek]
 *
 * One in EVERY hearings is held.  Two controls show that a verdict means something: `spoil`
 * makes every kernel wrong by one bit of one result, `peek` has it read a byte beyond its
 * weights; both must fail. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autotune/judge.h"
#include "judged.h"

static qf_gemm_fn *kernel_at_hand;
static const char *name_at_hand;

static void spoil(const qf_gemm_args *args)
{
    uint32_t bits;
    kernel_at_hand(args);
    if (args->m < 1 || args->n < 1) return;
    float *last = &args->c[(args->m - 1) * args->ldc + args->n - 1];
    memcpy(&bits, last, sizeof bits);
    bits ^= 1u << 20;
    memcpy(last, &bits, sizeof bits);
}

static void peek(const qf_gemm_args *args)
{
    const int panel = qf_isa_panel(args->id->isa);
    const volatile uint8_t *end = args->w + (args->n + panel - 1) / panel * args->w_stride;
    (void)*end;
    kernel_at_hand(args);
}

/* Which kernel it was; then the signal does its work. */
static void on_death(int number)
{
    static const char text[] = ": dies by a signal\n";
    if (write(1, name_at_hand, strlen(name_at_hand)) < 0 || write(1, text, sizeof text - 1) < 0)
        _exit(3);
    signal(number, SIG_DFL);
    raise(number);
}

static qf_gemm_fn *chosen(const char *control)
{
    if (!*control) return kernel_at_hand;
    return strcmp(control, "spoil") == 0 ? spoil : peek;
}

/* ---- what passed, by recipe, width and group ---- */

typedef struct tally {
    int kernels;
    long products;
} tally;

static tally passed[QF_RECIPE_COUNT][QF_QUANT_COUNT][3];

static tally *tally_of(const qf_kernel_id *id)
{
    const int group = id->group == 128 ? 2 : id->group == 64;
    return &passed[id->recipe][id->quant][id->quant == QF_F32 ? 0 : group];
}

/* A line a recipe, a cell a format: products passed, of how many kernels. */
static void print_table(qf_isa isa)
{
    for (int r = 0; r < QF_RECIPE_COUNT; r++) {
        printf("| %s | %s |", qf_isa_of(isa)->name, qf_recipe_of((qf_recipe)r)->name);
        for (int q = 0; q < QF_QUANT_COUNT; q++)
            for (int g = 0; g < (q == QF_F32 ? 1 : 3); g++) {
                const tally t = passed[r][q][g];
                if (t.kernels)
                    printf(" %ld of %d |", t.products, t.kernels);
                else
                    printf(" |");
            }
        printf("\n");
    }
}

static bool is_right(const judged_kernel *row, int every, const char *control, long *cases)
{
    qf_kernel kernel = {0};
    qf_validation v = {0};

    kernel_at_hand = row->run;
    name_at_hand = row->name;
    kernel.run = chosen(control);
    if (qf_kernel_parse(row->name, &kernel.id) != QF_OK ||
        qf_judge_here(&kernel, 7, every, &v) != QF_OK) {
        printf("%s: %s\n", row->name, qf_message());
        return false;
    }
    *cases += v.cases;
    tally_of(&kernel.id)->kernels++;
    tally_of(&kernel.id)->products += v.cases;
    if (v.verdict == QF_VERDICT_OK && v.cases > 0) return true;
    printf("%s: wrong: %s\n", row->name, v.detail);
    return false;
}

int main(int argc, char **argv)
{
    const int every = argc > 1 ? atoi(argv[1]) : 1;
    const char *control = argc > 2 ? argv[2] : "";
    long cases = 0;
    int bad = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, on_death);
    signal(SIGBUS, on_death);
    signal(SIGILL, on_death);
    if (every < 1) return 2;
    for (int i = 0; i < judged_count; i++) bad += !is_right(&judged[i], every, control, &cases);
    qf_kernel_id any = {.isa = QF_ISA_C};
    if (judged_count && qf_kernel_parse(judged[0].name, &any) == QF_OK && !bad)
        print_table(any.isa);
    printf("%d kernels, %ld products, %d bad\n", judged_count, cases, bad);
    return bad ? 1 : 0;
}
