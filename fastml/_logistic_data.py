"""Checks of the data and the model of a logistic or softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._arguments import finite_number, native
from fastml._fastml_runtime import kind_of
from fastml._logistic import Problem

Array = npt.NDArray[Any]


class Model:
    """w and b as they came, checked, and as the pass takes them."""

    def __init__(self, w: npt.ArrayLike, b: npt.ArrayLike) -> None:
        self.w = native(np.asarray(w))
        if self.w.dtype.kind in "biu":
            self.w = self.w.astype(np.float64)
        if self.w.dtype not in (np.float32, np.float64):
            raise TypeError(f"w: expected dtype float32 or float64, got {self.w.dtype}")
        if self.w.ndim not in (1, 2):
            raise ValueError(f"w: expected shape (d,) or (d, K), got {self.w.shape}")
        self.classes = 1 if self.w.ndim == 1 else self.w.shape[1]
        if self.w.ndim == 2 and self.classes < 2:
            raise ValueError(f"w: expected two classes at least, or shape (d,), got shape {self.w.shape}")
        self.b = np.asarray(b)
        if self.b.dtype.kind not in "biuf":
            raise TypeError(f"b: expected a real dtype, got {self.b.dtype}")
        if self.b.shape not in ((), (1,), (self.classes,)):
            raise ValueError(f"b: expected a number or shape ({self.classes},), got {self.b.shape}")
        bias = self.b.astype(self.w.dtype)
        self.bias = bias.reshape(-1) if bias.size == self.classes else np.broadcast_to(bias, (self.classes,))

    def like_b(self, db: Array) -> Any:
        """Return the gradient with the shape of b, which may be broadcast over the classes."""
        if self.b.shape == db.shape:
            return db.astype(self.w.dtype)
        total = db.sum()
        return np.full(self.b.shape, total, self.w.dtype) if self.b.ndim else np.float64(total)


class Penalty:
    """``l1 * sum |w| + l2 * sum w^2``."""

    def __init__(self, l1: float, l2: float) -> None:
        self.l1, self.l2 = finite_number("l1", l1, at_least=0), finite_number("l2", l2, at_least=0)

    def __bool__(self) -> bool:
        return bool(self.l1 or self.l2)

    def value(self, w: Array) -> float:
        """Return the penalty of w."""
        value, w = 0.0, w.astype(np.float64, order="C")  # the order of the sum does not depend on the layout
        if self.l1:
            value += self.l1 * float(np.abs(w).sum())
        if self.l2:
            value += self.l2 * float(np.square(w).sum())
        return value

    def gradient(self, w: Array) -> Any:
        """Return its gradient, with sign(0) = 0."""
        return (self.l1 * np.sign(w) if self.l1 else 0.0) + (2.0 * self.l2 * w.astype(np.float64) if self.l2 else 0.0)


def matrix(X: npt.ArrayLike, d: int | None) -> Array:
    """Return X as a native matrix of d columns, not copied where it is one."""
    array = native(np.asarray(X))
    if kind_of(array.dtype) < 0:
        raise TypeError(f"X: expected a real dtype, got {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"X: expected two dimensions (n, d), got shape {array.shape}")
    if d is not None and array.shape[1] != d:
        raise ValueError(f"X: expected {d} columns, as many as w has rows, got {array.shape[1]}")
    return array


def vector(name: str, values: npt.ArrayLike, n: int) -> Array:
    """Return values as a native vector of length n."""
    array = native(np.asarray(values))
    if kind_of(array.dtype) < 0:
        raise TypeError(f"{name}: expected a real dtype, got {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), got {array.shape}")
    return array


def checked_scale(scale: float | None) -> float | None:
    """Return scale, if it is None or a finite number."""
    return None if scale is None else finite_number("scale", scale)


def make_problem(
    X: npt.ArrayLike, y: npt.ArrayLike, model: Model, sample_weight: npt.ArrayLike | None, scale: float | None
) -> Problem:
    """Check the data against the model."""
    X = matrix(X, model.w.shape[0])
    target = vector("y", y, X.shape[0])
    if model.classes > 1 and target.dtype.kind not in "iub":
        raise TypeError(f"y: expected an integer dtype for classes, got {target.dtype}")
    weight = None if sample_weight is None else vector("sample_weight", sample_weight, X.shape[0])
    return Problem(X, target, weight, model.w.dtype, model.classes, checked_scale(scale))
