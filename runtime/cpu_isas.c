/* cpu_isas.c -- the rows of isas.def against this CPU, and what the user wants seen. */
#include "cpu_isas.h"

#include <stdlib.h>
#include <string.h>

#include "cpu_features.h"

_Static_assert(QF_ISA_COUNT <= 32, "a bit each");

uint32_t qf_isas_usable(const char *arch)
{
    uint32_t isas = 0;

    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        const qf_isa_row *row = qf_isa_of((qf_isa)isa);
        const bool ours = strcmp(row->arch, "any") == 0 || strcmp(row->arch, arch) == 0;
        if (!ours || !qf_features_usable(row->features)) continue;
        const int length = qf_features_vector_bytes(row->features);
        if (length == 0 || length == row->vector_bytes) isas |= 1u << isa;
    }
    return isas;
}

qf_isa qf_isas_best(uint32_t isas)
{
    int isa = QF_ISA_COUNT - 1;
    while (isa > QF_ISA_C && !(isas >> isa & 1)) isa--;
    return (qf_isa)isa;
}

qf_status qf_isas_wished(uint32_t isas, qf_isa *best)
{
    const char *wish = getenv("QFORGE_ISA");

    *best = qf_isas_best(isas);
    if (!wish || !*wish) return QF_OK;
    *best = qf_isa_named(wish);
    if (*best != QF_ISA_COUNT && isas >> *best & 1) return QF_OK;
    return qf_fail(QF_UNSUPPORTED, "QFORGE_ISA: this machine runs no '%.40s'", wish);
}
