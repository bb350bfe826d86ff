"""Batch normalization, forward and backward."""

from __future__ import annotations

from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fastml import _norm
from fastml._arguments import axis_index, finite, real_array
from fastml._loss_arguments import of_shape
from fastml._norm_arguments import Array, channel_first, check_running, destination, statistics

__all__ = ["batch_norm", "batch_norm_backward"]

F = TypeVar("F", np.float16, np.float32, np.float64)


@overload
def batch_norm(
    x: npt.NDArray[F], running_mean: Array | None = None, running_var: Array | None = None,
    weight: npt.ArrayLike | None = None, bias: npt.ArrayLike | None = None, *, training: bool = False,
    momentum: SupportsFloat = 0.1, eps: SupportsFloat = 1e-5, axis: SupportsIndex = 1,
    out: npt.NDArray[F] | None = None, return_stats: Literal[False] = False,
) -> npt.NDArray[F]: ...  # fmt: skip
@overload
def batch_norm(
    x: npt.NDArray[F], running_mean: Array | None = None, running_var: Array | None = None,
    weight: npt.ArrayLike | None = None, bias: npt.ArrayLike | None = None, *, training: bool = False,
    momentum: SupportsFloat = 0.1, eps: SupportsFloat = 1e-5, axis: SupportsIndex = 1,
    out: npt.NDArray[F] | None = None, return_stats: Literal[True],
) -> tuple[npt.NDArray[F], Array, Array]: ...  # fmt: skip
@overload
def batch_norm(
    x: npt.ArrayLike, running_mean: Array | None = None, running_var: Array | None = None,
    weight: npt.ArrayLike | None = None, bias: npt.ArrayLike | None = None, *, training: bool = False,
    momentum: SupportsFloat = 0.1, eps: SupportsFloat = 1e-5, axis: SupportsIndex = 1,
    out: Array | None = None, return_stats: Literal[False] = False,
) -> Array: ...  # fmt: skip
@overload
def batch_norm(
    x: npt.ArrayLike, running_mean: Array | None = None, running_var: Array | None = None,
    weight: npt.ArrayLike | None = None, bias: npt.ArrayLike | None = None, *, training: bool = False,
    momentum: SupportsFloat = 0.1, eps: SupportsFloat = 1e-5, axis: SupportsIndex = 1,
    out: Array | None = None, return_stats: Literal[True],
) -> tuple[Array, Array, Array]: ...  # fmt: skip
@np.errstate(all="ignore")
def batch_norm(
    x: npt.ArrayLike,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    *,
    training: bool = False,
    momentum: SupportsFloat = 0.1,
    eps: SupportsFloat = 1e-5,
    axis: SupportsIndex = 1,
    out: Array | None = None,
    return_stats: bool = False,
) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias``, with mean and variance for each channel.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (N, C, ...)
        Integers and bool become float64.
    running_mean, running_var : ndarray of floats, shape (C,), optional
        Without `training`: mean and variance to normalize by. With `training`: updated in place to
        ``(1 - momentum) * running + momentum * batch``, where the variance of the batch is the unbiased one.
    weight, bias : array_like, shape (C,), optional
    training : bool, default False
        Normalize by mean and (biased) variance of this batch.
    momentum : float, default 0.1
        In [0, 1].
    eps : float, default 1e-5
        Finite and >= 0.
    axis : int, default 1
        The axis of the channels; -1 where they are last.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.
    return_stats : bool, default False
        Return the mean and ``rstd = 1 / sqrt(var + eps)`` that were used, for the backward.

    Returns
    -------
    y : ndarray
        The shape and dtype of `x`.
    mean, rstd : ndarray, shape (C,)
        With `return_stats`: float64 for float64 `x`, else float32.

    Raises
    ------
    TypeError
        An argument is not real, a running array is no array of floats, or `out` has another dtype.
    ValueError
        An argument has another shape, `momentum` or `eps` is out of range, `training` with fewer than two values for a
        channel, no running arrays without it, one without the other, or an array overlaps one that is written.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 5 ULP (float64).
    The unit is that of the largest ``|x - mean| * rstd * |weight|`` of the channel, or of `bias` where that is more.
    Sums are float64, of differences from the first elements of a channel, or from the mean where these lie far from it;
    their order depends on the shape alone. Ioffe and Szegedy (2015).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> running_mean, running_var = np.zeros(1), np.ones(1)
    >>> fastml.batch_norm(np.array([[1.0], [3.0]]), running_mean, running_var, training=True, eps=0)
    array([[-1.],
           [ 1.]])
    >>> running_mean, running_var
    (array([0.2]), array([1.1]))
    """
    array = real_array("x", x)
    k = axis_index(axis, array.ndim)
    shape = (array.shape[k],)
    w, b = _channel("weight", weight, shape), _channel("bias", bias, shape)
    check_running(running_mean, running_var, shape, needed=not training, x=array, weight=w, bias=b)
    epsilon, part = finite("eps", eps, least=0), finite("momentum", momentum)
    if not 0 <= part <= 1:
        raise ValueError(f"momentum: expected a number in [0, 1], got {momentum}")
    count = array.size // max(1, shape[0])
    if training and shape[0] and count < 2:
        raise ValueError(f"x: expected two values or more for each channel, got {count} (shape {array.shape})")
    y = destination(out, array, running_mean=running_mean, running_var=running_var, weight=w, bias=b)
    dtype = statistics(array.dtype)
    source, result = channel_first(array, k), channel_first(y, k)
    moved: list[tuple[Array, Array]] = []
    if training:
        mean, lost, variance = _norm.batch_moments(source, result)
        moved += _moved(running_mean, mean + lost, part)
        moved += _moved(running_var, variance * (count / (count - 1)) if shape[0] else variance, part)
    else:
        assert running_mean is not None
        assert running_var is not None
        mean = running_mean.astype(dtype)
        lost, variance = running_mean.astype(np.float64) - mean, running_var.astype(np.float64)
    inverse = 1 / np.sqrt(variance + epsilon)
    rstd, a = inverse.astype(dtype), (-lost * inverse).astype(dtype)
    gain = offset = None
    if w is not None or b is not None:
        gain = np.ones(shape, dtype) if w is None else w.astype(dtype)
        offset = np.zeros(shape, dtype) if b is None else b.astype(dtype)
    _norm.batch_apply(source, None, result, mean, rstd, a, a, a, gain, offset)
    for running, values in moved:  # at last: until here memory may run out, or the call be interrupted
        running[...] = values
    return (y, mean, rstd) if return_stats else y


def _channel(name: str, values: npt.ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    return None if values is None else of_shape(name, values, shape)


def _moved(running: Array | None, batch: Array, momentum: float) -> list[tuple[Array, Array]]:
    """Return the running array, if there is one, with what it becomes as it moves towards the batch's."""
    if running is None:
        return []
    values = (1 - momentum) * running.astype(np.float64) + momentum * batch
    return [(running, values.astype(running.dtype))]


@np.errstate(all="ignore")
def batch_norm_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    rstd: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    training: bool = True,
    axis: SupportsIndex = 1,
) -> tuple[Array, Array, Array]:
    """Return the gradients through `batch_norm` with respect to x, weight and bias.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, shape (N, C, ...)
        The gradient with respect to the result. Integers and bool become float64.
    x : array_like, the shape of `dy`
        What was normalized.
    mean, rstd : array_like, shape (C,)
        What `batch_norm` returned with `return_stats`.
    weight : array_like, shape (C,), optional
        As given to `batch_norm`; None counts as ones.
    training : bool, default True
        As given to `batch_norm`: whether mean and rstd are of this `x`, and so depend on it.
    axis : int, default 1
        The axis of the channels.

    Returns
    -------
    dx : ndarray, the shape of `dy`
    dweight, dbias : ndarray, shape (C,)
        All of the dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real.
    ValueError
        An argument has another shape.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    The unit is that of the sum of the absolute values of what is added up: in ``dx = weight rstd (dy - mean(dy) - h
    mean(dy h))`` with ``h = (x - mean) rstd``, for the given `mean` and `rstd` (without `training` it is ``weight rstd
    dy``); in ``dweight``, the sum of ``dy h``, and ``dbias``, the sum of `dy`. Sums are float64, in an order that
    depends on the shape alone. Where `mean` and `rstd` are not those of `x`, `dx` of channels of fewer than 8 elements
    may be 6 ULP off.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> x = np.array([[1.0], [3.0]])
    >>> y, mean, rstd = fastml.batch_norm(x, training=True, return_stats=True)
    >>> dx, dweight, dbias = fastml.batch_norm_backward(np.ones_like(x), x, mean, rstd)
    >>> dbias
    array([2.])
    """
    array = real_array("dy", dy)
    k = axis_index(axis, array.ndim)
    shape = (array.shape[k],)
    values = of_shape("x", x, array.shape)
    dtype = statistics(array.dtype)
    m, r = of_shape("mean", mean, shape).astype(dtype), of_shape("rstd", rstd, shape).astype(dtype)
    w = _channel("weight", weight, shape)
    dx = np.empty_like(array)
    gradient, source, result = (channel_first(a, k) for a in (array, values, dx))
    dbias, dweight = _norm.batch_sums(gradient, source, result, m, r)
    count = max(1, array.size // max(1, shape[0]))
    scale = r if w is None else (r.astype(np.float64) * w).astype(dtype)
    a, b = ((total / count if training else np.zeros(shape)).astype(dtype) for total in (dbias, dweight))
    _norm.batch_apply(source, gradient, result, m, r, a, b, scale, None, None)
    return dx, dweight.astype(array.dtype), dbias.astype(array.dtype)
