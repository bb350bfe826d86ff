"""From keys and arrays to the random kernels, of _random.pyx: the walk in C order over arrays of any layout."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fma, nextafter, nextafterf
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastml._fastml_runtime cimport (
    FASTML_DROPOUT, FASTML_GAUSSIAN_NOISE, FASTML_RANDOM_BLOCK, FASTML_RANDOM_LANES, fastml_random, kernels,
    parallel_for,
)

cdef enum:
    MAX_AXES = 64
    CHUNK = 16384            # elements of one task: whole blocks of random bits
    AHEAD_BYTES = 524288     # arrays from this size on are fetched ahead

# Estimated nanoseconds of an element of each dtype, by kernel.
cdef double[2][3] ELEMENT_NS = [[0.6, 0.5, 0.8], [1.4, 1.2, 3.0]]
# The most between two looks at pending signals, and what the GIL is not worth giving up for.
cdef double SLICE_NS = 50e6, HOLD_NS = 20e3


cdef struct Call:
    fastml_random base
    int kernel, dtype
    bint dense                   # both arrays in C order, aligned, without gaps
    const char *x
    char *y
    ptrdiff_t n, first_chunk
    int axes                     # after joining those that memory continues in both
    ptrdiff_t length[MAX_AXES]
    ptrdiff_t x_stride[MAX_AXES]
    ptrdiff_t y_stride[MAX_AXES]


cdef inline int item_size(const Call *c) noexcept nogil:
    return 2 << c.dtype


cdef inline void copy_items(char *to, ptrdiff_t to_step, const char *source, ptrdiff_t source_step, ptrdiff_t n,
                            ptrdiff_t size) noexcept nogil:
    """Copy n strided items of any number of bytes, aligned or not."""
    cdef ptrdiff_t i
    if size == 1:
        for i in range(n):
            to[i * to_step] = source[i * source_step]
    elif size == 2:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, 2)
    elif size == 3:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, 3)
    elif size == 4:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, 4)
    elif size == 8:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, 8)
    elif size == 12:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, 12)
    else:
        for i in range(n):
            memcpy(to + i * to_step, source + i * source_step, size)


cdef void transfer(const Call *c, bint back, ptrdiff_t start, ptrdiff_t n, char *block) noexcept nogil:
    """Gather elements [start, start + n) of x, in C order of the index, or put them back, into y."""
    cdef ptrdiff_t index[MAX_AXES]
    cdef ptrdiff_t x = 0, y = 0, count
    cdef int axis, last = c.axes - 1, size = item_size(c)
    for axis in range(last, -1, -1):
        index[axis] = start % c.length[axis]
        start //= c.length[axis]
        x += index[axis] * c.x_stride[axis]
        y += index[axis] * c.y_stride[axis]
    while True:
        count = min(n, c.length[last] - index[last])
        if back:
            copy_items(c.y + y, c.y_stride[last], block, size, count, size)
        else:
            copy_items(block, size, c.x + x, c.x_stride[last], count, size)
        n -= count
        if n == 0:
            return
        block += count * size
        axis = last
        index[axis] += count
        x += count * c.x_stride[axis]
        y += count * c.y_stride[axis]
        while index[axis] == c.length[axis]:
            index[axis] = 0
            x += c.x_stride[axis - 1] - c.length[axis] * c.x_stride[axis]
            y += c.y_stride[axis - 1] - c.length[axis] * c.y_stride[axis]
            axis -= 1
            index[axis] += 1


cdef void run_chunk(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef const Call *c = <const Call *>context
    cdef ptrdiff_t start = (c.first_chunk + chunk) * CHUNK, stop = min(start + CHUNK, c.n), n
    cdef uint64_t block[FASTML_RANDOM_BLOCK]
    cdef int size = item_size(c)
    if c.dense:
        kernels().random[c.kernel][c.dtype](&c.base, c.x + start * size, c.y + start * size, start, stop - start)
        return
    while start < stop:
        n = min(<ptrdiff_t>FASTML_RANDOM_BLOCK, stop - start)
        transfer(c, False, start, n, <char *>block)
        kernels().random[c.kernel][c.dtype](&c.base, block, block, start, n)
        transfer(c, True, start, n, <char *>block)
        start += n


cdef int run_all(Call *c) except -1:
    """Run every chunk, in slices with a look at pending signals between them."""
    cdef ptrdiff_t chunks = (c.n + CHUNK - 1) // CHUNK, slice_chunks, count
    cdef double element_ns = ELEMENT_NS[c.kernel][c.dtype] + (0 if c.dense else 3)
    if chunks <= 1 and c.n * element_ns < HOLD_NS:
        run_chunk(c, 0)
        return 0
    slice_chunks = max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / (CHUNK * element_ns)))
    while c.first_chunk < chunks:
        count = min(slice_chunks, chunks - c.first_chunk)
        with nogil:
            parallel_for(run_chunk, c, count, min(count * <ptrdiff_t>CHUNK, c.n) * element_ns)
        c.first_chunk += count
        PyErr_CheckSignals()
    return 0


cdef void add_axis(Call *c, ptrdiff_t length, ptrdiff_t x, ptrdiff_t y) noexcept:
    """Append an axis, or lengthen the last one where memory continues it."""
    cdef int last = c.axes - 1
    if last >= 0 and c.x_stride[last] == length * x and c.y_stride[last] == length * y:
        c.length[last] *= length
    else:
        last += 1
        c.axes += 1
        c.length[last] = length
    c.x_stride[last] = x
    c.y_stride[last] = y


cdef int compute(Call *c, cnp.ndarray x, cnp.ndarray y) except -1:
    """Fill y from x: the same shape and dtype, the same memory or apart."""
    cdef int k
    c.dtype = dtype_index(x)
    c.dense = PyArray_ISCARRAY_RO(x) and PyArray_ISCARRAY_RO(y)
    c.x, c.y = <const char *>cnp.PyArray_DATA(x), <char *>cnp.PyArray_DATA(y)
    c.n, c.first_chunk, c.axes = cnp.PyArray_SIZE(x), 0, 0
    if c.n == 0:
        return 0
    c.base.ahead = c.dense and c.n * item_size(c) >= AHEAD_BYTES
    if not c.dense:
        for k in range(cnp.PyArray_NDIM(x)):
            if cnp.PyArray_DIM(x, k) > 1:
                add_axis(c, cnp.PyArray_DIM(x, k), cnp.PyArray_STRIDE(x, k), cnp.PyArray_STRIDE(y, k))
        if c.axes == 0:
            add_axis(c, 1, 0, 0)
    return run_all(c)


cdef void set_rate(fastml_random *base, double p, int dtype) noexcept:
    """Put p in as a number of 64 binary digits, and 1 / (1 - p) as the sum of two of the computing dtype."""
    cdef double kept = 1 - p, lost = (1 - kept) - p, scale = 1 / kept
    cdef double low = (fma(-scale, kept, 1) - scale * lost) / kept
    cdef float single = <float>scale
    base.p = <uint64_t>(p * 18446744073709551616.0 + 0.5)
    if dtype != FASTML_F64:
        low += scale - single
        if low < 0:
            low += single - nextafterf(single, 0)
            single = nextafterf(single, 0)
        scale = single
    elif low < 0:
        low += scale - nextafter(scale, 0)
        scale = nextafter(scale, 0)
    # inf * 0 would be NaN; so small a part changes no result
    base.scale, base.scale_low = scale, low if low > 0 else scale * 2.0 ** -70
