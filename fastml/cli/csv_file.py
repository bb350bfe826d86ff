"""CSV files with a header line; every complaint names the line, as an editor counts it."""

import csv
import math
from array import array
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from fastml.cli.errors import CommandError, naming
from fastml.cli.table import Table, is_printable

__all__ = ["read_csv"]

TargetFinder = Callable[[list[str]], int | None]


def read_csv(path: str, find_target: TargetFinder, *, keep_labels: bool) -> Table:
    """Read a CSV file.

    Parameters
    ----------
    path : str
        The file: UTF-8, commas, a header line; blank lines are skipped.
    find_target : callable
        Gets the column names and returns the index of the target column, None when there is none.
    keep_labels : bool
        Whether the target's cells are wanted; they are ignored otherwise.

    Returns
    -------
    Table
        With X in float64.

    Raises
    ------
    CommandError
        For an empty file, a missing header, ragged rows, and cells that are no finite number; says where.
    OSError
        When the file cannot be read.
    """
    with naming(path), open(path, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        rows = ((reader.line_num, row) for row in reader if row)
        try:
            names = _header(path, rows)
            target = find_target(names)
            X, labels = _body(path, rows, names, target, keep_labels)
        except csv.Error as error:
            raise CommandError(f"{path}, line {reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{path}, after line {reader.line_num}: not a text file in UTF-8") from error
    features = tuple(name for index, name in enumerate(names) if index != target)
    return Table(path, X, labels if keep_labels else None, features, "" if target is None else names[target])


def _header(path: str, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    line, cells = next(rows, (0, []))
    if not cells:
        raise CommandError(f"{path}: the file is empty")
    names = [cell.strip() for cell in cells]
    where = f"{path}, line {line}"
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not name or not is_printable(name):
            raise CommandError(f"{where}: column {index + 1} has no printable name")
        if name in seen:
            raise CommandError(f"{where}: two columns are named {name!r}")
        seen.add(name)
    numbers = [name for name in names if _is_number(name)]
    # Unnamed columns are often numbered from 0 or 1; other numbers are data whose header is missing.
    if 2 * len(numbers) > len(names) and numbers not in (_counted(numbers, 0), _counted(numbers, 1)):
        raise CommandError(f"{where}: expected a header with the names of the columns, got {_shown(','.join(cells))}")
    if len(names) == 1 and any(separator in names[0] for separator in ";\t"):
        raise CommandError(f"{where}: expected commas between the columns, got {names[0]!r}")
    return names


def _counted(names: list[str], start: int) -> list[str]:
    return [str(number) for number in range(start, start + len(names))]


def _body(
    path: str, rows: Iterator[tuple[int, list[str]]], names: list[str], target: int | None, keep_labels: bool
) -> tuple[NDArray[np.float64], list[str]]:
    width = len(names)
    values, lines, labels = array("d"), array("q"), []
    known: dict[str, str] = {}  # one object per class, and each is checked once
    for line, row in rows:
        if len(row) != width:
            raise CommandError(f"{path}, line {line}: expected {width} cells as in the header, got {len(row)}")
        if target is not None:
            cell = row.pop(target)
            if keep_labels:
                labels.append(known.get(cell) or known.setdefault(cell, _label(path, line, names[target], cell)))
        try:
            if "_" in "".join(row):  # float() takes 1_000
                raise ValueError
            values.extend(map(float, row))
        except ValueError:
            raise CommandError(_first_bad_cell(path, line, names, target, row)) from None
        lines.append(line)
    if not lines:
        raise CommandError(f"{path}: the file has a header but no rows")
    X = np.frombuffer(values, np.float64).reshape(len(lines), width - (target is not None))
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        index = int(np.argmin(finite))
        raise CommandError(_first_bad_cell(path, lines[index], names, target, [str(v) for v in X[index].tolist()]))
    return X, labels


def _label(path: str, line: int, name: str, cell: str) -> str:
    label = cell.strip()
    if not label or label.lower() == "nan" or not is_printable(label):
        raise CommandError(f"{path}, line {line}, column {name!r}: expected a label, got {_shown(cell)}")
    return label


def _first_bad_cell(path: str, line: int, names: list[str], target: int | None, cells: list[str]) -> str:
    features = [name for index, name in enumerate(names) if index != target]
    for name, cell in zip(features, cells, strict=True):
        if not _is_number(cell):
            return f"{path}, line {line}, column {name!r}: expected a finite number, got {_shown(cell)}"
    raise AssertionError("called for a row without a bad cell")


def _is_number(cell: str) -> bool:
    try:
        return "_" not in cell and math.isfinite(float(cell))
    except ValueError:
        return False


def _shown(cell: str) -> str:
    if not cell.strip():
        return "an empty cell"
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
