"""Data in partitions that are unequal, some of them empty, and the estimator that is fitted to them."""

import dask.array as da
import numpy as np

UNEQUAL = (700, 0, 1, 900, 0, 399)
N, D = sum(UNEQUAL), 6


def data(K=2, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, D))
    return X.astype(dtype), np.argmax(X @ rng.standard_normal((D, K)) + rng.gumbel(size=(N, K)), axis=1)


def spread(array, rows=UNEQUAL, columns=-1):
    return da.from_array(array, chunks=(rows, columns)[: array.ndim])


def model(**keywords):
    from fastml.dask import LogisticRegression

    return LogisticRegression(**{"tol": 1e-7, "max_iter": 500, **keywords})
