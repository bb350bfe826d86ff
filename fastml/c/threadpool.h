/* The thread pool: one parallel loop, its size, and what decides the size. */
#ifndef FASTML_THREADPOOL_H
#define FASTML_THREADPOOL_H

#include <stddef.h>

#ifndef FASTML_EXPORT
#if defined(_WIN32)
#define FASTML_EXPORT __declspec(dllexport)
#else
#define FASTML_EXPORT __attribute__((visibility("default")))
#endif
#endif

/* Estimated serial work in nanoseconds below which a job is not shared out: waking a sleeping worker costs tens of
   microseconds, and sharing begins to pay between 70 and 290 us of work. */
#define FASTML_SERIAL_NS 200000.0

/* No job uses more threads than this. */
#define FASTML_MAX_THREADS 256

/* Computes one chunk. It must not fork, exit its thread, or wait for another chunk: chunks may run in any order, on any
   thread, all of them on one. */
typedef void (*fastml_task)(void *context, ptrdiff_t chunk);

/* Run task(context, i) once for every i in [0, chunks), and return when all are done. Never fails. Everything runs on
   the calling thread when chunks < 2, the pool has one thread, another thread is using it, the caller is itself inside
   a task, or work_ns (the estimated work of the whole job on one thread, in nanoseconds) is below FASTML_SERIAL_NS. */
void fastml_parallel_for(fastml_task task, void *context, ptrdiff_t chunks, double work_ns);

/* The number of threads of a job, the calling one included. */
FASTML_EXPORT int fastml_get_num_threads(void);

/* Set it, clipped to [1, FASTML_MAX_THREADS], from the next job on. Callable at any time, from any thread. */
FASTML_EXPORT void fastml_set_num_threads(int n);

/* The size until it is set: FASTML_NUM_THREADS, else the first item of OMP_NUM_THREADS, else the CPUs this process may
   run on, or its cgroup's quota where that is less. A variable that holds no positive integer is ignored. */
int fastml_default_num_threads(void);

/* The CPU quota of this process's cgroup (v1 or v2) and of all cgroups around it, in whole CPUs, rounded up; 0 where
   there is none. `root` is put before every path read: "" but in tests. */
int fastml_cpu_limit(const char *root);

#endif
