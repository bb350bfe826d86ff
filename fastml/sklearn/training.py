"""What a fit needs beside the solver: weights, settings, progress, and a word when it has not converged."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

import fastml
from fastml._arguments import as_array, finite, integer, real
from fastml._logistic_data import vector
from fastml.fitting import FitResult
from fastml.sklearn.data import check_finite
from fastml.sklearn.labels import listed

Array = npt.NDArray[Any]


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Take back what an attempt that ends in an error has done; after a KeyboardInterrupt it stays."""
    before = dict(vars(estimator))
    try:
        yield
    except Exception:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def weights_of_rows(sample_weight: Any, n: int) -> tuple[Array | None, float]:
    """Return the given weights as an array, or None, and their sum."""
    if sample_weight is None:
        return None, float(n)
    array = as_array("sample_weight", sample_weight)
    weight = vector("sample_weight", array if array.ndim else np.broadcast_to(array, n), n)
    total = float(weight.sum(dtype=np.float64))
    if not 0 < total < np.inf:
        raise ValueError(f"sample_weight: expected numbers >= 0 that are not all zero, got the sum {total}")
    return weight, total


def weights_of_classes(class_weight: Any, classes: Array, counts: Array) -> Array:
    """Return the weight of each class, as scikit-learn's `compute_class_weight`."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        mean = counts.sum() / len(classes)
        return np.asarray(np.divide(mean, counts, out=np.zeros(len(classes)), where=counts > 0))
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight: expected None, 'balanced' or a dict, got {class_weight!r:.60}")
    labels = classes.tolist()
    missing = [label for label in labels if label not in class_weight]
    if missing and len(labels) - len(missing) < len(class_weight):
        raise ValueError(f"class_weight: expected keys that are classes, {listed(classes)}, got {list(class_weight)}")
    return np.array([finite("class_weight", class_weight.get(label, 1.0), least=0) for label in labels])


def penalties(C: Any, l1_ratio: Any, total: float) -> tuple[float, float]:
    """Return l1 and l2 of the mean loss, which is scikit-learn's objective divided by C times the sum of weights."""
    if not (strength := real("C", C)) > 0:
        raise ValueError(f"C: expected a number > 0, got {C}")
    ratio = finite("l1_ratio", l1_ratio, least=0)
    if ratio > 1:
        raise ValueError(f"l1_ratio: expected a number from 0 to 1, got {l1_ratio}")
    unit = 1.0 / strength / total
    return ratio * unit, 0.5 * (1.0 - ratio) * unit


def stopping_of(early_stopping: Any, validated: bool) -> fastml.EarlyStopping | None:
    """Return a fresh EarlyStopping for one fit: the parameter stays what it is."""
    if early_stopping is None or early_stopping is False:
        return None
    if isinstance(early_stopping, fastml.EarlyStopping):
        names = ("patience", "min_delta", "mode", "restore_best")
        fresh = fastml.EarlyStopping(**{name: getattr(early_stopping, name) for name in names})
    else:
        fresh = fastml.EarlyStopping(integer("early_stopping", early_stopping, least=1))
    return fresh if validated else None


def waited_enough(stopping: fastml.EarlyStopping | None, steps: int) -> bool:
    """Whether it was early stopping that has ended a fit after so many steps."""
    if stopping is None:
        return False
    better = 0 if stopping.best_step is None else stopping.best_step + 1
    return steps - better >= stopping.patience


@contextmanager
def reporting(verbose: Any, title: str, total: Any) -> Iterator[Callable[..., None]]:
    """Yield what is to be called after every step: it shows a progress bar, or nothing."""
    if not verbose:
        yield lambda *step: None
        return
    from fastml.cli.progress import progress

    with progress(title, integer("max_iter", total, least=0)) as report:
        yield report


def threads(n_jobs: Any) -> AbstractContextManager[None]:
    """Return a context with n_jobs threads, as joblib counts them: -1 is all CPUs, None what the library has."""
    if n_jobs is None:
        return nullcontext()
    number = integer("n_jobs", n_jobs, least=-(2**31))
    if number == 0:
        raise ValueError("n_jobs: expected None or an integer other than 0, got 0")
    if number < 0:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        number = max(1, cpus + 1 + number)
    return fastml.num_threads(number)


def seed(random_state: Any) -> Any:
    """Return what `fit_logistic` takes as rng."""
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31))
    return random_state


def check_result(name: str, result: FitResult, max_iter: int, tol: float, stopped: bool, X: Any) -> None:
    """Raise where data or loss are not finite; warn where the fit has not converged and nobody has stopped it."""
    ended = result.n_iter < max_iter and not stopped and not result.converged
    if ended or not np.isfinite(result.loss):
        check_finite(X)
        raise ValueError(f"{name}: the loss or its gradient is not finite (loss {result.loss} after {result.n_iter} "
                         "iterations): values of X are too large; scale the features")  # fmt: skip
    if not result.converged and not stopped:
        message = (
            f"{name} has not converged in max_iter={max_iter} iterations: loss {result.loss:.6g}, tol={tol:g} not "
            "reached. Raise max_iter, scale the features (sklearn.preprocessing.StandardScaler) or raise tol."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
