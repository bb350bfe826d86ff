"""Normalization over any axes: layer_norm and rms_norm."""

from __future__ import annotations

from typing import Any, Literal, SupportsFloat, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fastml import _norm
from fastml._arguments import finite, real_array
from fastml._loss_arguments import of_shape
from fastml._norm_arguments import Array, Axes, destination, outer_first, reduced_axes, statistics

__all__ = ["layer_norm", "rms_norm"]

F = TypeVar("F", np.float16, np.float32, np.float64)
Scale = npt.ArrayLike | None


@overload
def layer_norm(
    x: npt.NDArray[F], weight: Scale = None, bias: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-5, out: npt.NDArray[F] | None = None, return_stats: Literal[False] = False,
) -> npt.NDArray[F]: ...  # fmt: skip
@overload
def layer_norm(
    x: npt.NDArray[F], weight: Scale = None, bias: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-5, out: npt.NDArray[F] | None = None, return_stats: Literal[True],
) -> tuple[npt.NDArray[F], Array, Array]: ...  # fmt: skip
@overload
def layer_norm(
    x: npt.ArrayLike, weight: Scale = None, bias: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-5, out: Array | None = None, return_stats: Literal[False] = False,
) -> Array: ...  # fmt: skip
@overload
def layer_norm(
    x: npt.ArrayLike, weight: Scale = None, bias: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-5, out: Array | None = None, return_stats: Literal[True],
) -> tuple[Array, Array, Array]: ...  # fmt: skip
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


@overload
def rms_norm(
    x: npt.NDArray[F], weight: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-6, out: npt.NDArray[F] | None = None, return_stats: Literal[False] = False,
) -> npt.NDArray[F]: ...  # fmt: skip
@overload
def rms_norm(
    x: npt.NDArray[F], weight: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-6, out: npt.NDArray[F] | None = None, return_stats: Literal[True],
) -> tuple[npt.NDArray[F], Array]: ...  # fmt: skip
@overload
def rms_norm(
    x: npt.ArrayLike, weight: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-6, out: Array | None = None, return_stats: Literal[False] = False,
) -> Array: ...  # fmt: skip
@overload
def rms_norm(
    x: npt.ArrayLike, weight: Scale = None, *, axis: Axes = -1,
    eps: SupportsFloat = 1e-6, out: Array | None = None, return_stats: Literal[True],
) -> tuple[Array, Array]: ...  # fmt: skip
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
