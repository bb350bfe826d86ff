"""Arrays of any layout and real dtype, read and written block by block in C order of their index."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t

from fastml._fastml_runtime cimport convert, convert_index, store

from fastml._fastml_runtime import kind_of

cdef enum:
    MAX_AXES = 64
    INDEX = -1               # the dtype to gather classes in


cdef struct Operand:         # an array as it lies in memory; data NULL for none
    char *data
    int kind                 # as `convert` knows it: of floats, the index of the dtype
    int size                 # bytes of an element
    bint direct              # dense in C order, aligned, of the dtype that computes
    int axes                 # after joining those that memory continues
    ptrdiff_t length[MAX_AXES]
    ptrdiff_t stride[MAX_AXES]


cdef int describe(Operand *o, cnp.ndarray array, int dtype) except -1:
    """Describe an array, or None, to a computation in float32 or float64."""
    cdef int k, last = -1
    cdef ptrdiff_t length, stride
    o.data = NULL
    if array is None:
        o.direct = True
        return 0
    o.data = <char *>cnp.PyArray_DATA(array)
    o.kind = dtype_index(array)
    if o.kind < 0:
        o.kind = kind_of(array.dtype)
    o.size = cnp.PyArray_ITEMSIZE(array)
    for k in range(cnp.PyArray_NDIM(array)):
        length, stride = cnp.PyArray_DIM(array, k), cnp.PyArray_STRIDE(array, k)
        if length == 1:
            continue
        if last >= 0 and o.stride[last] == length * stride:
            o.length[last] *= length
        else:
            last += 1
            o.length[last] = length
        o.stride[last] = stride
    if last < 0:
        last = 0
        o.length[0], o.stride[0] = 1, o.size
    o.axes = last + 1
    o.direct = last == 0 and o.kind == dtype and o.stride[0] == o.size and PyArray_ISALIGNED(array)
    return 0


cdef inline char *run_of(const Operand *o, ptrdiff_t start, ptrdiff_t n, ptrdiff_t *count) noexcept nogil:
    """Return the place of element `start`, and how many of the n from there lie one stride apart."""
    cdef int k = o.axes - 1
    cdef ptrdiff_t index = start % o.length[k], offset = index * o.stride[k]
    count[0] = min(n, o.length[k] - index)
    start //= o.length[k]
    for k in range(o.axes - 2, -1, -1):
        offset += start % o.length[k] * o.stride[k]
        start //= o.length[k]
    return o.data + offset


cdef void gather(const Operand *o, int dtype, ptrdiff_t start, ptrdiff_t n, void *block) noexcept nogil:
    """Convert n elements into the block: to float32 or float64, or to int64 where the dtype is INDEX."""
    cdef ptrdiff_t count = 0, size = 4 if dtype == FASTML_F32 else 8, step = o.stride[o.axes - 1]
    cdef char *source
    cdef char *to = <char *>block
    while n > 0:
        source = run_of(o, start, n, &count)
        if dtype == INDEX:
            convert_index(<int64_t *>to, source, step, count, o.kind)
        else:
            convert(to, dtype, source, step, count, o.kind)
        to += count * size
        start += count
        n -= count


cdef void *load(const Operand *o, int dtype, ptrdiff_t start, ptrdiff_t n, void *block) noexcept nogil:
    """Return n elements in the dtype it was described to: where they are, or converted into the block."""
    if o.data == NULL:
        return NULL
    if o.direct:
        return o.data + start * (4 if dtype == FASTML_F32 else 8)
    gather(o, dtype, start, n, block)
    return block


cdef void unload(const Operand *o, int dtype, ptrdiff_t start, ptrdiff_t n, const void *block) noexcept nogil:
    """Write n results, rounded to the array's dtype."""
    cdef ptrdiff_t count = 0, size = 4 if dtype == FASTML_F32 else 8
    cdef const char *values = <const char *>block
    cdef char *to
    while n > 0:
        to = run_of(o, start, n, &count)
        store(to, o.kind, o.stride[o.axes - 1], values, count)
        values += count * size
        start += count
        n -= count
