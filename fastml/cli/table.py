"""Rows of features with their labels, as a data file holds them."""

import math
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.cli.errors import CommandError

__all__ = ["Table", "encode_labels", "is_printable"]


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
    if isinstance(table.labels, np.ndarray):
        found, y = np.unique(table.labels, return_inverse=True)
        found_texts = [str(value) for value in found]
        codes = dict(zip(found_texts, range(len(found)), strict=True))
    else:
        codes = {text: code for code, text in enumerate(dict.fromkeys(table.labels or []))}
        y = np.fromiter((codes[text] for text in table.labels or []), np.int64)
    names = {text: _number_name(text) for text in codes}
    if any(name is None for name in names.values()):
        names = {text: text for text in codes}
        classes = sorted(codes)
    else:
        classes = sorted({str(name) for name in names.values()}, key=lambda name: (float(name), name))
    _check_count(table, classes, len(y))
    place = {name: index for index, name in enumerate(classes)}
    renumber = np.array([place[str(names[text])] for text in codes], np.int64)
    return tuple(classes), renumber[y]


def is_printable(text: str) -> bool:
    r"""Tell whether a name fits on one line of output: no line breaks, tabs or terminal escapes.

    Examples
    --------
    >>> from fastml.cli.table import is_printable
    >>> is_printable("setosa, wild"), is_printable("two\nlines")
    (True, False)
    """
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


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
