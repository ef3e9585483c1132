/* jit.c -- objects into the process: memory first, then disk, then the emitter. */
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <string.h>

#include "loader.h"
#include "object_cache.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"

enum { BUCKETS = 1024 };

typedef struct entry {
    struct entry *next;
    char symbol[QF_NAME_MAX];
    char hash[17];
    uintptr_t address;
} entry;

struct qf_jit {
    LLVMOrcLLJITRef lljit;
    char *cache; /* directory, NULL for none */
    pthread_mutex_t lock;
    entry *bucket[BUCKETS];
};

static qf_status failed(LLVMErrorRef error, const char *what)
{
    char *why = LLVMGetErrorMessage(error);
    const qf_status status = qf_fail(QF_CODEGEN, "%s: %s", what, why);
    LLVMDisposeErrorMessage(why);
    return status;
}

qf_status qf_jit_create(const char *cache, qf_jit **out)
{
    *out = NULL;
    qf_jit *jit = qf_alloc(sizeof *jit);
    if (!jit) return QF_MEMORY;
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMErrorRef error = LLVMOrcCreateLLJIT(&jit->lljit, NULL);
    if (error) {
        qf_free(jit);
        return failed(error, "cannot start the loader");
    }
    pthread_mutex_init(&jit->lock, NULL);
    if (cache) jit->cache = qf_strdup(cache);
    *out = jit;
    return QF_OK;
}

void qf_jit_destroy(qf_jit *jit)
{
    if (!jit) return;
    for (int b = 0; b < BUCKETS; b++) {
        for (entry *e = jit->bucket[b], *next; e; e = next) {
            next = e->next;
            qf_free(e);
        }
    }
    LLVMErrorRef error = LLVMOrcDisposeLLJIT(jit->lljit);
    if (error) LLVMConsumeError(error);
    pthread_mutex_destroy(&jit->lock);
    qf_free(jit->cache);
    qf_free(jit);
}

const char *qf_jit_cache(const qf_jit *jit)
{
    return jit->cache;
}

static unsigned bucket_of(const char *symbol)
{
    uint32_t h = 2166136261u;
    while (*symbol) h = (h ^ (uint8_t)*symbol++) * 16777619u;
    return h % BUCKETS;
}

static entry *find(const qf_jit *jit, const char *symbol)
{
    entry *e = jit->bucket[bucket_of(symbol)];
    while (e && strcmp(e->symbol, symbol) != 0) e = e->next;
    return e;
}

static qf_status load(qf_jit *jit, const char *symbol, const qf_code *code, uintptr_t *address)
{
    LLVMOrcExecutorAddress found = 0;
    LLVMMemoryBufferRef object = LLVMCreateMemoryBufferWithMemoryRangeCopy(
        (const char *)code->bytes, code->size, symbol);
    LLVMErrorRef error =
        LLVMOrcLLJITAddObjectFile(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), object);
    if (!error) error = LLVMOrcLLJITLookup(jit->lljit, &found, symbol);
    if (error) return failed(error, symbol);
    *address = (uintptr_t)found;
    return QF_OK;
}

/* With the lock held. */
static qf_status make(qf_jit *jit, const char *symbol, cg_emitter *emit, const void *what,
                      entry **made)
{
    qf_code code;
    QF_TRY(emit(jit->cache, what, &code));
    entry *fresh = qf_alloc(sizeof *fresh);
    const qf_status status = fresh ? load(jit, symbol, &code, &fresh->address) : QF_MEMORY;
    if (status != QF_OK) {
        qf_free(fresh);
    } else {
        memcpy(fresh->symbol, symbol, sizeof fresh->symbol);
        qf_code_hash(&code, fresh->hash);
        entry **head = &jit->bucket[bucket_of(symbol)];
        fresh->next = *head;
        *made = *head = fresh;
    }
    qf_code_release(&code);
    return status;
}

qf_status cg_jit_function(qf_jit *jit, const char symbol[QF_NAME_MAX], cg_emitter *emit,
                          const void *what, uintptr_t *address, char hash[17])
{
    qf_status status = QF_OK;

    pthread_mutex_lock(&jit->lock);
    entry *e = find(jit, symbol);
    if (!e) status = make(jit, symbol, emit, what, &e);
    if (status == QF_OK) {
        *address = e->address;
        if (hash) memcpy(hash, e->hash, sizeof e->hash);
    }
    pthread_mutex_unlock(&jit->lock);
    return status;
}

static qf_status emit_kernel(const char *cache, const void *what, qf_code *code)
{
    return cg_cached_object(cache, what, code);
}

qf_status qf_jit_get(qf_jit *jit, const qf_kernel_id *id, qf_gemm_fn **kernel, char hash[17])
{
    char symbol[QF_NAME_MAX] = "";
    uintptr_t address;

    qf_kernel_symbol(id, symbol);
    QF_TRY(cg_jit_function(jit, symbol, emit_kernel, id, &address, hash));
    memcpy(kernel, &address, sizeof *kernel);
    return QF_OK;
}
