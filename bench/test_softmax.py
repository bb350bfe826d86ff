"""Softmax and kin, forward and backward, along the last axis (few, many and very many columns) and down the first."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, oracle

SHAPES = ((10_000, 10, 1), (1_000, 1_000, 1), (64, 50_000, 1), (1_000, 1_000, 0))  # rows, columns, axis
QUICK_SHAPES = {(10_000, 10, 1), (1_000, 1_000, 0)}


FORWARD = ("softmax", "log_softmax", "logsumexp")
REDUCED = ("logsumexp", "entropy")
BACKWARD = ("softmax_backward", "log_softmax_backward")


def make(function: str, shape: tuple[int, int, int], dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs: scores, or what follows from them."""
    rows, columns, axis = shape
    x = 4 * rng.standard_normal((rows, columns))
    out = None if function in REDUCED else x.shape
    if function in FORWARD:
        return Inputs((x.astype(dtype),), {"axis": axis}, out)
    forward = oracle().log_softmax if function == "log_softmax_backward" else oracle().softmax
    y = forward(x, axis=axis).astype(dtype)
    dy = () if function == "entropy" else (rng.standard_normal(x.shape).astype(dtype),)
    return Inputs((*dy, y), {"axis": axis}, out)


def case(function: str, shape: tuple[int, int, int], dtype: str) -> Case:
    """Describe one case."""
    rows, columns, axis = shape
    elements = rows * columns
    results = (columns if axis == 0 else rows) if function in REDUCED else elements
    return Case(
        function,
        f"{rows:,} x {columns:,}" + (", axis=0" if axis == 0 else ""),
        dtype,
        partial(make, function, shape, dtype),
        elements=elements,
        nbytes=(elements * (2 if function in BACKWARD else 1) + results) * np.dtype(dtype).itemsize,
        quick=shape in QUICK_SHAPES,
    )


CASES = [
    case(function, shape, dtype)
    for function in (*FORWARD, "entropy", *BACKWARD)
    for dtype in ("float32", "float64")
    for shape in SHAPES
]


def test_softmax(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
