"""Checks of arguments that several families share; messages name the argument, what was expected and what came."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


def real_array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return value as a native array of float16, float32 or float64; integers and bool become float64."""
    array = np.asarray(value)
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


def finite_number(name: str, value: Any, *, at_least: float = -math.inf) -> float:
    """Return value as a float, if it is a finite number not less than `at_least`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number) or number < at_least:
        bound = f" >= {at_least:g}" if at_least > -math.inf else ""
        raise ValueError(f"{name}: expected a finite number{bound}, got {value}")
    return number
