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
PARAMETERS = {"leaky_relu": 0.01, "elu": 1.0}
FORWARD = ("sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu", *PARAMETERS)
FROM_INPUT = tuple(f"{name}_backward" for name in FORWARD[3:])
FUNCTIONS = (*FORWARD, *OUTPUTS, *FROM_INPUT)


def make(function: str, n: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs."""
    parameter = PARAMETERS.get(function.removesuffix("_backward"))
    after = () if parameter is None else (parameter,)
    if function in FORWARD:
        return Inputs(((4 * rng.standard_normal(n)).astype(dtype), *after), out=(n,))
    dy, z = rng.standard_normal((2, n))
    second = OUTPUTS[function](z) if function in OUTPUTS else 4 * z
    return Inputs((dy.astype(dtype), second.astype(dtype), *after), out=(n,))


def case(function: str, n: int, dtype: str) -> Case:
    """Describe one case."""
    arrays = 2 if function in FORWARD else 3
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
