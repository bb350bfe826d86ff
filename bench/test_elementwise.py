"""Element-wise functions, forward and backward, from one cache line to far beyond the caches; `out=` is given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs

SIZES = (16, 1_000, 100_000, 8_000_000)
QUICK_SIZES = (16, 100_000)
FLOAT16_SIZE = 100_000

# From normally distributed values, what the backward functions take for y: the output of the forward ones.
OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "sigmoid_backward": lambda z: 1 / (1 + np.exp(-z)),
    "tanh_backward": np.tanh,
    "relu_backward": lambda z: np.maximum(z, 0),
}
FUNCTIONS = ("sigmoid", "tanh", "relu", *OUTPUTS)


def make(function: str, n: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs."""
    if function not in OUTPUTS:
        return Inputs(((4 * rng.standard_normal(n)).astype(dtype),), out=(n,))
    dy, z = rng.standard_normal((2, n))
    return Inputs((dy.astype(dtype), OUTPUTS[function](z).astype(dtype)), out=(n,))


def case(function: str, n: int, dtype: str) -> Case:
    """Describe one case."""
    arrays = 3 if function in OUTPUTS else 2
    return Case(
        function,
        f"n={n:,}",
        dtype,
        partial(make, function, n, dtype),
        elements=n,
        nbytes=arrays * n * np.dtype(dtype).itemsize,
        quick=n in QUICK_SIZES,
    )


CASES = [
    case(function, n, dtype)
    for function in FUNCTIONS
    for dtype in ("float16", "float32", "float64")
    for n in ((FLOAT16_SIZE,) if dtype == "float16" else SIZES)
]


def test_elementwise(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
