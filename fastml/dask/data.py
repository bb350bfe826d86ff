"""Dask arrays as partitions of rows: checked, aligned, persisted, labels encoded, each where its part of X lies."""

from __future__ import annotations

from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.delayed import Delayed, delayed

from fastml.sklearn.labels import encode, listed
from fastml.sklearn.solving import codes_of

Array = npt.NDArray[Any]

CHECKED = 1 << 18  # elements of X looked at together


class Summary(NamedTuple):
    """What the client learns of a partition: labels and their weights, or what is wrong, in which row if in one."""

    rows: int
    classes: Array
    weights: Array  # of the classes, added up
    problem: str | None = None
    row: int | None = None


class Rows:
    """X, y and weights with the same chunks of rows, X in one block of columns, persisted.

    Parameters
    ----------
    X : dask array, shape (n, d)
    y : dask array or array_like, shape (n,) or (n, K)
    sample_weight : dask array or array_like, shape (n,), optional
    d : int, optional
        The columns that X has to have.
    """

    def __init__(self, X: da.Array, y: Any, sample_weight: Any = None, d: int | None = None) -> None:
        X, y, weight = dask.persist(*lined_up(X, y, sample_weight, d))
        arrays = [known(array) for array in (X, y, weight) if array is not None]
        self.n, self.d = arrays[0].shape
        self.dtype, self.multi_label = X.dtype, y.ndim == 2
        self.columns = arrays[1].shape[1] if self.multi_label else 1
        for name, array in zip(("y", "sample_weight"), arrays[1:], strict=False):
            if array.shape[0] != self.n:
                expected = (self.n, *array.shape[1:])
                raise ValueError(f"{name}: expected shape {expected}, as many rows as X, got {array.shape}")
        if not self.n:
            raise ValueError(f"X: expected one row at least, got shape {arrays[0].shape}")
        rows = arrays[0].chunks[0]
        columns = [blocks(array.rechunk({0: rows})) for array in arrays]
        if weight is None:
            columns.append([None] * len(rows))
        self.numbers = [k for k, count in enumerate(rows) if count]
        self.parts = [tuple(column[k] for column in columns) for k in self.numbers]
        self.sizes = [rows[k] for k in self.numbers]

    def labels(
        self, dtype: np.dtype[Any], classes: Array | None = None, multi_label: bool | None = None
    ) -> tuple[Array, Array]:
        """Return the classes and the weight of each (of labels: of all rows), if the data are as they have to be.

        With classes given, they are those that may come.
        """
        if multi_label not in (None, self.multi_label):
            raise ValueError(f"y: expected shape {'(n, K)' if multi_label else '(n,)'}, as in fit")
        found = self.summaries(dtype)
        weights = sum(summary.weights.sum() for summary in found)
        if not 0 < weights < np.inf:
            raise ValueError(f"sample_weight: expected numbers >= 0 that are not all zero, got the sum {weights}")
        if self.multi_label:
            if classes is not None and len(classes) != self.columns:
                raise ValueError(f"y: expected {len(classes)} columns, as in fit, got {self.columns}")
            return np.arange(self.columns), np.array([weights])
        present, numbers = np.unique(np.concatenate([summary.classes for summary in found]), return_inverse=True)
        if classes is None and len(present) < 2:
            raise ValueError(f"y: expected two classes at least, got one class only: {listed(present)}")
        if classes is not None:
            codes_of(classes, present, "y")
        return present, np.bincount(numbers, np.concatenate([summary.weights for summary in found]))

    def summaries(self, dtype: np.dtype[Any]) -> list[Summary]:
        """Look through all partitions; ValueError names the first row that is wrong."""
        look = delayed(summarize, pure=False, traverse=False)
        found = list(dask.compute(*(look(*part, dtype) for part in self.parts)))
        start = 0
        for k, summary in zip(self.numbers, found, strict=True):
            if summary.problem is not None:
                place = f"partition {k}" if summary.row is None else f"row {start + summary.row} (partition {k})"
                raise ValueError(f"{summary.problem} in {place}")
            start += summary.rows
        return found

    def targets(
        self, classes: Array, class_weight: Array | None, dtype: np.dtype[Any]
    ) -> list[tuple[Delayed, Delayed]]:
        """Return the partitions of X, each with its target; see `make_target`."""
        make = delayed(make_target, pure=False, traverse=False)
        targets = dask.persist(*(make(*part, classes, class_weight, dtype) for part in self.parts))
        return [(X, target) for (X, *_), target in zip(self.parts, targets, strict=True)]


def lined_up(X: Any, y: Any, sample_weight: Any, d: int | None) -> tuple[da.Array, da.Array, da.Array | None]:
    """Return dask arrays of the right dimensions, X in one block of columns."""
    if not isinstance(X, da.Array):
        raise TypeError(f"X: expected a dask array, got {type(X).__name__} (fastml.sklearn takes arrays)")
    if X.ndim != 2:
        raise ValueError(f"X: expected two dimensions (n, d), got shape {X.shape}")
    if np.isnan(X.shape[1]) or (d is not None and X.shape[1] != d):
        wanted = "a known number of" if d is None else str(d)
        raise ValueError(f"X: expected {wanted} columns, got {X.shape[1]}")
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X: expected a real dtype, got {X.dtype}")
    if X.dtype == np.bool_:
        X = X.view(np.uint8)
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    y = like(X, "y", y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise ValueError(f"y: expected shape (n,) or (n, K), got {y.shape}")
    if y.ndim == 2:
        y = y.rechunk({1: -1})
    if sample_weight is None:
        return X, y, None
    sample_weight = like(X, "sample_weight", sample_weight)
    if sample_weight.ndim != 1:
        raise ValueError(f"sample_weight: expected shape (n,), got {sample_weight.shape}")
    return X, y, sample_weight


def like(X: da.Array, name: str, values: Any) -> da.Array:
    """Return values as a dask array; those of an array in memory are divided like X."""
    if isinstance(values, da.Array):
        return values
    array = np.asarray(values)
    if array.shape[:1] != X.shape[:1]:
        expected = (
            f"({X.shape[0]}, ...)" if not np.isnan(X.shape[0]) else "a dask array, as the chunks of X are unknown"
        )
        raise ValueError(f"{name}: expected {expected}, got shape {array.shape}")
    return da.from_array(array, chunks=(X.chunks[0], *((size,) for size in array.shape[1:])))


def known(array: da.Array) -> da.Array:
    """Return a persisted array with the sizes of its chunks."""
    return array.compute_chunk_sizes() if np.isnan(array.shape).any() else array


def blocks(array: da.Array) -> list[Delayed]:
    """Return the blocks, one for each chunk of rows, persisted each for itself."""
    # optimizing the graph of a persisted array would lose the futures in it
    return list(dask.persist(*array.to_delayed(optimize_graph=False).ravel(), optimize_graph=False))


def summarize(X: Any, y: Array, weight: Array | None, dtype: np.dtype[Any]) -> Summary:
    """Look through a partition; dtype is that of the weights in the fit."""
    nothing = np.empty(0, y.dtype), np.empty(0)
    row = first_not_finite(X)
    if row is not None:
        return Summary(len(y), *nothing, "X: expected finite numbers, got NaN or infinity", row)
    if weight is not None:
        row = first_false((weight >= 0) & (weight <= np.finfo(dtype).max))
        if row is not None:
            wanted = f"numbers >= 0, finite in {dtype}"
            return Summary(len(y), *nothing, f"sample_weight: expected {wanted}, got {weight[row]}", row)
    if y.ndim == 2:
        row = first_false(((y == 0) | (y == 1)).all(axis=1))
        if row is not None:
            return Summary(len(y), *nothing, f"y: expected labels 0 or 1, got {y[row]}", row)
        return Summary(len(y), nothing[0], np.array([total_of(weight, len(y))]))
    try:
        classes, codes = encode(y)
    except (TypeError, ValueError) as error:
        return Summary(len(y), *nothing, f"y: {error}")
    return Summary(len(y), classes, np.bincount(codes, weight, len(classes)))


def first_not_finite(X: Any) -> int | None:
    """Return the first row with a NaN or an infinity."""
    if X.dtype.kind != "f":
        return None
    if not isinstance(X, np.ndarray):  # CSR
        place = first_false(np.isfinite(X.data))
        return None if place is None else int(np.searchsorted(X.indptr, place, side="right")) - 1
    step = max(1, CHECKED // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        good: Any = np.isfinite(X[start : start + step]).all(axis=1)
        row = first_false(good)
        if row is not None:
            return start + row
    return None


def first_false(good: Array) -> int | None:
    """Return the index of the first False."""
    return None if good.all() else int(good.argmin())


def total_of(weight: Array | None, n: int) -> float:
    """Return the sum of the weights of n rows."""
    return float(n if weight is None else weight.sum(dtype=np.float64))


def make_target(
    X: Any, y: Array, weight: Array | None, classes: Array, class_weight: Array | None, dtype: np.dtype[Any]
) -> tuple[Array, Array | None, float]:
    """Return class numbers (n,) or labels (n, K), weights (n,), and their sum. X is what it shall lie beside."""
    labels = y.astype(np.uint8) if y.ndim == 2 else codes_of(classes, y, "y")
    if weight is not None:
        weight = weight.astype(dtype)
    if class_weight is not None:
        by_class = class_weight.astype(dtype)[labels]
        weight = by_class if weight is None else weight * by_class
    return labels, weight, total_of(weight, len(y))
