"""Logistic and softmax regression: loss and gradient, also of X as other dtypes and orders keep it; a step, a fit.

Times are per element of X, traffic is X read once, and beside each stands the floor: ``X @ w`` alone, of X in the
dtype of w.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, oracle

BINARY = ((2_000_000, 32), (600_000, 100), (400_000, 128), (100_000, 784), (20_000, 20), (256, 784))
MULTINOMIAL = ((60_000, 784),)
K = 10
STORED = (  # how X is kept: dtype, order
    (400_000, 128, 2, "float16", "C"),
    (400_000, 128, 2, "uint8", "C"),
    (400_000, 128, 2, "float32", "F"),
    (60_000, 784, K, "uint8", "C"),
)
LABELS = (300_000, 32, 5)
QUICK = {(20_000, 20), (256, 784)}
BLOCK = 20_000  # rows that the oracle widens to float64 at once
SUMMATION = 50.0  # times the tolerance: gradients are sums over all rows, in float32 for most peers
LR = 0.1
FIT = {"l2": 1e-4, "tol": 1e-6, "max_iter": 1_000}


def data(n: int, d: int, classes: int, dtype: str, rng: Any) -> tuple[Any, ...]:
    """Draw X, labels from a model, and (w, b) elsewhere, so that the gradient is not near zero."""
    X = rng.standard_normal((n, d), dtype=dtype)
    shape = (d,) if classes == 2 else (d, classes)
    truth, w = (rng.standard_normal((2, *shape)) / np.sqrt(d)).astype(dtype)
    z = X @ truth
    if classes == 2:
        y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(dtype)
    else:
        y = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    return X, y, w, np.full(shape[1:], 0.1, dtype)


def make(function: str, n: int, d: int, classes: int, dtype: str, rng: np.random.Generator) -> Inputs:
    """Draw the inputs."""
    X, y, w, b = data(n, d, classes, dtype, rng)
    match function:
        case "predict_logistic":
            return Inputs((X, w, b))
        case "logistic_step":
            return Inputs((X, y, w, b, LR))
        case "fit_logistic":
            return Inputs((X, y), FIT)
    return Inputs((X, y, w, b))


def make_stored(n: int, d: int, classes: int, dtype: str, order: Any, rng: np.random.Generator) -> Inputs:
    """Draw X as it is kept: bytes from 0 to 255, or rounded to float16."""
    X, y, w, b = data(n, d, classes, "float32", rng)
    if dtype == "uint8":
        return Inputs((rng.integers(0, 256, (n, d), np.uint8), y, w, b), {"scale": 1 / 255})
    return Inputs((np.asarray(X.astype(dtype, copy=False), order=order), y, w, b))


def make_labels(n: int, d: int, count: int, rng: np.random.Generator) -> Inputs:
    """Draw the inputs of independent labels."""
    X, _, w, b = data(n, d, count, "float32", rng)
    return Inputs((X, (rng.random((n, count)) < 0.3).astype(X.dtype), w, b))


def blockwise_loss(inputs: Inputs) -> Any:
    """Return the oracle's loss and gradient, as a mean over blocks: X in float64 may not fit into memory."""
    X, y, w, b = (np.asarray(a) for a in inputs.args[:4])
    scale = inputs.kwargs.get("scale", 1.0)
    loss, dw, db = 0.0, 0.0, 0.0
    for i in range(0, len(X), BLOCK):
        rows = slice(i, i + BLOCK)
        wide = (X[rows] * np.float64(scale), y[rows], w.astype(float), b.astype(float))
        parts = oracle().logistic_loss(*wide, return_grad=True)
        share = len(X[rows]) / len(X)
        loss, dw, db = (total + share * part for total, part in zip((loss, dw, db), parts, strict=True))
    return loss, dw, db


def right_step(inputs: Inputs) -> Any:
    """Take one step along the oracle's gradient."""
    loss, dw, db = blockwise_loss(inputs)
    w, b, lr = inputs.args[2:]
    return loss, w - lr * dw, b - lr * db


def right_fit(inputs: Inputs) -> Any:
    """Run Newton's method to the end: the minimum itself, whatever any solver stops at."""
    X, y = inputs.args
    A = np.column_stack((X, np.ones(len(X))))
    penalty = np.append(np.full(X.shape[1], 2 * FIT["l2"]), 0.0)
    v = np.zeros(A.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-A @ v))
        gradient = A.T @ (p - y) / len(y) + penalty * v
        hessian = (A.T * (p * (1 - p))) @ A / len(y) + np.diag(penalty)
        v -= np.linalg.solve(hessian, gradient)
    return v[:-1], v[-1]


OPERATIONS = {"logistic_loss": 4, "logistic_step": 4, "predict_logistic": 2}  # for an element of X and a class
EXPECTED = {"logistic_loss": blockwise_loss, "logistic_step": right_step, "fit_logistic": right_fit}


def case(function: str, n: int, d: int, classes: int = 2, dtype: str = "float32", tolerance: float = SUMMATION) -> Case:
    """Describe one case."""
    return Case(
        function,
        f"{n:,} x {d:,}" + (f", K={classes}" if classes > 2 else ""),
        dtype,
        partial(make, function, n, d, classes, dtype),
        elements=n * d,
        nbytes=None if function == "fit_logistic" else n * d * np.dtype(dtype).itemsize,
        quick=(n, d) in QUICK,
        tolerance=tolerance,
        expected=EXPECTED.get(function),
        operations=OPERATIONS.get(function, 0) * (1 if classes == 2 else classes) or None,
    )


def stored(n: int, d: int, classes: int, dtype: str, order: str) -> Case:
    """Describe a case of X that is not dense in the dtype of w, float32."""
    plain = case("logistic_loss", n, d, classes)
    kind = dtype if order == "C" else "Fortran order"
    made, nbytes = partial(make_stored, n, d, classes, dtype, order), n * d * np.dtype(dtype).itemsize
    return replace(plain, size=f"{plain.size}, {kind}", make=made, nbytes=nbytes)


def labels(n: int, d: int, count: int) -> Case:
    """Describe a case of several independent labels."""
    plain = case("logistic_loss", n, d)
    return replace(plain, size=f"{plain.size}, {count} labels", make=partial(make_labels, n, d, count))


CASES = [
    *(case("logistic_loss", n, d) for n, d in BINARY),
    *(case("logistic_loss", n, d, K) for n, d in MULTINOMIAL),
    *(stored(*shape) for shape in STORED),
    labels(*LABELS),
    case("logistic_step", 256, 784),
    case("logistic_step", 256, 784, K),
    case("predict_logistic", 20_000, 20),
    case("predict_logistic", 100_000, 784),
    case("predict_logistic", 60_000, 784, K),
    case("fit_logistic", 20_000, 20, dtype="float64", tolerance=1e9),  # 1e-3: solvers stop at 1e-6 of the gradient
]


def test_logistic(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
