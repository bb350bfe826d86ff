"""fit_logistic: the loop around the solvers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastml._arguments import as_array, finite, generator, integer
from fastml._logistic import Problem
from fastml._logistic_data import Model, Penalty, make_problem, matrix, vector
from fastml._solver_choice import WHOLE, check_name, choose
from fastml._solvers import Objective, first_rate, sgd
from fastml.early_stopping import EarlyStopping, check_params, put_back

Array = npt.NDArray[Any]


class Step(NamedTuple):
    """What is known after a finished step: an iteration, of SGD an epoch; counted from 1."""

    iteration: int
    loss: float
    validation_loss: float | None


class FitResult(NamedTuple):  # a dataclass would have `import fastml` import inspect, 5 ms
    """What `fit_logistic` returns: the weights, their loss (penalties included), and how it went."""

    w: Array
    b: Array
    loss: float
    n_iter: int
    converged: bool
    history: list[Step]

    def __repr__(self) -> str:
        """Show all but the history."""
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields[:-1], self, strict=False))
        return f"{type(self).__name__}({shown})"


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
    """Fit a logistic regression (two classes, or independent labels) or a softmax regression (more classes).

    Parameters
    ----------
    X : array_like of real numbers, or SciPy CSR matrix or array, shape (n, d)
        Never converted whole.
    y : array_like, shape (n,) or (n, K)
        0 or 1; or integers from 0 to K - 1 for K > 2 classes; or, of shape (n, K), 0 or 1 for each of K independent
        labels, whose losses are added up.
    l1, l2 : float
        ``l1 * sum |w| + l2 * sum w^2`` is added to the mean loss; b is not penalised.
    sample_weight : array_like, shape (n,), optional
    scale : float, optional
        Multiplies X.
    w : ndarray of float32 or float64, shape (d,) or (d, K), optional
        Where to start, updated in place after every finished step. Without it zeros, (d, K) for labels: float32
        for X of float16, float32 or 8-bit integers, else float64.
    b : ndarray, a shape as in `logistic_loss`, optional
        As `w`, of the dtype of `w`.
    fit_intercept : bool, default True
        Whether b is fitted.
    solver : {"auto", "lbfgs", "newton-cholesky", "proximal-newton", "sgd"}
        L-BFGS over all data; the same, started from the Hessian of a sample (fewer than 1536 features, no l1); its
        counterpart with l1 (1024 parameters at most); or gradient steps over mini-batches of 128 rows, shuffled.
        "auto" is "newton-cholesky", with l1 "proximal-newton", and "lbfgs" where these are not possible: all end at the
        same optimum. The rate of SGD starts at 1 over the curvature of the loss and is halved after every epoch whose
        loss has not fallen: nothing to choose, but features of like size help.
    max_iter : int, default 200
        Steps over all data, epochs of SGD.
    tol : float, default 1e-6
        A solver has converged when no entry of the gradient exceeds it, those with a Hessian when moreover the loss is
        within a thousandth of this share of its minimum; or when a step gains less than w's dtype can tell. SGD has
        when the loss changes by less than this share.
    validation_data : (X, y), optional
        Its loss, without penalties, is computed after every step.
    early_stopping : EarlyStopping, optional
        Sees the validation loss after every step and may stop the fit. With `restore_best` the weights of the best step
        are the result, also where the fit has ended for another reason.
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
        data, is of mode "max" or holds parameters of another shape.

    Notes
    -----
    After a KeyboardInterrupt the arrays given as `w` and `b` hold the last finished step. Where the loss or its
    gradient is not finite the fit ends, not converged, `w` and `b` as they were.

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
    check_name(solver)
    data = matrix(X, None)
    target = as_array("y", y)
    if target.ndim != 2:
        target = vector("y", target, data.shape[0])
    weight = None if sample_weight is None else vector("sample_weight", sample_weight, data.shape[0])
    w, b = starting_point(data, target, w, b)
    model = Model(w, b, target.ndim == 2)
    problem = make_problem(data, target, model, weight, scale)
    objective = Objective(problem, Penalty(l1, l2), w, b, bool(fit_intercept))
    validation = validation_problem(validation_data, model, scale)
    check_hooks(early_stopping, validation, callback, [w, b])
    max_iter = integer("max_iter", max_iter, least=0)
    tol = finite("tol", tol, least=0)
    order = generator(rng)
    solver = choose(solver, objective)
    if solver == "sgd":
        steps = sgd(objective, tol, order, first_rate(data, scale, problem, objective.penalty.l2, weight), weight)
    else:
        steps = WHOLE[solver](objective, tol)
    return iterate(steps, objective, max_iter, validation, early_stopping, callback, verbose, mean=solver == "sgd")


def iterate(
    steps: Iterator[tuple[float, bool]],
    objective: Objective,
    max_iter: int,
    validation: Any,
    early_stopping: EarlyStopping | None,
    callback: Callable[[Step], bool | None] | None,
    verbose: bool,
    *,
    mean: bool = False,
) -> FitResult:
    """Take steps until one has converged, somebody stops it or max_iter is reached.

    `mean`: the losses of the steps are means over an epoch, as of SGD, and not those at w and b.
    """
    w, b = objective.w, objective.b
    history: list[Step] = []
    converged = stopped = False
    for loss, converged in quiet(islice(steps, max_iter)):
        step = Step(len(history) + 1, float(loss), validation_loss(validation, w, b))
        history.append(step)
        if verbose:
            report(step)
        if early_stopping is not None and step.validation_loss is not None:
            stopped = early_stopping.update(step.validation_loss, [w, b])
        if callback is not None and callback(step):
            stopped = True
        if converged or stopped:
            break
    if early_stopping is not None and history:
        put_back(early_stopping, [w, b])
    known = history and early_stopping is None and not mean
    return FitResult(w, b, history[-1].loss if known else objective.here(), len(history), converged, history)


def starting_point(X: Array, y: Array, w: Array | None, b: Array | None) -> tuple[Array, Array]:
    """Return the arrays to be fitted: those given, checked, or zeros."""
    if w is None:
        dtype = np.float32 if X.dtype in (np.float16, np.float32, np.int8, np.uint8) else np.float64
        w = np.zeros((X.shape[1], *outputs(X, y)), dtype)
    elif not isinstance(w, np.ndarray) or w.dtype not in (np.float32, np.float64) or not w.dtype.isnative:
        got = w.dtype if isinstance(w, np.ndarray) else type(w).__name__
        raise TypeError(f"w: expected an ndarray of float32 or float64, got {got}")
    if b is None:
        b = np.zeros(w.shape[1:], w.dtype)
    elif not isinstance(b, np.ndarray) or b.dtype != w.dtype:
        got = b.dtype if isinstance(b, np.ndarray) else type(b).__name__
        raise TypeError(f"b: expected an ndarray of {w.dtype}, the dtype of w, got {got}")
    for name, array in (("w", w), ("b", b)):
        if not array.flags.writeable:
            raise ValueError(f"{name}: expected a writeable array, got a read-only one")
    return w, b


def outputs(X: Array, y: Array) -> tuple[int, ...]:
    """Return the shape of a row of scores: () for two classes, (K,) for more and for labels."""
    if y.ndim == 2:
        return y.shape[1:]
    if y.dtype.kind == "f" and not np.isin(y, (0, 1)).all():
        raise TypeError(f"y: expected 0 and 1, or an integer dtype for classes, got {y.dtype}")
    classes = int(y.max(initial=0)) + 1
    if classes > max(X.shape[0], 2):
        raise ValueError("y: expected classes numbered from 0, at most as many as rows where w is not given, "
                         f"got {y.max()} in row {y.argmax()}")  # fmt: skip
    return (classes,) if classes > 2 else ()


def validation_problem(data: Any, model: Model, scale: float | None) -> Problem | None:
    """Return the validation data as a problem, if there are any, checked to the last label."""
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        came = (
            f"a {type(data).__name__} of length {len(data)}" if isinstance(data, (tuple, list)) else type(data).__name__
        )
        raise TypeError(f"validation_data: expected a pair (X, y), got {came}")
    try:
        X, y = data
        problem = make_problem(X, y, model, None, scale)
        validation_loss(problem, model.w, model.b)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    return problem


@np.errstate(all="ignore")
def validation_loss(problem: Problem | None, w: Array, b: Array) -> float | None:
    """Return the mean loss on the validation data, if there are any."""
    if problem is None:
        return None
    return float(problem.evaluate(w, np.broadcast_to(b.reshape(-1), (problem.classes,)), False)[0])


def check_hooks(early_stopping: Any, validation: Problem | None, callback: Any, params: list[Array]) -> None:
    """Refuse what could not be called after the first step, or would be misled."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: expected a callable, got {type(callback).__name__}")
    if early_stopping is None:
        return
    if validation is None:
        raise ValueError("early_stopping: expected validation_data beside it, got none")
    if not isinstance(early_stopping, EarlyStopping):
        raise TypeError(f"early_stopping: expected an EarlyStopping, got {type(early_stopping).__name__}")
    if early_stopping.mode != "min":
        raise ValueError(f"early_stopping: expected mode 'min', as it sees a loss, got {early_stopping.mode!r}")
    try:
        check_params(early_stopping, params)
    except ValueError as error:
        raise ValueError(f"early_stopping: {error}") from None


def report(step: Step) -> None:
    """Print a step to the standard error."""
    shown = "" if step.validation_loss is None else f"  validation loss {step.validation_loss:.6f}"
    print(f"step {step.iteration:4d}  loss {step.loss:.6f}{shown}", file=sys.stderr)


def quiet(steps: Iterator[tuple[float, bool]]) -> Iterator[tuple[float, bool]]:
    """Yield the steps, without warnings on NaN and inf while they are taken."""
    while True:
        with np.errstate(all="ignore"):
            step = next(steps, None)
        if step is None:
            return
        yield step
