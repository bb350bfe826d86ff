"""fit_logistic: the loop around the solvers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastml._arguments import finite_number
from fastml._logistic import Problem
from fastml._logistic_data import Model, Penalty, make_problem, matrix, vector
from fastml._solvers import Objective, lbfgs, sgd
from fastml.early_stopping import EarlyStopping

Array = npt.NDArray[Any]


class Step(NamedTuple):
    """What is known after a finished step: of L-BFGS an iteration, of SGD an epoch; counted from 1."""

    iteration: int
    loss: float
    validation_loss: float | None


@dataclass
class FitResult:
    """What `fit_logistic` returns: the weights, the last loss (penalties included), and how it went."""

    w: Array
    b: Array
    loss: float
    n_iter: int
    converged: bool
    history: list[Step] = field(repr=False)


def fit_logistic(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None,
    scale: float | None = None,
    w: Array | None = None,
    b: Array | None = None,
    fit_intercept: bool = True,
    solver: str = "auto",
    max_iter: int = 200,
    tol: float = 1e-6,
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    early_stopping: EarlyStopping | None = None,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[Step], bool | None] | None = None,
    verbose: bool = False,
) -> FitResult:
    """Fit a logistic regression (two classes) or a softmax regression (more).

    Parameters
    ----------
    X : array_like of real numbers, shape (n, d)
        Never converted whole.
    y : array_like, shape (n,)
        0 or 1; or integers from 0 to K - 1 for K > 2 classes.
    l1, l2 : float
        ``l1 * sum |w| + l2 * sum w^2`` is added to the mean loss; b is not penalised.
    sample_weight : array_like, shape (n,), optional
    scale : float, optional
        Multiplies X.
    w : ndarray of float32 or float64, shape (d,) or (d, K), optional
        Where to start, updated in place after every finished step. Without it zeros: float32 for X of float16,
        float32 or 8-bit integers, else float64.
    b : ndarray, shape (), (1,) or (K,), optional
        As `w`, of the dtype of `w`.
    fit_intercept : bool, default True
        Whether b is fitted.
    solver : {"auto", "lbfgs", "sgd"}
        L-BFGS over all data, or mini-batches of 128 rows in shuffled order. "auto" is "lbfgs".
    max_iter : int, default 200
        Iterations of L-BFGS, epochs of SGD.
    tol : float, default 1e-6
        L-BFGS has converged when no entry of the gradient exceeds it, SGD when the loss changes by less than this
        share.
    validation_data : (X, y), optional
        Its loss, without penalties, is computed after every step.
    early_stopping : EarlyStopping, optional
        Sees the validation loss after every step, and may put the best weights back.
    rng : None, int or numpy.random.Generator
        The order of SGD.
    callback : callable, optional
        Called with a `Step` (iteration, loss, validation_loss) after every step; a true result stops.
    verbose : bool, default False
        Print a line for every step to the standard error.

    Returns
    -------
    FitResult
        w, b, loss, n_iter, converged, history (a list of `Step`).

    Raises
    ------
    TypeError
        `X`, `y` or `sample_weight` is not real, or `w` or `b` has another dtype than allowed.
    ValueError
        A shape does not fit, a label is no class, a number is out of its range, or early stopping has no validation
        data.

    Notes
    -----
    After a KeyboardInterrupt the arrays given as `w` and `b` hold the last finished step.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> result = fastml.fit_logistic(X, y, l2=0.01)
    >>> result.converged
    True
    >>> fastml.predict_logistic(X, result.w, result.b) > 0.5
    array([False, False,  True,  True])
    """
    X = matrix(X, None)
    target = vector("y", y, X.shape[0])
    w, b = starting_point(X, target, w, b)
    model = Model(w, b)
    problem = make_problem(X, target, model, sample_weight, scale)
    objective = Objective(problem, Penalty(l1, l2), w, b, bool(fit_intercept))
    validation = None
    if validation_data is not None:
        validation = make_problem(*validation_data, model, None, scale)
    if early_stopping is not None and validation is None:
        raise ValueError("early_stopping: expected validation_data beside it, got none")
    if isinstance(max_iter, bool) or not isinstance(max_iter, (int, np.integer)) or max_iter < 0:
        raise ValueError(f"max_iter: expected an integer >= 0, got {max_iter!r}")
    tol = finite_number("tol", tol, at_least=0)
    if solver in ("auto", "lbfgs"):
        steps = lbfgs(objective, tol)
    elif solver == "sgd":
        steps = sgd(objective, tol, np.random.default_rng(rng), curvature(X, scale, model.classes))
    else:
        raise ValueError(f"solver: expected 'auto', 'lbfgs' or 'sgd', got {solver!r}")

    history: list[Step] = []
    converged = stopped = False
    while len(history) < max_iter and not converged and not stopped:
        loss, converged = next(steps)
        step = Step(len(history) + 1, float(loss), validation_loss(validation, w, b))
        history.append(step)
        if verbose:
            shown = "" if step.validation_loss is None else f"  validation loss {step.validation_loss:.6f}"
            print(f"step {step.iteration:4d}  loss {step.loss:.6f}{shown}", file=sys.stderr)
        if early_stopping is not None and step.validation_loss is not None:
            stopped = early_stopping.update(step.validation_loss, [w, b])
        if callback is not None and callback(step):
            stopped = True
    final = objective.at(objective.position())[0]
    return FitResult(w, b, final, len(history), converged, history)


def starting_point(X: Array, y: Array, w: Array | None, b: Array | None) -> tuple[Array, Array]:
    """Return the arrays to be fitted: those given, checked, or zeros."""
    if w is None:
        if y.dtype.kind == "f" and not np.isin(y, (0, 1)).all():
            raise TypeError(f"y: expected 0 and 1, or an integer dtype for classes, got {y.dtype}")
        classes = int(y.max(initial=0)) + 1
        dtype = np.float32 if X.dtype in (np.float16, np.float32, np.int8, np.uint8) else np.float64
        w = np.zeros(X.shape[1] if classes <= 2 else (X.shape[1], classes), dtype)
    elif not isinstance(w, np.ndarray) or w.dtype not in (np.float32, np.float64) or not w.dtype.isnative:
        got = w.dtype if isinstance(w, np.ndarray) else type(w).__name__
        raise TypeError(f"w: expected an ndarray of float32 or float64, got {got}")
    if b is None:
        b = np.zeros(w.shape[1:], w.dtype)
    elif not isinstance(b, np.ndarray) or b.dtype != w.dtype:
        got = b.dtype if isinstance(b, np.ndarray) else type(b).__name__
        raise TypeError(f"b: expected an ndarray of {w.dtype}, the dtype of w, got {got}")
    classes = w.shape[1] if w.ndim == 2 else 1
    if b.size != classes:
        raise ValueError(f"b: expected {classes} value{'s' * (classes > 1)}, one for each class, got shape {b.shape}")
    for name, array in (("w", w), ("b", b)):
        if not array.flags.writeable:
            raise ValueError(f"{name}: expected a writeable array, got a read-only one")
    return w, b


def validation_loss(problem: Problem | None, w: Array, b: Array) -> float | None:
    """Return the mean loss on the validation data, if there are any."""
    if problem is None:
        return None
    return float(problem.evaluate(w, np.broadcast_to(b.reshape(-1), (problem.classes,)), False)[0])


def curvature(X: Array, scale: float | None, classes: int) -> float:
    """Return a bound on the mean loss's second derivative, from the mean square length of up to 10,000 rows."""
    rows = X[:: max(1, X.shape[0] // 10_000)].astype(np.float64)
    mean: float = float(np.square(rows).sum()) / max(rows.shape[0], 1) * (1.0 if scale is None else scale * scale)
    return float((0.25 if classes == 1 else 0.5) * (mean + 1.0))
