/* Stress driver of the thread pool. Without arguments it runs every scenario, prints one line for each and exits with 0
   or 1. `size` prints the pool's size, `limit ROOT` the cgroup limit below ROOT. Windows has no fork and no signals:
   there MinGW's GCC, which has POSIX threads, builds what is left. */
#include "threadpool_stress.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>

#include <tlhelp32.h>
#else
#include <sys/resource.h>
#include <sys/wait.h>
#endif

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(_WIN32)
/* Must come first: no thread exists yet whose stack could be used again. */
static int creation_fails(void)
{
#if !defined(SANITIZED) /* sanitizers need address space themselves */
    pid_t child = fork();
    if (child == 0) {
        struct record r;
        struct rlimit none = {1, 1};
        fastml_set_num_threads(4);
        int heap_ready = run_quick(1);
        setrlimit(RLIMIT_AS, &none);
        _exit(!(heap_ready && run(&r, 8, 0.001, BIG_WORK) && atomic_load(&r.strangers) == 0));
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
#endif
    return 1;
}
#endif

static int every_chunk_once(void)
{
    static const ptrdiff_t sizes[] = {-1, 0, 1, 2, 3, 7, 64, 1000, 65534, 65535, 65536, 131071, 200000};
    for (int threads = 1; threads <= 16; threads *= 2) {
        fastml_set_num_threads(threads);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            CHECK(run_quick(sizes[i]));
        for (int i = 0; i < 2000; i++)
            CHECK(run_quick(i % 5));
    }
    return 1;
}

static int threads_take_part(void)
{
    struct record r;
    fastml_set_num_threads(4);
    for (int i = 0; i < 5; i++) {
        CHECK(run(&r, 40, 0.001, BIG_WORK));
        CHECK(atomic_load(&r.strangers) > 0 && atomic_load(&r.most_inside) <= 4);
    }
    for (int threads = 1; threads <= 3; threads++) { /* at once, although the surplus may still be about */
        fastml_set_num_threads(8);
        CHECK(run(&r, 16, 0.001, BIG_WORK));
        fastml_set_num_threads(threads);
        CHECK(run(&r, 16, 0.001, BIG_WORK) && atomic_load(&r.most_inside) <= threads);
    }
    return 1;
}

/* The number of this process's threads, or -1 where the system does not tell. */
static int live_threads(void)
{
#if defined(_WIN32)
    int count = 0;
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
#else
    int count = -2; /* "." and ".." are no threads */
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
#endif
    return count;
}

static int surplus_ends(void)
{
    struct record r;
    fastml_set_num_threads(8);
    CHECK(run(&r, 64, 0.001, BIG_WORK));
    int before = live_threads();
    if (before == -1)
        return 1;
    CHECK(before >= 8);
    fastml_set_num_threads(2);
    for (double end = now() + 5; live_threads() > before - 6 && now() < end;)
        nap(0.001);
    CHECK(live_threads() <= before - 6);
    return 1;
}

static int serial_rules(void)
{
    struct record r;
    double too_little[] = {0, -1, FASTML_SERIAL_NS - 1, (double)NAN};
    fastml_set_num_threads(4);
    for (size_t i = 0; i < sizeof too_little / sizeof too_little[0]; i++)
        CHECK(run(&r, 20, 0.0005, too_little[i]) && atomic_load(&r.strangers) == 0);
    CHECK(run(&r, 1, 0.0005, BIG_WORK) && atomic_load(&r.strangers) == 0);
    CHECK(run(&r, 40, 0.001, FASTML_SERIAL_NS) && atomic_load(&r.strangers) > 0);
    fastml_set_num_threads(1);
    CHECK(run(&r, 20, 0.0005, BIG_WORK) && atomic_load(&r.strangers) == 0);
    fastml_set_num_threads(0);
    CHECK(fastml_get_num_threads() == 1);
    fastml_set_num_threads(100000);
    CHECK(fastml_get_num_threads() == FASTML_MAX_THREADS);
    return 1;
}

static void outer(void *failures, ptrdiff_t chunk)
{
    struct record r;
    if (!run(&r, chunk, 0.0002, BIG_WORK) || atomic_load(&r.strangers) != 0)
        atomic_fetch_add((atomic_int *)failures, 1);
}

static int nested_calls(void)
{
    atomic_int failures = 0;
    fastml_set_num_threads(4);
    for (int i = 0; i < 10; i++)
        fastml_parallel_for(outer, &failures, 12, BIG_WORK);
    fastml_parallel_for(outer, &failures, 12, 0); /* inside a serial job too */
    CHECK(atomic_load(&failures) == 0);
    return 1;
}

static int many_callers(void)
{
    struct callers c;
    fastml_set_num_threads(4);
    start_callers(&c, 8);
    nap(0.4);
    return stop_callers(&c);
}

static int resize_under_load(void)
{
    struct callers c;
    start_callers(&c, 3);
    double end = now() + 0.5;
    for (unsigned i = 0; now() < end; i++) {
        fastml_set_num_threads(1 + (int)(i * 2654435761u >> 29));
        nap(i % 50 == 0 ? 0.002 : 0);
    }
    return stop_callers(&c);
}

#if !defined(_WIN32)
/* The child's exit status; a child that hangs is killed by its alarm. */
static int succeeds(pid_t child)
{
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 1;
}

/* Holds the pool's lock much of the time. */
static void *resize(void *stop)
{
    while (!atomic_load((atomic_int *)stop))
        fastml_set_num_threads(4);
    return NULL;
}

static int fork_while_computing(void)
{
    struct callers c;
    pthread_t resizer;
    int good = 1;
    fastml_set_num_threads(4);
    start_callers(&c, 2);
    pthread_create(&resizer, NULL, resize, &c.stop);
    for (int i = 0; i < 30 && good; i++) {
        nap(0.003);
        pid_t child = fork();
        if (child == 0) {
            struct record r;
            alarm(10);
            int once = run_quick(1000) && run(&r, 40, 0.001, BIG_WORK) && fastml_get_num_threads() == 4;
            _exit(!(once && atomic_load(&r.strangers) > 0));
        }
        good = succeeds(child);
    }
    good = stop_callers(&c) && good;
    pthread_join(resizer, NULL);
    return good;
}

/* exit(), with its handlers, while workers sleep (0), spin (1), or compute for another thread (2). */
static int exits(void)
{
    for (int state = 0; state < 3; state++) {
        pid_t child = fork();
        if (child == 0) {
            struct callers c;
            alarm(10);
            fastml_set_num_threads(4);
            int once = run_quick(1000);
            if (state == 2)
                start_callers(&c, 1);
            if (state != 1)
                nap(0.02);
            exit(!once);
        }
        CHECK(succeeds(child));
    }
    return 1;
}

static int signals_stay_out(void)
{
    /* A signal to the process, blocked in the main thread, may not be taken by a worker: SIGUSR1 would kill us. */
    sigset_t one, before;
    struct record r;
    int taken = 0;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    fastml_set_num_threads(4);
    CHECK(run(&r, 16, 0.001, BIG_WORK));
    pthread_sigmask(SIG_BLOCK, &one, &before);
    kill(getpid(), SIGUSR1);
    nap(0.01);
    sigwait(&one, &taken);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK(taken == SIGUSR1);
    return 1;
}
#endif

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } scenarios[] = {
#if !defined(_WIN32)
        {"thread creation fails", creation_fails},
#endif
        {"every chunk exactly once", every_chunk_once},
        {"threads take part", threads_take_part},
        {"surplus workers end", surplus_ends},
        {"serial rules", serial_rules},
        {"nested calls", nested_calls},
        {"many callers", many_callers},
        {"resize under load", resize_under_load},
#if !defined(_WIN32)
        {"fork while computing", fork_while_computing},
        {"exit at any moment", exits},
        {"signals stay out of workers", signals_stay_out},
#endif
    };
    int failures = 0;
    if (argc == 3 && strcmp(argv[1], "limit") == 0)
        return printf("%d\n", fastml_cpu_limit(argv[2])) < 0;
    if (argc == 2 && strcmp(argv[1], "size") == 0)
        return printf("%d\n", fastml_get_num_threads()) < 0;
#if !defined(_WIN32)
    alarm(50); /* a hang is a failure */
#endif
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        double start = now();
        int good = scenarios[i].run();
        printf("%-30s %s  %.2f s\n", scenarios[i].name, good ? "ok" : "FAILED", now() - start);
        fflush(stdout);
        failures += !good;
    }
    return failures != 0;
}
