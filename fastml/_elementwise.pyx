"""Element-wise functions: a fast path for dense arrays over real NumPy ufuncs.

A dense, native float array with no keyword but ``out`` goes straight to the kernel. Everything else goes to the ufunc
of the same name, so that broadcasting, strides, ``where=``, ``dtype=``, subclasses and ``__array_ufunc__`` are NumPy's
own.
"""

from fastml._fastml_runtime cimport (
    FASTML_RELU, FASTML_RELU_BACKWARD, FASTML_SIGMOID, FASTML_SIGMOID_BACKWARD, FASTML_TANH, FASTML_TANH_BACKWARD,
)

include "_dense.pxi"
include "_elementwise_core.pxi"
include "_elementwise_ufunc.pxi"

cdef Kernel SIGMOID = Kernel(1, False, FASTML_SIGMOID, 0.9)
cdef Kernel TANH = Kernel(1, False, FASTML_TANH, 1.3)
cdef Kernel RELU = Kernel(1, False, FASTML_RELU, 0.4)
cdef Kernel SIGMOID_BACKWARD = Kernel(2, False, FASTML_SIGMOID_BACKWARD, 0.6)
cdef Kernel TANH_BACKWARD = Kernel(2, False, FASTML_TANH_BACKWARD, 0.6)
cdef Kernel RELU_BACKWARD = Kernel(2, False, FASTML_RELU_BACKWARD, 0.6)


def sigmoid(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return the logistic function ``1 / (1 + exp(-x))``, element by element.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `x` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        `out` has a shape that the result does not broadcast to.

    Notes
    -----
    Max error: 0.5 ULP (float16), 2 ULP (float32), 2 ULP (float64).
    ``sigmoid(0)`` is exactly 0.5, ``sigmoid(-inf)`` 0 and ``sigmoid(inf)`` 1; subnormal results are not flushed.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.sigmoid(np.array([-np.inf, 0.0, np.inf]))
    array([0. , 0.5, 1. ])
    """
    return apply(&SIGMOID, ufuncs["sigmoid"], x, None, None, out, where, dtype, casting, order, subok)


def tanh(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return the hyperbolic tangent, element by element.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `x` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        `out` has a shape that the result does not broadcast to.

    Notes
    -----
    Max error: 0.5 ULP (float16), 1.25 ULP (float32), 1.25 ULP (float64).
    Odd bit for bit: ``tanh(-x) == -tanh(x)``, and ``tanh(-0.0)`` is -0.0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.tanh(np.array([-np.inf, -0.0, np.inf]))
    array([-1., -0.,  1.])
    """
    return apply(&TANH, ufuncs["tanh"], x, None, None, out, where, dtype, casting, order, subok)


def relu(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``max(x, 0)``, element by element; NaN stays NaN and -0.0 stays -0.0.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `x` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        `out` has a shape that the result does not broadcast to.

    Notes
    -----
    Max error: 0 ULP (float16), 0 ULP (float32), 0 ULP (float64).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.relu(np.array([-1.0, 0.5, np.nan]))
    array([0. , 0.5, nan])
    """
    return apply(&RELU, ufuncs["relu"], x, None, None, out, where, dtype, casting, order, subok)


def sigmoid_backward(dy, y, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy * y * (1 - y)``: the gradient through ``y = sigmoid(x)``, from its output.

    Parameters
    ----------
    dy, y : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `y` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the wider dtype of the two.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 2.5 ULP (float32), 2.5 ULP (float64).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.sigmoid_backward(np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    array([0.25 , 0.375])
    """
    return apply(&SIGMOID_BACKWARD, ufuncs["sigmoid_backward"], dy, y, None, out, where, dtype, casting, order, subok)


def tanh_backward(dy, y, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy * (1 - y * y)``: the gradient through ``y = tanh(x)``, from its output.

    Parameters
    ----------
    dy, y : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `y` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the wider dtype of the two.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.tanh_backward(np.array([1.0, 2.0]), np.array([0.0, 0.5]))
    array([1. , 1.5])
    """
    return apply(&TANH_BACKWARD, ufuncs["tanh_backward"], dy, y, None, out, where, dtype, casting, order, subok)


def relu_backward(dy, y, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return `dy` where ``y = relu(x)`` is positive, else 0: the gradient through relu, from its output.

    Parameters
    ----------
    dy, y : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `y` itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the wider dtype of the two.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0 ULP (float16), 0 ULP (float32), 0 ULP (float64).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.relu_backward(np.array([1.0, 2.0]), np.array([0.0, 3.0]))
    array([0., 2.])
    """
    return apply(&RELU_BACKWARD, ufuncs["relu_backward"], dy, y, None, out, where, dtype, casting, order, subok)


cdef dict ufuncs = {
    "sigmoid": make_ufunc(&SIGMOID, sigmoid),
    "tanh": make_ufunc(&TANH, tanh),
    "relu": make_ufunc(&RELU, relu),
    "sigmoid_backward": make_ufunc(&SIGMOID_BACKWARD, sigmoid_backward),
    "tanh_backward": make_ufunc(&TANH_BACKWARD, tanh_backward),
    "relu_backward": make_ufunc(&RELU_BACKWARD, relu_backward),
}
all_ufuncs = dict(ufuncs)
