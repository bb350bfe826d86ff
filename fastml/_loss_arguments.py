"""Checks of arguments that the losses share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._arguments import as_array, check_out, finite, native, overlap, real
from fastml._fastml_runtime import kind_of

Array = npt.NDArray[Any]

REDUCTIONS = ("mean", "sum", "none")


def reduction_index(reduction: str) -> int:
    """Return the place of a reduction in REDUCTIONS."""
    if isinstance(reduction, str) and reduction in REDUCTIONS:
        return REDUCTIONS.index(reduction)
    names = ", ".join(map(repr, REDUCTIONS))
    raise ValueError(f"reduction: expected one of {names}, got {reduction!r}")


def convertible(name: str, value: npt.ArrayLike) -> Array:
    """Return value as a native array of a dtype that kernels are fed from: bool, integers, float16 to float64."""
    array = native(as_array(name, value))
    if kind_of(array.dtype) < 0:
        raise TypeError(f"{name}: expected a real dtype, got {array.dtype}")
    return array


def of_shape(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return value as a convertible array of this shape."""
    array = convertible(name, value)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return array


def sample_weights(weight: npt.ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """Return sample_weight, whose shape must be the first axes of `shape`; its values are yet to be checked."""
    if weight is None:
        return None
    array = convertible("sample_weight", weight)
    if array.shape != shape[: array.ndim]:
        raise ValueError(f"sample_weight: expected the leading axes of {shape}, got shape {array.shape}")
    return array


def spread(weight: Array, shape: tuple[int, ...]) -> Array:
    """Return a view of the weights of the leading axes, broadcast to `shape`."""
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim)), shape)


def broadcast(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return value as a convertible array, broadcast to `shape`."""
    array = convertible(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{name}: expected a shape that broadcasts to {shape}, got {array.shape}") from None


def positive(name: str, value: float) -> float:
    """Return value as a float, if it is a finite number above 0."""
    number = finite(name, value)
    if number <= 0:
        raise ValueError(f"{name}: expected a finite number above 0, got {value}")
    return number


def share(name: str, value: float) -> float:
    """Return value as a float, if it is a number in [0, 1]."""
    number = real(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name}: expected a number in [0, 1], got {value}")
    return number


def check_gradient(out: object, return_grad: bool, x: Array, **others: Array | None) -> None:
    """Refuse an `out` that does not take the gradient by `x`, or that overlaps another array than `x` itself."""
    if not return_grad:
        raise ValueError("out: expected None without return_grad=True, got a buffer for the gradient")
    check_out(out, x.shape, x.dtype, x)
    assert isinstance(out, np.ndarray)
    for name, array in others.items():
        if array is not None and overlap(out, array):
            raise ValueError(f"out: expected memory apart from {name}, got an overlap")
