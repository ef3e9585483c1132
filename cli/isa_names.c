/* isa_names.c -- the length of a vector ends the names of sets that have several. */
#include "isa_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/cpu.h"

/* "sve" and "sve256", "sve2" and "sve2x256". */
static bool is_length_of(const qf_isa_row *row, const char *family)
{
    const size_t length = strlen(family);
    if (length == 0 || family[length - 1] == 'x') return false;
    if (strncmp(row->name, family, length) != 0) return false;

    const bool digit = family[length - 1] >= '0' && family[length - 1] <= '9';
    const char *bits = row->name + length;
    if (digit && *bits++ != 'x') return false;
    char *end;
    return *bits && strtol(bits, &end, 10) == 8L * row->vector_bytes && !*end;
}

static qf_status no_such(const char *option, const char *name)
{
    char names[400] = "";
    size_t used = 0;

    for (int i = QF_ISA_C + 1; i < QF_ISA_COUNT && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i > QF_ISA_C + 1 ? ", " : "", qf_isa_of((qf_isa)i)->name);
    return qf_fail(QF_USAGE, "--%s: no '%.40s' among %s", option, name, names);
}

qf_status cli_isas_named(const char *option, const char *name, uint32_t *isas)
{
    const qf_isa isa = qf_isa_named(name);
    int lengths = 0;

    *isas = 0;
    if (isa != QF_ISA_COUNT) {
        *isas = 1u << isa;
        return QF_OK;
    }
    for (int i = 0; i < QF_ISA_COUNT; i++) {
        if (!is_length_of(qf_isa_of((qf_isa)i), name)) continue;
        *isas |= 1u << i;
        lengths++;
    }
    return lengths > 1 ? QF_OK : no_such(option, name);
}

qf_status cli_isa_named(const char *option, const char *name, qf_isa *isa)
{
    uint32_t isas;
    qf_cpu cpu;

    QF_TRY(cli_isas_named(option, name, &isas));
    *isa = (qf_isa)__builtin_ctz(isas);
    if (!(isas & (isas - 1))) return QF_OK;
    QF_TRY(qf_cpu_detect(&cpu));
    if (cpu.isas & isas) *isa = (qf_isa)__builtin_ctz(cpu.isas & isas);
    return QF_OK;
}
