/* clock.c -- the two clocks.  rdtscp is no faster than the vDSO under KVM. */
#include "qforge/clock.h"

#include <math.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t qf_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t qf_unix_us(void)
{
    return read_clock(CLOCK_REALTIME) / 1000;
}

void qf_rest(double seconds)
{
    const double whole = floor(fmax(seconds, 0));
    const struct timespec nap = {(time_t)whole, (long)(1e9 * (fmax(seconds, 0) - whole))};
    nanosleep(&nap, NULL);
}
