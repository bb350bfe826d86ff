"""Checks of arguments that several families share; messages name the argument, what was expected and what came."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
import numpy.typing as npt

FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


def as_array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return value as an array; ragged lists are refused, and masked arrays, whose mask would be lost."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array without a mask, got a {type(value).__name__} "
                        "(fill it, or pass where= to the functions that take it)")  # fmt: skip
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array, got a {type(value).__name__} that makes none ({error})") from None


def real_array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return value as a native array of float16, float32 or float64; integers and bool become float64."""
    array = as_array(name, value)
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    array = native(array)
    if array.dtype not in FLOATS:
        raise TypeError(f"{name}: expected float16, float32, float64 or integers, got dtype {array.dtype}")
    return array


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any], *inputs: npt.NDArray[Any]) -> None:
    """Refuse an `out` that does not take the result or overlaps an input that it is not."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected an ndarray, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out: expected shape {shape}, got {out.shape}")
    if out.dtype != dtype:
        raise TypeError(f"out: expected dtype {dtype}, got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out: expected a writeable array, got a read-only one")
    for array in inputs:
        same = out.ctypes.data == array.ctypes.data and out.strides == array.strides and out.shape == array.shape
        if not same and overlap(out, array):
            raise ValueError("out: expected an input itself or memory apart from it, got a partial overlap")


def overlap(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether two arrays share memory; True where that is too hard to tell."""
    try:
        return np.shares_memory(a, b, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array in native byte order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def axis_index(axis: SupportsIndex, ndim: int) -> int:
    """Return the axis counted from 0; negative ones count from the end; bool is refused, as by NumPy."""
    try:
        if isinstance(axis, bool):
            raise TypeError
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f"axis: expected an integer, got {type(axis).__name__}") from None
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(number, ndim)
    return number % ndim


def integer(name: str, value: SupportsIndex, least: int) -> int:
    """Return value as an int of at least `least`; bool is refused."""
    expected = f"{name}: expected an integer of at least {least}"
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{expected}, got a bool")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{expected}, got {type(value).__name__}") from None
    if number < least:
        raise ValueError(f"{expected}, got {number}")
    return number


def real(name: str, value: SupportsFloat) -> float:
    """Return one real number, a zero-dimensional array included, as a float; bool and text are refused."""
    came = type(value).__name__
    try:
        array = np.asarray(float(value) if type(value) is int else value)
    except (ValueError, OverflowError):  # a ragged list, an int beyond float64
        raise TypeError(f"{name}: expected a real number, got {came}") from None
    if array.ndim:
        came += f" of shape {array.shape}"
    if array.ndim or array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected a real number, got {came}")
    return float(array)


def finite(name: str, value: SupportsFloat, *, least: float = -math.inf) -> float:
    """Return value as a float, if it is a finite number of at least `least`."""
    number = real(name, value)
    if not math.isfinite(number) or number < least:
        bound = f" of at least {least:g}" if least > -math.inf else ""
        raise ValueError(f"{name}: expected a finite number{bound}, got {value}")
    return number


def generator(rng: Any) -> np.random.Generator:
    """Return the generator that rng is or seeds."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        wanted = "None, an integer of at least 0 or a numpy.random.Generator"
        raise type(error)(f"rng: expected {wanted}, got {rng!r:.60}") from None
