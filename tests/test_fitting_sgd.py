"""fit_logistic with solver="sgd": seeds, the rate it chooses, epochs that count whole or not at all."""

import os
import platform
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_fitting import data, few_classes
from test_logistic import BINARY


def fit(fastml, X, y, **keywords):
    with silent():
        return fastml.fit_logistic(X, y, solver="sgd", **keywords)


@few_classes
def test_the_seed_decides(K, fastml):
    X, y = data(K, n=1000)
    options = {"l2": 0.01, "max_iter": 3}
    first, again = (fit(fastml, X, y, rng=7, **options) for _ in range(2))
    assert_same_bits(first.w, again.w)
    assert_same_bits(first.b, again.b)
    assert first.history == again.history
    assert_same_bits(fit(fastml, X, y, rng=np.random.default_rng(7), **options).w, first.w)
    assert np.any(fit(fastml, X, y, rng=8, **options).w != first.w)
    assert np.any(fit(fastml, X, y, **options).w != fit(fastml, X, y, **options).w)


def by_the_formula(X, y, K, l1, l2, weight, epochs):
    """Return w, b, the losses of the epochs and their rates, as the docstrings of the solver say."""
    n, rng = len(y), np.random.default_rng(7)
    w, b = (np.zeros(X.shape[1]), np.zeros(())) if K == BINARY else (np.zeros((X.shape[1], K)), np.zeros(K))
    mean_weight = 1 if weight is None else weight.mean()
    rows = np.column_stack((X, np.ones(n))) * (1 if weight is None else np.sqrt(weight / mean_weight)[:, None])
    moment = rows.T @ rows / n
    bound = 0.25 if K == BINARY else 0.5
    rate = 1 / (bound * (np.linalg.eigvalsh(moment)[-1] + np.trace(moment) / 128) + 2 * l2)
    losses, rates = [np.inf], []
    for _ in range(epochs):
        order, total = rng.permutation(n), 0
        for start in range(0, n, 128):
            part = order[start : start + 128]
            weights = None if weight is None else weight[part]
            share = 1 if weight is None else weights.mean() / mean_weight
            loss, dw, db = reference.logistic_loss(X[part], y[part], w, b, sample_weight=weights, return_grad=True)
            total += share * loss * len(part)
            w = w - rate * (share * dw + 2 * l2 * w)
            w, b = np.sign(w) * np.maximum(abs(w) - rate * l1, 0), b - rate * share * db
        losses.append(total / n + l1 * abs(w).sum() + l2 * (w * w).sum())
        rates.append(rate)
        rate *= 1 if losses[-1] < losses[-2] else 0.5
    return w, b, losses[1:], rates


@few_classes
@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (0.01, 0.03)])
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_by_the_formula(K, l1, l2, weighted, fastml):
    X, y = data(K, n=1000)
    X = X * [4, 1, 1, 1, 1, 0.5] + 0.5  # one direction is longest by far: the power method finds how long
    weight = np.random.default_rng(1).random(1000) if weighted else None
    w, b, losses, rates = by_the_formula(X, y, K, l1, l2, weight, 60)
    assert rates[0] > rates[-1]
    result = fit(fastml, X, y, l1=l1, l2=l2, sample_weight=weight, rng=7, max_iter=60, tol=0)
    np.testing.assert_allclose(result.w, w, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(result.b, b, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose([step.loss for step in result.history], losses, rtol=1e-7)


@few_classes
@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
def test_near_the_minimum(K, dtype, fastml):
    X, y = data(K, n=5000, dtype=dtype)
    least = fastml.fit_logistic(X, y, l2=1e-3).loss
    result = fit(fastml, X, y, l2=1e-3, rng=0)
    assert result.converged
    assert result.w.dtype == dtype
    assert result.loss == pytest.approx(least, rel=3e-4)
    assert result.loss == pytest.approx(fastml.logistic_loss(X, y, result.w, result.b, l2=1e-3), rel=1e-12)


@few_classes
@pytest.mark.parametrize(
    "kind", ["unscaled", "far from 0", "outliers", "heavy tails", "tiny", "huge", "uneven weights"]
)
def test_never_diverges(K, kind, fastml):
    X, y = data(K, n=2000)
    keywords = {"sample_weight": np.where(np.arange(2000) % 500, 1, 300)} if kind == "uneven weights" else {}
    X = {
        "unscaled": X * np.geomspace(0.01, 100, 6),
        "far from 0": X + 50,
        "outliers": np.where(np.arange(2000)[:, None] % 700, X, 1000 * X),
        "heavy tails": np.exp(2 * X),
        "tiny": X * 1e-6,
        "huge": X * 1e6,
    }.get(kind, X)
    start = fastml.logistic_loss(X, y, np.zeros(6 if K == BINARY else (6, K)), np.zeros(K), **keywords)
    result = fit(fastml, X, y, rng=0, max_iter=30, **keywords)
    assert result.loss < start + (1e-4 if kind == "tiny" else 0)  # there is nothing to learn from tiny numbers
    assert np.isfinite([step.loss for step in result.history]).all()


def test_l1_gives_exact_zeros(fastml):
    X, y = data(3, n=2000, d=12)
    least = fastml.fit_logistic(X, y, l1=0.03)
    result = fit(fastml, X, y, l1=0.03, rng=0)
    assert np.any(result.w == 0)
    assert np.all(np.abs(result.w[least.w == 0]) < 0.01)
    assert result.loss == pytest.approx(least.loss, rel=1e-3)


def test_it_learns_the_digits(fastml):
    with np.load(resources.files("fastml.data") / "digits.npz") as digits:
        X, y = digits["X"].astype(np.float32), digits["y"]
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 0.1)
    train, test = np.arange(len(y)) % 5 != 0, np.arange(len(y)) % 5 == 0

    def accuracy(result):
        return np.mean(fastml.predict_logistic(X[test], result.w, result.b).argmax(axis=1) == y[test])

    best = accuracy(fastml.fit_logistic(X[train], y[train], l2=3e-4))
    assert best > 0.95
    assert accuracy(fit(fastml, X[train], y[train], l2=3e-4, rng=0, max_iter=100)) > best - 0.01


@few_classes
def test_a_bad_row_leaves_the_start_alone(K, fastml):
    X, y = data(K, n=1000)
    y[777], w, b = 9, np.ones((6,) if K == BINARY else (6, K)), np.ones(K)
    with pytest.raises(ValueError, match=r"^y: expected .*, got 9 in row 777$"):
        fit(fastml, X, y, w=w, b=b, rng=0)
    weight = np.where(np.arange(1000) == 333, -1, 1)
    with pytest.raises(ValueError, match=r"^sample_weight: .*, got -1 in row 333$"):
        fit(fastml, X, np.minimum(y, 1), w=w, b=b, rng=0, sample_weight=weight)
    assert np.all(w == 1)
    assert np.all(b == 1)


def test_an_interrupt_within_an_epoch_undoes_it(fastml, monkeypatch):
    from fastml import _solvers

    X, y = data(n=1000)
    w, kept, evaluations = np.zeros(6), [], []

    class Interrupted:
        """A problem whose passes the user interrupts in the middle of the second epoch."""

        def __init__(self, problem):
            self.problem, self.n, self.classes = problem, problem.n, problem.classes

        def evaluate(self, *arguments):
            evaluations.append(None)
            if len(evaluations) == 12:
                raise KeyboardInterrupt
            return self.problem.evaluate(*arguments)

    initialize = _solvers.Objective.__init__
    monkeypatch.setattr(
        _solvers.Objective, "__init__", lambda self, problem, *rest: initialize(self, Interrupted(problem), *rest)
    )
    with pytest.raises(KeyboardInterrupt):
        fit(fastml, X, y, w=w, rng=0, callback=lambda step: kept.append(w.copy()))
    assert len(kept) == 1
    assert_same_bits(w, kept[0])


RATE = """
import numpy as np
import fastml
for seed in range(5):
    X = np.random.default_rng(seed).random((900, 33)) - 0.5
    result = fastml.fit_logistic(X, X[:, 0] > 0, solver="sgd", max_iter=1, rng=0)
    print(*map(float.hex, result.w))
"""


def test_the_rate_does_not_depend_on_the_kernels_of_the_blas(fastml):
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    other = "Nehalem" if x86 else "CORTEXA53"  # another BLAS does not know the variable
    results = [
        subprocess.run(
            [sys.executable, "-c", RATE], env=os.environ | more, capture_output=True, text=True, timeout=100, check=True
        )
        for more in ({}, {"OPENBLAS_CORETYPE": other})
    ]
    assert results[0].stdout == results[1].stdout
