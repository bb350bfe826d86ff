"""The norms' passes over arrays whose problems come first; normalization.py checks and documents."""

import numpy as np

from fastml._fastml_runtime cimport fastml_task

include "_dense.pxi"
include "_operand.pxi"
include "_norm_core.pxi"
include "_norm_views.pxi"
include "_norm_layer.pxi"
include "_norm_batch.pxi"


cdef inline void *data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


def layer_forward(x, y, int outer, weight, bias, mean, rstd, double eps, bint centered):
    """Normalize x into y over the axes behind the first `outer`; fill mean and rstd where they are given."""
    cdef Norm n
    set_operands(&n, x, None, y, outer)
    n.centered, n.backward, n.eps, n.parts = centered, False, eps, NULL
    describe(&n.weight, weight, n.dtype)
    describe(&n.bias, bias, n.dtype)
    describe(&n.mean, mean, n.dtype)
    describe(&n.rstd, rstd, n.dtype)
    if n.R:
        run_layer(&n)


def layer_backward(dy, x, dx, int outer, weight, mean, rstd):
    """Fill dx; return the gradients by weight and bias, shape (2, C), in float64. mean None: of rms_norm."""
    cdef Norm n
    set_operands(&n, x, dy, dx, outer)
    n.centered, n.backward = mean is not None, True
    describe(&n.weight, weight, n.dtype)
    describe(&n.bias, None, n.dtype)
    describe(&n.mean, mean, n.dtype)
    describe(&n.rstd, rstd, n.dtype)
    parts = np.zeros((min(<ptrdiff_t>PARTS, max(<ptrdiff_t>1, (n.R + EIGHT - 1) // EIGHT)), 2, n.C))
    n.parts = <double *>data_of(parts)
    if n.R and n.C:
        run_layer(&n)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def batch_moments(x, y):
    """Mean in the dtype that computes y, what it lacks, and variance, of every problem: x[i] for all i."""
    cdef Norm n
    start_batch(&n, x, None, y)
    mean = np.empty(n.R, np.float64 if n.dtype == FASTML_F64 else np.float32)
    sums, total = np.empty((n.chunks, 2, n.R)), np.empty((2, n.R))
    n.batch.mean = data_of(mean)
    n.sums = <double *>data_of(sums)
    if n.R:
        run_batch(&n, run_shift, True)
        run_batch(&n, run_sums, False)
    add_chunks(&n, <double *>data_of(total))
    if n.R and mend_shift(&n, <double *>data_of(total), n.R, <void *>n.batch.mean):
        run_batch(&n, run_sums, False)
        add_chunks(&n, <double *>data_of(total))
    shift = mean.astype(np.float64)
    below, square = total * (1.0 / max(<ptrdiff_t>1, n.C))       # as norm_finish does
    variance = np.maximum(square - below * below, 0)
    variance[np.isinf(variance)] = np.nan
    mean[...] = shift + below
    return mean, (shift - mean) + below, variance


def batch_sums(dy, x, dx, mean, rstd):
    """The sums of dy and of dy * (x - mean) * rstd of every problem, in float64."""
    cdef Norm n
    start_batch(&n, x, dy, dx)
    sums, total = np.empty((n.chunks, 2, n.R)), np.empty((2, n.R))
    n.batch.mean, n.batch.rstd = data_of(mean), data_of(rstd)
    n.sums = <double *>data_of(sums)
    if n.R:
        run_batch(&n, run_sums, False)
    add_chunks(&n, <double *>data_of(total))
    return total


def batch_apply(x, dy, y, mean, rstd, a, b, scale, gain, offset):
    """Fill y with the outcome of the forward, or of the backward where there is dy, from numbers of every problem."""
    cdef Norm n
    start_batch(&n, x, dy, y)
    n.batch.mean, n.batch.rstd, n.batch.a, n.batch.b = data_of(mean), data_of(rstd), data_of(a), data_of(b)
    n.batch.scale, n.batch.gain, n.batch.offset = data_of(scale), data_of(gain), data_of(offset)
    if n.R:
        run_batch(&n, run_apply, False)
