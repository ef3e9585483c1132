/* genes.c -- subnets as vectors of genes, and random ones. */
#include <math.h>

#include "search_run.h"

/* That of gene `genes` is the end. */
static int first_of(const qf_search_problem *problem, int gene)
{
    if (problem->first) return problem->first[gene];
    return gene * (problem->linears / problem->genes);
}

int search_gene(const qf_search_problem *problem, const qf_subnet *subnet, int gene)
{
    return subnet->bits[first_of(problem, gene)];
}

void search_set_gene(const qf_search_problem *problem, qf_subnet *subnet, int gene, int bits)
{
    const int end = first_of(problem, gene + 1);
    for (int i = first_of(problem, gene); i < end; i++) subnet->bits[i] = (uint8_t)bits;
}

qf_subnet search_uniform(const qf_search_problem *problem, int bits)
{
    qf_subnet subnet = {.count = problem->linears};
    for (int i = 0; i < subnet.count; i++) subnet.bits[i] = (uint8_t)bits;
    return subnet;
}

double search_mean_bits(const qf_search_problem *problem, const qf_subnet *subnet)
{
    double sum = 0;
    for (int g = 0; g < problem->genes; g++) sum += search_gene(problem, subnet, g);
    return sum / problem->genes;
}

qf_subnet search_sample(search_run *run, const search_choices *choices)
{
    const qf_search_problem *problem = run->problem;
    qf_subnet subnet = {.count = problem->linears};
    double weight[QF_WIDTHS_MAX];

    /* Exponentials, normalised, are uniform on the simplex. */
    for (int w = 0; w < problem->widths; w++)
        weight[w] = -log(1 - qf_random_unit(&run->random));
    for (int g = 0; g < problem->genes; g++) {
        double sum = 0;
        int chosen = -1;
        for (int w = 0; w < problem->widths; w++)
            if (!choices || choices[g] >> w & 1) sum += weight[w];
        double at = qf_random_unit(&run->random) * sum;
        for (int w = 0; w < problem->widths; w++) {
            if (choices && !(choices[g] >> w & 1)) continue;
            chosen = w;
            if ((at -= weight[w]) < 0) break;
        }
        QF_ASSERT(chosen >= 0);
        search_set_gene(problem, &subnet, g, problem->width[chosen]);
    }
    return subnet;
}

void search_shuffle(qf_random *random, int *order, int count)
{
    for (int i = 0; i < count; i++) order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        const int j = (int)qf_random_below(random, (uint32_t)i + 1);
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
