"""Checks of the data and the model of a logistic or softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._arguments import as_array, finite, native
from fastml._fastml_runtime import kind_of
from fastml._logistic import Problem, SparseProblem
from fastml._sparse import Csr, csr, is_sparse

Array = npt.NDArray[Any]

READY = (np.dtype(np.float32), np.dtype(np.float64))  # native
ROWS_AT_ONCE = 1 << 16


class Model:
    """w and b as they came, checked, and as the pass takes them.

    b has an entry for each class, or one, as a number or of shape (1,), that all classes share. With multi_label the
    classes are labels, each a binary model; w (d,) has none.
    """

    def __init__(self, w: npt.ArrayLike, b: npt.ArrayLike, multi_label: bool = False) -> None:
        self.multi_label = False
        if type(w) is np.ndarray and w.dtype in READY and w.ndim == 1 and type(b) in (float, w.dtype.type):
            self.w, self.classes, self.b = w, 1, np.array(b)  # nothing to check: the plain case of small calls
            self.bias = np.array((b,), w.dtype)
            return
        self.w = native(as_array("w", w))
        if self.w.dtype.kind in "biu":
            self.w = self.w.astype(np.float64)
        if self.w.dtype not in (np.float32, np.float64):
            raise TypeError(f"w: expected dtype float32 or float64, got {self.w.dtype}")
        if self.w.ndim not in (1, 2):
            raise ValueError(f"w: expected shape (d,) or (d, K), got {self.w.shape}")
        self.classes = 1 if self.w.ndim == 1 else self.w.shape[1]
        self.multi_label = multi_label and self.w.ndim == 2
        if self.multi_label and self.classes < 1:
            raise ValueError(f"w: expected one label at least, got shape {self.w.shape}")
        if self.w.ndim == 2 and self.classes < 2 and not self.multi_label:
            raise ValueError(f"w: expected two classes at least, or shape (d,), got shape {self.w.shape}")
        self.b = as_array("b", b)
        if self.b.dtype.kind not in "biuf":
            raise TypeError(f"b: expected a real dtype, got {self.b.dtype}")
        if self.b.shape not in ((), (1,), (self.classes,)):
            raise ValueError(f"b: expected a number or shape ({self.classes},), got {self.b.shape}")
        bias = self.b.astype(self.w.dtype)
        self.bias = bias.reshape(-1) if bias.size == self.classes else np.broadcast_to(bias, (self.classes,))

    def like_b(self, db: Array) -> Any:
        """Return the gradient with the shape of b: of w's dtype, or a float64 scalar."""
        if not self.b.ndim:
            return np.float64(db.item() if db.size == 1 else db.sum())
        return shared(db, self.b).reshape(self.b.shape).astype(self.w.dtype)


def shared(db: Array, b: Array) -> Array:
    """Return the gradient by the entries of b from that by the bias of each class."""
    return db if b.size == db.size else db.sum(keepdims=True)


class Penalty:
    """``l1 * sum |w| + l2 * sum w^2``."""

    def __init__(self, l1: float, l2: float) -> None:
        if type(l1) is float and type(l2) is float and l1 == l2 == 0.0:  # what most calls have
            self.l1 = self.l2 = 0.0
            return
        self.l1, self.l2 = finite("l1", l1, least=0), finite("l2", l2, least=0)

    def __bool__(self) -> bool:
        return bool(self.l1 or self.l2)

    def value(self, w: Array) -> float:
        """Return the penalty of w."""
        if not self:
            return 0.0
        value, w = 0.0, w.astype(np.float64, order="C")  # the order of the sum does not depend on the layout
        if self.l1:
            value += self.l1 * float(np.abs(w).sum())
        if self.l2:
            value += self.l2 * float(np.square(w).sum())
        return value

    def gradient(self, w: Array) -> Any:
        """Return its gradient, with sign(0) = 0."""
        return (self.l1 * np.sign(w) if self.l1 else 0.0) + (2.0 * self.l2 * w.astype(np.float64) if self.l2 else 0.0)


def matrix(X: Any, d: int | None) -> Any:
    """Return X as a native matrix of d columns, or as a Csr, not copied where it is one."""
    array = X if isinstance(X, Csr) else csr(X) if is_sparse(X) else native(as_array("X", X))
    if kind_of(array.dtype) < 0:
        raise TypeError(f"X: expected a real dtype, got {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"X: expected two dimensions (n, d), got shape {array.shape}")
    if d is not None and array.shape[1] != d:
        raise ValueError(f"X: expected {d} columns, as many as w has rows, got {array.shape[1]}")
    return array


def vector(name: str, values: npt.ArrayLike, n: int) -> Array:
    """Return values as a native vector of length n."""
    array = native(as_array(name, values))
    if kind_of(array.dtype) < 0:
        raise TypeError(f"{name}: expected a real dtype, got {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), got {array.shape}")
    return array


def labels(y: npt.ArrayLike, n: int, model: Model) -> Array:
    """Return y as a native array that fits the model: (n,), or (n, K) for a model of labels."""
    if not model.multi_label:
        target = vector("y", y, n)
        if model.classes > 1 and target.dtype.kind not in "iub":
            raise TypeError(f"y: expected an integer dtype for classes, got {target.dtype}")
        return target
    target = native(as_array("y", y))
    if kind_of(target.dtype) < 0:
        raise TypeError(f"y: expected a real dtype, got {target.dtype}")
    if target.shape != (n, model.classes):
        raise ValueError(f"y: expected shape ({n}, {model.classes}), got {target.shape}")
    return target


def checked_scale(scale: float | None) -> float | None:
    """Return scale, if it is None or a finite number."""
    return None if scale is None else finite("scale", scale)


def make_problem(
    X: npt.ArrayLike, y: npt.ArrayLike, model: Model, sample_weight: npt.ArrayLike | None, scale: float | None
) -> Problem:
    """Check the data against the model."""
    if sample_weight is None and is_plain(X, y, model):
        return Problem(np.asarray(X), np.asarray(y), None, model.w.dtype, 1, checked_scale(scale))
    data = matrix(X, model.w.shape[0])
    target = labels(y, data.shape[0], model)
    weight = None if sample_weight is None else vector("sample_weight", sample_weight, data.shape[0])
    check_before_rounding(target, weight, model.w.dtype)
    return problem_of(data)(data, target, weight, model.w.dtype, model.classes, checked_scale(scale), model.multi_label)


def problem_of(X: Array | Csr) -> type[Problem]:
    """Return the kind of pass that X needs."""
    return SparseProblem if isinstance(X, Csr) else Problem


def is_plain(X: Any, y: Any, model: Model) -> bool:
    """Whether there is nothing to check: arrays that fit, ready for the pass. In small calls the checks count."""
    return (
        model.classes == 1
        and type(X) is np.ndarray
        and type(y) is np.ndarray
        and X.dtype in READY
        and y.dtype == model.w.dtype
        and X.ndim == 2
        and X.shape[1] == model.w.shape[0]
        and y.shape == X.shape[:1]
    )


def check_before_rounding(y: Array, weight: Array | None, dtype: np.dtype[Any]) -> None:
    """Refuse what the pass, which sees labels and weights in the dtype of w, would take for something else."""
    for name, values, wanted in (("y", y, "0 or 1"), ("sample_weight", weight, f"numbers >= 0, finite in {dtype}")):
        if values is None or values.dtype.kind != "f" or values.dtype.itemsize <= dtype.itemsize:
            continue
        for start in range(0, len(values), ROWS_AT_ONCE):
            part = values[start : start + ROWS_AT_ONCE]
            good = (part == 0) | (part == 1) if name == "y" else (part >= 0) & (part <= np.finfo(dtype).max)
            if not good.all():
                row, *column = (int(i) for i in np.unravel_index(good.argmin(), part.shape))
                where = f"row {start + row}" + "".join(f", column {k}" for k in column)
                raise ValueError(f"{name}: expected {wanted}, got {part[row, *column]} in {where}")
