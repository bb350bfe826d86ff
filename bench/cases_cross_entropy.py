"""Cases of the family "losses": cross-entropy of few, many and very many classes, in rows and in columns."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, oracle

CROSS_ENTROPY = ((10_000, 10, 1), (1_000, 1_000, 1), (64, 50_000, 1), (1_000, 1_000, 0))  # rows, columns, axis
QUICK = {(10_000, 10, 1), (1_000, 1_000, 0)}


def make_cross_entropy(shape: tuple[int, int, int], dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw logits, and a class for each problem."""
    rows, columns, axis = shape
    x = (4 * rng.standard_normal((rows, columns))).astype(dtype)
    classes, problems = (columns, rows) if axis == 1 else (rows, columns)
    return Inputs((x, rng.integers(0, classes, problems)), {"axis": axis}, x.shape)


def right_cross_entropy(inputs: Inputs) -> Any:
    """Compute from the oracle's log_softmax: its own loss would form the targets' probabilities."""
    x, y = inputs.args
    axis, n = inputs.kwargs["axis"], np.arange(len(inputs.args[1]))
    log_p, places = oracle().log_softmax(x.astype(np.float64), axis), (n, y) if inputs.kwargs["axis"] == 1 else (y, n)
    gradient = np.exp(log_p)
    gradient[places] -= 1
    return -np.mean(log_p[places]), gradient / len(y)


def cross_entropy(shape: tuple[int, int, int], dtype: str) -> Case:
    """Describe one case."""
    rows, columns, axis = shape
    elements = rows * columns
    return Case(
        "cross_entropy",
        f"{rows:,} x {columns:,}" + (", axis=0" if axis == 0 else ""),
        dtype,
        partial(make_cross_entropy, shape, dtype),
        elements=elements,
        nbytes=2 * elements * np.dtype(dtype).itemsize,
        quick=shape in QUICK,
        expected=right_cross_entropy,
    )


CASES = [
    *(cross_entropy(shape, dtype) for dtype in ("float32", "float64") for shape in CROSS_ENTROPY),
    cross_entropy((1_000, 1_000, 1), "float16"),
]
