"""Dropout and Gaussian noise: arguments and keys. Flips and crops of images."""

include "_dense.pxi"
include "_random_core.pxi"
include "_augmentation.pxi"

import operator
import os

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer

from fastml._arguments import check_out, finite, generator, real, real_array

cdef extern from "numpy/random/bitgen.h":  # to cimport numpy.random would import it: a fifth of what NumPy takes
    ctypedef struct bitgen_t:
        void *state
        uint64_t (*next_uint64)(void *state) noexcept

cdef enum:
    DROPOUT = 1
    NOISE = 2


def dropout(x, p=0.5, *, rng=None, training=True, out=None, return_key=False):
    """Return x with each element dropped with probability p, and those kept divided by 1 - p.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    p : float, default 0.5
        The probability to drop, at least 0 and below 1.
    rng : None, int or numpy.random.Generator
        Where the key comes from that decides which elements are dropped: the operating system, a seed (the same int
        drops the same elements), or a Generator, of which one 64-bit number is drawn.
    training : bool, default True
        False returns a copy of `x`; nothing is drawn.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.
    return_key : bool, default False
        Return the key as well, for `dropout_backward`.

    Returns
    -------
    y : ndarray
        The shape and dtype of `x`.
    key : int or None
        Only if `return_key`: in [0, 2**64), or None where `training` is false.

    Raises
    ------
    TypeError
        `x` is not real, `p` no number, `rng` none of those, or `out` has another dtype.
    ValueError
        `p` is not in [0, 1), `rng` is negative, `out` has another shape or overlaps a part of `x`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 1 ULP (float32), 1 ULP (float64).
    Dropped elements are 0 whatever they were, inf and NaN included.
    Whether an element is dropped depends on the key, on `p` and on the element's index in C order of the shape, and on
    nothing else: not on dtype, memory layout, number of threads or machine. With the same key, what a small `p` drops,
    a larger one drops too. The random numbers are Threefry4x32-20 (Salmon et al., SC'11).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.dropout(np.ones(8), 0.5, rng=0)
    array([0., 0., 2., 0., 0., 2., 2., 2.])
    """
    cdef Call call
    x = as_real("x", x)
    cdef double rate = probability(p)
    out = result(out, x)
    key = draw_key(rng) if training else check_rng(rng)
    if training and rate > 0:
        drop(&call, x, rate, key, out)
    else:
        np.copyto(out, x)
    return (out, key) if return_key else out


def dropout_backward(dy, p, key, *, out=None):
    """Return the gradient through `dropout`: dy / (1 - p) where an element was kept, else 0.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, any shape
        The gradient with respect to the output, in the shape that `dropout` was given. Integers and bool become
        float64.
    p : float
        The probability that `dropout` was given.
    key : int or None
        What ``dropout(..., return_key=True)`` returned: which elements it dropped is computed anew. None, which it
        returns where it did not drop any, returns a copy of `dy`.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `dy`. May be `dy` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `dy`.

    Raises
    ------
    TypeError
        `dy` is not real, `p` no number, `key` no integer, or `out` has another dtype.
    ValueError
        `p` is not in [0, 1), `key` not in [0, 2**64), `out` has another shape or overlaps a part of `dy`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 1 ULP (float32), 1 ULP (float64).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> y, key = fastml.dropout(np.ones(8), 0.5, rng=0, return_key=True)
    >>> fastml.dropout_backward(np.arange(8.0), 0.5, key)
    array([ 0.,  0.,  4.,  0.,  0., 10., 12., 14.])
    """
    cdef Call call
    dy = as_real("dy", dy)
    cdef double rate = probability(p)
    cdef object number = None if key is None else key_of(key)
    out = result(out, dy)
    if number is not None and rate > 0:
        drop(&call, dy, rate, number, out)
    else:
        np.copyto(out, dy)
    return out


def gaussian_noise(x, std, *, rng=None, out=None):
    """Return x plus normally distributed noise.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    std : float
        The noise's standard deviation, at least 0.
    rng : None, int or numpy.random.Generator
        Where the key comes from that decides the noise: the operating system, a seed (the same int, the same noise), or
        a Generator, of which one 64-bit number is drawn.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not real, `std` no number, `rng` none of those, or `out` has another dtype.
    ValueError
        `std` is negative or not finite, `rng` is negative, `out` has another shape or overlaps a part of `x`.

    Notes
    -----
    The noise itself is right to 4 ULP, and the sum is rounded once.
    An element's noise depends on the key and on its index in C order of the shape alone: not on memory layout or number
    of threads, nor, to the last bit, on the machine, if it has fused multiply-add. Two elements share 64 random bits in
    float32 and float16, where none is further out than 6.8 standard deviations, and 96 in float64 (8.7). These begin
    with the same 64, so that the noise is nearly the same in all dtypes. Box and Muller's method (1958) on
    Threefry4x32-20 (Salmon et al., SC'11).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.gaussian_noise(np.zeros(4), 0.1, rng=0).round(3)
    array([-0.084,  0.053,  0.147,  0.095])
    """
    cdef Call call
    x = as_real("x", x)
    cdef double scale = finite("std", std, least=0.0)
    out = result(out, x)
    cdef uint64_t key = draw_key(rng)
    if scale > 0:
        call.base.key, call.base.purpose, call.base.scale = key, NOISE, scale
        call.kernel = FASTML_GAUSSIAN_NOISE
        compute(&call, x, out)
    else:
        np.copyto(out, x)
    return out


cdef int drop(Call *call, cnp.ndarray x, double p, uint64_t key, cnp.ndarray out) except -1:
    call.base.key, call.base.purpose = key, DROPOUT
    call.kernel = FASTML_DROPOUT
    set_rate(&call.base, p, dtype_index(x))
    return compute(call, x, out)


cdef inline object as_real(str name, object x):
    return x if dense_dtype(x) >= 0 else real_array(name, x)


cdef object result(object out, object x):
    """Return out, checked, or a new array."""
    if out is None:
        if PyArray_ISCARRAY_RO(x):
            return PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), 0)
        return np.empty_like(x)
    if not takes_result(out, x):
        check_out(out, x.shape, x.dtype, x)
    return out


cdef double probability(object p) except -1:
    cdef double number = p if type(p) is float else real("p", p)
    if not 0 <= number < 1:
        raise ValueError(f"p: expected a number in [0, 1), got {p}")
    return number


cdef object key_of(object key):
    """Return a key that a caller gave as an int."""
    expected = "key: expected None or an integer in [0, 2**64)"
    try:
        if isinstance(key, (bool, np.bool_)):
            raise TypeError
        number = operator.index(key)
    except TypeError:
        raise TypeError(f"{expected}, got {type(key).__name__}") from None
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{expected}, got {number}")
    return number


cdef object check_rng(object rng):
    """Refuse what draw_key would refuse, and draw nothing."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        generator(rng)
    return None


cdef object draw_key(object rng):
    """Return 64 random bits: ``numpy.random.default_rng(rng).integers(2**64, dtype=numpy.uint64)``, in short ways."""
    cdef bitgen_t *source
    cdef uint64_t key
    if rng is None:
        return int.from_bytes(os.urandom(8), "little")
    source_of_bits = generator(rng).bit_generator
    with source_of_bits.lock:
        source = <bitgen_t *>PyCapsule_GetPointer(source_of_bits.capsule, "BitGenerator")
        key = source.next_uint64(source.state)
    return key


def threefry(key, counter):
    """Return the words of Threefry4x32-20 for counters in a row, of shape (4, lanes); for tests."""
    cdef uint32_t k[4]
    cdef uint32_t c[4]
    cdef uint32_t words[4][FASTML_RANDOM_LANES]
    cdef int i
    for i in range(4):
        k[i], c[i] = key[i], counter[i]
    kernels().threefry(k, c, words)
    return np.array([[words[i][lane] for lane in range(FASTML_RANDOM_LANES)] for i in range(4)], dtype=np.uint32)
