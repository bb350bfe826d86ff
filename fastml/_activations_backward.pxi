"""The gradients of _activations.pyx, all from the input x."""


def log_sigmoid_backward(dy, x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy / (1 + exp(x))``: the gradient through ``log_sigmoid(x)``.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `x` itself.
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
    >>> fastml.log_sigmoid_backward(np.array([1.0, 2.0]), np.array([0.0, np.inf]))
    array([0.5, 0. ])
    """
    return apply(&LOG_SIGMOID_BACKWARD, ufuncs["log_sigmoid_backward"], dy, x, None, out, where, dtype, casting, order,
                 subok)


def softplus_backward(dy, x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy / (1 + exp(-x))``: the gradient through ``softplus(x)``.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `x` itself.
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
    >>> fastml.softplus_backward(np.array([1.0, 2.0]), np.array([0.0, np.inf]))
    array([0.5, 2. ])
    """
    return apply(&SOFTPLUS_BACKWARD, ufuncs["softplus_backward"], dy, x, None, out, where, dtype, casting, order, subok)


def silu_backward(dy, x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy * s * (1 + x * (1 - s))`` for ``s = 1 / (1 + exp(-x))``: the gradient through ``silu(x)``.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `x` itself.
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
    Where two terms cancel, near ``x = -1.278``, the ULP is that of the larger one: the gradient is
    ``dy * s + dy * x * s * (1 - s)``.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.silu_backward(np.array([1.0, 2.0]), np.array([0.0, np.inf]))
    array([0.5, 2. ])
    """
    return apply(&SILU_BACKWARD, ufuncs["silu_backward"], dy, x, None, out, where, dtype, casting, order, subok)


def gelu_backward(dy, x, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``dy * (Phi(x) + x * phi(x))``: the gradient through ``gelu(x)``, phi the normal density.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be `dy` or `x` itself.
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
    Where two terms cancel, near ``x = -0.7518``, the ULP is that of the larger one: the gradient is
    ``dy * Phi(x) + dy * x * phi(x)``.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.gelu_backward(np.array([1.0, 2.0]), np.array([0.0, np.inf]))
    array([0.5, 2. ])
    """
    return apply(&GELU_BACKWARD, ufuncs["gelu_backward"], dy, x, None, out, where, dtype, casting, order, subok)


def leaky_relu_backward(dy, x, slope, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return `dy` where ``x > 0``, else ``slope * dy``: the gradient through ``leaky_relu(x, slope)``.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    slope : float, or array_like of float16, float32 or float64
        Broadcast against `dy` and `x`. A Python number leaves the dtype of the others as it is.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be an input itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the widest dtype of them.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0.5 ULP (float16), 0.5 ULP (float32), 0.5 ULP (float64).
    `slope` counts only where `x` is not positive; NaN in `dy` or `x` gives NaN.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.leaky_relu_backward(np.array([1.0, 2.0]), np.array([0.0, 3.0]), 0.25)
    array([0.25, 2.  ])
    """
    return apply(&LEAKY_RELU_BACKWARD, ufuncs["leaky_relu_backward"], dy, x, slope, out, where, dtype, casting, order,
                 subok)


def elu_backward(dy, x, alpha, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return `dy` where ``x > 0``, else ``dy * alpha * exp(x)``: the gradient through ``elu(x, alpha)``.

    Parameters
    ----------
    dy, x : array_like of float16, float32 or float64
        Shapes that broadcast together. Integers and bool become float64.
    alpha : float, or array_like of float16, float32 or float64
        Broadcast against `dy` and `x`. A Python number leaves the dtype of the others as it is.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be an input itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the widest dtype of them.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).
    Where ``dy * alpha`` is neither subnormal nor beyond the largest number. `alpha` counts only where `x` is not
    positive; NaN in `dy` or `x` gives NaN.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.elu_backward(np.array([1.0, 2.0]), np.array([0.0, 3.0]), 0.5)
    array([0.5, 2. ])
    """
    return apply(&ELU_BACKWARD, ufuncs["elu_backward"], dy, x, alpha, out, where, dtype, casting, order, subok)
