"""The Newton solvers of fit_logistic: curvature, factor, the optimum of awkward data, samples that grow, bits."""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_fitting import few_classes
from test_logistic import BINARY

SOLVERS = ["newton-cholesky", "proximal-newton"]
newton_solvers = pytest.mark.parametrize("solver", SOLVERS)


def awkward(K=BINARY, n=3000, d=24, dtype=np.float64):
    """Return X with features of all sizes, correlated, two the same, one constant and one seen once; and labels."""
    rng = np.random.default_rng([5, K])
    X = rng.standard_normal((n, d // 4)) @ rng.standard_normal((d // 4, d)) + 0.3 * rng.standard_normal((n, d)) + 1
    X[:, :4] *= np.array([0.01, 0.1, 10, 30])
    X[:, 4], X[:, 5], X[:, 6] = X[:, 3], 1, np.arange(n) == 77
    scores = (X / X.std(axis=0).clip(0.1)) @ rng.standard_normal((d, max(K, 2))) / 4
    return X.astype(np.float32).astype(dtype), np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


@lru_cache
def least(K, l2):
    """Return the minimum of awkward(K), by Newton's method of the oracle with the whole Hessian, in float64."""
    X, y = awkward(K)
    A, classes = np.column_stack((X.astype(float), np.ones(len(y)))), max(K, 2)
    v = np.zeros((A.shape[1], K))
    penalty = np.append(np.full(A.shape[1] - 1, 2 * l2), 0)
    for _ in range(20):
        w, b = (v[:-1, 0], v[-1, 0]) if K == BINARY else (v[:-1], v[-1])
        loss, dw, db = reference.logistic_loss(X, y, w, b, l2=l2, return_grad=True)
        slope = np.vstack((np.reshape(dw, (-1, K)), np.reshape(db, (1, K))))
        z = A @ v if K > 1 else np.column_stack((np.zeros(len(A)), A @ v))
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p = (p / p.sum(axis=1, keepdims=True))[:, classes - K :]
        H = np.einsum("ij,kl->ikjl", np.diag(penalty), np.eye(K))
        for k in range(K):
            for m in range(K):
                H[:, k, :, m] += (A.T * (p[:, k] * ((k == m) - p[:, m]))) @ A / len(y)
        step = np.linalg.lstsq(H.reshape(v.size, v.size), slope.ravel(), rcond=1e-13)[0].reshape(v.shape)
        v -= step
    return loss


@few_classes
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [3, 15, 16, 40])
def test_curvature(K, weighted, d, isa, fastml):
    from fastml._logistic import Problem

    rng = np.random.default_rng(0)
    for dtype, bound in ((np.float32, 1e-6), (np.float64, 1e-14)):
        n = 700
        X, y = rng.standard_normal((n, d)).astype(dtype), rng.integers(0, max(K, 2), n)
        weight = rng.random(n) if weighted else None
        problem = Problem(X, y, weight, dtype, K, 0.5)
        w, b = (rng.standard_normal((d, K) if K > 1 else d) / 2).astype(dtype), np.full(K, 0.25, dtype)
        for rows in (None, np.flatnonzero(rng.random(n) < 0.4)):
            part = slice(None) if rows is None else rows
            p = problem.predict(w, b).reshape(n, -1).astype(float)
            h = ((p * (1 - p)).mean(axis=1) * (1 if weight is None else weight))[part]
            A = np.column_stack((X.astype(float) / 2, np.ones(n)))[part]
            expected = (A.T * h) @ A / (len(A) if weight is None else weight[part].sum())
            upper = np.triu(problem.curvature(w, b, rows))
            assert upper.shape == (d // 32 * 32 + 32,) * 2
            assert np.abs(upper[: d + 1, : d + 1] - np.triu(expected)).max() < bound
            assert not upper[:, d + 1 :].any()
            diagonal = problem.curvature(w, b, rows, True)
            np.testing.assert_array_equal(diagonal, upper.diagonal())


@pytest.mark.parametrize("m", [32, 64, 160])
def test_cholesky(m, isa, fastml):
    from fastml._lbfgs import Cholesky

    rng = np.random.default_rng(m)
    A = rng.standard_normal((m, 2 * m))
    A = A @ A.T / m
    v = rng.standard_normal((3, m))
    factor, x = Cholesky(np.triu(A), 1e-12), v.copy()
    factor.solve(x)
    assert factor.finite
    np.testing.assert_allclose(x @ A, v, atol=1e-12)
    assert factor.norm(v) == pytest.approx(np.einsum("ki,ij,kj->", v, A, v), rel=1e-12)
    A[m // 2, m // 2] = np.nan
    assert not Cholesky(A, 1e-12).finite


@newton_solvers
@few_classes
@pytest.mark.parametrize("l2", [1e-4, 1e-2])
def test_the_minimum_of_awkward_data(solver, K, l2, fastml):
    for dtype in (np.float32, np.float64):
        X, y = awkward(K, dtype=dtype)
        with silent():
            fit = fastml.fit_logistic(X, y, l2=l2, solver=solver, tol=1e-4)
        losses = [step.loss for step in fit.history]
        assert fit.converged
        assert fit.n_iter < 60
        assert losses == sorted(losses, reverse=True)
        exact = fastml.logistic_loss(X, y, fit.w.astype(float), fit.b.astype(float), l2=l2)
        assert exact <= least(K, l2) * (1 + 1e-6)


@newton_solvers
@few_classes
def test_samples_that_grow_end_at_the_same_minimum(solver, K, fastml, monkeypatch):
    from fastml import _newton, _proximal

    sizes = []
    monkeypatch.setattr(_newton, "ROWS_PER_FEATURE", 2)
    monkeypatch.setattr(_newton, "PASS", 0)
    for module in (_newton, _proximal):
        monkeypatch.setattr(module, "patience", lambda n, d, m: 3)
        spread = module.spread
        monkeypatch.setattr(module, "spread", lambda n, m, spread=spread: sizes.append(m) or spread(n, m))
    X, y = awkward(K)
    fit = fastml.fit_logistic(X, y, l2=1e-4, solver=solver, tol=1e-5)
    assert fit.converged
    assert len(set(sizes)) > 2
    assert fit.loss <= least(K, 1e-4) * (1 + 1e-6)


@few_classes
def test_l1_of_awkward_data(K, fastml):
    X, y = awkward(K)
    fit = fastml.fit_logistic(X, y, l1=1e-3, l2=1e-4, tol=1e-5, max_iter=1000)
    dw, db = reference.logistic_loss(X, y, fit.w, fit.b, l2=1e-4, return_grad=True)[1:]
    zero = fit.w == 0
    assert fit.converged
    assert 0 < zero.sum() < zero.size
    assert np.all(np.abs(dw[zero]) <= 1e-3 + 1.01e-5)
    np.testing.assert_allclose(dw[~zero], -1e-3 * np.sign(fit.w[~zero]), atol=1.01e-5)
    np.testing.assert_allclose(db, 0, atol=1.01e-5)


@newton_solvers
@pytest.mark.thread_unsafe(reason="sets the instruction set of the process")
@few_classes
def test_same_bits_on_any_threads_and_isa(solver, K, fastml):
    from fastml import _fastml_runtime

    X, y = awkward(K, n=20_000, dtype=np.float32)
    fits = []
    for isa, threads in (("avx2", 1), ("avx2", 3), ("avx512", 2)):
        if isa in _fastml_runtime.available_isas():
            _fastml_runtime.use_isa(isa)
            with fastml.num_threads(threads):
                fits.append(fastml.fit_logistic(X, y, l2=1e-4, solver=solver))
    _fastml_runtime.use_isa(_fastml_runtime.available_isas()[-1])
    for fit in fits[1:]:
        assert_same_bits(fit.w, fits[0].w)
        assert_same_bits(fit.b, fits[0].b)


@newton_solvers
def test_separable_classes_end(solver, fastml):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 5)).astype(np.float32)
    with silent():
        fit = fastml.fit_logistic(X, X[:, 0] > 0, solver=solver, max_iter=100)
    assert fit.loss < 1e-5 or not fit.converged
    assert np.isfinite(fit.w).all()


def test_rows_are_spread(fastml):
    from fastml._newton import first_sample, spread

    for n, m in ((10, 10), (1000, 7), (12_345, 1234)):
        rows = spread(n, m)
        assert rows.dtype == np.int64
        assert np.all(rows * m // n == np.arange(m)) or np.all(np.abs(rows * (m / n) - np.arange(m)) < 1 + 1e-9)
        assert 0 <= rows.min() <= rows.max() < n
    assert first_sample(100, 50, 1) == 100
    assert first_sample(1_000_000, 50, 1) < 100_000
    assert first_sample(10**9, 10, 1) == 1 << 20
    assert first_sample(70_000, 784, 1) == 20 * 785
    assert first_sample(70_000, 784, 10) == 70_000


@pytest.mark.parametrize(("K", "n"), [(2, 12_000), (3, 50_000), (10, 12_000), (10, 50_000)])
@pytest.mark.parametrize("sparse", [False, True])
def test_features_seen_in_few_rows(K, n, sparse, fastml):
    # standardized, a feature that is 0 but in a few rows is huge there: of many such rows a sample has none
    rng, d = np.random.default_rng(0), 60
    X = (rng.random((n, d)) < np.geomspace(3 / n, 0.3, d)) * rng.random((n, d))
    scores = X @ rng.standard_normal((d, K)) * 8 + rng.gumbel(size=(n, K))
    X = (X / np.maximum(X.std(axis=0), 1e-9)).astype(np.float32)
    if sparse:
        X = pytest.importorskip("scipy.sparse").csr_array(X)
    fits = [
        fastml.fit_logistic(X, scores.argmax(axis=1), l2=0.5 / n, solver=solver, tol=1e-4)
        for solver in ("newton-cholesky", "lbfgs")
    ]
    assert fits[0].converged
    assert fits[0].n_iter < 1.5 * fits[1].n_iter + 40
    assert fits[0].loss < fits[1].loss + 1e-5


@pytest.mark.parametrize("K", [2, 3])
def test_features_seen_in_few_rows_with_l1(K, fastml, monkeypatch):
    from fastml import _solvers

    rng, n, d = np.random.default_rng(0), 20_000, 40
    X = rng.standard_normal((n, 8)) @ rng.standard_normal((8, d)) + 0.2 * rng.standard_normal((n, d))
    X[:, :10] = rng.random((n, 10)) < 3 / n
    X = ((X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)).astype(np.float32)
    w = rng.standard_normal((d, K)) / 3 * np.where(np.arange(d) < 10, 0.02, 1)[:, None]
    y = np.argmax(X @ w + rng.gumbel(size=(n, K)), axis=1)
    passes, at = [], _solvers.Objective.at
    monkeypatch.setattr(_solvers.Objective, "at", lambda self, place: passes.append(None) or at(self, place))
    fit = fastml.fit_logistic(X, y, l1=1e-3, l2=1e-6, solver="proximal-newton", tol=1e-4)
    assert fit.converged
    assert len(passes) < 120
    assert fit.loss < fastml.fit_logistic(X, y, l1=1e-3, l2=1e-6, solver="lbfgs", tol=1e-4, max_iter=999).loss + 1e-6


@pytest.mark.thread_unsafe(reason="tracemalloc counts the process's memory")
@pytest.mark.parametrize("count", [1 << 21, 3_000_001])
def test_choosing_rows_takes_little_memory_beside_them(count, fastml):
    import tracemalloc

    from fastml._newton import spread

    tracemalloc.start()
    rows = spread(3 * count, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes + (1 << 22)
    assert np.all(np.diff(rows) > 0)


@pytest.mark.thread_unsafe(reason="tracemalloc counts the process's memory")
def test_steps_remembered_fit_the_memory(fastml):
    import tracemalloc

    rng = np.random.default_rng(0)
    X = (rng.random((20, 1 << 17)) * np.geomspace(1, 1e-3, 1 << 17)).astype(np.float32)
    tracemalloc.start()
    result = fastml.fit_logistic(X, np.arange(20) % 8, l2=1e-5, solver="lbfgs", max_iter=15, tol=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.n_iter == 15
    assert peak < 40 * result.w.nbytes + 50_000_000


def test_a_step_that_overflows_is_halved(fastml):
    from fastml._solvers import search

    def at(v):
        return (-v[0], v) if np.isfinite(v).all() else (np.inf, v)

    objective = SimpleNamespace(at=at, rounded=lambda v: v.astype(np.float32).astype(np.float64))
    slope, direction = np.array([-1e3, 1e-3]), np.array([1e38, 1e39])  # in float32, inf upwards and less downwards
    with np.errstate(all="ignore"):
        found = search(objective, np.zeros(2), 0.0, slope, direction, None, 1.0, 1e-8)
    assert found is not None
    assert np.isfinite(found[0]).all()


def test_what_they_refuse(fastml):
    X, y = awkward(n=100)
    with pytest.raises(ValueError, match=r"^solver: expected another than 'newton-cholesky', .* got d=24 and l1=0.1$"):
        fastml.fit_logistic(X, y, l1=0.1, solver="newton-cholesky")
    wide = np.ones((4, 1200), np.float32)
    with pytest.raises(ValueError, match=r"^solver: expected another than 'proximal-newton', .* got 1201$"):
        fastml.fit_logistic(wide, [0, 1, 0, 1], solver="proximal-newton")
    assert fastml.fit_logistic(wide, [0, 1, 0, 1], l1=0.1).converged


@pytest.mark.parametrize("y_of", [lambda X: np.digitize(X[:, 0], [-0.5, 0.5]), lambda X: X[:, :3].argmax(axis=1)])
def test_separable_classes_of_a_softmax_end(y_of, fastml):
    X = np.random.default_rng(7).standard_normal((300, 12)).astype(np.float32)
    result = fastml.fit_logistic(X, y_of(X), solver="newton-cholesky")
    assert result.converged
    assert result.loss < 1e-5


@pytest.mark.parametrize("solver", ["lbfgs", *SOLVERS])
def test_x_as_large_as_its_squares_overflow(solver, fastml):
    X, y = awkward(dtype=np.float32, n=300)
    X = X / X.std(axis=0).clip(0.1)
    plain = fastml.fit_logistic(X, y, solver="lbfgs", tol=1e-5)
    large = fastml.fit_logistic(X * np.float32(1e20), y, solver=solver)
    assert large.converged
    assert abs(large.loss - plain.loss) < 0.01 * plain.loss


@pytest.mark.parametrize("solver", ["lbfgs", *SOLVERS])
def test_one_pass_tells_that_data_are_not_finite(solver, fastml, monkeypatch):
    X, y = awkward(n=300)
    X[7, 3] = np.nan
    passes = []
    at = fastml._solvers.Objective.at
    monkeypatch.setattr(fastml._solvers.Objective, "at", lambda self, position: passes.append(1) or at(self, position))
    result = fastml.fit_logistic(X, y, solver=solver)
    assert not result.converged
    assert len(passes) == 1
