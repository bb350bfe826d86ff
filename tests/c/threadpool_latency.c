/* How long a job on the thread pool takes: empty ones, and some of 200 us and 550 us of work, after different pauses.
   Run it on a quiet machine, with FASTML_NUM_THREADS at most the number of CPUs; the argument is the number of jobs. */
#include "threadpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nothing(void *context, ptrdiff_t chunk)
{
    (void)context;
    (void)chunk;
}

static void busy_work(void *microseconds, ptrdiff_t chunk)
{
    (void)chunk;
    for (double end = now() + 1e-6 * *(double *)microseconds; now() < end;)
        ;
}

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

#define MAX_JOBS 100000

/* Median and 90th percentile of a job's time in microseconds, each `pause` after the one before. */
static void print_latency(int jobs, fastml_task task, double chunk_us, ptrdiff_t chunks, double pause_us)
{
    static double times[MAX_JOBS];
    for (int i = 0; i < jobs; i++) {
        for (double end = now() + 1e-6 * pause_us; now() < end;) /* asleep, the caller would wake slowly itself */
            ;
        double start = now();
        fastml_parallel_for(task, &chunk_us, chunks, 2 * FASTML_SERIAL_NS);
        times[i] = 1e6 * (now() - start);
    }
    qsort(times, (size_t)jobs, sizeof times[0], ascending);
    printf("%2d chunks of %2.0f us, after %4.0f us: median %8.2f us, 90 %% %8.2f us\n", (int)chunks, chunk_us, pause_us,
           times[jobs / 2], times[jobs * 9 / 10]);
}

int main(int argc, char **argv)
{
    static const double pauses_us[] = {0, 10, 30, 1000};
    int jobs = argc > 1 ? atoi(argv[1]) : 1000;
    if (jobs < 1 || jobs > MAX_JOBS)
        return 1;
    printf("%d threads\n", fastml_get_num_threads());
    for (int i = 0; i < 4; i++)
        print_latency(jobs, nothing, 0, 2, pauses_us[i]);
    for (int i = 0; i < 4; i++)
        print_latency(jobs, busy_work, 20, 10, pauses_us[i]);
    for (int i = 0; i < 4; i++)
        print_latency(jobs, busy_work, 50, 11, pauses_us[i]);
    return 0;
}
