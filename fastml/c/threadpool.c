/* A pool of sleeping workers and one parallel loop.

   A job's chunks are grouped into blocks. Everybody who works on it, the caller first of all, claims blocks by
   compare-and-swap on one word; whoever has claimed a block may read the job, and the caller returns once all claimed
   blocks are done. So the caller never waits for a worker that has not yet woken, and a worker that wakes late finds
   nothing to claim and touches nothing. */
#include "threadpool.h"

#include <stdatomic.h>
#include <stdint.h>

#include "threadpool_os.h"

/* A worker out of work looks for the next job so long before it sleeps, and a caller out of blocks waits so long for
   the others' last ones. On two threads 200 us of work, job after job, takes 101 us; 114 to 119 if only callers spin,
   102 to 130 if only workers do, 145 to 157 if nobody does. More gains nothing, and burns a container's quota. */
#define WORKER_SPIN_NS 20000
#define CALLER_SPIN_NS 20000

/* The claim word: generation (40 bits), free seats (8), unclaimed blocks (16). A worker's first claim in a generation
   takes a seat too, so that no job has more threads than the pool's size when it began, whatever the number of workers
   just then. A stale word never matches, since the generation would come round only after days. */
#define ONE_BLOCK ((uint64_t)1)
#define ONE_SEAT ((uint64_t)1 << 16)
#define ONE_GENERATION ((uint64_t)1 << 24)
#define MAX_BLOCKS 0xffff
#define HAS_BLOCKS(word) (((word) & (ONE_SEAT - 1)) != 0)
#define HAS_SEATS(word) (((word) & (ONE_GENERATION - ONE_SEAT)) != 0)
#define GENERATION(word) ((word) / ONE_GENERATION)
#define NO_SEAT UINT64_MAX

static struct {
    _Alignas(64) _Atomic uint64_t claim;
    _Alignas(64) atomic_int pending; /* blocks not yet finished */
    _Alignas(64) atomic_int sleepers;
    atomic_int caller_sleeps;
    atomic_int threads;  /* the size asked for; 0: not yet known */
    atomic_int workers;  /* those alive, changed under the lock */
    atomic_int capacity; /* workers that the system would let us start */
    atomic_int busy;     /* a job is in the pool; its owner alone writes the rest of it, below */
    fastml_task task;
    void *context;
    ptrdiff_t chunks, grain; /* grain: chunks in a block */
    int blocks;
    os_mutex lock;
    os_cond wake, finished;
} pool = {
    .capacity = FASTML_MAX_THREADS,
    .lock = OS_MUTEX_INIT,
    .wake = OS_COND_INIT,
    .finished = OS_COND_INIT,
};

static _Thread_local int inside_task;

/* Claim and run blocks until none is left; `seat` is the generation in which the thread may claim freely. Until the
   count is taken off `pending` at the end, the job cannot change: afterwards it must not be touched. */
static void run_blocks(uint64_t seat) {
    int done = 0;
    uint64_t word = atomic_load(&pool.claim);
    while (HAS_BLOCKS(word) && (GENERATION(word) == seat || HAS_SEATS(word))) {
        uint64_t price = GENERATION(word) == seat ? ONE_BLOCK : ONE_BLOCK + ONE_SEAT;
        if (!atomic_compare_exchange_weak(&pool.claim, &word, word - price)) continue;
        seat = GENERATION(word);
        ptrdiff_t first = (pool.blocks - (ptrdiff_t)(word & MAX_BLOCKS)) * pool.grain;
        ptrdiff_t count = pool.chunks - first < pool.grain ? pool.chunks - first : pool.grain;
        for (ptrdiff_t i = 0; i < count; i++) pool.task(pool.context, first + i);
        done++;
        word = atomic_load(&pool.claim);
    }
    if (done > 0 && atomic_fetch_sub(&pool.pending, done) == done && atomic_load(&pool.caller_sleeps)) {
        os_lock(&pool.lock);
        os_wake_all(&pool.finished);
        os_unlock(&pool.lock);
    }
}

static int work_waits(void) {
    uint64_t word = atomic_load(&pool.claim);
    return HAS_BLOCKS(word) && HAS_SEATS(word);
}

static int no_block_pending(void) { return atomic_load(&pool.pending) == 0; }

static int spin_until(int (*condition)(void), uint64_t patience_ns) {
    uint64_t start = os_now_ns();
    do {
        if (condition()) return 1;
        os_pause();
    } while (os_now_ns() - start < patience_ns);
    return 0;
}

/* Returns 0 when the pool has shrunk and this worker is to end. A worker counts itself as a sleeper before its last
   look at the claim word, and a caller publishes the word before it counts the sleepers: one of them sees the other. */
static int sleep_until_work(void) {
    int surplus = 0;
    os_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while (!work_waits() && !(surplus = atomic_load(&pool.workers) >= atomic_load(&pool.threads)))
        os_wait(&pool.wake, &pool.lock);
    atomic_fetch_sub(&pool.sleepers, 1);
    if (surplus) atomic_fetch_sub(&pool.workers, 1);
    os_unlock(&pool.lock);
    return !surplus;
}

OS_THREAD worker_main(void *unused) {
    (void)unused;
    inside_task = 1;
    do run_blocks(NO_SEAT);
    while (spin_until(work_waits, WORKER_SPIN_NS) || sleep_until_work());
    return 0;
}

/* Start the workers that are missing; returns how many of those wanted there are. After a failure nothing more is
   started until the size is set anew: a refusal at every call would cost more than the thread could bring. */
static int recruit(int wanted) {
    int capacity = atomic_load(&pool.capacity);
    if (wanted > capacity) wanted = capacity;
    if (atomic_load(&pool.workers) < wanted) {
        os_lock(&pool.lock);
        while (atomic_load(&pool.workers) < wanted && os_start(worker_main)) atomic_fetch_add(&pool.workers, 1);
        if (atomic_load(&pool.workers) < wanted) atomic_store(&pool.capacity, atomic_load(&pool.workers));
        os_unlock(&pool.lock);
    }
    int workers = atomic_load(&pool.workers);
    return workers < wanted ? workers : wanted;
}

static void wake_workers(int wanted) {
    int sleepers = atomic_load(&pool.sleepers);
    if (sleepers == 0) return;
    os_lock(&pool.lock);
    if (wanted >= sleepers) os_wake_all(&pool.wake);
    else
        while (wanted-- > 0) os_wake_one(&pool.wake);
    os_unlock(&pool.lock);
}

static void wait_for_claimed_blocks(void) {
    if (spin_until(no_block_pending, CALLER_SPIN_NS)) return;
    os_lock(&pool.lock);
    atomic_store(&pool.caller_sleeps, 1);
    while (!no_block_pending()) os_wait(&pool.finished, &pool.lock);
    atomic_store(&pool.caller_sleeps, 0);
    os_unlock(&pool.lock);
}

/* Called by the owner of `busy`. */
static void run_shared(fastml_task task, void *context, ptrdiff_t chunks, int workers) {
    pool.task = task;
    pool.context = context;
    pool.chunks = chunks;
    pool.grain = (chunks - 1) / MAX_BLOCKS + 1;
    pool.blocks = (int)((chunks - 1) / pool.grain + 1);
    if (workers > pool.blocks - 1) workers = pool.blocks - 1;
    atomic_store(&pool.pending, pool.blocks);
    uint64_t generation = GENERATION(atomic_load(&pool.claim)) + 1;
    atomic_store(&pool.claim, generation * ONE_GENERATION + (uint64_t)workers * ONE_SEAT + (uint64_t)pool.blocks);
    wake_workers(workers);
    run_blocks(generation & (UINT64_MAX / ONE_GENERATION));
    wait_for_claimed_blocks();
}

void fastml_parallel_for(fastml_task task, void *context, ptrdiff_t chunks, double work_ns) {
    int nested = inside_task, shared = 0;
    inside_task = 1;
    /* written so that a NaN estimate is serial */
    if (!nested && chunks > 1 && work_ns >= FASTML_SERIAL_NS) {
        int threads = fastml_get_num_threads();
        if (threads > 1 && !atomic_exchange(&pool.busy, 1)) {
            int workers = recruit(threads - 1);
            shared = workers > 0;
            if (shared) run_shared(task, context, chunks, workers);
            atomic_store(&pool.busy, 0);
        }
    }
    for (ptrdiff_t i = 0; !shared && i < chunks; i++) task(context, i);
    inside_task = nested;
}

int fastml_get_num_threads(void) {
    int unset = 0, threads = atomic_load(&pool.threads);
    if (threads == 0) {
        threads = fastml_default_num_threads();
        if (!atomic_compare_exchange_strong(&pool.threads, &unset, threads)) threads = unset;
    }
    return threads;
}

void fastml_set_num_threads(int n) {
    atomic_store(&pool.threads, n < 1 ? 1 : n > FASTML_MAX_THREADS ? FASTML_MAX_THREADS : n);
    atomic_store(&pool.capacity, FASTML_MAX_THREADS);
    os_lock(&pool.lock);
    os_wake_all(&pool.wake); /* the surplus ends */
    os_unlock(&pool.lock);
}

#if !defined(_WIN32)

/* A forked child has the memory of the pool but none of its threads, and the lock may be held by one of them: overwrite
   everything but the size. Registered when the library is loaded, so that no fork comes too early. */
static void start_afresh(void) {
    pool.lock = (os_mutex)OS_MUTEX_INIT;
    pool.wake = (os_cond)OS_COND_INIT;
    pool.finished = (os_cond)OS_COND_INIT;
    atomic_store(&pool.claim, 0);
    atomic_store(&pool.pending, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.caller_sleeps, 0);
    atomic_store(&pool.workers, 0);
    atomic_store(&pool.capacity, FASTML_MAX_THREADS);
    atomic_store(&pool.busy, 0);
}

__attribute__((constructor)) static void watch_for_fork(void) { pthread_atfork(NULL, NULL, start_afresh); }

#endif
