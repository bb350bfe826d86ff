"""Predictions on dask arrays, computed when they are asked for."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

import fastml.sklearn

Array = npt.NDArray[Any]

FITTED = ("coef_", "intercept_", "classes_", "multi_label_", "n_features_in_")


class LazyAnswers(fastml.sklearn.LogisticRegression):
    """What a fitted classifier answers: dask arrays for a dask array, else at once."""

    def decision_function(self, X: Any) -> Any:
        """Return the scores ``scale * X coef_^T + intercept_``.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)

        Returns
        -------
        dask array or ndarray, shape (n,) or (n, K)
            Two classes have one score, which is positive for ``classes_[1]``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            `X` has another number of features than in `fit`, or, when it is computed, holds NaN or an infinity.
        """
        return lazily(self, "decision_function", X) if isinstance(X, da.Array) else super().decision_function(X)

    def predict(self, X: Any) -> Any:
        """Return the most likely class of each row, or with labels 0 or 1 for each.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)

        Returns
        -------
        dask array or ndarray, shape (n,) or (n, K)

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        return lazily(self, "predict", X) if isinstance(X, da.Array) else super().predict(X)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or with labels that of each label.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)

        Returns
        -------
        dask array or ndarray, shape (n, K)

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        return lazily(self, "predict_proba", X) if isinstance(X, da.Array) else super().predict_proba(X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)

        Returns
        -------
        dask array or ndarray, shape (n, K)

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        return lazily(self, "predict_log_proba", X) if isinstance(X, da.Array) else super().predict_log_proba(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows, by weight where weights are given, whose class (or labels, all) is predicted.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)
        y : dask array or array_like, shape (n,) or (n, K)
        sample_weight : dask array or array_like, shape (n,), optional

        Returns
        -------
        float

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        if not isinstance(X, da.Array):
            return float(super().score(X, y, sample_weight))
        right = self.predict(X) == y
        right = right.all(axis=1) if right.ndim == 2 else right
        if sample_weight is None:
            return float(right.mean())
        return float((right * sample_weight).sum() / sample_weight.sum())


def lazily(model: Any, question: str, X: da.Array) -> da.Array:
    """Return the answers to the rows of X as a dask array with its chunks of rows."""
    check_is_fitted(model)
    if X.ndim != 2 or X.shape[1] != model.n_features_in_:
        raise ValueError(f"X: expected shape (n, {model.n_features_in_}), as in fit, got {X.shape}")
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    plain = fastml.sklearn.LogisticRegression(scale=model.scale)  # callbacks and the like stay here
    for name in FITTED:
        setattr(plain, name, getattr(model, name))
    nothing = answer(np.zeros((1, X.shape[1]), X.dtype), plain, question)[:0]
    keywords: dict[str, Any] = {"drop_axis": 1} if nothing.ndim == 1 else {"chunks": (X.chunks[0], (nothing.shape[1],))}
    return X.map_blocks(answer, plain, question, nothing, dtype=nothing.dtype, meta=nothing, **keywords)


def answer(X: Any, model: Any, question: str, nothing: Array | None = None) -> Array:
    """Return the answers to the rows of a partition."""
    if nothing is not None and not X.shape[0]:
        return nothing
    answers: Array = getattr(model, question)(X)
    return answers
