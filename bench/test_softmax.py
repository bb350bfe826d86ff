"""Softmax and kin along the last axis (few, many and very many columns) and down the first."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs

SHAPES = ((10_000, 10, 1), (1_000, 1_000, 1), (64, 50_000, 1), (1_000, 1_000, 0))  # rows, columns, axis
QUICK_SHAPES = {(10_000, 10, 1), (1_000, 1_000, 0)}


def make(function: str, shape: tuple[int, int, int], dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs."""
    rows, columns, axis = shape
    x = (4 * rng.standard_normal((rows, columns))).astype(dtype)
    return Inputs((x,), {"axis": axis}, out=None if function == "logsumexp" else x.shape)


def case(function: str, shape: tuple[int, int, int], dtype: str) -> Case:
    """Describe one case."""
    rows, columns, axis = shape
    elements = rows * columns
    results = (columns if axis == 0 else rows) if function == "logsumexp" else elements
    return Case(
        function,
        f"{rows:,} x {columns:,}" + (", axis=0" if axis == 0 else ""),
        dtype,
        partial(make, function, shape, dtype),
        elements=elements,
        nbytes=(elements + results) * np.dtype(dtype).itemsize,
        quick=shape in QUICK_SHAPES,
    )


CASES = [
    case(function, shape, dtype)
    for function in ("softmax", "log_softmax", "logsumexp")
    for dtype in ("float32", "float64")
    for shape in SHAPES
]


def test_softmax(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
