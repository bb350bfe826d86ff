"""batch_norm: sums over chunks of every problem, then a pass over all elements."""


cdef inline ptrdiff_t width(const Norm *n) noexcept nogil:
    """Problems that a task takes at once."""
    return 1 if n.layout == ROWS else FASTML_NORM_COLUMNS


cdef inline const void *further(const void *numbers, ptrdiff_t offset) noexcept nogil:
    return NULL if numbers == NULL else <const char *>numbers + offset


cdef void find_task(const Norm *n, ptrdiff_t task, fastml_norm *p, ptrdiff_t *r, ptrdiff_t *w,
                    ptrdiff_t *k) noexcept nogil:
    """The problems of a task and its chunk of their elements; the numbers of these problems."""
    cdef ptrdiff_t offset
    task += n.first
    r[0] = task // n.chunks * width(n)
    w[0] = min(width(n), n.R - r[0])
    k[0] = task % n.chunks * FASTML_NORM_CHUNK
    offset = r[0] * size_of(n)
    p[0] = n.batch
    p.mean = further(p.mean, offset)
    p.rstd = further(p.rstd, offset)
    p.a = further(p.a, offset)
    p.b = further(p.b, offset)
    p.scale = further(p.scale, offset)
    p.gain = further(p.gain, offset)
    p.offset = further(p.offset, offset)


cdef void run_shift(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Norm *n = <const Norm *>context
    cdef Scratch s
    cdef fastml_norm p
    cdef ptrdiff_t r, w, k
    cdef double zero[FASTML_NORM_COLUMNS]
    cdef double mean[FASTML_NORM_COLUMNS]
    find_task(n, task * n.chunks, &p, &r, &w, &k)
    memset(zero, 0, sizeof(zero))
    cdef void *to = <void *>p.mean
    p.mean = zero
    find_shift(n, &p, &s, r, w, mean)
    memcpy(to, mean, w * size_of(n))


cdef void run_sums(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Norm *n = <const Norm *>context
    cdef Scratch s
    cdef fastml_norm p
    cdef ptrdiff_t r, w, k, j
    cdef double sums[2 * FASTML_NORM_COLUMNS]
    find_task(n, task, &p, &r, &w, &k)
    sum_chunk(n, &p, &s, r, w, k, min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k), sums)
    k //= FASTML_NORM_CHUNK
    for j in range(w):
        n.sums[2 * k * n.R + r + j] = sums[j]
        n.sums[(2 * k + 1) * n.R + r + j] = sums[w + j]


cdef void run_apply(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Norm *n = <const Norm *>context
    cdef Scratch s
    cdef fastml_norm p
    cdef ptrdiff_t r, w, k
    find_task(n, task, &p, &r, &w, &k)
    apply_chunk(n, &p, &s, r, w, k, min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k))


cdef int run_batch(Norm *n, fastml_task task, bint each) except -1:
    """Run a task for all chunks of all problems, or for all problems only."""
    cdef ptrdiff_t groups = (n.R + width(n) - 1) // width(n), tasks = groups if each else groups * n.chunks, count
    cdef double task_ns = min(n.C, <ptrdiff_t>FASTML_NORM_CHUNK) * min(width(n), n.R) * ELEMENT_NS
    n.first = 0
    if tasks * task_ns < HOLD_NS:
        for count in range(tasks):
            task(n, count)
        return 0
    while n.first < tasks:
        count = min(max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / (task_ns + 1))), tasks - n.first)
        with nogil:
            parallel_for(task, n, count, count * task_ns)
        n.first += count
        PyErr_CheckSignals()
    n.first = 0
    return 0


cdef int start_batch(Norm *n, x, dy, y) except -1:
    set_operands(n, x, dy, y, 1)
    if n.layout == SHORT_ROWS:
        n.layout = ROWS
    n.centered = True
    n.backward = dy is not None
    n.chunks = (n.C + FASTML_NORM_CHUNK - 1) // FASTML_NORM_CHUNK
    n.weight.data = n.bias.data = NULL
    memset(&n.batch, 0, sizeof(fastml_norm))
    n.batch.kind = FASTML_NORM_DOTS if n.backward else FASTML_NORM_MOMENTS
    return 0


cdef int add_chunks(Norm *n, double *total) except -1:
    """The two sums of every problem, in total[2 R]."""
    cdef ptrdiff_t i, k
    cdef double low
    for i in range(2 * n.R):
        low = 0
        total[i] = 0
        for k in range(n.chunks):
            add(&total[i], &low, n.sums[2 * k * n.R + i])
        total[i] += low
    return 0
