"""The way from arrays as they come to `fit_logistic` and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import validate_data

from fastml.fitting import FitResult, Step, fit_logistic
from fastml.sklearn.data import as_matrix
from fastml.sklearn.labels import as_labels, encode, encode_as, listed
from fastml.sklearn.prediction import LinearClassifier, dense
from fastml.sklearn.training import penalties, reporting, seed, threads, weights_of_classes, weights_of_rows

Array = npt.NDArray[Any]
Coefficients = tuple[Array, Array]  # (1, d) or (K, d), and (1,) or (K,)


class LogisticSolver(LinearClassifier):
    """What `fit` and `partial_fit` of LogisticRegression are made of."""

    C: float
    l1_ratio: float
    tol: float
    fit_intercept: bool
    random_state: Any
    n_jobs: int | None
    verbose: int
    callback: Any
    _iterate: Coefficients | None  # where SGD is, of which coef_ is the mean

    _fit: ClassVar[Callable[..., FitResult]] = staticmethod(fit_logistic)

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Array]:
        matrix = as_matrix(X)
        validate_data(self, X, y, reset=reset, skip_check_array=True)
        labels = as_labels(y)
        check_consistent_length(matrix, labels)
        return matrix, labels

    def _start(self, classes: Array, multi_label: bool, dtype: npt.DTypeLike, warm: bool) -> None:
        """Set the coefficients to where the fit begins: zeros, or a copy of those there are."""
        K = 1 if len(classes) == 2 and not multi_label else len(classes)
        coef, intercept = np.zeros((K, self.n_features_in_), dtype), np.zeros(K, dtype)
        if warm and hasattr(self, "coef_"):
            if self.coef_.shape != coef.shape:
                raise ValueError(f"warm_start: expected coef_ of shape {coef.shape}, as X and y have it, "
                                 f"got {self.coef_.shape}")  # fmt: skip
            coef[...] = dense(self.coef_)
            if self.fit_intercept:
                intercept[...] = self.intercept_
        self.coef_, self.intercept_ = coef, intercept
        self.classes_, self.multi_label_ = classes, multi_label

    def _weights(self, codes: Array, sample_weight: Any) -> Array | None:
        """Return the weight of each row, None where all are 1; add them to those of each class that have been seen."""
        weight, total = weights_of_rows(sample_weight, len(codes))
        if codes.ndim == 2:
            if self.class_weight is not None:
                raise ValueError("class_weight: expected None where y has a column for each label, "
                                 f"got {self.class_weight!r:.60}")  # fmt: skip
            self._seen += total
            self._total = float(self._seen[0])
            return weight
        self._seen += np.bincount(codes, weight, len(self.classes_))
        if self.class_weight is None:
            self._total = float(self._seen.sum())
            return weight
        factors = weights_of_classes(self.class_weight, self.classes_, self._seen)
        self._total = float(factors @ self._seen)
        each = factors.astype(self.coef_.dtype)[codes]
        return each if weight is None else each * weight

    def _validation(self, data: Any) -> tuple[Any, Array] | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"validation_data: expected a pair (X, y), got {type(data).__name__}")
        try:
            X, y = data
            matrix, labels = self._checked(X, y, reset=False)
            return matrix, codes_of(self.classes_, labels, "y")
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    def _run(
        self, X: Any, codes: Any, weight: Array | None, model: Coefficients, history: list[Step], **options: Any
    ) -> tuple[FitResult, bool]:
        """Let `fit_logistic` work on the arrays of the model; return its result, and whether the callback ended it."""
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback: expected a callable, got {type(self.callback).__name__}")
        coef, intercept = model
        l1, l2 = penalties(self.C, self.l1_ratio, self._total)
        w, b = (coef[0], intercept.reshape(())) if len(coef) == 1 else (coef.T, intercept)
        asked = False
        with threads(self.n_jobs), reporting(self.verbose, type(self).__name__, options["max_iter"]) as report:

            def after(step: Step) -> bool:
                nonlocal asked
                history.append(step)
                report(*step)
                asked = self.callback is not None and bool(self.callback(step))
                return asked

            try:
                result = self._fit(
                    X, codes, l1=l1, l2=l2, sample_weight=weight, scale=self.scale,
                    w=w, b=b, fit_intercept=self.fit_intercept, tol=self.tol, rng=seed(self.random_state),
                    callback=after, **options,
                )  # fmt: skip
            finally:
                self._record(history)
        return result, asked

    def _record(self, history: list[Step]) -> None:
        self.n_iter_ = np.array([len(history)], np.int32)
        self.loss_history_ = np.array([step.loss for step in history])
        if history and history[0].validation_loss is not None:
            self.validation_loss_history_ = np.array([step.validation_loss for step in history])


def classes_of(labels: Array) -> tuple[Array, Array]:
    """Return classes and class numbers; the columns themselves where there is one for each label."""
    if labels.ndim == 2:
        return np.arange(labels.shape[1]), labels
    classes, codes = encode(labels)
    if len(classes) < 2:
        raise ValueError(f"y: expected two classes at least, got one class only: {listed(classes)}")
    return classes, codes


def codes_of(classes: Array, labels: Array, name: str) -> Array:
    """Return class numbers by classes that are known; the columns themselves where there is one for each label."""
    return labels if labels.ndim == 2 else encode_as(classes, labels, name)
