"""Functions along one axis: argument checks, and the walk over the problems of an array.

An array is cut into problems along one axis. Three kernels serve: short contiguous rows, columns side by side where
another axis is the one that is adjacent in memory, and single rows in any layout.
"""

include "_dense.pxi"
include "_softmax_core.pxi"
include "_softmax_apply.pxi"


def softmax(x, axis=-1, *, where=None, out=None):
    """Return ``exp(x) / sum(exp(x))`` along an axis, without overflow.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis along which each result adds up to 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside get 0 and do not influence the others, whatever they hold.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not real, `where` is not bool, or `out` has another dtype.
    ValueError
        `where` does not broadcast, `out` has another shape or overlaps a part of `x`.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    One +inf gives 1 there and 0 elsewhere; several, NaN, or nothing but -inf give NaN. A slice that is masked
    altogether is 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    return apply(FASTML_SOFTMAX, x, axis, where, out)


def log_softmax(x, axis=-1, *, where=None, out=None):
    """Return ``x - log(sum(exp(x)))`` along an axis, without overflow and exact in the tails.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis along which the exponentials of the result add up to 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside get -inf and do not influence the others, whatever they hold.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not real, `where` is not bool, or `out` has another dtype.
    ValueError
        `where` does not broadcast, `out` has another shape or overlaps a part of `x`.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    Computed as ``x - max - log1p(sum of the other terms)``, so that ``log_softmax([20, 0])`` is -2.06e-9 at the first
    entry in float32 and not 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.log_softmax(np.array([20.0, 0.0], dtype=np.float32))
    array([-2.0611537e-09, -2.0000000e+01], dtype=float32)
    """
    return apply(FASTML_LOG_SOFTMAX, x, axis, where, out)


def logsumexp(x, axis=-1, *, keepdims=False, where=None):
    """Return ``log(sum(exp(x)))`` along an axis, without overflow.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis that is summed over.
    keepdims : bool, default False
        Keep the axis, with length 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside do not count.

    Returns
    -------
    ndarray or numpy.float64
        The shape of `x` without the axis; the dtype of `x`, or a float64 scalar for one-dimensional `x`.

    Raises
    ------
    TypeError
        `x` is not real, or `where` is not bool.
    ValueError
        `where` does not broadcast.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 2.5 ULP (float32), 2.5 ULP (float64).
    ``max + log1p(sum of the other terms)``; where the two cancel, these are ULPs of the larger.
    Of nothing (an empty axis, or all masked) it is -inf.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([1000.69314718,    0.        ])
    """
    return reduce(FASTML_LOGSUMEXP, "x", x, axis, keepdims, where)


def entropy(p, axis=-1):
    """Return ``-sum(p * log(p))`` along an axis, in nats.

    Parameters
    ----------
    p : array_like of float16, float32 or float64, shape (..., C, ...)
        Numbers >= 0, taken as they are: not normalized. ``0 * log(0)`` is 0. Integers and bool become float64.
    axis : int, default -1
        The axis that is summed over.

    Returns
    -------
    ndarray or numpy.float64
        The shape of `p` without the axis; the dtype of `p`, or a float64 scalar for one-dimensional `p`.

    Raises
    ------
    TypeError
        `p` is not real.
    numpy.exceptions.AxisError
        `p` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    For p <= 1, whose terms have one sign. NaN where an entry is negative.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> print(f"{fastml.entropy(np.array([0.5, 0.5, 0.0])):.6f}")
    0.693147
    """
    return reduce(FASTML_ENTROPY, "p", p, axis, False, None)


def softmax_backward(dy, y, axis=-1, *, out=None):
    """Return ``y * (dy - sum(dy * y))``: the gradient through ``y = softmax(x)``, from its output.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, shape (..., C, ...)
        The gradient with respect to `y`. Integers and bool become float64.
    y : array_like, the shape of `dy`
        Converted to the dtype of `dy`.
    axis : int, default -1
        The axis of the softmax.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `dy`. May be `dy` or `y` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        `y` or `out` has another shape, or `out` overlaps a part of an input.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    The sum is compensated: the error is that of the three last operations.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.softmax_backward(np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    return apply_backward(FASTML_SOFTMAX_BACKWARD, dy, y, axis, out)


def log_softmax_backward(dy, y, axis=-1, *, out=None):
    """Return ``dy - exp(y) * sum(dy)``: the gradient through ``y = log_softmax(x)``, from its output.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, shape (..., C, ...)
        The gradient with respect to `y`. Integers and bool become float64.
    y : array_like, the shape of `dy`
        Converted to the dtype of `dy`.
    axis : int, default -1
        The axis of the log_softmax.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `dy`. May be `dy` or `y` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        `y` or `out` has another shape, or `out` overlaps a part of an input.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    The sum is compensated: the error is that of the exponential and the two last operations.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.log_softmax_backward(np.array([1.0, 0.0]), np.log(np.array([0.25, 0.75])))
    array([ 0.75, -0.75])
    """
    return apply_backward(FASTML_LOG_SOFTMAX_BACKWARD, dy, y, axis, out)
