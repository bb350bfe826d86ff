"""One training as data: what goes in, what comes out, and how good it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import fastml
from fastml.cli.model import classify

__all__ = ["PATIENCE", "TOLERANCE", "Fit", "Task", "percent", "quality"]

TOLERANCE = 1e-4  # on the gradient, as in scikit-learn
PATIENCE = 5  # as of EarlyStopping


@dataclass(frozen=True)
class Task:
    """Standardized rows to train on, held-out rows to measure with, and rows that tell when to stop.

    Attributes
    ----------
    X, X_test : ndarray of float32, shapes (n, d) and (m, d)
    y, y_test : ndarray of int64, shapes (n,) and (m,)
        Class indices.
    classes : int
        K, the number of classes; with two, w is a vector.
    l2 : float
        Of the objective: mean loss + l2 * sum(w^2).
    validation : (X, y) or None
        Rows that are neither trained on nor measured with.
    patience : int
        Steps in a row without a smaller validation loss that stop the training.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    classes: int
    l2: float
    validation: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None
    patience: int = PATIENCE

    @property
    def w_shape(self) -> tuple[int, ...]:
        """The shape of w: (d,) or (d, K)."""
        d = self.X.shape[1]
        return (d,) if self.classes == 2 else (d, self.classes)


@dataclass(frozen=True)
class Fit:
    """What a training found.

    Attributes
    ----------
    w, b : ndarray of float32, shapes (d,) and (), or (d, K) and (K,)
    n_iter : int
        Steps taken.
    converged : bool
        Whether the solver stopped by itself.
    seconds : float
        Wall time.
    kept : int or None
        The step, counted from 1, whose weights these are; None for the last.
    """

    w: NDArray[np.float32]
    b: NDArray[np.float32]
    n_iter: int
    converged: bool
    seconds: float
    kept: int | None = None


def quality(X: NDArray[np.float32], y: NDArray[np.int64], fit: Fit) -> tuple[float, float]:
    """Return the mean loss without the penalty, and the part of the rows whose class is found.

    Raises
    ------
    CommandError
        When the features are so large that a probability is not a number.
    """
    loss = float(fastml.logistic_loss(X, y, fit.w, fit.b))
    chosen, _ = classify(X, fit.w, fit.b)
    return loss, float((chosen == y).mean())


def percent(part: float) -> str:
    """Write a part of one as percent.

    Examples
    --------
    >>> from fastml.cli.task import percent
    >>> percent(0.97222)
    '97.2 %'
    """
    return f"{100 * part:.1f} %"
