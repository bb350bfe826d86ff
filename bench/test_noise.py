"""Dropout and Gaussian noise, in the caches and far beyond; `out=` is given where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf, sqrt
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, as_arrays

SIZES = (1_000, 100_000, 8_000_000)
QUICK_SIZES = (1_000, 100_000)
FLOAT16_SIZE = 100_000
P, STD = 0.5, 0.1
ERRORS = 6  # standard errors


@dataclass(frozen=True)
class RandomCase(Case):
    """Every contender has random numbers of its own: what is checked is what they must have in common."""

    def error(self, got: Any, right: Any) -> float:
        """Return by how much the elements kept differ from x / (1 - p), or inf where the statistics are wrong."""
        (y,) = as_arrays(got)
        x, n = right, right.size
        if y.shape != x.shape:
            return inf
        if self.function == "dropout":
            kept = y != 0
            fair = abs(np.count_nonzero(kept) - n * (1 - P)) < ERRORS * sqrt(n * P * (1 - P))
            return super().error(y[kept], x[kept] / (1 - P)) if fair else inf
        z = np.subtract(y, x, dtype=np.float64) / STD
        fair = abs(np.mean(z)) < ERRORS / sqrt(n) and abs(np.mean(z * z) - 1) < ERRORS * sqrt(2 / n)
        return 0.0 if fair else inf


def make(parameter: float, n: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the input."""
    return Inputs((rng.standard_normal(n).astype(dtype), parameter), out=(n,))


def case(function: str, n: int, dtype: str) -> Case:
    """Describe one case."""
    return RandomCase(
        function,
        f"n={n:,}",
        dtype,
        partial(make, P if function == "dropout" else STD, n, dtype),
        elements=n,
        nbytes=2 * n * np.dtype(dtype).itemsize,
        quick=n in QUICK_SIZES,
        expected=lambda inputs: inputs.args[0],
    )


CASES = [
    case(function, n, dtype)
    for function in ("dropout", "gaussian_noise")
    for dtype in ("float16", "float32", "float64")
    for n in ((FLOAT16_SIZE,) if dtype == "float16" else SIZES)
]


def test_noise(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
