"""Normalization, forward and backward."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

from fastml import _norm
from fastml._arguments import finite, real_array
from fastml._loss_arguments import of_shape
from fastml._norm_arguments import Array, Axes, destination, outer_first, reduced_axes, statistics
from fastml.batch_normalization import batch_norm, batch_norm_backward

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "rms_norm",
    "rms_norm_backward",
]


def layer_norm(
    x: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    *,
    axis: Axes = -1,
    eps: SupportsFloat = 1e-5,
    out: Array | None = None,
    return_stats: bool = False,
) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias``, with mean and variance over some axes.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Integers and bool become float64.
    weight, bias : array_like, optional
        Of the shape of the axes that are normalized, in their order in `x`.
    axis : int or tuple of ints, default -1
        The axes that are normalized.
    eps : float, default 1e-5
        Finite and >= 0.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.
    return_stats : bool, default False
        Return mean and ``rstd = 1 / sqrt(var + eps)`` too, for the backward.

    Returns
    -------
    y : ndarray
        The shape and dtype of `x`.
    mean, rstd : ndarray
        With `return_stats`: the shape of `x` with the normalized axes of length 1; float64 for float64, else float32.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        `weight`, `bias` or `out` has another shape, an axis is given twice, `eps` is negative or not finite, or `out`
        overlaps another array.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    The unit is that of the row's largest ``|x - mean| * rstd`` times ``|weight|``, or of `bias` where that is more.
    Sums are float64, of differences from the first elements, or from the mean where these lie far from it: the variance
    loses nothing where the mean is large beside it, nor overflows in float32; in float64, differences of more than
    1e154 give NaN. ``x - mean`` has the mean in two parts. Ba, Kiros and Hinton (2016).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.layer_norm(np.array([[1.0, 3.0], [1e8, 1e8 + 2]]), eps=0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    return _layer("layer_norm", x, weight, bias, axis, eps, out, return_stats, centered=True)


def rms_norm(
    x: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    axis: Axes = -1,
    eps: SupportsFloat = 1e-6,
    out: Array | None = None,
    return_stats: bool = False,
) -> Any:
    """Return ``x / sqrt(mean(x**2) + eps) * weight``, with the mean over some axes.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Integers and bool become float64.
    weight : array_like, optional
        Of the shape of the axes that are normalized, in their order in `x`.
    axis : int or tuple of ints, default -1
        The axes that are normalized.
    eps : float, default 1e-6
        Finite and >= 0.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.
    return_stats : bool, default False
        Return ``rstd = 1 / sqrt(mean(x**2) + eps)`` too, for the backward.

    Returns
    -------
    y : ndarray
        The shape and dtype of `x`.
    rstd : ndarray
        With `return_stats`: the shape of `x` with the normalized axes of length 1; float64 for float64, else float32.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `layer_norm`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 3 ULP (float32), 5 ULP (float64).
    Sums are float64. Zhang and Sennrich (2019).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.rms_norm(np.array([3.0, 4.0]), eps=0) * np.sqrt(12.5)
    array([3., 4.])
    """
    return _layer("rms_norm", x, weight, None, axis, eps, out, return_stats, centered=False)


def _layer(
    name: str, x: npt.ArrayLike, weight: npt.ArrayLike | None, bias: npt.ArrayLike | None, axis: Axes,
    eps: SupportsFloat, out: Array | None, return_stats: bool, *, centered: bool,
) -> Any:  # fmt: skip
    array = real_array("x", x)
    axes = reduced_axes(axis, array.ndim)
    shape = tuple(array.shape[k] for k in axes)
    w = None if weight is None else of_shape("weight", weight, shape)
    b = None if bias is None else of_shape("bias", bias, shape)
    epsilon = finite("eps", eps, least=0)
    y = destination(out, array, weight=w, bias=b)
    kept = tuple(1 if k in axes else size for k, size in enumerate(array.shape))
    dtype = statistics(array.dtype)
    mean = np.empty(kept, dtype) if return_stats and centered else None
    rstd = np.empty(kept, dtype) if return_stats else None
    _norm.layer_forward(
        outer_first(array, axes), outer_first(y, axes), array.ndim - len(axes), w, b, mean, rstd, epsilon, centered
    )
    if not return_stats:
        return y
    return (y, mean, rstd) if centered else (y, rstd)


def layer_norm_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    rstd: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    axis: Axes = -1,
) -> tuple[Array, Array, Array]:
    """Return the gradients through `layer_norm` with respect to x, weight and bias.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64
        The gradient with respect to the result. Integers and bool become float64.
    x : array_like, the shape of `dy`
        What was normalized.
    mean, rstd : array_like
        What `layer_norm` returned with `return_stats`: the shape of `x` with the normalized axes of length 1.
    weight : array_like, optional
        As given to `layer_norm`; None counts as ones.
    axis : int or tuple of ints, default -1
        The axes that were normalized.

    Returns
    -------
    dx : ndarray, the shape of `dy`
    dweight, dbias : ndarray, the shape of the normalized axes
        All of the dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real.
    ValueError
        An argument has another shape, or an axis is given twice.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    The unit is that of the sum of the absolute values of what is added up: in ``dx = rstd (g - mean(g) - h mean(g h))``
    with ``g = dy weight`` and ``h = (x - mean) rstd``, for the given `mean` and `rstd`; in ``dweight``, the sum of
    ``dy h``, and ``dbias``, the sum of `dy`. Sums are float64, in an order that depends on the shape alone.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> x = np.array([[0.0, 2.0, 4.0]])
    >>> y, mean, rstd = fastml.layer_norm(x, return_stats=True)
    >>> dx, dweight, dbias = fastml.layer_norm_backward(np.ones_like(x), x, mean, rstd)
    >>> dbias
    array([1., 1., 1.])
    """
    dx, gradients = _layer_backward(dy, x, mean, rstd, weight, axis)
    return dx, gradients[0, ...], gradients[1, ...]


def rms_norm_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    rstd: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    axis: Axes = -1,
) -> tuple[Array, Array]:
    """Return the gradients through `rms_norm` with respect to x and weight.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64
        The gradient with respect to the result. Integers and bool become float64.
    x : array_like, the shape of `dy`
        What was normalized.
    rstd : array_like
        What `rms_norm` returned with `return_stats`.
    weight : array_like, optional
        As given to `rms_norm`; None counts as ones.
    axis : int or tuple of ints, default -1
        The axes that were normalized.

    Returns
    -------
    dx : ndarray, the shape of `dy`
    dweight : ndarray, the shape of the normalized axes
        Both of the dtype of `dy`.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `layer_norm_backward`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 5 ULP (float64).
    The unit is that of the sum of the absolute values of what is added up, in ``dx = rstd (g - h mean(g h))`` with
    ``g = dy weight`` and ``h = x rstd``, and in ``dweight``, the sum of ``dy h``.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> x = np.array([[3.0, 4.0]])
    >>> y, rstd = fastml.rms_norm(x, return_stats=True)
    >>> dx, dweight = fastml.rms_norm_backward(x, x, rstd)
    >>> bool(np.abs(dx).max() < 1e-6)
    True
    """
    dx, gradients = _layer_backward(dy, x, None, rstd, weight, axis)
    return dx, gradients[0, ...]


def _layer_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, mean: npt.ArrayLike | None, rstd: npt.ArrayLike, weight: npt.ArrayLike | None,
    axis: Axes,
) -> tuple[Array, Array]:  # fmt: skip
    array = real_array("dy", dy)
    axes = reduced_axes(axis, array.ndim)
    values = of_shape("x", x, array.shape)
    shape = tuple(array.shape[k] for k in axes)
    w = None if weight is None else of_shape("weight", weight, shape)
    kept = tuple(1 if k in axes else size for k, size in enumerate(array.shape))
    m = None if mean is None else of_shape("mean", mean, kept)
    r = of_shape("rstd", rstd, kept)
    dx = np.empty_like(array)
    outer = array.ndim - len(axes)
    gradients = _norm.layer_backward(
        outer_first(array, axes), outer_first(values, axes), outer_first(dx, axes), outer, w, m, r
    )
    with np.errstate(all="ignore"):
        return dx, gradients.astype(array.dtype).reshape(2, *shape)
