"""Several labels a row: logistic_loss, logistic_step, predict_logistic and fit_logistic with y of shape (n, K)."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_logistic import INF, NAN, VARIANTS, evaluate, tolerance

N = 101
labels = pytest.mark.parametrize("K", [1, 2, 10, 16, 17, 300])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def problem(rng, n, d, K, dtype):
    """Return X, y, w, b, with scores of size 1."""
    w = (rng.standard_normal((d, K)) / np.sqrt(max(d, 1))).astype(dtype)
    X = rng.standard_normal((n, d)).astype(dtype)
    return X, rng.integers(0, 2, (n, K)).astype(dtype), w, rng.standard_normal(K).astype(dtype)


def probabilities(X, w, b=0.0, scale=None):
    scale = 1.0 if scale is None else scale
    return reference.sigmoid(scale * X.astype(np.float64) @ w.astype(np.float64) + b)


@labels
@pytest.mark.parametrize("d", [0, 1, 16, 33, 300])
def test_parity(K, d, isa, dtype, rng, fastml):
    for i, n in enumerate((0, 1, 7, 24, 25, N, 1001)):
        X, y, w, b = problem(rng, n, d, K, dtype)
        b = (b, 0.25, b[:1])[i % 3]
        keywords = dict(VARIANTS[(i + d) % len(VARIANTS)])
        if "sample_weight" in keywords:
            keywords["sample_weight"] = np.where(rng.random(n) < 0.2, 0, rng.random(n)).astype(dtype)
        loss, dw, db = evaluate(fastml, X, y, w, b, **keywords)
        assert loss == fastml.logistic_loss(X, y, w, b, **keywords)
        assert (dw.dtype, dw.shape, np.shape(db)) == (dtype, (d, K), np.shape(b))
        expected = reference.logistic_loss(X, y, w, b, return_grad=True, **keywords)
        allowed = tolerance(dtype, d)
        for result, exact, units in zip((loss, dw, db), expected, (K, 1, K if np.size(b) == 1 else 1), strict=True):
            np.testing.assert_allclose(result, exact, rtol=allowed, atol=units * allowed, err_msg=f"{n}, {keywords}")
        with silent():
            p = fastml.predict_logistic(X, w, b, scale=keywords.get("scale"), multi_label=True)
        assert (p.dtype, p.shape, p.flags.c_contiguous) == (dtype, (n, K), True)
        np.testing.assert_allclose(p, probabilities(X, w, b, keywords.get("scale")), rtol=allowed, atol=allowed)


@labels
def test_each_label_is_a_binary_model(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(rng, N, 20, K, dtype)
    weight = rng.random(N)
    loss, dw, db = evaluate(fastml, X, y, w, b, sample_weight=weight)
    alone = [evaluate(fastml, X, y[:, k], w[:, k], b[k], sample_weight=weight) for k in range(K)]
    losses, slopes, biases = (np.stack(values) for values in zip(*alone, strict=True))
    allowed = tolerance(dtype, 20)
    assert loss == pytest.approx(losses.sum(), rel=allowed)
    np.testing.assert_allclose(dw, slopes.T, rtol=allowed, atol=allowed)
    np.testing.assert_allclose(db, biases, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("K", [1, 3])
def test_finite_differences(K, isa, rng, fastml):
    X, y, w, b = problem(rng, 50, 5, K, np.float64)
    keywords = {"l2": 0.1, "scale": 0.7, "sample_weight": rng.random(50)}
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


@labels
def test_every_kind_of_y(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(rng, N, 17, K, dtype)
    expected = evaluate(fastml, X, y, w, b)
    kinds = [y.astype(code) for code in ("?", *"bBhHiIlLqQefd", ">i2", ">f8")]
    kinds += [y.copy("F"), y.tolist(), np.repeat(y, 2, axis=0)[::2], np.repeat(y, 3, axis=1)[:, ::3]]
    kinds += [y[::-1, ::-1].copy()[::-1, ::-1], np.concatenate([y, y + NAN], axis=1)[:, :K]]
    buffer = np.zeros(y.nbytes + 1, np.uint8)
    kinds.append(buffer[1:].view(y.dtype).reshape(y.shape))
    kinds[-1][...] = y
    for i, kind in enumerate(kinds):
        for one, other in zip(evaluate(fastml, X, kind, w, b), expected, strict=True):
            assert_same_bits(np.asarray(one), np.asarray(other), i)


@pytest.mark.parametrize("K", [1, 10, 17])
def test_same_bits_whatever_the_number_of_threads(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(rng, 30_001, 20, K, dtype)
    results = {}
    for threads in (1, 2, 4):
        with fastml.num_threads(threads):
            results[threads] = evaluate(fastml, X, y.astype(np.uint8), w, b)
        for one, expected in zip(results[threads], results[1], strict=True):
            assert_same_bits(np.asarray(one), np.asarray(expected))


@labels
def test_exact_tails_and_limits(K, isa, dtype, fastml):
    X, w, zero = np.array([[20.0], [-20.0], [200.0]], dtype), np.ones((1, K), dtype), np.zeros(K)
    y = np.array([[1], [0], [1]]) * np.ones(K)
    exact = K * (2 * np.log1p(np.exp(-20.0)) + np.log1p(np.exp(-200.0))) / 3
    assert fastml.logistic_loss(X, y, w) == pytest.approx(exact, rel=8 * float(np.finfo(dtype).eps))
    for score in (INF, -INF):
        with silent():
            assert fastml.logistic_loss(np.array([[score]], dtype), [zero + (score > 0)], w) == 0
            assert fastml.logistic_loss(np.array([[score]], dtype), [zero + (score < 0)], w) == INF
            assert np.all(fastml.predict_logistic(np.array([[score]], dtype), w, multi_label=True) == (score > 0))


@labels
def test_nan_gives_nan_and_does_not_leak(K, isa, dtype, rng, fastml):
    X, y, w, b = problem(rng, N, 33, K, dtype)
    p = fastml.predict_logistic(X, w, b, multi_label=True)
    for row in (0, 50, N - 1):
        spoiled = X.copy()
        spoiled[row, 20] = NAN
        loss, dw, _ = evaluate(fastml, spoiled, y, w, b)
        assert np.isnan(loss)
        assert np.isnan(dw).all()
        with silent():
            q = fastml.predict_logistic(spoiled, w, b, multi_label=True)
        assert np.isnan(q[row]).all()
        assert_same_bits(np.delete(q, row, axis=0), np.delete(p, row, axis=0))
    w[3, 0] = NAN  # of one label
    _, dw, _ = evaluate(fastml, X, y, w, b)
    assert np.isnan(dw[:, 0]).all()
    assert np.isfinite(dw[:, 1:]).all()


@labels
def test_step(K, dtype, rng, fastml):
    X, y, w, b = problem(rng, N, 33, K, dtype)
    keywords = {"l1": 0.01, "l2": 0.1, "scale": 0.5, "sample_weight": rng.random(N)}
    loss, dw, db = evaluate(fastml, X, y, w, b, **keywords)
    expected_w, expected_b = w - 0.3 * dw, (b - 0.3 * db).astype(dtype)
    with silent():
        assert fastml.logistic_step(X, y, w, b, 0.3, **keywords) == loss
    assert_same_bits(w, expected_w)
    assert_same_bits(b, expected_b)


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_fit_is_that_of_each_label(K, solver, dtype, rng, fastml):
    X, _, w, b = problem(rng, 2000, 5, K, dtype)
    y = rng.random((2000, K)) < probabilities(X, 2 * w, b)
    keywords = {"l2": 1e-3, "solver": solver, "rng": 0}
    with silent():
        result = fastml.fit_logistic(X, y, **keywords, validation_data=(X, y))
        alone = [fastml.fit_logistic(X, y[:, k], **{**keywords, "solver": "lbfgs"}) for k in range(K)]
    assert (result.w.shape, result.w.dtype, result.b.shape) == ((5, K), dtype, (K,))
    assert result.converged
    allowed = {"lbfgs": 1e-3, "sgd": 0.05}[solver]
    np.testing.assert_allclose(result.w, np.stack([one.w for one in alone], axis=1), atol=allowed)
    np.testing.assert_allclose(result.b, np.stack([one.b for one in alone]), atol=allowed)
    data_loss = result.loss - 1e-3 * np.square(result.w, dtype=np.float64).sum()
    assert result.history[-1].validation_loss == pytest.approx(data_loss, rel=1e-3)


LAST = 70_000
X, Y, W = np.zeros((LAST + 1, 3), np.float32), np.zeros((LAST + 1, 4)), np.ones((3, 4), np.float32)


def changed(index, value, dtype=float):
    y = Y.astype(dtype)
    y[index] = value
    return y


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y": Y[:, :3]}, ValueError, r"^y: expected shape \(70001, 4\), got \(70001, 3\)$"),
        ({"y": Y[1:]}, ValueError, r"^y: expected shape \(70001, 4\), got \(70000, 4\)$"),
        ({"y": Y[..., None]}, ValueError, r"^y: expected shape \(70001,\), got \(70001, 4, 1\)$"),
        ({"w": W[:, 0]}, ValueError, r"^y: expected shape \(70001,\), got \(70001, 4\)$"),
        ({"y": Y.astype(complex)}, TypeError, r"^y: expected a real dtype, got complex128$"),
        ({"y": np.ma.array(Y)}, TypeError, r"^y: expected an array without a mask, got a MaskedArray"),
        ({"w": W[:, :0], "y": Y[:, :0]}, ValueError, r"^w: expected one label at least, got shape \(3, 0\)$"),
        ({"b": np.zeros(3)}, ValueError, r"^b: expected a number or shape \(4,\), got \(3,\)$"),
        ({"y": changed((LAST, 3), 2)}, ValueError, r"^y: expected 0 or 1, got 2\.0 in row 70000, column 3$"),
        ({"y": changed((9, 0), -1, int)}, ValueError, r"^y: expected 0 or 1, got -1 in row 9, column 0$"),
        ({"y": changed((7, 2), 0.5, "f2")}, ValueError, r"^y: expected 0 or 1, got 0\.5 in row 7, column 2$"),
        ({"y": changed((7, 1), NAN, "f4")}, ValueError, r"^y: expected 0 or 1, got nan in row 7, column 1$"),
        ({"y": changed((LAST, 1), 1e-60)}, ValueError, r"^y: expected 0 or 1, got 1e-60 in row 70000, column 1$"),
        ({"y": changed((5, 1), 1 + 1e-9)}, ValueError, r"^y: expected 0 or 1, got 1\.000000001 in row 5, column 1$"),
    ],
)
def test_errors_name_the_argument(arguments, error, message, fastml):
    with silent(), pytest.raises(error, match=message):
        fastml.logistic_loss(**{"X": X, "y": Y, "w": W, **arguments})


def test_other_errors(fastml):
    with pytest.raises(ValueError, match=r"^w: expected shape \(d, K\) with multi_label, got \(3,\)$"):
        fastml.predict_logistic(X, W[:, 0], multi_label=True)
    with pytest.raises(ValueError, match=r"^validation_data: y: expected shape \(70001, 4\), got \(70001,\)$"):
        fastml.fit_logistic(X, Y, validation_data=(X, Y[:, 0]))
    with pytest.raises(ValueError, match=r"^y: expected 0 or 1, got 7\.0 in row 3, column 3$"):
        fastml.fit_logistic(X, changed((3, 3), 7))
