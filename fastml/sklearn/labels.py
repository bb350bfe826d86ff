"""Labels of any type as class numbers, without sorting them all where that can be helped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

Array = npt.NDArray[Any]

SPAN = 1 << 16  # integers that lie closer together than this are counted in a table
FEW = 4  # classes of strings up to here are told apart one by one
CHUNK = 1 << 16  # labels that are Python objects at a time


def as_labels(y: Any) -> Array:
    """Return y as an array: (n,), or (n, K) for K labels of each row; a single column is taken for (n,)."""
    if type(y) is np.ndarray and y.ndim == 1:
        return y
    if hasattr(y, "toarray"):  # a sparse indicator
        y = y.toarray()
    array = y if isinstance(y, np.ndarray) else np.asarray(y)
    if array.ndim == 2 and array.shape[1] > 1:
        return array
    labels: Array = column_or_1d(y, warn=True)
    return np.asarray(labels)


def encode(y: Array) -> tuple[Array, Array]:
    """Return the sorted classes in y and the number of each row's class.

    Where y already holds those numbers, it is returned as it is.
    """
    if y.dtype.kind == "b":
        return encode_integers(y.view(np.uint8), y.dtype)
    if y.dtype.kind in "iu":
        return encode_integers(y, y.dtype)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
        with np.errstate(invalid="ignore"):
            integers = y.astype(np.int64)
        if (integers != y).any():
            check_classification_targets(y)  # raises for what is no class
            return sort(y)
        return encode_integers(integers, y.dtype)
    if y.dtype.kind in "OT":
        return encode_objects(y)
    if y.dtype.kind in "US":
        return encode_strings(y)
    check_classification_targets(y)
    return sort(y)


def encode_integers(y: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Encode integers, by a table where their range is short."""
    low, high = (int(y.min()), int(y.max())) if y.size else (0, 0)
    if high - low >= SPAN:
        classes, codes = sort(y)
        return classes.astype(dtype), codes
    shifted = y
    if low:  # an unsigned dtype may not hold -low, a signed one not high - low
        shifted = y - y.dtype.type(low) if low > 0 else np.subtract(y, low, dtype=np.int64)
    counts = np.bincount(shifted.astype(np.intp, copy=False), minlength=high - low + 1)
    present = np.flatnonzero(counts)
    classes = np.array([number + low for number in present.tolist()]).astype(dtype)
    if len(present) == len(counts):
        return classes, shifted
    table = np.zeros(len(counts), smallest(len(present)))
    table[present] = np.arange(len(present))
    return classes, table[shifted]


def encode_strings(y: Array) -> tuple[Array, Array]:
    """Encode strings of fixed width: a few classes by comparing with each, more by sorting."""
    codes, new = np.zeros(y.size, np.uint8), np.ones(y.size, np.bool_)
    found: list[Any] = []
    while new.any():
        if len(found) == FEW:
            return sort(y)
        same = y == y[new.argmax()]
        found.append(y[new.argmax()])
        codes += same * np.uint8(len(found) - 1)
        new &= ~same
    order = np.argsort(np.array(found, y.dtype))
    return np.array(found, y.dtype)[order], np.argsort(order).astype(np.uint8)[codes]


def encode_objects(y: Array) -> tuple[Array, Array]:
    """Encode strings or other objects by a dict; only the classes are sorted."""
    seen: dict[Any, int] = {}
    numbers = np.empty(y.size, np.int32)
    for start in range(0, y.size, CHUNK):
        labels = y[start : start + CHUNK].tolist()
        for label in set(labels) - seen.keys():
            seen[label] = len(seen)
        numbers[start : start + CHUNK] = [seen[label] for label in labels]
    if any(label is None or label != label for label in seen):
        raise ValueError("Input y contains NaN.")
    try:
        ordered = sorted(seen)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in seen}))
        raise TypeError(f"y: expected labels that can be sorted, got a mixture of {kinds}") from None
    if y.dtype == object and any(isinstance(label, float) and not float(label).is_integer() for label in ordered):
        check_classification_targets(y.astype(np.float64))
    rank = np.empty(len(seen), smallest(len(seen)))
    rank[[seen[label] for label in ordered]] = np.arange(len(seen))
    classes = np.empty(len(ordered), y.dtype)
    classes[:] = ordered
    return classes, rank[numbers]


def sort(y: Array) -> tuple[Array, Array]:
    """Encode what can be sorted."""
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes


def smallest(classes: int) -> type[np.unsignedinteger[Any]] | type[np.signedinteger[Any]]:
    """Return the smallest dtype that holds the number of a class."""
    return np.uint8 if classes <= 256 else np.int32


def encode_as(classes: Array, y: Array, name: str) -> Array:
    """Return the numbers of y among sorted classes; ValueError for a label that is none of them."""
    found, codes = encode(y)
    if np.array_equal(found, classes):
        return codes
    places = np.searchsorted(classes, found)
    places[places == len(classes)] = 0
    unknown = classes[places] != found
    if unknown.any():
        raise ValueError(f"{name}: expected the labels {listed(classes)}, got {listed(found[unknown])}")
    return places.astype(smallest(len(classes)))[codes]


def listed(labels: Array) -> str:
    """Return a few of the labels, for a message."""
    shown = ", ".join(repr(label) for label in labels[:10].tolist())
    return shown + (", ..." if len(labels) > 10 else "")
