"""The same training in plain NumPy: what one would write without fastml, for ``train --compare``."""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastml.cli.progress import Report

__all__ = ["fit_lbfgs", "make_objective"]

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]

# All as in fit_logistic, so that both sides take the same steps but for rounding.
MEMORY = 10  # pairs of steps and gradient changes kept
SUFFICIENT = 1e-4  # Armijo's constant
HALVINGS = 40  # of a step
PRECISION = 0.1 * float(np.finfo(np.float32).eps)  # of the loss: a smaller gain is taken for rounding


def make_objective(X: NDArray[np.float32], y: NDArray[np.int64], classes: int, l2: float) -> Objective:
    """Return the function that a solver minimizes.

    Parameters
    ----------
    X : ndarray of float32, shape (n, d)
    y : ndarray of int64, shape (n,)
        Class indices.
    classes : int
        With two, a logistic regression with d weights; else a softmax regression with d * classes.
    l2 : float
        The penalty is l2 * sum(w^2).

    Returns
    -------
    callable
        From the weights and biases in one float64 vector to the loss and its gradient, with two passes over X.
    """
    n, d = X.shape
    one_row = np.arange(n)
    split = d if classes == 2 else d * classes
    targets = y.astype(np.float32)

    def binary(theta: Vector) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        z = X @ theta[:split].astype(np.float32) + np.float32(theta[split])
        e = np.exp(-np.abs(z))
        loss = (np.maximum(z, 0) - targets * z + np.log1p(e)).mean(dtype=np.float64)
        residual = np.where(z >= 0, 1, e) / (1 + e) - targets
        return float(loss), residual @ X, residual.sum(dtype=np.float64, keepdims=True)

    def softmax(theta: Vector) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        z = X @ theta[:split].astype(np.float32).reshape(d, classes)
        z += theta[split:].astype(np.float32)
        z -= z.max(axis=1, keepdims=True)
        own = z[one_row, y]
        np.exp(z, out=z)
        total = z.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - own).mean(dtype=np.float64)
        z /= total
        z[one_row, y] -= 1
        return float(loss), (X.T @ z).ravel(), z.sum(axis=0, dtype=np.float64)

    def objective(theta: Vector) -> tuple[float, Vector]:
        loss, dw, db = (binary if classes == 2 else softmax)(theta)
        gradient = np.concatenate([dw, db]) / np.float64(n)
        gradient[:split] += 2 * l2 * theta[:split]
        return loss + l2 * float(theta[:split] @ theta[:split]), gradient

    return objective


def fit_lbfgs(
    objective: Objective, theta: Vector, max_iter: int, tol: float, report: Report
) -> tuple[Vector, int, int, bool]:
    """Minimize with limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4).

    Parameters
    ----------
    objective : callable
        From a vector to the loss and its gradient.
    theta : ndarray of float64
        The start.
    max_iter : int
        The largest number of steps.
    tol : float
        It stops when no entry of the gradient is larger, or when rounding hides any gain.
    report : Report
        Called after every step.

    Returns
    -------
    theta : ndarray of float64
    n_iter : int
        Steps taken.
    evaluations : int
        Calls of the objective.
    converged : bool
    """
    pairs: deque[tuple[Vector, Vector]] = deque(maxlen=MEMORY)
    loss, gradient = objective(theta)
    evaluations = 1
    converged = bool(np.abs(gradient).max() <= tol)
    iteration = 0
    while iteration < max_iter and not converged:
        direction = -_two_loops(gradient, pairs)
        step = 1.0 if iteration else 1 / max(1.0, float(np.linalg.norm(gradient)))
        moved, new_loss, new_gradient, tried = _search(objective, theta, loss, gradient, direction, step)
        evaluations += tried
        iteration += 1
        if moved is theta:
            converged = True
        else:
            pairs.append((moved - theta, new_gradient - gradient))
            converged = bool(np.abs(new_gradient).max() <= tol or loss - new_loss <= PRECISION * abs(loss))
        theta, loss, gradient = moved, new_loss, new_gradient
        report(iteration, loss)
    return theta, iteration, evaluations, converged


def _search(
    objective: Objective, theta: Vector, loss: float, gradient: Vector, direction: Vector, step: float
) -> tuple[Vector, float, Vector, int]:
    """Halve the step until the loss falls enough; return theta itself where not even rounding lets it fall."""
    for tried in range(HALVINGS):
        moved = (theta + step * direction).astype(np.float32).astype(np.float64)
        change = moved - theta
        if not change.any():
            return theta, loss, gradient, tried
        new_loss, new_gradient = objective(moved)
        gained = loss - new_loss
        if gained >= -SUFFICIENT * float(gradient @ change) or (step < 1e-3 and 0 <= gained <= PRECISION * abs(loss)):
            return moved, new_loss, new_gradient, tried + 1
        step /= 2
    return theta, loss, gradient, HALVINGS


def _two_loops(gradient: Vector, pairs: deque[tuple[Vector, Vector]]) -> Vector:
    """Return the inverse Hessian implied by the pairs, times the gradient."""
    pairs = deque(pair for pair in pairs if pair[0] @ pair[1] > 0)  # else it would not be positive
    q = gradient.copy()
    factors = []
    for s, change in reversed(pairs):
        alpha = (s @ q) / (s @ change)
        q -= alpha * change
        factors.append(alpha)
    if pairs:
        s, change = pairs[-1]
        q *= (s @ change) / (change @ change)
    for (s, change), alpha in zip(pairs, reversed(factors), strict=True):
        q += s * (alpha - (change @ q) / (s @ change))
    return q
