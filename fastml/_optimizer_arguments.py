"""Checks of the arrays that an optimizer step updates in place, and of a penalty's `out`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._arguments import check_out, overlap, real
from fastml._loss_arguments import of_shape

Array = npt.NDArray[Any]

WIDE = (np.dtype(np.float32), np.dtype(np.float64))


def fraction(name: str, value: float) -> float:
    """Return value as a float, if it is a number in [0, 1)."""
    number = real(name, value)
    if not 0 <= number < 1:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value}")
    return number


def in_place(name: str, value: object) -> Array:
    """Return value, if it is an array that can be written to."""
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an ndarray to update in place, got {type(value).__name__}")
    if not value.flags.writeable:
        raise ValueError(f"{name}: expected a writeable array, got a read-only one")
    if value.size and any(step == 0 and length > 1 for step, length in zip(value.strides, value.shape, strict=True)):
        raise ValueError(f"{name}: expected elements apart from each other, got strides {value.strides}")
    return value


def step_arrays(param: object, grad: npt.ArrayLike, **state: object) -> list[Array]:
    """Return grad, param and the state, checked against each other, the axes in the order in which param lies."""
    p = in_place("param", param)
    if p.dtype not in WIDE or not p.dtype.isnative:
        raise TypeError(f"param: expected native float32 or float64, got dtype {p.dtype}")
    arrays = {"param": p, "grad": of_shape("grad", grad, p.shape)}
    for name, value in state.items():
        array = arrays[name] = in_place(name, value)
        if array.shape != p.shape:
            raise ValueError(f"{name}: expected shape {p.shape}, got {array.shape}")
        if array.dtype != p.dtype or not array.dtype.isnative:
            raise TypeError(f"{name}: expected the dtype of param, {p.dtype}, got {array.dtype}")
    names = list(arrays)
    for i, name in enumerate(names):
        for other in names[:i]:
            if overlap(arrays[name], arrays[other]):
                raise ValueError(f"{name}: expected memory apart from {other}, got an overlap")
    order = sorted(range(p.ndim), key=lambda axis: -abs(p.strides[axis]))
    return [arrays[name].transpose(order) for name in ("grad", "param", *state)]


def check_slope(out: object, return_grad: bool, accumulate: bool, w: Array) -> None:
    """Refuse what does not take a penalty's gradient."""
    if accumulate and (out is None or not return_grad):
        missing = "out" if return_grad else "return_grad=True"
        raise ValueError(f"accumulate: expected out and return_grad=True beside it, got no {missing}")
    if out is None:
        return
    if not return_grad:
        raise ValueError("out: expected None without return_grad=True, got a buffer for the gradient")
    check_out(out, w.shape, w.dtype)
    assert isinstance(out, np.ndarray)
    if overlap(out, w):
        raise ValueError("out: expected memory apart from w, got an overlap")
