"""Rows of features with their labels, as a data file holds them."""

import math
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.cli.errors import CommandError

__all__ = ["Table", "encode_known_labels", "encode_labels", "is_printable"]

SHOWN_CLASSES = 8


@dataclass(frozen=True)
class Table:
    """What was read from a data file.

    Attributes
    ----------
    source : str
        The file, as the user named it.
    X : ndarray, shape (n, d)
        The features; bool, integers or floats, all finite.
    labels : list of str or ndarray, shape (n,), or None
        The label of each row as text, or as numbers; None when not asked for.
    features : tuple of str
        The names of X's columns; empty when the file has none.
    target : str
        The name of the column, or array, with the labels.
    """

    source: str
    X: NDArray[Any]
    labels: list[str] | NDArray[Any] | None
    features: tuple[str, ...]
    target: str


def encode_labels(table: Table) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Give every class of a table a number.

    Labels that are all numbers are ordered as numbers and written alike (`1`, `1.0` and `01` are one class); other
    labels are ordered as text.

    Parameters
    ----------
    table : Table
        With labels.

    Returns
    -------
    classes : tuple of str
        The names, in order.
    y : ndarray of int64, shape (n,)
        The index of each row's class.

    Raises
    ------
    CommandError
        When there is only one class, or so many that the labels look like measurements.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cli.table import Table, encode_labels
    >>> encode_labels(Table("a.csv", np.eye(3), ["10", "9", "10.0"], (), "y"))
    (('9', '10'), array([1, 0, 1]))
    """
    texts, y = _distinct(table)
    names: list[str | None] = [_number_name(text) for text in texts]
    if any(name is None for name in names):
        names = [*texts]
        classes = sorted(texts)
    else:
        classes = sorted({str(name) for name in names}, key=lambda name: (float(name), name))
    _check_count(table, classes, len(y))
    place = {name: index for index, name in enumerate(classes)}
    renumber = np.array([place[str(name)] for name in names], np.int64)
    return tuple(classes), renumber[y]


def encode_known_labels(table: Table, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Give the labels of a table the numbers of another's classes.

    Parameters
    ----------
    table : Table
        With labels.
    classes : tuple of str
        What `encode_labels` returned for the other table.

    Returns
    -------
    ndarray of int64, shape (n,)
        The index of each row's class.

    Raises
    ------
    CommandError
        When a label is none of the classes; names the first such row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cli.table import Table, encode_known_labels
    >>> encode_known_labels(Table("b.csv", np.eye(3), ["10.0", "9", "10"], (), "y"), ("9", "10"))
    array([1, 0, 1])
    """
    texts, y = _distinct(table)
    names: list[str | None] = [*texts]
    if all(_number_name(name) is not None for name in classes):
        names = [_number_name(text) for text in texts]
    place = {name: index for index, name in enumerate(classes)}
    result = np.array([place.get(str(name), -1) for name in names], np.int64)[y]
    if (result < 0).any():
        row = int(np.argmax(result < 0))
        shown = ", ".join(map(repr, classes[:SHOWN_CLASSES])) + (", ..." if len(classes) > SHOWN_CLASSES else "")
        raise CommandError(f"{table.source}, row {row} (from 0), {table.target!r}: expected one of the "
                           f"{len(classes):,} classes trained on ({shown}), got {texts[y[row]]!r}")  # fmt: skip
    return result


def is_printable(text: str) -> bool:
    r"""Tell whether a name fits on one line of output: no line breaks, tabs or terminal escapes.

    Examples
    --------
    >>> from fastml.cli.table import is_printable
    >>> is_printable("setosa, wild"), is_printable("two\nlines")
    (True, False)
    """
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _distinct(table: Table) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different labels as text, and the index of each row's."""
    if isinstance(table.labels, np.ndarray):
        found, y = np.unique(table.labels, return_inverse=True)
        return [str(value) for value in found], y.astype(np.int64, copy=False)
    codes = {text: code for code, text in enumerate(dict.fromkeys(table.labels or []))}
    return list(codes), np.fromiter((codes[text] for text in table.labels or []), np.int64)


def _number_name(text: str) -> str | None:
    """Return one spelling for a number, None for a text that is none."""
    try:
        if "_" in text or not math.isfinite(value := float(text)):
            return None
    except ValueError:
        return None
    with suppress(ValueError):
        return str(int(text))  # also beyond 2^53, where floats would merge neighbors
    return str(int(value)) if value.is_integer() else repr(value)


def _check_count(table: Table, classes: list[str], n: int) -> None:
    column = f"{table.source}: target {table.target!r}"
    if len(classes) < 2:
        raise CommandError(f"{column}: expected at least two classes, all {n:,} rows have {classes[0]!r}")
    if n > 20 and 2 * len(classes) > n:
        raise CommandError(f"{column}: expected classes, got {len(classes):,} different values in {n:,} rows")
