"""Losses with their gradients. Pointwise ones in cache, a million elements, and squared errors from memory.

Traffic is the prediction and the target read once and the gradient written once, and beside it stands the floor of that
traffic: ``numpy.add(x, target, out=)``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.cases_cross_entropy import CASES as CROSS_ENTROPY
from bench.harness import Case, Inputs, oracle

FUNCTIONS = ("mse_loss", "mae_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
SIZES = (1_000, 1_000_000)
LARGE = 8_000_000
QUICK = 1_000


def make(function: str, n: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw predictions, and targets that are numbers or labels."""
    labels = function.startswith("binary")
    x = rng.uniform(0.01, 0.99, n) if function == "binary_cross_entropy" else 4 * rng.standard_normal(n)
    t = rng.random(n) < 0.5 if labels else rng.standard_normal(n)
    return Inputs((x.astype(dtype), t.astype(dtype)), out=(n,))


def right_answer(function: str, inputs: Inputs) -> Any:
    """Ask the oracle for loss and gradient."""
    x, t = (a.astype(np.float64) for a in inputs.args)
    return getattr(oracle(), function)(x, t, return_grad=True)


def case(function: str, n: int, dtype: str) -> Case:
    """Describe one case."""
    return Case(
        function,
        f"{n:,}",
        dtype,
        partial(make, function, n, dtype),
        elements=n,
        nbytes=3 * n * np.dtype(dtype).itemsize,
        quick=n == QUICK,
        tolerance=10.0,  # the mean of a million, in float32 for most peers
        expected=partial(right_answer, function),
    )


CASES = [
    case(function, n, dtype)
    for function in FUNCTIONS
    for dtype in ("float32", "float64")
    for n in (*SIZES, *((LARGE,) if function == "mse_loss" else ()))
] + CROSS_ENTROPY


def test_losses(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
