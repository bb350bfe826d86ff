"""Normalization, forward and backward."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastml import _norm
from fastml._arguments import real_array
from fastml._loss_arguments import of_shape
from fastml._norm_arguments import Array, Axes, outer_first, reduced_axes
from fastml.batch_normalization import batch_norm, batch_norm_backward
from fastml.layer_normalization import layer_norm, rms_norm

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "rms_norm",
    "rms_norm_backward",
]


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
    ``dy h``, and ``dbias``, the sum of `dy`. Sums are float64, in an order that depends on the shape alone. Where
    `mean` and `rstd` are not those of `x`, `dx` of rows of fewer than 8 elements may be 6 ULP off.

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
    ``g = dy weight`` and ``h = x rstd``, and in ``dweight``, the sum of ``dy h``. Where `rstd` is not that of `x`, `dx`
    of rows of fewer than 8 elements may be 5 ULP off.

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
    with np.errstate(all="ignore"):  # of infinities of both signs in the sums
        gradients = _norm.layer_backward(
            outer_first(array, axes), outer_first(values, axes), outer_first(dx, axes), outer, w, m, r
        )
        return dx, gradients.astype(array.dtype).reshape(2, *shape)
