"""Sparse matrices in compressed rows, as scipy.sparse has them; SciPy itself is not imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._arguments import native
from fastml._fastml_runtime import kind_of

Array = npt.NDArray[Any]


class Csr:
    """A sparse matrix: row i has ``data[j]`` in column ``indices[j]`` for ``indptr[i] <= j < indptr[i + 1]``.

    Types and shapes are checked; the indices themselves are where they are used. Nothing is copied that is contiguous
    and native.
    """

    ndim = 2

    def __init__(self, X: Any) -> None:
        """Check X, which has data, indices, indptr and shape."""
        self.shape: tuple[int, int] = tuple(int(size) for size in X.shape)  # type: ignore[assignment]
        if len(self.shape) != 2:
            raise ValueError(f"X: expected two dimensions (n, d), got shape {self.shape}")
        self.data, self.indices, self.indptr = (ready(getattr(X, name)) for name in ("data", "indices", "indptr"))
        self.dtype = self.data.dtype
        if kind_of(self.dtype) < 0:
            raise TypeError(f"X: expected a real dtype, got {self.dtype}")
        for name, array in (("indices", self.indices), ("indptr", self.indptr)):
            if array.dtype not in (np.int32, np.int64):
                raise TypeError(f"X: expected {name} of int32 or int64, got {array.dtype}")
        if self.indptr.shape != (self.shape[0] + 1,):
            raise ValueError(f"X: expected an indptr of shape ({self.shape[0] + 1},), got {self.indptr.shape}")
        if self.data.ndim != 1 or self.indices.shape != self.data.shape:
            raise ValueError(
                f"X: expected as many indices as data, got shapes {self.indices.shape} and {self.data.shape}"
            )
        if self.shape[1] > np.iinfo(np.int32).max:
            raise ValueError(f"X: expected fewer than 2^31 columns where it is sparse, got {self.shape[1]}")

    @property
    def size(self) -> int:
        """The number of elements, zeros included."""
        return self.shape[0] * self.shape[1]

    def rows(self, numbers: Array | slice, dtype: npt.DTypeLike = np.float64) -> Array:
        """Return rows, dense."""
        start, stop = (part[numbers].astype(np.intp) for part in (self.indptr[:-1], self.indptr[1:]))
        counts = stop - start
        if start.size and not (start.min() >= 0 and counts.min() >= 0 and stop.max() <= self.data.size):
            raise ValueError(f"X: expected an indptr that rises from 0 to {self.data.size} at most")
        place = np.arange(counts.sum()) + np.repeat(start - (counts.cumsum() - counts), counts)
        columns, row = self.indices[place], np.repeat(np.arange(counts.size), counts)
        if columns.size and not 0 <= columns.min() <= columns.max() < self.shape[1]:
            raise ValueError(f"X: expected indices from 0 to {self.shape[1] - 1}")
        dense = np.zeros((counts.size, self.shape[1]), dtype)
        np.add.at(dense, (row, columns), self.data[place].astype(dtype))
        return dense


def ready(array: Any) -> Array:
    """Return the array as the pass reads it."""
    return np.require(native(np.asarray(array)), requirements=("C", "A"))


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix of SciPy's kind."""
    return not isinstance(X, np.ndarray) and callable(getattr(X, "tocsr", None))


def csr(X: Any) -> Csr:
    """Return X, which is sparse, if it is in compressed rows."""
    form = getattr(X, "format", type(X).__name__)
    if form != "csr":
        raise TypeError(f"X: expected a dense array or CSR, got a sparse {str(form).upper()}: convert it by X.tocsr()")
    return Csr(X)
