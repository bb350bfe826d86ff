"""The norms and their gradients, in rows few and many columns long; batch_norm over features and over images."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, oracle

ROWS = ((10_000, 10), (1_000, 1_000), (64, 50_000))
BATCHES = ((10_000, 64), (64, 32, 28, 28))
QUICK = {(10_000, 10), (10_000, 64)}
SUMMATION = 5.0  # times the tolerance: gradients by weight are sums over all rows, in float32 for peers
FUNCTIONS = {
    "layer_norm": ROWS,
    "layer_norm_backward": ROWS,
    "rms_norm": ROWS,
    "rms_norm_backward": ROWS,
    "batch_norm": BATCHES,
    "batch_norm_backward": BATCHES,
}


def make(function: str, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs: x, weight and bias, or what the gradients take."""
    x, dy = (2 * rng.standard_normal((2, *shape)) + 1).astype(dtype)
    count = shape[1]
    weight, bias = rng.standard_normal((2, count)).astype(dtype)
    match function:
        case "layer_norm":
            return Inputs((x, weight, bias))
        case "rms_norm":
            return Inputs((x, weight))
        case "batch_norm":
            return Inputs((x, np.zeros(count, dtype), np.ones(count, dtype), weight, bias), {"training": True})
    forward = function.removesuffix("_backward")
    keywords = {"training": True} if forward == "batch_norm" else {}
    stats = getattr(oracle(), forward)(x, return_stats=True, **keywords)[1:]
    return Inputs((dy, x, *(s.astype(dtype) for s in stats), weight))


def case(function: str, shape: tuple[int, ...], dtype: str) -> Case:
    """Describe one case."""
    backward = function.endswith("_backward")
    return Case(
        function,
        " x ".join(f"{size:,}" for size in shape),
        dtype,
        partial(make, function, shape, dtype),
        elements=prod(shape),
        nbytes=prod(shape) * (3 if backward else 2) * np.dtype(dtype).itemsize,
        quick=shape in QUICK,
        tolerance=SUMMATION if backward else 1.0,
    )


CASES = [
    case(function, shape, dtype)
    for function, shapes in FUNCTIONS.items()
    for dtype in ("float32", "float64")
    for shape in shapes
]


def test_norms(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
