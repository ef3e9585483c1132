/* zmm.c -- two attributes of the function. */
#include "zmm.h"

#include <string.h>

static void add_text(const cg_emit *e, const char *key, const char *value)
{
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key),
                                                      value, (unsigned)strlen(value)));
}

void cg_prefer_zmm(const cg_emit *e)
{
    add_text(e, "min-legal-vector-width", "512");
    add_text(e, "prefer-vector-width", "512");
}
