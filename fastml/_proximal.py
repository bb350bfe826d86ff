"""Proximal quasi-Newton steps: l1 with the Hessian of a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._lbfgs import coordinate_descent, inner, multiply
from fastml._newton import CHANGED, GROWTH, JITTER, first_sample, is_short, is_small, of_one_row, patience, spread
from fastml._solvers import Objective, lbfgs

Array = npt.NDArray[Any]

MOST = 1024  # parameters: the matrix takes 8 MB, and updating it as much again
SWEEPS = 200  # of coordinate descent at most


def is_possible(objective: Objective) -> bool:
    """Whether the problem has curvature, in a matrix that is not too large."""
    return hasattr(objective.problem, "curvature") and (objective.problem.d + 1) * objective.problem.classes <= MOST


def hessian(objective: Objective, position: Array, m: int, exact: bool) -> Array:
    """Return the Hessian of m rows; for softmax, the mean of those of the classes, for each class.

    With `exact` no entry of its diagonal, without l2, is less than that of all rows.
    """
    problem, K = objective.problem, objective.problem.classes
    d, n = problem.d, problem.d + (objective.fit_intercept and objective.b.size == K)
    w, b = objective.model(position)
    upper = problem.curvature(w, b, None if m >= problem.n else spread(problem.n, m))[:n, :n]
    one = np.triu(upper) + np.triu(upper, 1).T
    index = np.arange(n)
    if exact and m < problem.n:
        one[index, index] = np.maximum(one.diagonal(), problem.curvature(w, b, None, True)[:n])
    one[index[:d], index[:d]] += 2.0 * objective.penalty.l2
    diagonal = one.diagonal()
    one[index, index] = np.where(diagonal > 0, diagonal * (1 + JITTER), of_one_row(diagonal, m))
    if K == 1:
        return one
    matrix = np.eye(position.size)  # which is as good as any for a bias that all classes share: nothing depends on it
    for k in range(K):
        matrix[k : d * K : K, k : d * K : K] = one[:d, :d]
        if n > d:
            matrix[k : d * K : K, d * K + k] = one[:d, d]
            matrix[d * K + k, k : d * K : K] = one[:d, d]
            matrix[d * K + k, d * K + k] = one[d, d]
    return matrix


def update(matrix: Array, s: Array, y: Array) -> float:
    """Make the matrix one that maps s to y (BFGS); return the curvature along s over what it was."""
    before = multiply(matrix, s)
    expected, curvature = inner(s, before), inner(s, y)
    if not (curvature > 1e-300 and expected > 1e-300):
        return 1.0
    matrix -= np.outer(before / expected, before)
    matrix += np.outer(y / curvature, y)
    return curvature / expected


def proximal(objective: Objective, tol: float) -> Iterator[tuple[float, bool]]:
    """Take proximal quasi-Newton steps, yielding the loss and whether it has converged.

    Each minimises a quadratic model plus l1 by coordinate descent (Lee, Sun and Saunders, 2014). The model's matrix is
    the Hessian of a sample, updated by BFGS; the sample grows where it does not suffice. Converged means that no entry
    of the least subgradient exceeds tol and that the model promises less than GAP * tol of the loss; or that a step
    gains less than w's dtype can tell. Where the Hessian of all rows helps no more, OWL-QN goes on. Features that a
    sample lacks are met as in `newton`, whatever the number of classes. Where the loss or its gradient is not finite it
    ends, w and b as they were.
    """
    n, d, l1 = objective.problem.n, objective.problem.d, objective.penalty.l1
    position = objective.position()
    thresholds = np.zeros(position.size)
    thresholds[: objective.w.size] = l1
    value, gradient = objective.at(position)
    precision = 0.1 * float(np.finfo(objective.w.dtype).eps)
    finite = bool(np.isfinite(value) and np.isfinite(gradient).all())
    if not finite or np.abs(objective.pseudo_gradient(position, gradient)).max(initial=0.0) <= tol:
        yield value, finite
        return
    m, steps, exact = first_sample(n, d, objective.problem.classes), 0, False
    matrix = hessian(objective, position, m, exact)
    while True:
        step = coordinate_descent(matrix, gradient, position, thresholds, SWEEPS)
        promised = inner(gradient, step) + float((thresholds * (np.abs(position + step) - np.abs(position))).sum())
        found = search(objective, position, value, step, promised, precision)
        if found is None and steps == 0 and m >= n:
            yield from lbfgs(objective, tol)
            return
        lacks = steps == 0 and m < n and not exact and is_short(found, position, step)
        ratio, gained = 1.0, 0.0
        if found is not None:
            ratio = update(matrix, found[0] - position, found[2] - gradient)
            gained = value - found[1]
            position, value, gradient = found
            objective.move(position)
            steps += 1
            slope = np.abs(objective.pseudo_gradient(position, gradient)).max(initial=0.0)
            yield value, bool(is_small(slope, -0.5 * promised, value, tol) or gained <= precision * abs(value))
        old = steps >= patience(n, d, min(GROWTH * m, n)) and (m < n or objective.problem.classes == 1)
        grow = found is None or old
        if lacks or grow or (gained > 1e-3 * abs(value) and steps > 1 and not 1 / CHANGED < ratio < CHANGED):
            m, steps, exact = min(GROWTH * m, n) if grow and not lacks else m, 0, exact or lacks
            matrix = hessian(objective, position, m, exact)


def search(
    objective: Objective, position: Array, value: float, step: Array, promised: float, precision: float
) -> tuple[Array, float, Array] | None:
    """Halve the step until the value falls by a part of what is promised; None where it does not."""
    share = 1.0
    if not promised < 0:
        return None
    for _ in range(30):
        trial = objective.rounded(position + share * step)
        if not (trial != position).any():
            return None
        new_value, gradient = objective.at(trial)
        rounding = new_value <= value and -promised <= precision * abs(value)
        if new_value <= value + 1e-4 * share * promised or rounding:
            return trial, new_value, gradient
        share *= 0.5
    return None
