"""What tools/bits.py computes of the logistic family: losses, gradients, predictions, steps and whole fits."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

import fastml

Results = Iterator[Any]
SOLVERS = ("auto", "newton-cholesky", "lbfgs", "sgd")
TYPES = ("float16", "float32", "float64", "uint8", "int8")  # of X
PROBLEMS = ((1, 3, 2), (7, 20, 3), (257, 1, 2), (70, 15, 10), (257, 100, 17), (3001, 20, 2), (65, 785, 10))


def compressed(X: Any) -> SimpleNamespace:
    """Return a matrix in compressed rows: what fastml asks of SciPy's."""
    counts = (X != 0).sum(axis=1)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    arrays = {"data": X[X != 0], "indices": np.nonzero(X)[1].astype(np.int32), "indptr": indptr}
    return SimpleNamespace(**arrays, shape=X.shape, format="csr", tocsr=lambda: None)


def matrix(draw: Any, dtype: str, n: int, d: int) -> Any:
    """Return X: numbers of both signs, or counts."""
    if dtype in ("uint8", "int8"):
        return draw.rng.integers(0, 100, (n, d)).astype(dtype)
    return draw.numbers(n, d).astype(dtype)


def losses(draw: Any) -> Results:
    """Yield loss, gradients, predictions and a step of SGD, of dense X in both orders, of labels and of several."""
    for n, d, K in PROBLEMS:
        for X in (matrix(draw, dtype, n, d) for dtype in TYPES):
            w = (draw.numbers(d, K) if K > 2 else draw.numbers(d)) / 32
            b = draw.numbers(K) if K > 2 else draw.numbers(1)
            weight, labels = draw.rng.random(n), draw.rng.integers(0, K, n)
            many = [draw.rng.integers(0, 2, (n, K))] if K > 2 else []
            for y in (labels, *many):
                yield from fastml.logistic_loss(X, y, w, b, return_grad=True)
                F = np.asfortranarray(X)
                yield from fastml.logistic_loss(F, y, w, b, l1=0.1, l2=0.1, sample_weight=weight, return_grad=True)
                stepped, moved = w.copy(), b.copy()
                yield fastml.logistic_step(X, y, stepped, moved, 0.125, l2=0.1)
                yield from (stepped, moved)
            yield from (fastml.predict_logistic(X, w, b, multi_label=of_labels) for of_labels in {False, K > 2})


def sparse(draw: Any) -> Results:
    """Yield loss, gradients and predictions of sparse X."""
    for n, d, K in ((70, 33, 2), (300, 129, 3), (3001, 500, 10), (1000, 4000, 2)):
        X = draw.numbers(n, d) * (draw.rng.random((n, d)) < 0.05)
        w = (draw.numbers(d, K) if K > 2 else draw.numbers(d)) / 8
        b = draw.numbers(K) if K > 2 else draw.numbers(1)
        csr: Any = compressed(X)
        yield from fastml.logistic_loss(csr, draw.rng.integers(0, K, n), w, b, return_grad=True)
        yield fastml.predict_logistic(csr, w, b)


def fit(solver: str, **options: Any) -> Callable[[Any], Results]:
    """Return what gives the parameters, the loss and the steps of fits."""

    def results(draw: Any) -> Results:
        for n, d, K in ((400, 5, 2), (3000, 20, 2), (900, 33, 3), (500, 90, 10)):
            X = draw.numbers(n, d)
            center = np.trunc(X[:, :4].astype(np.float64).sum(axis=1))
            y = (center + draw.rng.integers(-3, 4, n)) % K if K > 2 else center + draw.rng.integers(-9, 10, n) > 0
            weight = draw.rng.random(n)
            for given in (X, compressed(X * (draw.rng.random((n, d)) < 0.2))):
                for weights in (None, weight):
                    found = fastml.fit_logistic(
                        given, y.astype(np.int64), solver=solver, sample_weight=weights, max_iter=12, rng=3, **options
                    )
                    yield from (found.w, found.b, found.loss, found.n_iter)

    return results


LOGISTIC: dict[str, tuple[tuple[str, ...], Callable[[Any], Results]]] = {
    "logistic_loss logistic_step predict_logistic": (("float32", "float64"), losses),
    "logistic_loss predict_logistic sparse": (("float32", "float64"), sparse),
    **{f"fit_logistic {solver}": (("float32", "float64"), fit(solver, l2=1e-3)) for solver in SOLVERS},
    "fit_logistic lbfgs l1": (("float32", "float64"), fit("lbfgs", l1=1e-3)),
    "fit_logistic proximal-newton": (("float32", "float64"), fit("proximal-newton", l1=1e-2)),
    "fit_logistic sgd l1": (("float32", "float64"), fit("sgd", l1=1e-3)),
}
