"""logistic_loss and predict_logistic: parity with the oracle, exact tails, inf and NaN, bits that ignore threads."""

import functools

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent

INF, NAN = np.inf, np.nan
BINARY = 1
ROWS = (*range(10), 100, 1001)
FEATURES = (0, 1, 3, 15, 16, 17, 20, 31, 32, 33, 100, 784)
VARIANTS = (
    {},
    {"sample_weight": True},
    {"l1": 0.01, "l2": 0.02},
    {"scale": -0.5},
    {"sample_weight": True, "l1": 0.003, "l2": 0.1, "scale": 1.5},
)  # as many as have no factor in common with the lengths of the lists above
several_classes = pytest.mark.parametrize("K", [BINARY, 2, 3, 10, 17, 64])
few_classes = pytest.mark.parametrize("K", [BINARY, 2, 10, 17])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def tolerance(dtype, d):
    """Return what loss, gradient and probabilities may be off by, absolutely, on the data of `problem`.

    There all numbers, the scores included, are of size 1. A score is a sum of d products and so has an error of about
    sqrt(d) units of rounding, on which all that follows depends with slopes of at most 1; the rest is a handful of
    roundings, and, for the gradient, those of 512 rows added up before they go into float64, divided by as many.
    """
    return (12 + 2 * np.sqrt(d)) * np.finfo(dtype).eps


def labels(rng, n, K):
    return rng.integers(0, max(K, 2), n)


def weights_of(rng, d, K, dtype):
    """Return w, whose scores are of size 1."""
    return (rng.standard_normal((d,) if K == BINARY else (d, K)) / np.sqrt(max(d, 1))).astype(dtype)


@functools.cache
def problem(n, d, K, dtype, variant=0):
    """Return X, y, w, b and the keywords, and what the oracle makes of them: the same for every instruction set."""
    rng = np.random.default_rng([n, d, K, variant])
    X = rng.standard_normal((n, d)).astype(dtype)
    y, w = labels(rng, n, K), weights_of(rng, d, K, dtype)
    biases = (0.25, dtype.type(-0.25), np.array(0.5), np.array([0.125], dtype), rng.standard_normal(K).astype(dtype))
    b = biases[(n + variant) % 5]
    keywords = dict(VARIANTS[variant])
    if "sample_weight" in keywords:
        keywords["sample_weight"] = np.where(rng.random(n) < 0.2, 0, rng.random(n)).astype(dtype)
    for array in (X, y, w):
        array.flags.writeable = False  # it is used again
    expected = reference.logistic_loss(X, y, w, b, return_grad=True, **keywords)
    probabilities = reference.predict_logistic(X, w, b, scale=keywords.get("scale"))
    return (X, y, w, b), keywords, expected, probabilities


def evaluate(fastml, *data, **keywords):
    with silent():
        return fastml.logistic_loss(*data, return_grad=True, **keywords)


def assert_close(fastml, case, dtype):
    (X, y, w, b), keywords, expected, probabilities = case
    allowed = tolerance(dtype, X.shape[1])
    loss, dw, db = evaluate(fastml, X, y, w, b, **keywords)
    assert isinstance(loss, np.float64)
    assert loss == fastml.logistic_loss(X, y, w, b, **keywords)
    with silent():
        p = fastml.predict_logistic(X, w, b, scale=keywords.get("scale"))
    assert (dw.dtype, dw.shape, np.shape(db)) == (dtype, w.shape, np.shape(b))
    assert db.dtype == (dtype if np.ndim(b) else np.float64)
    assert (p.dtype, p.flags.c_contiguous) == (dtype, True)
    what = f"{X.shape}, b {np.shape(b)}, {list(keywords)}"
    for result, exact in zip((loss, dw, db, p), (*expected, probabilities), strict=True):
        np.testing.assert_allclose(result, exact, rtol=allowed, atol=allowed, err_msg=what)


@several_classes
def test_parity(K, isa, dtype, fastml):
    for i, n in enumerate(ROWS):
        for j, d in enumerate(FEATURES):
            assert_close(fastml, problem(n, d, K, dtype, (i * len(FEATURES) + j) % len(VARIANTS)), dtype)


@few_classes
def test_parity_over_several_parts(K, isa, dtype, fastml):
    for variant in (0, 4):
        assert_close(fastml, problem(40_000, 7, K, dtype, variant), dtype)


@few_classes
def test_several_rounds_add_up(K, dtype, rng, fastml):
    n, d, pieces = 1_120_000 if dtype == np.float32 else 560_000, 16, 7  # over 64 MB, were they not overlapping rows
    X = np.lib.stride_tricks.sliding_window_view(rng.standard_normal(n + d - 1).astype(dtype), d)
    y, w = labels(rng, n, K).astype(np.uint8), weights_of(rng, d, K, dtype)
    parts = [evaluate(fastml, X[i : i + n // pieces], y[i : i + n // pieces], w) for i in range(0, n, n // pieces)]
    for whole, mean in zip(evaluate(fastml, X, y, w), map(np.mean, zip(*parts, strict=True), [0] * 3), strict=True):
        np.testing.assert_allclose(whole, mean, rtol=1e-6, atol=1e-8)


@few_classes
def test_probabilities_sum_to_one(K, isa, dtype, fastml):
    (X, _, w, b), *_ = problem(1001, 100, K, dtype)
    p = fastml.predict_logistic(X, 30 * w, b)
    assert np.all((p >= 0) & (p <= 1))
    if K != BINARY:
        np.testing.assert_allclose(p.sum(axis=1, dtype=np.float64), 1, rtol=4 * np.finfo(dtype).eps)


@few_classes
def test_zero_weights(K, isa, dtype, fastml):
    (X, y, w, b), *_ = problem(100, 17, K, dtype)
    loss, dw, db = evaluate(fastml, X, y, w, b, sample_weight=np.zeros(100), l1=0.5, l2=0.25)
    assert loss == pytest.approx(0.5 * np.abs(w).sum(dtype=float) + 0.25 * np.square(w.astype(float)).sum(), rel=1e-12)
    np.testing.assert_allclose(dw, 0.5 * np.sign(w) + 0.5 * w, rtol=np.finfo(dtype).eps)
    assert not np.any(db)
    assert not np.any(fastml.logistic_loss(X, y, w, b, sample_weight=np.zeros(100, np.uint8)))


@few_classes
def test_weights_count_rows(K, isa, dtype, rng, fastml):
    (X, y, w, b), *_ = problem(100, 33, K, dtype)
    times = rng.integers(0, 4, 100)
    repeated = evaluate(fastml, np.repeat(X, times, axis=0), np.repeat(y, times), w, b)
    for weighted in (evaluate(fastml, X, y, w, b, sample_weight=k * times) for k in (1, 3)):
        for one, other in zip(weighted, repeated, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance(dtype, 33), atol=tolerance(dtype, 33))


@few_classes
def test_finite_differences(K, isa, rng, fastml):
    d, keywords = 5, {"l2": 0.1, "scale": 0.7, "sample_weight": rng.random(50)}
    X, y, w = rng.standard_normal((50, d)), labels(rng, 50, K), weights_of(rng, d, K, np.float64)
    b = rng.standard_normal(K)
    _, dw, db = evaluate(fastml, X, y, w, b, **keywords)
    step = 1e-5
    for array, gradient in ((w, dw), (b, db)):
        for index in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign * step
                values.append(fastml.logistic_loss(X, y, *((moved, b) if array is w else (w, moved)), **keywords))
            assert gradient[index] == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("margin", [20, 30, 80, 200, 700])
@few_classes
def test_the_tail_is_exact(K, margin, isa, dtype, fastml):
    X, y = np.zeros((9, 16), dtype), np.arange(9) % max(K, 2)
    if K == BINARY:
        w, X[:, 3] = np.eye(16, dtype=dtype)[3], np.where(y == 1, margin, -margin)
    else:
        w, X[np.arange(9), y] = np.eye(16, K, dtype=dtype), margin
        X, y = X[y < 16], y[y < 16]
    exact = np.log1p(max(K - 1, 1) * np.exp(-float(margin)))
    loss, dw, _ = evaluate(fastml, X, y, w)
    eps, lost = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)  # what float32 cannot hold is 0
    assert loss == pytest.approx(exact, rel=3 * eps, abs=lost)
    _, expected, _ = reference.logistic_loss(X, y, w, return_grad=True)
    np.testing.assert_allclose(dw, expected, rtol=16 * eps, atol=margin * max(K, 2) * lost)
    if margin == 20:
        assert exact == pytest.approx(2.0611536e-9 * max(K - 1, 1), rel=1e-7)


@few_classes
def test_wrong_by_a_huge_margin(K, isa, dtype, fastml):
    w = np.zeros((2,) if K == BINARY else (2, K), dtype)
    w[(0,) if K == BINARY else (0, 1)] = 1
    for size in (200.0, 1e6, 1e30):
        X, y = np.full((3, 2), size, dtype), [0, 1, 0]
        loss, dw, _ = evaluate(fastml, X, y, w)
        exact, gradient, _ = reference.logistic_loss(X, y, w, return_grad=True)
        assert loss == pytest.approx(exact, rel=float(np.finfo(dtype).eps))
        np.testing.assert_allclose(dw, gradient, rtol=4 * np.finfo(dtype).eps, atol=size * np.finfo(dtype).tiny)


@pytest.mark.parametrize("scores", [(INF, -INF), (-INF, INF), (INF, 0), (0, INF), (-INF, 0), (INF, INF), (-INF, -INF)])
@pytest.mark.parametrize("K", [2, 3, 10, 17])
def test_infinite_scores(K, scores, isa, dtype, fastml):
    b = np.full(K, min(scores), np.float64)
    b[[0, -1]] = scores
    b, X, w = b.astype(dtype), np.zeros((1, 2), dtype), np.zeros((2, K), dtype)
    with silent():
        p = fastml.predict_logistic(X, w, b)
        losses = [fastml.logistic_loss(X, [label], w, b) for label in (0, K - 1)]
    np.testing.assert_allclose(p, reference.predict_logistic(X, w, b), rtol=4 * np.finfo(dtype).eps)
    exact = [reference.logistic_loss(X, np.array([label]), w, b) for label in (0, K - 1)]
    np.testing.assert_allclose(losses, exact, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("score", [INF, -INF])
def test_an_infinite_binary_score(score, isa, dtype, fastml):
    X, w = np.array([[score, 1.0]], dtype), np.ones(2, dtype)
    with silent():
        assert fastml.predict_logistic(X, w) == (score > 0)
        assert fastml.logistic_loss(X, [score > 0], w) == 0
        assert fastml.logistic_loss(X, [score < 0], w) == INF


@few_classes
def test_nan_gives_nan_and_does_not_leak(K, isa, dtype, fastml):
    (X, y, w, b), *_ = problem(100, 33, K, dtype)
    clean, p = evaluate(fastml, X, y, w, b), fastml.predict_logistic(X, w, b)
    around = np.full((110, 60), NAN, dtype)
    around[5:105, 9:42] = X
    for one, other in zip(evaluate(fastml, around[5:105, 9:42], y, w, b), clean, strict=True):
        assert_same_bits(np.asarray(one), np.asarray(other))
    for row in (0, 50, 99):
        spoiled = X.copy()
        spoiled[row, 20] = NAN
        loss, dw, _ = evaluate(fastml, spoiled, y, w, b)
        assert np.isnan(loss)
        assert np.isnan(dw).any()
        with silent():
            q = fastml.predict_logistic(spoiled, w, b)
        assert np.all(np.isnan(q[row]))
        assert_same_bits(np.delete(q, row, axis=0), np.delete(p, row, axis=0))


@few_classes
@pytest.mark.parametrize("size", [1e20, 1e37])
def test_overflow_never_warns(K, size, isa, dtype, fastml):
    (X, y, w, b), *_ = problem(100, 17, K, dtype)
    for keywords in ({}, {"l2": 1e300, "l1": 1.0}, {"scale": 1e30}):
        evaluate(fastml, dtype.type(size) * X, y, dtype.type(size) * w, b, **keywords)
        with silent():
            fastml.predict_logistic(dtype.type(size) * X, dtype.type(size) * w, b, scale=keywords.get("scale"))


@pytest.mark.parametrize(("K", "n"), [(BINARY, 100_003), (2, 30_001), (10, 30_001), (17, 20_001)])
def test_same_bits_whatever_the_number_of_threads(K, n, isa, dtype, fastml):
    (X, y, w, b), *_ = problem(n, 20, K, dtype, 1)
    results = {}
    for threads in (1, 2, 4):
        with fastml.num_threads(threads):
            results[threads] = (*evaluate(fastml, X, y, w, b, l2=0.1), fastml.predict_logistic(X, w, b))
        for one, expected in zip(results[threads], results[1], strict=True):
            assert_same_bits(np.asarray(one), np.asarray(expected))


@pytest.mark.parametrize("d", [13, 20, 32, 100, 784])  # 13: the last of the squares that are transposed overlap
def test_same_bits_from_memory_and_converted(d, isa, dtype, rng, fastml):
    X = rng.standard_normal((4_200_000 // (d * dtype.itemsize) + 30, d)).astype(dtype)  # too large for a cache
    y, w = labels(rng, len(X), BINARY), weights_of(rng, d, BINARY, dtype)
    direct, converted = (evaluate(fastml, array, y, w) for array in (X, np.asfortranarray(X)))
    for one, other in zip(direct, converted, strict=True):
        assert_same_bits(np.asarray(one), np.asarray(other))
