/* What the pool needs of the operating system: POSIX threads, or Win32 on Windows. Included by threadpool.c alone. */
#ifndef FASTML_THREADPOOL_OS_H
#define FASTML_THREADPOOL_OS_H

#include <stdint.h>

/* Said explicitly, since defaults go from 128 KB (musl) to 8 MB (glibc). */
#define THREAD_STACK_BYTES (1024 * 1024)

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <process.h>
#include <windows.h>

typedef SRWLOCK os_mutex;
typedef CONDITION_VARIABLE os_cond;
#define OS_MUTEX_INIT SRWLOCK_INIT
#define OS_COND_INIT CONDITION_VARIABLE_INIT
#define OS_THREAD static unsigned __stdcall

static inline void os_lock(os_mutex *mutex) { AcquireSRWLockExclusive(mutex); }
static inline void os_unlock(os_mutex *mutex) { ReleaseSRWLockExclusive(mutex); }
static inline void os_wait(os_cond *cond, os_mutex *mutex) { SleepConditionVariableSRW(cond, mutex, INFINITE, 0); }
static inline void os_wake_one(os_cond *cond) { WakeConditionVariable(cond); }
static inline void os_wake_all(os_cond *cond) { WakeAllConditionVariable(cond); }

static inline uint64_t os_now_ns(void) {
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return (uint64_t)((double)ticks.QuadPart * 1e9 / (double)frequency.QuadPart);
}

/* Returns whether the thread was started; nobody can join it. */
static inline int os_start(unsigned(__stdcall *entry)(void *)) {
    uintptr_t handle = _beginthreadex(NULL, THREAD_STACK_BYTES, entry, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return handle != 0 && CloseHandle((HANDLE)handle);
}

#else

#include <pthread.h>
#include <signal.h>
#include <time.h>

typedef pthread_mutex_t os_mutex;
typedef pthread_cond_t os_cond;
#define OS_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define OS_COND_INIT PTHREAD_COND_INITIALIZER
#define OS_THREAD static void *

static inline void os_lock(os_mutex *mutex) { pthread_mutex_lock(mutex); }
static inline void os_unlock(os_mutex *mutex) { pthread_mutex_unlock(mutex); }
static inline void os_wait(os_cond *cond, os_mutex *mutex) { pthread_cond_wait(cond, mutex); }
static inline void os_wake_one(os_cond *cond) { pthread_cond_signal(cond); }
static inline void os_wake_all(os_cond *cond) { pthread_cond_broadcast(cond); }

static inline uint64_t os_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Returns whether the thread was started; it is detached, so that nothing can hang in joining it. It inherits a mask
   that leaves every signal to the program's own threads, but for the faults: those strike the thread that caused them,
   and blocked they would kill the process before a handler such as Python's faulthandler could say where. */
static inline int os_start(void *(*entry)(void *)) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t blocked, before;

    if (pthread_attr_init(&attributes) != 0) return 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int started = pthread_create(&thread, &attributes, entry, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

#endif

/* Tell the CPU that this is a spin loop: the sibling hyper-thread gets its share. */
static inline void os_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
