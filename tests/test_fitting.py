"""fit_logistic: the optimum, exact zeros, starting and stopping, histories, SGD, errors."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_logistic import BINARY, INF, NAN

both_solvers = pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky", "proximal-newton", "sgd"])
few_classes = pytest.mark.parametrize("K", [BINARY, 3])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def data(K=BINARY, n=400, d=6, dtype=np.float64, seed=0):
    """Return X and labels that no model predicts without error."""
    rng = np.random.default_rng([seed, K])
    X = rng.standard_normal((n, d))
    scores = X @ rng.standard_normal((d, max(K, 2)))
    return X.astype(dtype), np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def gradient(X, y, fit, **keywords):
    """Return dw and db of the oracle, in float64."""
    return reference.logistic_loss(X, y, fit.w, fit.b, return_grad=True, **keywords)[1:]


def minimum(X, y, K, **keywords):
    """Return the least loss that SciPy finds with the oracle."""
    optimize = pytest.importorskip("scipy.optimize")
    d = X.shape[1]

    def objective(position):
        w, b = (position[:d], position[d:]) if K == BINARY else (position[: d * K].reshape(d, K), position[d * K :])
        loss, dw, db = reference.logistic_loss(X, y, w, b, return_grad=True, **keywords)
        return loss, np.concatenate([dw.ravel(), db])

    options = {"maxiter": 2000, "ftol": 0, "gtol": 1e-9}
    return optimize.minimize(objective, np.zeros((d + 1) * K), jac=True, method="L-BFGS-B", options=options).fun


@both_solvers
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_bias_that_all_classes_share_stays_what_it_was(solver, shape, dtype, fastml):
    """Softmax does not depend on it: as without an intercept."""
    X, y = data(3, dtype=dtype)
    w, b = np.zeros((6, 3), dtype), np.full(shape, 0.5, dtype)
    fit = fastml.fit_logistic(X, y, l2=0.1, w=w, b=b, solver=solver, rng=0)
    assert (fit.b is b, b.shape, fit.converged) == (True, shape, True)
    assert b == pytest.approx(0.5, abs=1e-6)
    without = fastml.fit_logistic(X, y, l2=0.1, w=np.zeros((6, 3), dtype), fit_intercept=False, solver=solver, rng=0)
    assert fit.loss == pytest.approx(without.loss, rel=1e-5)


@few_classes
@pytest.mark.parametrize("keywords", [{"l2": 1e-3}, {"l2": 0.1, "scale": 0.5}, {"l2": 0.01, "sample_weight": True}, {}])
def test_lbfgs_reaches_the_minimum(K, keywords, dtype, fastml):
    X, y = data(K, dtype=dtype)
    if "sample_weight" in keywords:
        keywords = {**keywords, "sample_weight": np.random.default_rng(1).random(len(y))}
    with silent():
        fit = fastml.fit_logistic(X, y, **keywords)
    assert fit.converged
    assert fit.n_iter < 60
    assert (fit.w.dtype, fit.w.shape) == (dtype, (6,) if K == BINARY else (6, K))
    assert (fit.b.dtype, fit.b.shape) == (dtype, fit.w.shape[1:])
    assert fit.loss == pytest.approx(fastml.logistic_loss(X, y, fit.w, fit.b, **keywords), rel=1e-12)
    assert fit.loss == pytest.approx(minimum(X, y, K, **keywords), rel=1e-6)
    for part in gradient(X, y, fit, **keywords):
        assert np.abs(part).max() < (2e-6 if dtype == np.float64 else 2e-4)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky", "proximal-newton"])
@few_classes
def test_from_the_minimum_nothing_moves(K, solver, fastml):
    X, y = data(K)
    fit = fastml.fit_logistic(X, y, l2=0.01, solver=solver, tol=1e-6)
    w, b = fit.w.copy(), fit.b.copy()
    again = fastml.fit_logistic(X, y, l2=0.01, solver=solver, w=fit.w, b=fit.b, tol=1e-4)
    assert (again.converged, again.n_iter) == (True, 1)
    assert_same_bits(again.w, w)
    assert_same_bits(again.b, b)


@few_classes
def test_same_coefficients_as_scikit_learn(K, fastml):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = data(K)
    theirs = linear_model.LogisticRegression(C=1 / (2 * 0.01 * len(y)), tol=1e-8, max_iter=1000).fit(X, y)
    ours = fastml.fit_logistic(X, y, l2=0.01)
    np.testing.assert_allclose(ours.w.T.reshape(theirs.coef_.shape), theirs.coef_, atol=1e-3)
    shift = np.mean(theirs.intercept_) - np.mean(ours.b)  # softmax leaves it open
    np.testing.assert_allclose(ours.b.reshape(-1) + shift, theirs.intercept_, atol=1e-3)


@few_classes
@pytest.mark.parametrize("l2", [0, 0.01])
@pytest.mark.parametrize("solver", ["proximal-newton", "lbfgs"])
def test_l1_gives_exact_zeros_at_the_minimum(K, l2, solver, dtype, fastml):
    X, y = data(K, d=12, dtype=dtype)
    l1, off = 0.05, 1e-5 if dtype == np.float64 else 3e-4
    fit = fastml.fit_logistic(X, y, l1=l1, l2=l2, solver=solver)
    dw, db = gradient(X, y, fit, l2=l2)
    zero = fit.w == 0
    assert fit.converged
    assert fit.n_iter < 20
    assert 0 < zero.sum() < zero.size
    assert np.all(np.abs(dw[zero]) <= l1 + off)
    np.testing.assert_allclose(dw[~zero], -l1 * np.sign(fit.w[~zero]), atol=off)
    np.testing.assert_allclose(db, 0, atol=off)
    assert not fastml.fit_logistic(X, y, l1=10, solver=solver).w.any()


def test_labels_that_are_floats(fastml):
    X, y = data()
    fit = fastml.fit_logistic(X, y.astype(float), l2=0.01)
    assert_same_bits(fit.w, fastml.fit_logistic(X, y, l2=0.01).w)
    for wrong in (0.5, 2.0, NAN):
        with pytest.raises(TypeError, match=r"^y: expected 0 and 1, or an integer dtype for classes, got float64$"):
            fastml.fit_logistic(X, np.where(np.arange(len(y)) == 7, wrong, y))


@both_solvers
@few_classes
def test_weights_that_count_rows(K, solver, fastml):
    X, y = data(K)
    times = np.random.default_rng(1).integers(0, 5, len(y))
    weighted = fastml.fit_logistic(X, y, l2=0.01, sample_weight=times, solver=solver, rng=0)
    repeated = fastml.fit_logistic(np.repeat(X, times, axis=0), np.repeat(y, times), l2=0.01)
    assert weighted.loss == pytest.approx(repeated.loss, rel=1e-9 if solver == "lbfgs" else 3e-3)


@both_solvers
@few_classes
def test_without_intercept(K, solver, fastml):
    X, y = data(K)
    b = np.full(() if K == BINARY else K, 0.5)
    fit = fastml.fit_logistic(X, y, l2=0.01, fit_intercept=False, b=b, solver=solver, rng=0)
    assert fit.b is b
    assert np.all(b == 0.5)
    assert np.abs(gradient(X, y, fit, l2=0.01)[0]).max() < (2e-6 if solver == "lbfgs" else 0.05)


@both_solvers
def test_bytes_and_scale(solver, fastml):
    X, y = data(3)
    X = np.clip(64 * X + 128, 0, 255).astype(np.uint8)
    fit = fastml.fit_logistic(X, y, l2=0.01, scale=1 / 64, solver=solver, rng=0)
    same = fastml.fit_logistic((X / 64).astype(np.float32), y, l2=0.01, solver=solver, rng=0)
    assert fit.w.dtype == np.float32
    assert fit.loss == pytest.approx(same.loss, rel=1e-4)
    for other in (X.copy("F"), np.repeat(X, 2, axis=0)[::2]):
        assert_same_bits(fastml.fit_logistic(other, y, l2=0.01, scale=1 / 64, solver=solver, rng=0).w, fit.w)


@both_solvers
@few_classes
def test_a_start_is_updated_in_place(K, solver, dtype, fastml):
    X, y = data(K, dtype=dtype)
    shape, options = (6,) if K == BINARY else (6, K), {"l2": 0.01, "solver": solver, "rng": 0}
    expected = fastml.fit_logistic(X, y, **options)
    wide = np.zeros((12, *shape[1:]), dtype)
    for w, b in ((np.zeros(shape, dtype, "F"), np.zeros(K, dtype)), (wide[::2], np.zeros(2 * K, dtype)[::2])):
        fit = fastml.fit_logistic(X, y, w=w, b=b, **options)
        assert fit.w is w
        assert fit.b is b
        np.testing.assert_allclose(w, expected.w, atol=1e-3)
        again = fastml.fit_logistic(X, y, w=w, b=b, **options)
        assert again.loss <= fit.loss * (1 + 1e-3)
        assert again.n_iter < 5 or solver == "sgd"


@both_solvers
def test_history_callback_and_validation(solver, fastml):
    (X, y), validation, seen = data(3), data(3, 100, seed=1), []
    w, b = np.zeros((6, 3)), np.zeros(3)

    def callback(step):
        seen.append(step)
        assert step.validation_loss == pytest.approx(fastml.logistic_loss(*validation, w, b), rel=1e-12)
        if solver == "lbfgs":
            assert step.loss == pytest.approx(fastml.logistic_loss(X, y, w, b, l2=0.1), rel=1e-12)

    options = {"l2": 0.1, "w": w, "b": b, "solver": solver, "rng": 0, "validation_data": validation}
    fit = fastml.fit_logistic(X, y, max_iter=3, callback=callback, **options)
    assert fit.history == seen
    assert [step.iteration for step in seen] == [1, 2, 3]
    assert seen[-1].loss < seen[0].loss
    assert (fit.n_iter, fit.converged) == (3, False)
    stopped = fastml.fit_logistic(X, y, l2=0.1, solver=solver, callback=lambda step: step.iteration == 2)
    assert (stopped.n_iter, stopped.history[0].validation_loss) == (2, None)


def test_the_result_is_a_tuple_that_shows_no_history(fastml):
    fit = fastml.fit_logistic(*data(), max_iter=3)
    w, b, loss, n_iter, _converged, history = fit
    assert (w is fit.w, b is fit.b, loss, n_iter) == (True, True, fit.loss, len(history))
    assert repr(fit).startswith("FitResult(w=array([")
    assert repr(fit).endswith(f", loss={loss!r}, n_iter=3, converged={fit.converged})")


@both_solvers
def test_max_iter_and_tol(solver, fastml):
    X, y = data()
    nothing = fastml.fit_logistic(X, y, max_iter=0, solver=solver)
    assert (nothing.n_iter, nothing.converged, nothing.history) == (0, False, [])
    assert nothing.loss == pytest.approx(np.log(2))
    assert not nothing.w.any()
    one = fastml.fit_logistic(X, y, max_iter=np.int64(1), solver=solver)
    assert (one.n_iter, one.converged, len(one.history)) == (1, False, 1)
    assert one.loss < nothing.loss
    rough, fine = (fastml.fit_logistic(X, y, l2=0.01, tol=tol, solver=solver, rng=0) for tol in (1e-2, 1e-5))
    assert rough.converged
    assert fine.converged
    assert rough.n_iter < fine.n_iter


@both_solvers
def test_an_interrupt_keeps_the_last_finished_step(solver, fastml):
    X, y = data()
    w, b, kept = np.zeros(6), np.zeros(()), []

    def interrupt(step):
        kept.append((w.copy(), b.copy()))
        if step.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastml.fit_logistic(X, y, w=w, b=b, solver=solver, callback=interrupt)
    assert len(kept) == 3
    assert_same_bits(w, kept[-1][0])
    assert_same_bits(b, kept[-1][1])


def test_verbose(capsys, fastml):
    fastml.fit_logistic(*data(), max_iter=2, verbose=True, validation_data=data(seed=1))
    fastml.fit_logistic(*data(), max_iter=1, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    numbers = [[float(word) for word in line.split() if word[0].isdigit()] for line in err.splitlines()]
    assert [line[0] for line in numbers] == [1, 2, 1]
    assert [len(line) for line in numbers] == [3, 3, 2]


@both_solvers
@few_classes
def test_nan_and_inf_end_the_fit(K, solver, fastml):
    X, y = data(K)
    for bad in (NAN, INF):
        X[333, 2] = bad
        w = np.ones((6,) if K == BINARY else (6, K))
        with silent():
            fit = fastml.fit_logistic(X, y, w=w, solver=solver, rng=0)
        assert np.isnan(fit.loss) or bad == INF
        assert (fit.n_iter, fit.converged) == (1, False)
        assert np.all(w == 1)


@both_solvers
def test_few_rows_few_columns_one_class(solver, fastml):
    for n, d in ((0, 3), (1, 1), (5, 0), (3, 2)):
        X, y = np.ones((n, d)), np.zeros(n, int)
        with silent():
            fit = fastml.fit_logistic(X, y, l2=0.01, solver=solver)
            fastml.fit_logistic(X, y, l2=0.01, solver=solver, sample_weight=np.ones(n))
        assert fit.w.shape == (d,)
        assert fit.loss < (0.1 if n else 1e-9)
    # no features and a bias that all classes share: nothing that a Hessian of a class is of
    assert fastml.fit_logistic(np.ones((3, 0)), np.eye(3, 2), w=np.zeros((0, 2)), b=np.zeros(1), solver=solver).loss > 0
    codes = {"?": "f8", "b": "f4", "B": "f4", "h": "f8", "i": "f8", "e": "f4", "f": "f4", "d": "f8", ">f4": "f4"}
    for code, expected in codes.items():
        fit = fastml.fit_logistic(np.ones((4, 2)).astype(code), [0, 1, 0, 1], solver=solver)
        assert fit.w.dtype == expected
