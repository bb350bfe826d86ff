"""Data files of every kind, for training and for predicting."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.cli.arrays import read_npy, read_npz
from fastml.cli.csv_file import read_csv
from fastml.cli.errors import CommandError
from fastml.cli.table import Table, is_printable

__all__ = ["DIGITS", "read_features", "read_training", "read_validation"]

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits.npz"
TARGET_NAMES = ("target", "label", "class", "y")
BLOCK = 1 << 20  # elements checked at a time


def read_training(path: str | None, target: str | None) -> Table:
    """Read features and labels.

    Parameters
    ----------
    path : str or None
        A CSV, .npy or .npz file; None for the digits shipped with fastml.
    target : str or None
        The column with the labels; None for the usual one (see ``train --help``).

    Returns
    -------
    Table
        With labels.

    Raises
    ------
    CommandError
        When the file is not what is expected, or has no such column.
    OSError
        When it cannot be read.
    """
    if path is None:
        if target is not None:
            raise CommandError("--target: the digits that come with fastml have no columns to choose from")
        return _with_source(_from_npz(str(DIGITS)), "UCI hand-written digits")
    if _suffix(path) == ".npz":
        if target is not None:
            raise CommandError(f"--target: {path} has its labels in the array y, not in a column")
        return _from_npz(path)
    if _suffix(path) == ".npy":
        matrix = _matrix(read_npy(path), path)
        return _split_column(path, matrix, _column_index(path, matrix.shape[1], target))
    table = read_csv(path, lambda names: _named_or_last(path, names, target), keep_labels=True)
    if table.X.shape[1] == 0:
        raise CommandError(f"{path}: the target {table.target!r} is the only column, there are no features")
    return table


def read_validation(path: str, trained: Table) -> Table:
    """Read rows with labels whose columns are those of the training data.

    Columns of a CSV file are found by name when the training data has names, whatever their order, else by place.

    Parameters
    ----------
    path : str
        A CSV, .npy or .npz file.
    trained : Table
        The training data.

    Returns
    -------
    Table
        With labels, and with the training data's features and target.

    Raises
    ------
    CommandError
        When the file is not what is expected, or its columns are not those of the training data.
    OSError
        When it cannot be read.
    """
    width, features, target = trained.X.shape[1], trained.features, trained.target
    if _suffix(path) == ".npz":
        table = _from_npz(path)
    elif _suffix(path) == ".npy":
        matrix = _matrix(read_npy(path), path)
        _check_width(path, matrix.shape[1] - 1, width, trained.source)
        table = _split_column(path, matrix, width if features else _place_of_target(target, width))
    else:
        table = read_csv(path, lambda names: _target_as_trained(path, names, trained), keep_labels=True)
    X = _in_order(table, features, trained.source) if features and table.features else table.X
    _check_width(path, X.shape[1], width, trained.source)
    return Table(path, X, table.labels, features, target)


def read_features(path: str, features: tuple[str, ...], width: int, target: str) -> NDArray[Any]:
    """Read the rows to predict.

    Columns of a CSV file are found by name when the model knows names, whatever their order; a column that holds the
    target is ignored.

    Parameters
    ----------
    path : str
        A CSV, .npy or .npz file.
    features : tuple of str
        The model's feature names; empty when it has none, and columns then go by their place.
    width : int
        The number of features.
    target : str
        The name of the model's target; a number when it was a column of a .npy file.

    Returns
    -------
    ndarray, shape (n, width)

    Raises
    ------
    CommandError
        When the file is not what is expected, or its columns are not the model's.
    OSError
        When it cannot be read.
    """
    if _suffix(path) == ".npz":
        X = _matrix(read_npz(path, ("X",))["X"], f"{path}: X")
    elif _suffix(path) == ".npy":
        X = _matrix(read_npy(path), path)
        if X.shape[1] == width + 1 and not features:
            X = np.delete(X, _place_of_target(target, width), axis=1)
    else:
        table = read_csv(path, lambda names: _target_to_ignore(names, features, width, target), keep_labels=False)
        X = _in_order(table, features, "the model") if features else table.X
    _check_width(path, X.shape[1], width, "the model")
    return X


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _with_source(table: Table, source: str) -> Table:
    return Table(source, table.X, table.labels, table.features, table.target)


def _from_npz(path: str) -> Table:
    arrays = read_npz(path, ("X", "y"))
    X, y = _matrix(arrays["X"], f"{path}: X"), arrays["y"]
    if y.shape != X.shape[:1]:
        raise CommandError(f"{path}: y: expected shape ({X.shape[0]},) as X has rows, got {y.shape}")
    return Table(path, X, _check_labels(y, f"{path}: y"), (), "y")


def _split_column(path: str, matrix: NDArray[Any], column: int) -> Table:
    labels = _check_labels(matrix[:, column], f"{path}: column {column}")
    return Table(path, np.delete(matrix, column, axis=1), labels, (), str(column))


def _column_index(path: str, width: int, target: str | None) -> int:
    if width < 2:
        raise CommandError(f"{path}: expected a column of labels beside the features, got 1 column")
    try:
        column = -1 if target is None else int(target)
    except ValueError:
        column = width
    if not -width <= column < width:
        raise CommandError(f"--target: {path} has columns 0 to {width - 1}, got {target!r}")
    return column % width


def _named_or_last(path: str, names: list[str], target: str | None) -> int:
    if target is None:
        return _usual_target(names, default=len(names) - 1)
    if target not in names:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise CommandError(f"--target: {path} has no column {target!r}; it has {shown}")
    return names.index(target)


def _usual_target(names: list[str], default: int) -> int:
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in TARGET_NAMES if name in lower), default)


def _target_to_ignore(names: list[str], features: tuple[str, ...], width: int, target: str) -> int | None:
    if features:
        return names.index(target) if target in names else None
    if len(names) != width + 1:  # the right width as it is, or an error for the caller
        return None
    return _usual_target(names, default=_place_of_target(target, width))


def _place_of_target(target: str, width: int) -> int:
    """Return the index of one column too many: the one trained on if the model knows its place, else the last."""
    return int(target) if target.isdecimal() and len(target) < 10 and int(target) < width else width


def _target_as_trained(path: str, names: list[str], trained: Table) -> int:
    if trained.features:
        if trained.target not in names:
            raise CommandError(f"{path}: expected a column {trained.target!r} with the labels as in {trained.source}, "
                               "found none")  # fmt: skip
        return names.index(trained.target)
    width = trained.X.shape[1]
    _check_width(path, len(names) - 1, width, trained.source)
    return _usual_target(names, default=_place_of_target(trained.target, width))


def _check_width(path: str, got: int, width: int, known_to: str) -> None:
    if got != width:
        raise CommandError(f"{path}: expected {width:,} feature columns as in {known_to}, got {max(got, 0):,}")


def _in_order(table: Table, features: tuple[str, ...], known_to: str) -> NDArray[Any]:
    place = {name: index for index, name in enumerate(table.features)}
    for name in features:
        if name not in place:
            raise CommandError(f"{table.source}: expected a column {name!r} as in {known_to}, found none")
    for name in table.features:
        if name not in features:
            raise CommandError(f"{table.source}: column {name!r} is unknown to {known_to}")
    return table.X if table.features == features else table.X[:, [place[name] for name in features]]


def _matrix(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a two-dimensional array of finite numbers as it is."""
    if array.ndim != 2:
        raise CommandError(f"{name}: expected 2 dimensions (rows, columns), got shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise CommandError(f"{name}: expected numbers, got dtype {array.dtype}")
    step = max(1, BLOCK // array.shape[1]) if array.dtype.kind == "f" else len(array)
    for start in range(0, len(array), step):
        finite = np.isfinite(array[start : start + step])
        if not finite.all():
            row, column = np.argwhere(~finite)[0].tolist()
            value = array[start + row, column]
            raise CommandError(
                f"{name}, row {start + row}, column {column} (from 0): expected a finite number, got {value}"
            )
    return array


def _check_labels(labels: NDArray[Any], name: str) -> NDArray[Any]:
    if labels.dtype.kind == "U":
        for text in np.unique(labels).tolist():
            if not text.strip() or not is_printable(text):
                raise CommandError(f"{name}: expected printable labels, got {text!r}")
    elif not np.isfinite(labels).all():
        row = int(np.argmin(np.isfinite(labels)))
        raise CommandError(f"{name}, row {row} (from 0): expected a label, got {labels[row]}")
    return labels
