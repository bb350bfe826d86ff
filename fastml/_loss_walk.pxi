"""Sums over chunks of arrays: shared by the losses and the penalties."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, isfinite

from fastml._fastml_runtime cimport fastml_task, parallel_for

import numpy as np

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype dtype, object base)

cdef enum:
    CHUNK = 16384            # elements of one task, whose sum is one of those that are added up in order
    BLOCK = 512              # elements converted at once: those that the kernels add up at once
    SLICE_CHUNKS = 512       # at most between two looks at pending signals

# Estimated nanoseconds: the most between two looks at pending signals, and what the GIL is not worth giving up for.
cdef double SLICE_NS = 50e6, HOLD_NS = 20e3


cdef struct Chunks:          # what a task of n elements begins with
    ptrdiff_t n, first
    double sum[2]
    double part[SLICE_CHUNKS][2]


cdef void add_parts(Chunks *c, ptrdiff_t count) noexcept nogil:
    """Add the sums of chunks up in their order; the second number is what the first has lost."""
    cdef ptrdiff_t i
    cdef double total, part
    for i in range(count):
        total = c.sum[0] + c.part[i][0]
        part = total - c.sum[0]
        c.sum[1] += (c.sum[0] - (total - part)) + (c.part[i][0] - part) + c.part[i][1]
        c.sum[0] = total


cdef double run_chunks(fastml_task task, Chunks *c, ptrdiff_t n, double element_ns) except? -1:
    """Run task(c, i) for all chunks of n elements and return the sum of their parts."""
    cdef ptrdiff_t chunks = (n + CHUNK - 1) // CHUNK, slice_chunks, count, i
    c.n, c.first = n, 0
    c.sum[0] = c.sum[1] = 0
    if chunks <= 1 and n * element_ns < HOLD_NS:
        c.part[0][0] = c.part[0][1] = 0
        if n:
            task(c, 0)
        add_parts(c, 1)
        return c.sum[0] + c.sum[1] if isfinite(c.sum[0]) else c.sum[0]
    slice_chunks = min(max(<ptrdiff_t>(SLICE_NS / (CHUNK * element_ns)), <ptrdiff_t>1), <ptrdiff_t>SLICE_CHUNKS)
    while c.first < chunks:
        count = min(slice_chunks, chunks - c.first)
        for i in range(count):
            c.part[i][0] = c.part[i][1] = 0
        with nogil:
            parallel_for(task, c, count, min(count * <ptrdiff_t>CHUNK, n) * element_ns)
        add_parts(c, count)
        c.first += count
        PyErr_CheckSignals()
    return c.sum[0] + c.sum[1] if isfinite(c.sum[0]) else c.sum[0]


cdef inline bint is_plain(object x) noexcept:
    """Whether x is a dense C-ordered native float array of one dimension or more."""
    return dense_dtype(x) >= 0 and PyArray_ISCARRAY_RO(x)


cdef inline object empty_like(cnp.ndarray x):
    if PyArray_ISCARRAY_RO(x):
        return PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), 0)
    return np.empty_like(x)


cdef cnp.dtype FLOAT64 = np.dtype(np.float64)


cdef inline object scalar(double value):
    return PyArray_Scalar(&value, FLOAT64, None)


cdef inline bint apart(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two dense arrays of one size share no memory."""
    return cnp.PyArray_DATA(a) != cnp.PyArray_DATA(b) and apart_or_same(a, b)
