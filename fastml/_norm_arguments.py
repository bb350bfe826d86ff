"""Checks of arguments that the norms share, and the view that their passes take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from fastml._arguments import axis_index, check_out, overlap

Array = npt.NDArray[Any]
Axes = SupportsIndex | Sequence[SupportsIndex]


def reduced_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """Return the axes counted from 0, in the order of the array."""
    if isinstance(axis, (tuple, list)):
        axes = [axis_index(k, ndim) for k in axis]
    elif hasattr(axis, "__index__"):
        return (axis_index(axis, ndim),)
    else:
        raise TypeError(f"axis: expected an integer or a tuple of integers, got {type(axis).__name__}")
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis: expected different axes, got {axis}")
    return tuple(sorted(axes))


def outer_first(array: Array, axes: tuple[int, ...]) -> Array:
    """Return a view with the given axes last."""
    return array.transpose([k for k in range(array.ndim) if k not in axes] + list(axes))


def channel_first(array: Array, k: int) -> Array:
    """Return a view with axis k first; `np.moveaxis` takes 4 us for its checks."""
    return array.transpose((k, *range(k), *range(k + 1, array.ndim)))


def destination(out: object, x: Array, **others: Array | None) -> Array:
    """Return where the result goes: `out`, checked, or a fresh array."""
    if out is None:
        return np.empty_like(x)
    check_out(out, x.shape, x.dtype, x)
    assert isinstance(out, np.ndarray)
    for name, array in others.items():
        if array is not None and overlap(out, array):
            raise ValueError(f"out: expected memory apart from {name}, got an overlap")
    return out


def statistics(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of mean and rstd."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def check_running(mean: object, var: object, shape: tuple[int, ...], *, needed: bool, **others: Array | None) -> None:
    """Refuse running arrays that do not fit; both or neither, and both where they are needed."""
    for name, array in (("running_mean", mean), ("running_var", var)):
        if array is None:
            if needed or (mean is None) != (var is None):
                why = "without training=True" if needed else "beside the other running array"
                raise ValueError(f"{name}: expected an array of shape {shape} {why}, got None")
            continue
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            came = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"{name}: expected an ndarray of floats, got {came}")
        if array.shape != shape:
            raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
        if needed:
            continue
        if not array.flags.writeable:
            raise ValueError(f"{name}: expected a writeable array, got a read-only one")
        for other, values in others.items():
            if values is not None and overlap(array, values):
                raise ValueError(f"{name}: expected memory apart from {other}, got an overlap")
    if not needed and isinstance(mean, np.ndarray) and isinstance(var, np.ndarray) and overlap(mean, var):
        raise ValueError("running_var: expected memory apart from running_mean, got an overlap")
