"""``train --compare``: fastml and plain NumPy on the same training, timed in the same process."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

import fastml
from fastml.cli.errors import CommandError
from fastml.cli.numpy_solver import Objective, fit_lbfgs, make_objective
from fastml.cli.progress import progress
from fastml.cli.task import TOLERANCE, Fit, Task, percent, quality

__all__ = ["compare"]

REPEATS = 9  # timed calls of each side, alternating
AGREEMENT = 1e-3  # relative, of loss and gradient in float32


def compare(task: Task, fit: Fit, max_iter: int, out: TextIO) -> None:
    """Repeat a training in plain NumPy and print both sides.

    The whole trainings are compared, and also one evaluation of loss and gradient: the solvers may need different
    numbers of them.

    Parameters
    ----------
    task : Task
        What was trained.
    fit : Fit
        What fastml found, with L-BFGS.
    max_iter : int
        The largest number of steps.
    out : text stream
        Where to print.

    Raises
    ------
    CommandError
        When the two sides do not compute the same: there is nothing to time then.
    """
    threads = fastml.get_num_threads()
    limit, how = _blas_limit(threads)
    with limit:
        objective = make_objective(task.X, task.y, task.classes, task.l2)
        ours, theirs = _time_evaluations(task, fit, objective)
        theta = np.zeros(fit.w.size + fit.b.size)
        with progress("Plain NumPy", max_iter) as report:
            start = time.perf_counter()
            theta, n_iter, evaluations, converged = fit_lbfgs(objective, theta, max_iter, TOLERANCE, report)
            seconds = time.perf_counter() - start
    w = theta[: fit.w.size].astype(np.float32).reshape(fit.w.shape)
    b = theta[fit.w.size :].astype(np.float32).reshape(fit.b.shape)
    other = Fit(w, b, n_iter, converged, seconds)
    print(f"\nPlain NumPy {np.__version__}, the same data, objective and method, {how}", file=out)
    rows = (
        ("loss + gradient, once", f"{1e3 * ours:.3f} ms", f"{1e3 * theirs:.3f} ms", f"{theirs / ours:.2f} x"),
        ("steps", f"{fit.n_iter:,}", f"{n_iter:,}", ""),
        ("training", f"{fit.seconds:.3f} s", f"{seconds:.3f} s", f"{seconds / fit.seconds:.2f} x"),
        ("train loss", *(f"{quality(task.X, task.y, one)[0]:.4f}" for one in (fit, other)), ""),
        ("test accuracy", *(percent(quality(task.X_test, task.y_test, one)[1]) for one in (fit, other)), ""),
    )
    for cells in (("", "fastml", "NumPy", "ratio"), *rows):
        print(f"{cells[0]:<24}{cells[1]:>12}{cells[2]:>12}{cells[3]:>10}".rstrip(), file=out)
    print(f"(NumPy evaluated loss and gradient {evaluations:,} times; ratio: NumPy's time over fastml's)", file=out)


def _time_evaluations(task: Task, fit: Fit, objective: Objective) -> tuple[float, float]:
    """Return the median seconds of one evaluation, fastml's and NumPy's, after checking that they agree."""
    theta = np.concatenate([fit.w.ravel(), fit.b.ravel()]).astype(np.float64)

    def ours() -> tuple[Any, NDArray[Any]]:
        loss, dw, db = fastml.logistic_loss(task.X, task.y, fit.w, fit.b, l2=task.l2, return_grad=True)
        return loss, np.concatenate([np.ravel(dw), np.ravel(db)])

    def theirs() -> tuple[Any, NDArray[Any]]:
        return objective(theta)

    (loss, gradient), (other_loss, other_gradient) = ours(), theirs()
    # At the optimum the gradient is close to 0 by cancellation: it is held against the features' size, about 1.
    if not (abs(loss - other_loss) <= AGREEMENT * abs(other_loss) + 1e-6
            and np.abs(gradient - other_gradient).max() <= AGREEMENT):  # fmt: skip
        raise CommandError(f"--compare: fastml and NumPy disagree, losses {loss} and {other_loss}")
    times = [(_seconds(ours), _seconds(theirs)) for _ in range(REPEATS)]
    medians = np.median(times, axis=0)
    return float(medians[0]), float(medians[1])


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _blas_limit(threads: int) -> tuple[AbstractContextManager[Any], str]:
    """Return what keeps NumPy's BLAS to the same number of threads, and how to say so."""
    try:
        threadpoolctl = import_module("threadpoolctl")
    except ImportError:
        return nullcontext(), "BLAS with its own number of threads (install threadpoolctl to make them equal)"
    return threadpoolctl.threadpool_limits(threads, user_api="blas"), f"BLAS limited to {threads} threads too"
