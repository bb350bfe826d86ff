"""Sparse X in compressed rows: equal to the same numbers dense, to rounding; bits, refusals, second derivatives."""

from types import SimpleNamespace

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent

BINARY, INF = 1, np.inf
CLASSES = (BINARY, 2, 3, 4, 5, 8, 11, 16, 20, 33, 64, 65)  # every width and number of tiles
classes = pytest.mark.parametrize("K", [BINARY, 3, 20])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def csr(data, indices, indptr, shape):
    """Return what a sparse matrix needs to have: SciPy is not needed here."""
    return SimpleNamespace(data=data, indices=indices, indptr=indptr, shape=shape, format="csr", tocsr=lambda: None)


def sparse(X, index="i4"):
    """Return X in compressed rows, shuffled within each, every other entry in two halves, and some zeros kept."""
    rng = np.random.default_rng(1)
    data, indices, indptr = [], [], [0]
    for row in X:
        kept = np.flatnonzero((row != 0) | (rng.random(row.size) < 0.05))
        halved = kept[::2] if X.dtype.kind == "f" else kept[:0]
        values = row.copy()
        values[halved] = row[halved] / 2
        columns = rng.permutation(np.concatenate([kept, halved]))
        data.append(values[columns])
        indices.append(columns)
        indptr.append(indptr[-1] + columns.size)
    return csr(np.concatenate(data) if data else np.zeros(0, X.dtype),
               np.concatenate(indices).astype(index) if indices else np.zeros(0, index),
               np.array(indptr, index), X.shape)  # fmt: skip


def problem(n, d, K, dtype, rng, density=0.2, x_dtype=None):
    """Return X, dense, with empty rows, y, w and b."""
    X = rng.standard_normal((n, d)) if (x_dtype or dtype) in ("f2", "f4", "f8", dtype) else rng.integers(0, 99, (n, d))
    X = np.where((rng.random((n, d)) < density) & (rng.random((n, 1)) < 0.9), X, 0).astype(x_dtype or dtype)
    w = rng.standard_normal((d,) if K == BINARY else (d, K)) / np.sqrt(max(d * density, 1))
    return X, rng.integers(0, max(K, 2), n), w.astype(dtype), rng.standard_normal(K).astype(dtype)


def evaluate(fastml, *data, **keywords):
    with silent():
        p = fastml.predict_logistic(data[0], *data[2:], scale=keywords.get("scale"))
        loss = fastml.logistic_loss(*data, **keywords)
        results = fastml.logistic_loss(*data, return_grad=True, **keywords)
    assert loss == results[0]
    return *results, p


def assert_close(fastml, X, sparse_X, y, w, b, **keywords):
    loss, dw, db = reference.logistic_loss(X.astype(float), y, w, b, return_grad=True, **keywords)
    p = reference.predict_logistic(X.astype(float), w, b, scale=keywords.get("scale"))
    results = evaluate(fastml, sparse_X, y, w, b, **keywords)
    assert (results[1].dtype, results[3].dtype) == (w.dtype, w.dtype)
    allowed = (16 + 4 * np.sqrt(X.shape[1])) * np.finfo(w.dtype).eps  # roundings of sums of size 1
    for result, exact in zip(results, (loss, dw, db, p), strict=True):
        assert np.shape(result) == np.shape(exact)
        np.testing.assert_allclose(result, exact, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("K", CLASSES)
def test_parity(K, isa, dtype, rng, fastml):
    for n, d in ((1, 1), (7, 3), (300, 40), (100, 1000)):
        X, y, w, b = problem(n, d, K, dtype, rng)
        keywords = {"sample_weight": rng.random(n), "scale": -0.5, "l1": 0.01, "l2": 0.02} if n > 99 else {}
        assert_close(fastml, X, sparse(X), y, w, b, **keywords)


@classes
@pytest.mark.parametrize("index", ["i4", "i8"])
@pytest.mark.parametrize("x_dtype", ["f2", "f4", "f8", "i1", "u1", "i2", "i8"])
def test_dtypes(x_dtype, index, K, dtype, rng, fastml):
    X, y, w, b = problem(200, 50, K, dtype, rng, x_dtype=x_dtype)
    assert_close(fastml, X, sparse(X, index), y, w, b, scale=1 / 99 if X.dtype.kind in "iu" else None)


@classes
def test_a_row_longer_than_a_block(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(3, 30_000, K, dtype, rng, density=0.9)
    for index, x_dtype in (("i4", dtype), ("i8", "f8")):
        assert_close(fastml, X, sparse(X.astype(x_dtype), index), y, w, b)


@pytest.mark.parametrize("K", [2, 20])
def test_labels(K, isa, dtype, rng, fastml):
    X, _, w, b = problem(300, 40, K, dtype, rng)
    y, keywords = rng.integers(0, 2, (300, K)), {"sample_weight": rng.random(300)}
    for other in (y, y.astype(dtype)):
        results = fastml.logistic_loss(sparse(X), other, w, b, return_grad=True, **keywords)
        expected = fastml.logistic_loss(X, other, w, b, return_grad=True, **keywords)
        for result, exact in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, exact, rtol=0, atol=64 * np.finfo(dtype).eps)
    p = fastml.predict_logistic(sparse(X), w, b, multi_label=True)
    exact = fastml.predict_logistic(X, w, b, multi_label=True)
    np.testing.assert_allclose(p, exact, rtol=0, atol=64 * np.finfo(dtype).eps)


@classes
@pytest.mark.parametrize(("n", "d"), [(0, 5), (3, 0), (0, 0), (5, 4)])
def test_nothing_in_it(n, d, K, dtype, fastml):
    X = csr(np.zeros(0, dtype), np.zeros(0, "i4"), np.zeros(n + 1, "i4"), (n, d))
    w = np.ones((d,) if K == BINARY else (d, K), dtype)
    y = np.zeros(n, int)
    exact_results = evaluate(fastml, np.zeros((n, d), dtype), y, w, np.full(K, 0.5, dtype))
    for result, exact in zip(evaluate(fastml, X, y, w, np.full(K, 0.5, dtype)), exact_results, strict=True):
        np.testing.assert_allclose(result, exact, rtol=1e-6, atol=1e-7)


def long_problem(K, dtype, rng):
    """Return a problem of several tasks and of several slices each."""
    n, d, each = 150_000, 500, 10
    indptr = np.append(0, rng.integers(0, 2 * each, n).cumsum())
    data = rng.standard_normal(indptr[-1]).astype(dtype)
    X = csr(data, rng.integers(0, d, data.size).astype("i4"), indptr, (n, d))
    w = rng.standard_normal((d,) if K == BINARY else (d, K)).astype(dtype)
    return X, rng.integers(0, max(K, 2), n), w, np.zeros(K, dtype), rng.random(n).astype(dtype)


@classes
def test_same_bits_whatever_the_number_of_threads(K, isa, dtype, rng, fastml):
    X, y, w, b, weight = long_problem(K, dtype, rng)
    results = {}
    for threads in (1, 2, 3):
        with fastml.num_threads(threads):
            results[threads] = evaluate(fastml, X, y, w, b, sample_weight=weight)
        for one, expected in zip(results[threads], results[1], strict=True):
            assert_same_bits(np.asarray(one), np.asarray(expected))
    parts = [evaluate(fastml, rows_of(X, half), y[half], w, b, sample_weight=weight[half])[:3]
             for half in (slice(0, 70_001), slice(70_001, 150_000))]  # fmt: skip
    shares = np.array([weight[:70_001].sum(dtype=float), weight[70_001:].sum(dtype=float)])
    for whole, first, second in zip(results[1], *parts, strict=False):
        mean = (shares[0] * first + shares[1] * second) / shares.sum()
        np.testing.assert_allclose(whole, mean, rtol=1e-5, atol=1e-7)


def rows_of(X, rows):
    indptr = X.indptr[rows.start : rows.stop + 1]
    return csr(X.data, X.indices, indptr, (rows.stop - rows.start, X.shape[1]))


def compiled(fastml, X, y, w, b, weight=None, scale=None):
    from fastml._logistic_data import Model, make_problem

    return make_problem(X, y, Model(w, b), weight, scale)


@classes
def test_chosen_rows(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(300, 40, K, dtype, rng)
    rows = rng.integers(0, 300, 500)
    for index in ("i4", "i8"):
        loss, dw, db = compiled(fastml, sparse(X, index), y, w, b).evaluate(w, b, True, rows)
        expected = compiled(fastml, sparse(X[rows], index), y[rows], w, b).evaluate(w, b)
        for result, exact in zip((loss, dw, db), expected, strict=True):
            np.testing.assert_allclose(result, exact, rtol=1e-5, atol=64 * np.finfo(dtype).eps)


@pytest.mark.parametrize("K", [BINARY, 2, 3, 17])
def test_hessian_product(K, isa, rng, fastml):
    X, y, w, b = problem(200, 30, K, np.dtype("f8"), rng)
    call, step = compiled(fastml, sparse(X), y, w, b, rng.random(200), 0.7), 1e-6
    v, v_b = rng.standard_normal(w.shape), rng.standard_normal(K)
    ahead, behind = (call.evaluate(w + s * step * v, b + s * step * v_b) for s in (1, -1))
    for product, one, other in zip(call.hessian_product(w, b, v, v_b), ahead[1:], behind[1:], strict=True):
        assert product.dtype == np.float64
        np.testing.assert_allclose(product, (one - other) / (2 * step), rtol=1e-6, atol=1e-9)


@classes
def test_a_pass_leaves_nothing_to_the_next(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(300, 40, K, dtype, rng)
    call, rows = compiled(fastml, sparse(X), y, w, b), np.arange(0, 300, 7)
    for function in (lambda p: p.evaluate(w, b), lambda p: p.hessian_product(w, b, w, b),
                     lambda p: p.evaluate(w, b, True, rows), lambda p: p.evaluate(w, b)):  # fmt: skip
        for one, alone in zip(function(call), function(compiled(fastml, sparse(X), y, w, b)), strict=True):
            assert_same_bits(np.asarray(one), np.asarray(alone))


@pytest.mark.thread_unsafe(reason="sets the instruction set of the process")
@classes
def test_same_bits_on_avx2_and_avx512(K, dtype, rng, fastml):
    from fastml import _fastml_runtime as runtime

    if not {"avx2", "avx512"} <= set(runtime.available_isas()):
        pytest.skip("this CPU lacks one of them")
    X, y, w, b = problem(300, 400, K, dtype, rng)
    before, results = runtime.isa(), []
    try:
        for name in ("avx2", "avx512"):
            runtime.use_isa(name)
            results.append(evaluate(fastml, sparse(X), y, w, b))
    finally:
        runtime.use_isa(before)
    for one, other in zip(*results, strict=True):
        assert_same_bits(np.asarray(one), np.asarray(other))


def test_an_infinite_score(isa, dtype, fastml):
    X = csr(np.array([INF, -INF], dtype), np.array([0, 0], "i4"), np.array([0, 1, 2], "i4"), (2, 1))
    w = np.ones(1, dtype)
    with silent():
        assert fastml.logistic_loss(X, [1, 0], w) == 0
        assert fastml.logistic_loss(X, [1, 1], w) == INF
        assert np.isnan(fastml.logistic_loss(X, [1, 1], 0 * w))
    np.testing.assert_array_equal(fastml.predict_logistic(X, w), [1, 0])


@pytest.mark.parametrize(
    ("index", "bad"),
    [*((index, bad) for index in ("i4", "i8") for bad in (-1, 5, 2**31 - 1, -(2**31))), ("i8", 2**32), ("i8", 2**62)],
)
@classes
def test_indices_out_of_range(K, bad, index, isa, fastml):
    indices = np.arange(40, dtype=index) % 5
    indices[33] = bad
    X = csr(np.ones(40), indices, np.arange(0, 41, 4, dtype=index), (10, 5))
    w = np.zeros((5,) if K == BINARY else (5, K))
    for call in (lambda: fastml.logistic_loss(X, np.zeros(10, int), w), lambda: fastml.predict_logistic(X, w)):
        with pytest.raises(ValueError, match=f"^X: expected indices from 0 to 4, got {bad} in row 8$"):
            call()
    with pytest.raises(ValueError, match=f"got {bad} in row 8$"):
        compiled(fastml, X, np.zeros(10, int), w, np.zeros(K)).evaluate(w, np.zeros(K), True, np.array([1, 8, 2]))


@pytest.mark.parametrize(
    ("indptr", "row"), [([0, 3, 2, 4], 1), ([0, 2, 4, 5], 2), ([-1, 2, 3, 4], 0), ([3, 2, 1, 0], 0)]
)
def test_an_indptr_that_is_none(indptr, row, isa, fastml):
    X = csr(np.ones(4), np.zeros(4, "i4"), np.array(indptr), (3, 2))
    with pytest.raises(ValueError, match=f"^X: expected an indptr that rises .* for row {row}$"):
        fastml.logistic_loss(X, np.zeros(3), np.zeros(2))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format": "coo"}, TypeError, "X: expected a dense array or CSR, got a sparse COO: convert it by X.tocsr()"),
        ({"shape": (3, 3)}, ValueError, "X: expected 2 columns, as many as w has rows, got 3"),
        ({"shape": (4, 2)}, ValueError, "X: expected an indptr of shape (5,), got (4,)"),
        ({"data": np.ones(3)}, ValueError, "X: expected as many indices as data, got shapes (4,) and (3,)"),
        ({"data": np.ones(4, complex)}, TypeError, "X: expected a real dtype, got complex128"),
        ({"indices": np.zeros(4)}, TypeError, "X: expected indices of int32 or int64, got float64"),
        ({"indptr": np.zeros(4, "u4")}, TypeError, "X: expected indptr of int32 or int64, got uint32"),
    ],
)
def test_refused(change, error, message, fastml):
    X = csr(np.ones(4), np.zeros(4, "i4"), np.array([0, 1, 2, 4]), (3, 2))
    fastml.logistic_loss(X, np.zeros(3), np.zeros(2))
    vars(X).update(change)
    with pytest.raises(error) as raised:
        fastml.logistic_loss(X, np.zeros(X.shape[0]), np.zeros(2))
    assert str(raised.value) == message


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@classes
def test_fit(K, solver, dtype, rng, fastml):
    X, y, *_ = problem(400, 12, K, dtype, rng)
    keywords = {"l2": 1e-2, "solver": solver, "rng": 0, "max_iter": 60, "validation_data": (X, y)}
    expected = fastml.fit_logistic(X, y, **keywords)
    result = fastml.fit_logistic(sparse(X), y, **(keywords | {"validation_data": (sparse(X), y)}))
    assert result.w.dtype == dtype
    assert result.loss == pytest.approx(expected.loss, rel=1e-4)
    assert result.history[-1].validation_loss == pytest.approx(expected.history[-1].validation_loss, rel=1e-2)


def test_a_step(dtype, rng, fastml):
    X, y, w, b = problem(100, 12, BINARY, dtype, rng)
    same = (w.copy(), b.copy())
    assert fastml.logistic_step(sparse(X), y, w, b, 0.5) == pytest.approx(
        fastml.logistic_step(X, y, *same, 0.5), rel=1e-6
    )
    np.testing.assert_allclose(w, same[0], rtol=1e-5, atol=1e-6)


def test_the_matrices_of_scipy(rng, fastml):
    scipy = pytest.importorskip("scipy.sparse")
    X, y, w, _ = problem(100, 12, BINARY, np.dtype("f8"), rng)
    expected = fastml.logistic_loss(X, y, w)
    for kind in (scipy.csr_matrix, scipy.csr_array):
        assert fastml.logistic_loss(kind(X), y, w) == pytest.approx(expected, rel=1e-12)
    for other in (scipy.csc_array(X), scipy.coo_array(X), scipy.lil_matrix(X)):
        with pytest.raises(TypeError, match=rf"got a sparse {other.format.upper()}: convert it by X\.tocsr\(\)$"):
            fastml.logistic_loss(other, y, w)


@classes
@pytest.mark.parametrize("some", [False, True])
def test_curvature_is_that_of_dense_rows(some, K, dtype, rng, fastml):
    X, y, w, b = problem(2000, 30, K, dtype, rng)
    rows = np.flatnonzero(rng.random(2000) < 0.3) if some else None
    weight, eps = rng.random(2000), np.finfo(dtype).eps
    got, expected = (np.triu(compiled(fastml, x, y, w, b, weight, 0.5).curvature(w, b, rows)) for x in (sparse(X), X))
    assert expected.max() > 0.01
    np.testing.assert_allclose(got, expected, rtol=100 * eps, atol=eps)
    diagonal = compiled(fastml, sparse(X), y, w, b, weight, 0.5).curvature(w, b, rows, True)
    np.testing.assert_array_equal(diagonal, got.diagonal())


@classes
def test_a_scale_of_0(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(40, 7, K, dtype, rng)
    assert_close(fastml, X, sparse(X), y, w, b, scale=0, l2=0.5)
    weight = np.full(40, 1e300)  # scale / sum of weights is 0 in float64
    assert not evaluate(fastml, sparse(X), y, w.astype(float), b, scale=1e-300, sample_weight=weight)[1].any()
