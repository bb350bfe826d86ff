"""Sums over chunks of arrays, and sums of weights: shared by the losses."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, isfinite

from fastml._fastml_runtime cimport add_weights, fastml_task, kernels, parallel_for

import numpy as np

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


cdef struct Weights:
    Chunks chunks
    Operand values


cdef void weights_task(void *context, ptrdiff_t chunk) noexcept nogil:
    """Add a chunk of weights up: inf where one of them is none."""
    cdef Weights *w = <Weights *>context
    cdef ptrdiff_t start = (w.chunks.first + chunk) * CHUNK, stop = min(start + CHUNK, w.chunks.n), n
    cdef double block[BLOCK]
    cdef double unused = 0
    cdef void *values
    while start < stop:
        n = min(<ptrdiff_t>BLOCK, stop - start)
        values = load(&w.values, FASTML_F64, start, n, block)
        if add_weights(values, FASTML_F64, n, &unused) < n:
            w.chunks.part[chunk][0] = INFINITY
            return
        kernels().sum[FASTML_F64](values, NULL, n, w.chunks.part[chunk])
        start += n


cdef double weight_total(str name, cnp.ndarray weights) except? -1:
    """Return the sum of weights, all of which must be finite and not negative."""
    cdef Weights w
    describe(&w.values, weights, FASTML_F64)
    cdef double total = run_chunks(weights_task, &w.chunks, cnp.PyArray_SIZE(weights), 1.0)
    if not isfinite(total):
        for index, value in np.ndenumerate(weights):
            if not (value >= 0 and np.isfinite(value)):
                where = index[0] if len(index) == 1 else index
                raise ValueError(f"{name}: expected finite numbers >= 0, got {value} at index {where}")
        raise ValueError(f"{name}: expected a finite sum, got {total}")
    return total
