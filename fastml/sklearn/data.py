"""X as it is: what the kernels take is neither converted, copied nor scanned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array

Array = npt.NDArray[Any]

DTYPES = [np.float64, np.float32, np.float16, np.uint8, np.int8, np.bool_, np.int64, np.int32, np.int16,
          np.uint64, np.uint32, np.uint16]  # fmt: skip
BLOCK = 1 << 18  # elements of X converted at a time


def as_matrix(X: Any) -> Any:
    """Return X as an array or CSR matrix that the kernels take; anything else goes through scikit-learn's checks."""
    if isinstance(X, (np.ndarray, np.memmap)) and type(X) in (np.ndarray, np.memmap):
        plain = X.ndim == 2 and X.dtype in DTYPES and all(X.shape)
    else:
        plain = sparse.issparse(X) and X.format == "csr" and X.dtype in DTYPES and all(X.shape)
    if not plain:
        X = check_array(X, accept_sparse="csr", dtype=DTYPES, ensure_all_finite=False, input_name="X")
    if X.dtype != np.bool_:
        return X
    return X.view(np.uint8) if isinstance(X, np.ndarray) else X.astype(np.uint8)


def computing_dtype(X: Any) -> type[np.floating[Any]]:
    """Return the dtype of the weights: float32 where it holds every value of X, else float64."""
    return np.float32 if X.dtype in (np.float16, np.float32, np.int8, np.uint8) else np.float64


def check_finite(X: Any) -> None:
    """Raise scikit-learn's ValueError if X holds NaN or an infinity."""
    rows = max(1, BLOCK // max(1, X.shape[1]))
    if not isinstance(X, np.ndarray):
        assert_all_finite(X.data, input_name="X")
        return
    for start in range(0, X.shape[0], rows):
        assert_all_finite(X[start : start + rows], input_name="X")


def scores(X: Any, coef: Any, intercept: Array, scale: float | None) -> Array:
    """Return ``scale * X coef^T + intercept``, (n,) where coef has one row, else (n, K); X is never converted whole.

    NaN and infinities in X raise as in `check_finite`; they are looked for only where they show in the result.
    """
    if sparse.issparse(coef):
        coef = coef.toarray()
    binary = coef.shape[0] == 1
    weights = coef[0] if binary else coef.T
    if scale is not None:
        weights = weights * weights.dtype.type(scale)
    with np.errstate(all="ignore"):
        if sparse.issparse(X) or X.dtype == weights.dtype:
            result = X @ weights
        else:
            result = np.empty((X.shape[0], *weights.shape[1:]), weights.dtype)
            rows = max(1, BLOCK // max(1, X.shape[1]))
            for start in range(0, X.shape[0], rows):
                part = slice(start, start + rows)
                np.matmul(X[part].astype(weights.dtype, order="C"), weights, out=result[part])
        result = np.asarray(result, dtype=weights.dtype)
        result += intercept[0] if binary else intercept
    if not np.isfinite(result).all():
        check_finite(X)
    return result
