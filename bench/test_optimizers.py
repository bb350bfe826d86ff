"""Optimizer steps in place, penalties with their gradients, and the soft threshold."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, oracle

SIZES = (16, 10_000, 1_000_000, 8_000_000)
QUICK_SIZES = {16, 10_000}
# Arrays read and written once; sgd_step has momentum.
PASSES = {"sgd_step": 5, "adam_step": 7, "l1_penalty": 2, "l2_penalty": 2, "soft_threshold": 2}
LR, STRENGTH = 1e-3, 0.25


def make(function: str, size: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw parameters, a gradient and the state that goes with them."""
    param, grad, first, second = rng.standard_normal((4, size)).astype(dtype)
    if function == "sgd_step":
        return Inputs((param, grad, first))
    if function == "adam_step":
        return Inputs((param, grad, first, second**2))
    return Inputs((param, STRENGTH), out=param.shape)


def expected(function: str, inputs: Inputs) -> Any:
    """Ask the oracle; a step's result is what its arrays hold afterwards."""
    wide = [np.asarray(a, np.float64) for a in inputs.args]
    if function == "sgd_step":
        param, grad, velocity = wide
        return oracle().sgd_step(param, grad, LR, momentum=0.9, velocity=velocity)
    if function == "adam_step":
        return oracle().adam_step(*wide, 1, LR, weight_decay=0.01)
    keywords = {} if function == "soft_threshold" else {"return_grad": True}
    return getattr(oracle(), function)(wide[0], STRENGTH, **keywords)


def case(function: str, size: int, dtype: str) -> Case:
    """Describe one case."""
    return Case(
        function,
        f"{size:,}",
        dtype,
        partial(make, function, size, dtype),
        elements=size,
        nbytes=PASSES[function] * size * np.dtype(dtype).itemsize,
        quick=size in QUICK_SIZES,
        expected=partial(expected, function),
    )


CASES = [case(function, size, dtype) for function in PASSES for dtype in ("float32", "float64") for size in SIZES]


def test_optimizers(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
