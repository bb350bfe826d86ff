/* Jobs that record how they were run, and threads that run them: the tools of threadpool_stress.c. */
#ifndef THREADPOOL_STRESS_H
#define THREADPOOL_STRESS_H

#include "threadpool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BIG_WORK 1e9 /* an estimate that always asks for the pool */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            return 0;                                                                                                  \
        }                                                                                                              \
    } while (0)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&t, NULL);
}

/* What a job records about itself. */
struct record {
    atomic_int *runs; /* per chunk */
    ptrdiff_t chunks;
    double seconds; /* that each chunk takes */
    atomic_int inside, most_inside;
    atomic_int strangers; /* chunks run by another thread than `owner` */
    pthread_t owner;
};

static void note(void *context, ptrdiff_t chunk)
{
    struct record *r = context;
    int inside = atomic_fetch_add(&r->inside, 1) + 1, most = atomic_load(&r->most_inside);
    while (inside > most && !atomic_compare_exchange_weak(&r->most_inside, &most, inside))
        ;
    if (!pthread_equal(pthread_self(), r->owner))
        atomic_fetch_add(&r->strangers, 1);
    atomic_fetch_add(&r->runs[chunk], 1);
    if (r->seconds > 0)
        nap(r->seconds);
    atomic_fetch_sub(&r->inside, 1);
}

/* Runs a job and fills the record; true if every chunk ran exactly once. */
static int run(struct record *r, ptrdiff_t chunks, double seconds, double work_ns)
{
    size_t room = chunks > 0 ? (size_t)chunks : 1;
    *r = (struct record){.runs = calloc(room, sizeof(atomic_int)), .chunks = chunks, .seconds = seconds};
    r->owner = pthread_self();
    fastml_parallel_for(note, r, chunks, work_ns);
    int once = atomic_load(&r->inside) == 0;
    for (ptrdiff_t i = 0; i < chunks; i++)
        once = once && atomic_load(&r->runs[i]) == 1;
    free(r->runs);
    return once;
}

static int run_quick(ptrdiff_t chunks)
{
    struct record r;
    return run(&r, chunks, 0, BIG_WORK);
}

/* Threads that compute until told to stop. */
struct callers {
    atomic_int stop, failures, jobs, count;
    pthread_t threads[8];
};

static void *call(void *argument)
{
    struct callers *c = argument;
    for (ptrdiff_t i = 0; !atomic_load(&c->stop); i++) {
        if (!run_quick(1 + i % 300))
            atomic_fetch_add(&c->failures, 1);
        atomic_fetch_add(&c->jobs, 1);
    }
    return NULL;
}

static void start_callers(struct callers *c, int count)
{
    *c = (struct callers){.count = count};
    for (int i = 0; i < count; i++)
        pthread_create(&c->threads[i], NULL, call, c);
}

static int stop_callers(struct callers *c)
{
    atomic_store(&c->stop, 1);
    for (int i = 0; i < atomic_load(&c->count); i++)
        pthread_join(c->threads[i], NULL);
    CHECK(atomic_load(&c->failures) == 0 && atomic_load(&c->jobs) > 0);
    return 1;
}

#endif
