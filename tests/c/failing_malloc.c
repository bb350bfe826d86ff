/* Preloaded (LD_PRELOAD) into a Python that runs with PYTHONMALLOC=malloc: allocations, and threads, fail on request.
   glibc only: __libc_malloc and its kin are what does the work.

   Counted and failed are the allocations of the thread inside call_failing: those of Python, NumPy and fastml alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void *PyObject_Call(void *, void *, void *) __attribute__((weak));
extern int PyGILState_Check(void) __attribute__((weak));

static __thread long first, last, seen __attribute__((tls_model("initial-exec")));
static __thread int counting __attribute__((tls_model("initial-exec")));
static volatile int no_threads;

/* Not without the GIL: so NumPy's ufuncs allocate the buffers they cast in, and NumPy 2.4 itself crashes where that fails
   (np.add of float32 and float64). fastml allocates nothing there. */
static int fails(void)
{
    if (!counting || !PyGILState_Check())
        return 0;
    seen++;
    if (seen < first || seen > last)
        return 0;
    errno = ENOMEM;
    return 1;
}

/* function(*arguments, **keywords), during which the allocations numbered from `from` to `to`, counted from 1, fail.
   Called through ctypes.PyDLL, which would allocate itself between calls that begin and end the counting. */
void *call_failing(void *function, void *arguments, void *keywords, long from, long to)
{
    first = from;
    last = to;
    seen = 0;
    counting = 1;
    void *result = PyObject_Call(function, arguments, keywords);
    counting = 0;
    return result;
}

/* How many allocations there were in it. */
long allocations_seen(void) { return seen; }

/* The bytes that are allocated now. */
size_t bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void fail_threads(int yes) { no_threads = yes; }

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return fails() ? NULL : __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return fails() ? NULL : __libc_memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (fails())
        return ENOMEM;
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*entry)(void *), void *argument)
{
    static int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads)
        return EAGAIN;
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "pthread_create");
    return original(thread, attributes, entry, argument);
}
