"""The functions of _activations.pyx that a network runs forward."""


def log_sigmoid(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``log(1 / (1 + exp(-x)))``, element by element.

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
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).
    Relative accuracy in the tail: ``log_sigmoid(50)`` is ``-exp(-50)``, and ``log_sigmoid(-inf)`` is -inf.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.log_sigmoid(np.array([-1000.0, 0.0, 50.0]))
    array([-1.00000000e+03, -6.93147181e-01, -1.92874985e-22])
    """
    return apply(&LOG_SIGMOID, ufuncs["log_sigmoid"], x, None, None, out, where, dtype, casting, order, subok)


def softplus(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``log(1 + exp(x))``, element by element.

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
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).
    Relative accuracy in the tail: ``softplus(-50)`` is ``exp(-50)``; subnormal results are not flushed. There is no
    threshold beyond which the result is taken to be `x`.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.softplus(np.array([-50.0, 0.0, 1000.0]))
    array([1.92874985e-22, 6.93147181e-01, 1.00000000e+03])
    """
    return apply(&SOFTPLUS, ufuncs["softplus"], x, None, None, out, where, dtype, casting, order, subok)


def silu(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``x / (1 + exp(-x))``, element by element: the sigmoid linear unit, or swish.

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
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).
    ``silu(-inf)`` is -0.0, the limit; subnormal results are not flushed.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.silu(np.array([-np.inf, 0.0, 1.0, np.inf]))
    array([-0.        ,  0.        ,  0.73105858,         inf])
    """
    return apply(&SILU, ufuncs["silu"], x, None, None, out, where, dtype, casting, order, subok)


def gelu(x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``x * Phi(x)``, Phi the normal distribution: the exact GELU, not its tanh approximation.

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
    Max error: 0.51 ULP (float16), 3.1 ULP (float32), 3 ULP (float64).
    Relative accuracy in the tail, where ``x / 2 * (1 + erf(x / sqrt(2)))`` cancels. ``gelu(-inf)`` is 0, the limit.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.gelu(np.array([-10.0, 0.0, 1.0]))
    array([-7.61985302e-23,  0.00000000e+00,  8.41344746e-01])
    """
    return apply(&GELU, ufuncs["gelu"], x, None, None, out, where, dtype, casting, order, subok)


def leaky_relu(x, slope, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return `x` where ``x > 0``, else ``slope * x``.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    slope : float, or array_like of float16, float32 or float64
        Broadcast against `x`. A Python number leaves the dtype of `x` as it is.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be an input itself.
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
    Max error: 0.5 ULP (float16), 0.5 ULP (float32), 0.5 ULP (float64).
    `slope` counts only where `x` is not positive, as in PyTorch; NaN in `x` stays NaN.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.leaky_relu(np.array([-2.0, 0.0, 3.0], dtype=np.float32), 0.25)
    array([-0.5,  0. ,  3. ], dtype=float32)
    """
    return apply(&LEAKY_RELU, ufuncs["leaky_relu"], x, slope, None, out, where, dtype, casting, order, subok)


def elu(x, alpha, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return `x` where ``x > 0``, else ``alpha * (exp(x) - 1)``: the exponential linear unit.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    alpha : float, or array_like of float16, float32 or float64
        Broadcast against `x`. A Python number leaves the dtype of `x` as it is.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be an input itself.
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
    No cancellation near 0, where ``exp(x) - 1`` is computed as a whole. `alpha` counts only where `x` is not
    positive, as in PyTorch; NaN in `x` stays NaN.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.elu(np.array([-np.inf, -1e-10, 3.0]), 2.0)
    array([-2.e+00, -2.e-10,  3.e+00])
    """
    return apply(&ELU, ufuncs["elu"], x, alpha, None, out, where, dtype, casting, order, subok)
