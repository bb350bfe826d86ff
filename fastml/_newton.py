"""The Hessian of a sample as the start of L-BFGS: few passes over all rows, and the optimum of all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._lbfgs import Cholesky, History, equilibrate, inner
from fastml._solvers import Objective, lbfgs, search

Array = npt.NDArray[Any]

MOST = 1536  # rows of the matrix: it and its factor, in one place, take 19 MB
ROWS_PER_FEATURE = 20  # of a sample at least: its eigenvalues are then about right
PASS = 4  # a sample of PASS * n / d rows takes about as long as a pass over all rows
ENOUGH = 1 << 20  # rows, whose numbers take 8 MB
HALF, FIFTH = 2, 5  # of the rows: several classes need more steps, and a feature that the sample lacks costs them most
AT_ONCE = 1 << 16  # rows of a sample chosen
GROWTH = 4  # of the sample where it has not sufficed
PATIENCE = 8  # steps before it grows
SHORT = 0.3  # of a first step: halved twice
CHANGED = 2.0  # the curvature along a step has become so many times more or less than the matrix has it: make it anew
JITTER, FLOOR = 1e-7, 1e-8  # of a diagonal of ones: the rounding of float32
CHANCE = 0.6  # of twice as many rows as features, chance alone gives 0.5
GAP = 1e-3  # the share of tol to which the loss is known, at the end, relative to itself


def is_possible(objective: Objective) -> bool:
    """Whether the problem has curvature, in a matrix that is not too large, and no l1."""
    return not objective.penalty.l1 and hasattr(objective.problem, "curvature") and objective.problem.d < MOST


class SampledHessian:
    """The Hessian over evenly spread rows, factored; for softmax, the mean of those of the classes, for each class.

    Where a pilot sample has no more correlation than chance gives, its diagonal is all there is to know. With `exact`
    no entry of the diagonal is less than that of all rows.
    """

    def __init__(self, objective: Objective, position: Array, m: int, pilot: bool, exact: bool) -> None:
        self.objective, self.scale = objective, 1.0
        self.factor: Cholesky | None = None
        problem = objective.problem
        self.n = problem.d + self.has_bias()
        least = problem.curvature(*objective.model(position), None, True) if exact and m < problem.n else None
        if pilot and 0 < 2 * self.n < m:
            correlation = self.measure(position, 2 * self.n, least)
            if correlation <= CHANCE / self.n:
                return
            del self.matrix
        self.measure(position, m, least)
        index = np.arange(self.n)
        self.matrix[index, index] += JITTER
        self.factor = Cholesky(self.matrix, FLOOR)

    def has_bias(self) -> bool:
        """Whether every class has its own bias to be fitted."""
        return self.objective.fit_intercept and bool(self.objective.b.size == self.objective.problem.classes)

    def measure(self, position: Array, m: int, least: Array | None) -> float:
        """Set the matrix of m rows, scaled to a diagonal of 1, and the roots; return its mean square correlation.

        least: what entries of the diagonal are at least.
        """
        problem, l2 = self.objective.problem, self.objective.penalty.l2
        w, b = self.objective.model(position)
        self.matrix = problem.curvature(w, b, None if m >= problem.n else spread(problem.n, m))
        index = np.arange(len(self.matrix))
        if least is not None:
            self.matrix[index, index] = np.maximum(self.matrix.diagonal(), least)
        self.matrix[index[: problem.d], index[: problem.d]] += 2.0 * l2
        self.roots, correlation = equilibrate(self.matrix, self.n, of_one_row(self.matrix.diagonal()[: self.n], m))
        return correlation

    def rows(self, v: Array) -> Array:
        """Return a vector of parameters as a row for each class, scaled as the matrix is."""
        K, d = self.objective.problem.classes, self.objective.problem.d
        rows = np.zeros((K, len(self.matrix)))
        rows[:, :d] = v[: d * K].reshape(d, K).T
        if self.n > d:
            rows[:, d] = v[d * K :]
        return rows

    def solve(self, v: Array) -> Array:
        """Return the inverse Hessian times v."""
        K, d = self.objective.problem.classes, self.objective.problem.d
        rows = self.rows(v)
        rows[:, : self.n] /= self.roots
        if self.factor is not None:
            self.factor.solve(rows)
        rows[:, : self.n] /= self.roots
        result = v.copy()
        result[: d * K] = rows[:, :d].T.ravel()
        if self.n > d:
            result[d * K :] = rows[:, d]
        result *= self.scale
        return result

    def norm(self, v: Array) -> float:
        """Return v times the Hessian times v."""
        if self.factor is None:
            raise RuntimeError("a diagonal alone has no norm")
        rows = self.rows(v)
        rows[:, : self.n] *= self.roots
        return self.factor.norm(rows)

    def adapt(self, s: Array, y: Array) -> float:
        """Scale by what a step s found, where it is far off; return how much larger the curvature along it was.

        Of a diagonal, which tells less, the scale is always taken, and 1 returned.
        """
        self.scale, curvature = 1.0, inner(s, y)
        scale = curvature / (inner(y, self.solve(y)) or 1.0)
        if scale > 0 and (self.factor is None or not 1 / CHANGED < scale < CHANGED):
            self.scale = scale
        return 1.0 if self.factor is None else curvature / (self.norm(s) or 1.0)


def of_one_row(diagonal: Array, m: int) -> float:
    """Return the mean of a diagonal of m rows, of one row: what stands for a feature that all of them lack; not 0."""
    return (float(diagonal.mean()) if diagonal.size else 0.0) / max(m, 1) or 1.0


def spread(n: int, m: int) -> Array:
    """Return m rows of n, one at random out of each of m stretches: neither an order nor a period of rows does harm."""
    rows, rng = np.empty(m, np.int64), np.random.default_rng(0)
    for start in range(0, m, AT_ONCE):
        part = rows[start : start + AT_ONCE]
        places = np.arange(start, start + part.size) + rng.random(part.size)
        part[:] = np.minimum(places * (n / m), n - 1)
    return rows


def first_sample(n: int, d: int, classes: int) -> int:
    """Return the rows that a first Hessian takes; where a sample would be much of them, all."""
    m = max(ROWS_PER_FEATURE * (d + 1), min(PASS * n // max(d, 1), ENOUGH))
    return m if (HALF if classes == 1 else FIFTH) * m < n else n


def patience(n: int, d: int, m: int) -> int:
    """Return after how many steps a Hessian of m rows pays: PATIENCE, or more where it takes longer than these."""
    return max(PATIENCE, int(m * d / (2 * PASS * max(n, 1))))


def is_small(slope: float, gap: float, value: float, tol: float) -> bool:
    """Whether the gradient is, and what the loss is above its minimum; or all of it, as where classes are separable."""
    return bool(slope <= tol and (gap <= GAP * tol * abs(value) or value <= tol))


def is_short(found: tuple[Array, float, Array] | None, position: Array, direction: Array) -> bool:
    """Whether no step was found, or so short a part of its direction that the sample behind that may lack features."""
    return found is None or bool(inner(found[0] - position, direction) < SHORT * inner(direction, direction))


def newton(objective: Objective, tol: float) -> Iterator[tuple[float, bool]]:
    """Take steps of L-BFGS that starts from the Hessian of a sample, yielding the loss and whether it has converged.

    The sample grows, in the end to all rows, where it does not suffice (Byrd, Chin, Neveitt and Nocedal, 2011).
    Converged means that no entry of the gradient exceeds tol and that the loss is within GAP * tol of its minimum, as
    the Hessian has it; or that a step gains less than w's dtype can tell. Where the Hessian of all rows helps no more,
    as it may where it overflows or is singular, plain L-BFGS goes on. Where a first step has to be halved twice, the
    curvature of each single feature is taken from all rows (of one that is seldom not 0 a sample may have none); for
    several classes plain L-BFGS goes on. Where the loss or its gradient is not finite it ends, w and b as they were.
    """
    n, d = objective.problem.n, objective.problem.d
    position = objective.position()
    value, gradient = objective.at(position)
    precision = 0.1 * float(np.finfo(objective.w.dtype).eps)
    finite = bool(np.isfinite(value) and np.isfinite(gradient).all())
    if not finite or np.abs(gradient).max(initial=0.0) <= tol:
        yield value, finite
        return
    m, steps = first_sample(n, d, objective.problem.classes), 0
    single, exact = objective.problem.classes == 1, False
    hessian, history = SampledHessian(objective, position, m, True, exact), History(position.size)
    direction = history.direction(gradient, hessian.solve)
    while True:
        found = None
        if np.isfinite(direction).all() and inner(gradient, direction) < 0:
            found = search(objective, position, value, gradient, direction, None, 1.0, precision)
        if found is None and steps == 0 and m >= n:
            yield from lbfgs(objective, tol)
            return
        lacks = steps == 0 and m < n and not exact and is_short(found, position, direction)
        ratio, gained = 1.0, 0.0
        if found is not None:
            s, y, gained = found[0] - position, found[2] - gradient, value - found[1]
            position, value, gradient = found
            history.push(s, y)
            objective.move(position)
            ratio, steps = hessian.adapt(s, y), steps + 1
        grow = found is None or steps >= patience(n, d, min(GROWTH * m, n))
        # several classes' Hessians differ from their mean in any case: a new one must pay
        far = steps > (1 if single else patience(n, d, m)) and not 1 / CHANGED < ratio < CHANGED
        direction = history.direction(gradient, hessian.solve)
        if found is not None:
            small = is_small(np.abs(gradient).max(initial=0.0), -0.5 * inner(gradient, direction), value, tol)
            yield value, bool(small or gained <= precision * abs(value))
        if lacks and not single:  # one matrix for all classes is then too far from each
            yield from lbfgs(objective, tol)
            return
        if lacks or grow or (far and gained > 1e-3 * abs(value)):
            if grow and not lacks:
                m = min(GROWTH * m, n)
            exact = exact or lacks
            del hessian  # before there is another one
            hessian = SampledHessian(objective, position, m, lacks, exact)
            if single:  # of several the matrix tells too little to go without the past
                history = History(position.size)
            steps = 0
            direction = history.direction(gradient, hessian.solve)
