"""What a fitted linear classifier answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

import fastml
from fastml.sklearn.data import as_matrix, scores

Array = npt.NDArray[Any]


class LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predictions from `coef_`, `intercept_` and `classes_`."""

    scale: float | None
    class_weight: Any
    classes_: Array
    coef_: Any
    intercept_: Array
    multi_label_: bool

    def decision_function(self, X: Any) -> Array:
        """Return the scores ``scale * X coef_^T + intercept_``.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)

        Returns
        -------
        ndarray, shape (n,) or (n, K)
            Two classes have one score, which is positive for ``classes_[1]``; the dtype of `coef_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            `X` has another number of features than in `fit`, or holds NaN or an infinity.
        """
        check_is_fitted(self)
        matrix = as_matrix(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        return scores(matrix, self.coef_, self.intercept_, self.scale)

    def predict(self, X: Any) -> Array:
        """Return the most likely class of each row, or with labels 0 or 1 for each.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)

        Returns
        -------
        ndarray, shape (n,) or (n, K)

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        z = self.decision_function(X)
        if self.multi_label_:
            return (z > 0).astype(np.int64)
        numbers = (z > 0).view(np.int8) if z.ndim == 1 else z.argmax(axis=1)
        return self.classes_.take(numbers)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, or with labels that of each label.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)

        Returns
        -------
        ndarray, shape (n, K)
            In the order of `classes_`; the dtype of `coef_`. Small ones are as accurate as large ones.

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        z = self.decision_function(X)
        if self.multi_label_:
            return np.asarray(fastml.sigmoid(z, out=z))
        if z.ndim == 1:
            return np.stack([fastml.sigmoid(-z), fastml.sigmoid(z)], axis=1)
        return np.asarray(fastml.softmax(z, out=z))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, finite where those are 0 or 1 when rounded.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)

        Returns
        -------
        ndarray, shape (n, K)
            In the order of `classes_`; the dtype of `coef_`.

        Raises
        ------
        NotFittedError, ValueError
            As `decision_function`.
        """
        z = self.decision_function(X)
        if self.multi_label_:
            return np.asarray(fastml.log_sigmoid(z, out=z))
        if z.ndim == 1:
            return np.stack([fastml.log_sigmoid(-z), fastml.log_sigmoid(z)], axis=1)
        return np.asarray(fastml.log_softmax(z, out=z))

    def sparsify(self) -> LinearClassifier:
        """Turn `coef_` into a CSR array, smaller where `l1_ratio` has made most of it 0.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_array(self.coef_)
        return self

    def densify(self) -> LinearClassifier:
        """Turn `coef_` back into an ndarray.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = dense(self.coef_)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags


def dense(coef: Any) -> Array:
    """Return the coefficients as an ndarray."""
    return np.asarray(coef.toarray() if sparse.issparse(coef) else coef)
