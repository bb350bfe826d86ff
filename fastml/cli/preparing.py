"""The held-out split, and features brought to mean 0 and standard deviation 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.cli.errors import CommandError

__all__ = ["column_statistics", "standardize", "stratified_split"]

BLOCK = 1 << 20  # elements converted to float64 at a time: 8 MB


def stratified_split(y: NDArray[np.int64], test_size: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the rows to hold out, from every class its part.

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
        The class of each row, from 0.
    test_size : float
        The part of the rows to hold out. Every class keeps a row to train on.
    seed : int
        The same seed chooses the same rows.

    Returns
    -------
    train, test : ndarray of intp
        Row indices in ascending order.

    Raises
    ------
    CommandError
        When no row would be held out.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cli.preparing import stratified_split
    >>> train, test = stratified_split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
    >>> len(train), len(test)
    (6, 2)
    """
    counts = np.bincount(y)
    wanted = test_size * counts
    held_out = np.floor(wanted).astype(np.int64)
    # The rows lost by rounding down go to the classes that lost most.
    missing = round(test_size * len(y)) - int(held_out.sum())
    held_out[np.argsort(held_out - wanted, kind="stable")[:missing]] += 1
    held_out = np.minimum(held_out, np.maximum(counts - 1, 0))
    if held_out.sum() == 0:
        raise CommandError(f"--test-size: {test_size} of {len(y)} rows in {len(counts)} classes leaves no row to test")
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(y), bool)
    for label, count in enumerate(held_out):
        is_test[rng.permutation(np.flatnonzero(y == label))[:count]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def column_statistics(
    X: NDArray[Any], rows: NDArray[np.intp], features: Sequence[str] = ()
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column over some rows.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Finite numbers.
    rows : ndarray of intp
        The rows that count.
    features : sequence of str
        The columns' names, for the error.

    Returns
    -------
    mean, scale : ndarray of float64, shape (d,)
        The scale of a constant column is 1.

    Raises
    ------
    CommandError
        When a column's values are too large for their variance to be a float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cli.preparing import column_statistics
    >>> column_statistics(np.array([[1, 5], [3, 5], [9, 9]]), np.array([0, 1]))
    (array([2., 5.]), array([1., 1.]))
    """
    low, high = X[rows[0]].astype(np.float64), X[rows[0]].astype(np.float64)
    total, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for block in _blocks(X, rows):
            total += block.sum(axis=0)
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        mean = total / len(rows)
        for block in _blocks(X, rows):
            squares += np.square(block - mean).sum(axis=0)
        scale = np.sqrt(squares / len(rows))
    if not np.isfinite(scale).all():
        column = int(np.argmin(np.isfinite(scale)))
        name = features[column] if features else str(column)
        raise CommandError(f"column {name!r}: the values are too large to standardize")
    constant = (low == high) | (scale == 0)  # the mean of equal values is rounded, so their scale may not be 0
    return np.where(constant, low, mean), np.where(constant, 1.0, scale)


def standardize(
    X: NDArray[Any], rows: NDArray[np.intp], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return ``(X[rows] - mean) / scale``, computed in float64 and stored as C-ordered float32.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Finite numbers.
    rows : ndarray of intp
        The rows wanted.
    mean, scale : ndarray of float64, shape (d,)
        Of each column.

    Returns
    -------
    ndarray of float32, shape (len(rows), d)

    Raises
    ------
    CommandError
        When a value is so far from the mean that float32 cannot hold it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cli.preparing import standardize
    >>> standardize(np.array([[1], [5]]), np.array([1]), np.array([1.0]), np.array([2.0]))
    array([[2.]], dtype=float32)
    """
    result = np.empty((len(rows), X.shape[1]), np.float32)
    start = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in _blocks(X, rows):
            part = result[start : start + len(block)]
            part[:] = (block - mean) / scale
            if not np.isfinite(part).all():
                row, column = np.argwhere(~np.isfinite(part))[0].tolist()
                raise CommandError(
                    f"row {rows[start + row]}, feature {column} (from 0): {block[row, column]:g} is too far from "
                    f"the mean {mean[column]:g} of the rows trained on"
                )
            start += len(block)
    return result


def _blocks(X: NDArray[Any], rows: NDArray[np.intp]) -> Any:
    step = max(1, BLOCK // X.shape[1])
    for start in range(0, len(rows), step):
        yield X[rows[start : start + step]].astype(np.float64)
