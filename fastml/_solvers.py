"""The solvers of `fit_logistic`: each takes steps on w and b in place and yields after every finished one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._lbfgs import History, inner, multiply, multiply_transposed
from fastml._logistic import Problem
from fastml._logistic_data import Penalty, shared
from fastml._sparse import Csr

Array = npt.NDArray[Any]

BATCH = 128  # rows
STALLED = 5
SAMPLE = 1 << 20  # elements of X
LARGE = 1 << 18  # parameters, beyond which fewer steps are remembered: all vectors take 40 times the size of w


class Objective:
    """Mean loss plus penalties as a function of one float64 vector: w, then b where the intercept is fitted."""

    def __init__(self, problem: Problem, penalty: Penalty, w: Array, b: Array, fit_intercept: bool) -> None:
        self.problem, self.penalty, self.w, self.b, self.fit_intercept = problem, penalty, w, b, fit_intercept
        self.smooth_penalty = Penalty(0.0, penalty.l2)

    def position(self) -> Array:
        """Return w and b as one vector."""
        parts = [self.w.ravel(), self.b.ravel()] if self.fit_intercept else [self.w.ravel()]
        return np.concatenate(parts).astype(np.float64)

    def move(self, position: Array) -> None:
        """Set w and b."""
        self.w[...] = position[: self.w.size].reshape(self.w.shape)
        if self.fit_intercept:
            self.b[...] = position[self.w.size :].reshape(self.b.shape)

    def rounded(self, position: Array) -> Array:
        """Return the position that w and b can hold."""
        return position.astype(self.w.dtype).astype(np.float64)

    def model(self, position: Array) -> tuple[Array, Array]:
        """Return w and the bias of every class, as the passes take them."""
        w = position[: self.w.size].reshape(self.w.shape).astype(self.w.dtype)
        b = position[self.w.size :].astype(self.w.dtype) if self.fit_intercept else self.b.reshape(-1)
        return w, np.broadcast_to(b, (self.problem.classes,))

    def at(self, position: Array) -> tuple[float, Array]:
        """Return value and gradient, of which l1 is left out."""
        w, b = self.model(position)
        loss, dw, db = self.problem.evaluate(w, b)
        dw += self.smooth_penalty.gradient(w)
        parts = [dw.ravel(), shared(db, self.b)] if self.fit_intercept else [dw.ravel()]
        return float(loss) + self.penalty.value(w), np.concatenate(parts)

    @np.errstate(all="ignore")
    def here(self) -> float:
        """Return the value at w and b."""
        return self.at(self.position())[0]

    def pseudo_gradient(self, position: Array, gradient: Array) -> Array:
        """Return the steepest subgradient with l1 (Andrew and Gao, 2007)."""
        if not self.penalty.l1:
            return gradient
        w, g = position[: self.w.size], gradient[: self.w.size]
        l1 = self.penalty.l1
        result = gradient.copy()
        at_zero = np.sign(g) * np.maximum(np.abs(g) - l1, 0.0)
        result[: self.w.size] = np.where(w == 0, at_zero, g + l1 * np.sign(w))
        return result


def lbfgs(objective: Objective, tol: float) -> Iterator[tuple[float, bool]]:
    """Take L-BFGS steps (OWL-QN with l1: Andrew and Gao, 2007), yielding the loss and whether it has converged.

    Converged means that no entry of the gradient exceeds tol, or that STALLED steps in a row have gained less than w's
    dtype can tell. Where the loss or its gradient is not finite it ends, w and b as they were.
    """
    position = objective.position()
    history = History(position.size, 10 if position.size <= LARGE else 5)
    value, gradient = objective.at(position)
    slope = objective.pseudo_gradient(position, gradient)
    precision = 0.1 * float(np.finfo(objective.w.dtype).eps)
    finite = bool(np.isfinite(value) and np.isfinite(slope).all())
    if not finite or np.abs(slope).max(initial=0.0) <= tol:
        yield value, finite
        return
    first, stalled = True, 0
    while True:
        direction = history.direction(slope)
        orthant = None
        if objective.penalty.l1:
            n = objective.w.size
            direction[:n][direction[:n] * slope[:n] >= 0] = 0.0
            orthant = np.where(position[:n] == 0, -np.sign(slope[:n]), np.sign(position[:n]))
        step = 1.0 / max(1.0, np.sqrt(inner(slope, slope))) if first else 1.0
        found = search(objective, position, value, slope, direction, orthant, step, precision)
        if found is None:
            yield value, bool(np.isfinite(slope).all())
            return
        new_position, new_value, new_gradient = found
        history.push(new_position - position, new_gradient - gradient)
        gained = value - new_value
        position, value, gradient, first = new_position, new_value, new_gradient, False
        slope = objective.pseudo_gradient(position, gradient)
        objective.move(position)
        stalled = stalled + 1 if gained <= precision * abs(value) else 0
        yield value, bool(np.abs(slope).max(initial=0.0) <= tol or stalled == STALLED)


def search(
    objective: Objective,
    position: Array,
    value: float,
    slope: Array,
    direction: Array,
    orthant: Array | None,
    step: float,
    precision: float,
) -> tuple[Array, float, Array] | None:
    """Halve the step until the value falls enough (Armijo); None where not even rounding lets it fall."""
    promised = -inner(slope, direction)
    for halved in range(400):
        # the first step may be far too long, as where X is 1e20: go on while more is promised than rounding hides
        if halved >= 40 and not step * promised > precision * abs(value):
            return None
        trial = position + step * direction
        if orthant is not None:
            trial[: orthant.size][np.sign(trial[: orthant.size]) != orthant] = 0.0
        trial = objective.rounded(trial)
        change = trial - position
        if not change.any():
            return None
        new_value, gradient = objective.at(trial)
        if np.isfinite(new_value) and (  # where w's dtype overflows, both sides may be inf
            new_value <= value + 1e-4 * inner(slope, change)
            or (step < 1e-3 and new_value <= value and value - new_value <= precision * abs(value))
        ):
            return trial, new_value, gradient
        step *= 0.5
    return None


def sgd(
    objective: Objective, tol: float, rng: np.random.Generator, rate: float, weight: Array | None
) -> Iterator[tuple[float, bool]]:
    """Take epochs of mini-batch steps ``w <- w - rate * grad`` in shuffled order, yielding after each.

    The rate is halved after every epoch whose loss has not fallen: as long as w travels it stays, once the noise of the
    batches holds w up it falls geometrically. The loss is the mean over the batches before their steps; converged means
    that it has changed by less than tol times itself. It ends where that or w is not finite, w and b as they were.
    """
    previous = np.inf
    while True:
        order = rng.permutation(objective.problem.n).astype(np.int64, copy=False)
        mean, w, b = epoch(objective, order, rate, weight)
        if not (np.isfinite(mean) and np.isfinite(w).all() and np.isfinite(b).all()):
            yield mean, False
            return
        objective.w[...], objective.b[...] = w, b
        yield mean, abs(previous - mean) <= tol * abs(mean)
        if not mean < previous:
            rate *= 0.5
        previous = mean


def epoch(objective: Objective, order: Array, rate: float, weight: Array | None) -> tuple[float, Array, Array]:
    """Return the mean loss of an epoch of SGD, and w and b after it.

    l1 is applied by soft thresholding after each step. The gradient of a batch counts by the batch's mean weight.
    """
    problem, l1, l2 = objective.problem, objective.penalty.l1, objective.penalty.l2
    w, b = objective.w.copy(), objective.b.copy()
    mean_weight = 1.0 if weight is None else float(weight.sum(dtype=np.float64)) / max(problem.n, 1) or 1.0
    total = 0.0
    for start in range(0, problem.n, BATCH):
        rows = order[start : start + BATCH]
        loss, dw, db = problem.evaluate(w, np.broadcast_to(b.reshape(-1), (problem.classes,)), True, rows)
        share = 1.0 if weight is None else float(weight[rows].mean(dtype=np.float64)) / mean_weight
        total += share * float(loss) * rows.size
        new = w - rate * (share * dw + 2.0 * l2 * w)
        if l1:
            new = np.sign(new) * np.maximum(np.abs(new) - rate * l1, 0.0)
        w[...] = new
        if objective.fit_intercept:
            b[...] = b - rate * share * shared(db, b).reshape(b.shape)
    return total / max(problem.n, 1) + objective.penalty.value(w), w, b


@np.errstate(all="ignore")
def first_rate(X: Array | Csr, scale: float | None, problem: Problem, l2: float, weight: Array | None) -> float:
    """Return the rate at which SGD starts: 1 over the curvature that a batch is expected to have.

    That is ``c (v + m / BATCH) + 2 l2``: c bounds the second derivative of the loss, 1/4 (sigmoid) or 1/2 (softmax); v
    is the largest eigenvalue of the (weighted) mean of ``x x^T``, by the power method, and m the mean of ``|x|^2``,
    both over evenly spaced rows of X, a million elements in all, with a 1 for the intercept.
    """
    step = max(1, -(-X.size // SAMPLE))
    sample = X.rows(slice(None, None, step)) if isinstance(X, Csr) else X[::step]
    n = max(sample.shape[0], 1)
    rows = np.ones((sample.shape[0], X.shape[1] + 1))
    np.multiply(sample, 1.0 if scale is None else scale, out=rows[:, :-1], dtype=np.float64)
    if weight is not None and (total := float(weight[::step].sum(dtype=np.float64))) > 0:
        rows *= np.sqrt(weight[::step] * (n / total), dtype=np.float64)[:, None]
    squares = np.square(rows).sum(axis=0) / n
    vector, largest = np.sqrt(squares), 0.0
    for _ in range(10):
        vector /= max(float(np.sqrt(inner(vector, vector))), np.finfo(np.float64).tiny)
        # neither matmul nor einsum, whose bits depend on threads and on the machine
        vector = multiply_transposed(rows, multiply(rows, vector)) / n
        largest = float(np.sqrt(inner(vector, vector)))
    bound = 0.25 if problem.classes == 1 or problem.multi_label else 0.5
    curvature = bound * (largest + float(squares.sum()) / BATCH) + 2.0 * l2
    return 1.0 / curvature if curvature > 0 else 1.0
