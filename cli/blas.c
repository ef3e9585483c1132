/* blas.c -- finds OpenBLAS with dlopen. */
#include "blas.h"

#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

typedef void set_threads_fn(int threads);

const char cli_blas_library[] = "libopenblas.so.0";

qf_status cli_blas_load(int threads, cli_sgemm_fn **sgemm)
{
    void *library = dlopen(cli_blas_library, RTLD_NOW | RTLD_LOCAL);
    set_threads_fn *set_threads = NULL;

    if (!library)
        return qf_fail(QF_NOT_FOUND, "OpenBLAS is not installed (Debian: libopenblas0): %s",
                       dlerror());
    /* ISO C has no cast from object to function pointer; POSIX has. */
    *(void **)sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (!*sgemm || !set_threads)
        return qf_fail(QF_NOT_FOUND, "%s has no cblas_sgemm", cli_blas_library);
    set_threads(threads);
    return QF_OK;
}

void cli_blas_rest(int threads)
{
    const struct timespec nap = {0, 40000000};
    if (threads > 1) nanosleep(&nap, NULL);
}
