"""fastml.sklearn.LogisticRegression: X as it is, stopping, warnings, errors, partial_fit, memory."""

import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from test_fitting import data

import fastml
from fastml.sklearn import LogisticRegression


@pytest.mark.parametrize("code", ["f2", "f4", "f8", "u1", "i1", "?", "i8", ">f4", "F", "rows", "memmap"])
def test_x_as_it_is(code, tmp_path):
    X, y = data(3)
    X = np.round(X * 4).astype(np.float32)
    if code in ("u1", "?"):
        X = np.abs(X)
    expected = LogisticRegression(tol=1e-6).fit(X != 0 if code == "?" else X, y)
    given = X
    if code == "F":
        given = np.asfortranarray(X)
    elif code == "rows":
        given = np.repeat(X, 2, axis=0)[::2]
    elif code == "memmap":
        given = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
        given[...] = X
    else:
        given = X.astype(code)
    model = LogisticRegression(tol=1e-6).fit(given, y)
    assert model.coef_.dtype == model.intercept_.dtype == (np.float64 if code in ("f8", "i8", ">f4") else np.float32)
    assert model.predict_proba(given).dtype == model.coef_.dtype
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=3e-3)
    np.testing.assert_allclose(model.predict_proba(given), expected.predict_proba(given), atol=3e-3)


@pytest.mark.parametrize("code", ["u1", "f2", "f4", "csr"])
def test_scale_belongs_to_the_model(code):
    X, y = data()
    X = np.clip(64 * X + 128, 0, 255).astype(np.uint8)
    given = pytest.importorskip("scipy.sparse").csr_array(X) if code == "csr" else X.astype(code)
    model = LogisticRegression(scale=1 / 64, tol=1e-6).fit(given, y)
    other = LogisticRegression(tol=1e-6).fit((X / 64).astype(np.float32), y)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-3)
    np.testing.assert_allclose(model.predict_proba(given), other.predict_proba(X / 64), atol=1e-4)


@pytest.mark.parametrize("solver", ["auto", "sgd"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layout", ["C", "F", "csr"])
def test_values_that_are_not_finite(solver, value, layout):
    X, y = data(3)
    model = LogisticRegression(solver=solver, random_state=0, max_iter=500).fit(X, y)
    before, X = dict(vars(model)), X.copy()
    X[333, 2] = value
    X = pytest.importorskip("scipy.sparse").csr_array(X) if layout == "csr" else X.copy(layout)
    match = r"^Input X contains NaN" if np.isnan(value) else r"^Input X contains infinity"
    for call in (lambda: model.fit(X, y), lambda: model.partial_fit(X, y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match=match):
            call()
    assert vars(model) == before
    for warm in (False, True):  # from there on the loss may be finite and its gradient not
        with pytest.raises(ValueError, match=match):
            model.set_params(warm_start=warm).fit(X, y)


def test_a_loss_that_is_not_finite():
    X, y = data(dtype=np.float32)
    model = LogisticRegression(warm_start=True).fit(X, y)
    model.coef_ *= np.float32(1e38)
    with pytest.raises(ValueError, match=r"^LogisticRegression: the loss or its gradient is not finite .* scale the"):
        model.fit(X * np.float32(1e30), y)


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_a_word_when_it_has_not_converged(solver):
    X, y = data()
    with pytest.warns(ConvergenceWarning, match=r"not converged in max_iter=2 .* Raise max_iter, scale .* raise tol"):
        model = LogisticRegression(max_iter=2, tol=1e-9, solver=solver).fit(X, y)
    assert model.n_iter_ == [2]
    assert len(model.loss_history_) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression(tol=1e-2, solver=solver, max_iter=500).fit(X, y)
        LogisticRegression(tol=1e-9, solver=solver, callback=lambda step: step.iteration == 2).fit(X, y)


@pytest.mark.parametrize("K", [2, 3])
def test_validation_data_stop_early_and_the_best_is_kept(K):
    (X, y), (X_valid, y_valid) = data(K, n=40, d=20), data(K, n=400, d=20)
    names = np.array(["c", "a", "b"])
    shared = {"C": 1e6, "tol": 1e-9, "solver": "lbfgs"}  # of many short steps
    model = LogisticRegression(early_stopping=3, **shared).fit(X, names[y], validation_data=(X_valid, names[y_valid]))
    history = model.validation_loss_history_
    assert history.argmin() == len(history) - 4
    assert len(history) == model.n_iter_[0] == len(model.loss_history_) < 100
    target = np.searchsorted(model.classes_, names[y_valid])
    loss = fastml.cross_entropy(model.predict_log_proba(X_valid), target)
    assert loss == pytest.approx(history.min(), rel=1e-9)
    for early_stopping in (fastml.EarlyStopping(patience=3), np.int64(3)):
        again = clone(model).set_params(early_stopping=early_stopping)
        again.fit(X, names[y], validation_data=(X_valid, names[y_valid]))
        again.fit(X, names[y], validation_data=(X_valid, names[y_valid]))  # the parameter is as it was
        np.testing.assert_array_equal(again.coef_, model.coef_)
    only_watched = LogisticRegression(early_stopping=None, max_iter=60, **shared)
    with pytest.warns(ConvergenceWarning):
        only_watched.fit(X, names[y], validation_data=(X_valid, names[y_valid]))
    assert len(only_watched.validation_loss_history_) == 60
    with pytest.raises(ValueError, match=r"^validation_data: y: expected the labels 'a', .*, got 'z'$"):
        model.fit(X, names[y], validation_data=(X_valid, ["z"] * 400))


def test_the_callback_sees_the_model_after_each_step():
    X, y = data(3)
    losses, model = [], LogisticRegression(C=np.inf)

    def look(step):
        losses.append(fastml.cross_entropy(model.decision_function(X), y))
        assert losses[-1] == pytest.approx(step.loss, rel=1e-9)

    model.set_params(callback=look).fit(X, y)
    assert len(losses) == model.n_iter_[0] > 2


def test_an_interrupt_keeps_the_last_finished_step():
    X, y = data(3)
    kept, model = [], LogisticRegression()

    def interrupt(step):
        kept.append(model.coef_.copy())
        if step.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.set_params(callback=interrupt).fit(X, y)
    assert model.n_iter_ == [3]
    assert len(model.loss_history_) == 3
    np.testing.assert_array_equal(model.coef_, kept[-1])
    assert model.score(X, y) > 0.5


def test_verbose(capsys):
    X, y = data()
    model = LogisticRegression(verbose=1).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 10
    model.set_params(verbose=0).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_warm_start():
    X, y = data(3)
    model = LogisticRegression(warm_start=True, tol=1e-6).fit(X, y)
    coef, cold = model.coef_, model.n_iter_[0]
    kept = coef.copy()
    assert model.fit(X, y).n_iter_[0] < cold / 2
    np.testing.assert_array_equal(coef, kept)  # the arrays of the fit before are left alone
    with pytest.raises(ValueError, match=r"^warm_start: expected coef_ of shape \(1, 6\), .*, got \(3, 6\)$"):
        model.fit(X, y == 0)
    assert model.coef_.shape == (3, 6)


@pytest.mark.thread_unsafe(reason="sets the number of threads of the process")
@pytest.mark.parametrize(("n_jobs", "threads"), [(2, 2), (-1, 4), (-2, 3), (-9, 1)])
def test_n_jobs_counts_back_from_all_processors(n_jobs, threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(4), raising=False)
    seen = []
    LogisticRegression(n_jobs=n_jobs, callback=lambda step: seen.append(fastml.get_num_threads()) or True).fit(*data())
    assert seen == [threads]


@pytest.mark.thread_unsafe(reason="sets the number of threads of the process")
def test_n_jobs():
    X, y = data()
    seen, before = [], fastml.get_num_threads()
    for n_jobs in (1, 3, -1, None):
        LogisticRegression(n_jobs=n_jobs, callback=lambda step: seen.append(fastml.get_num_threads()) or True).fit(X, y)
        assert fastml.get_num_threads() == before
    assert seen[0] == 1
    assert seen[1] == 3
    assert seen[2] >= 1
    assert seen[3] == before


@pytest.mark.parametrize("K", [2, 3, "labels"])
def test_partial_fit_comes_near_to_fit(K):
    X, y = data(3 if K == "labels" else K, n=20_000)
    if K == "labels":
        y = np.stack([y == 0, y > 1], axis=1)
    whole, stream = LogisticRegression(), LogisticRegression(random_state=0)
    whole.fit(X, y)
    order = np.argsort(y if y.ndim == 1 else y[:, 0], kind="stable")
    for start in range(0, len(y), 5000):  # the rows of a call may come in any order
        rows = np.sort(np.arange(start // 5000, len(y), 4))
        stream.partial_fit(X[order[rows]], y[order[rows]], classes=None if K == "labels" else range(K))
    assert loss_of(stream, X, y) < loss_of(whole, X, y) + 0.005
    before = loss_of(whole, X, y)
    assert loss_of(whole.partial_fit(X[:500], y[:500]), X, y) < before + 0.005


def loss_of(model, X, y):
    log = model.predict_log_proba(X)
    if y.ndim == 1:
        return -log[np.arange(len(y)), y].mean()
    return fastml.binary_cross_entropy_with_logits(model.decision_function(X), y.astype(float))


def test_partial_fit_knows_its_classes():
    X, y = data(3)
    model = LogisticRegression()
    with pytest.raises(ValueError, match=r"^classes: expected all labels in the first call of partial_fit, got None$"):
        model.partial_fit(X, y)
    assert not hasattr(model, "n_features_in_")
    few = y < 2
    model.partial_fit(X[few], y[few], classes=[2, 0, 1])
    assert model.coef_.shape == (3, 6)
    model.partial_fit(X, y)
    coef = model.coef_.copy()
    with pytest.raises(ValueError, match=r"^y: expected the labels 0, 1, 2, got 3$"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"^classes: expected \[0 1 2\] as before, got \[0 1\]$"):
        model.partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, coef)
    balanced = LogisticRegression(class_weight="balanced").partial_fit(X, y, classes=range(3))
    assert np.isfinite(balanced.coef_).all()


X, Y = data()
WRONG = [
    ({"C": 0}, ValueError, r"^C: expected a number > 0, got 0$"),
    ({"C": "1"}, TypeError, r"^C: expected a real number, got str$"),
    ({"C": np.nan}, ValueError, r"^C: expected a number > 0, got nan$"),
    ({"l1_ratio": 1.5}, ValueError, r"^l1_ratio: expected a number from 0 to 1, got 1\.5$"),
    ({"l1_ratio": -0.5}, ValueError, r"^l1_ratio: expected a finite number of at least 0, got -0\.5$"),
    ({"tol": -1}, ValueError, r"^tol: expected a finite number of at least 0, got -1$"),
    ({"max_iter": -1}, ValueError, r"^max_iter: expected an integer of at least 0, got -1$"),
    ({"max_iter": -1, "verbose": 1}, ValueError, r"^max_iter: expected an integer of at least 0, got -1$"),
    ({"solver": "saga"}, ValueError, r"^solver: expected 'auto', 'lbfgs'.*, got 'saga'$"),
    ({"n_jobs": 0}, ValueError, r"^n_jobs: expected None or an integer other than 0, got 0$"),
    ({"n_jobs": 1.5}, TypeError, r"^n_jobs: expected an integer .*, got float$"),
    ({"class_weight": "even"}, ValueError, r"^class_weight: expected None, 'balanced' or a dict, got 'even'$"),
    ({"class_weight": {0: 1, 7: 2}}, ValueError, r"^class_weight: expected keys that are classes, 0, 1, got \[0, 7\]$"),
    ({"class_weight": {0: -1}}, ValueError, r"^class_weight: expected a finite number of at least 0, got -1$"),
    ({"early_stopping": 0}, ValueError, r"^early_stopping: expected an integer of at least 1, got 0$"),
    ({"callback": 3}, TypeError, r"^callback: expected a callable, got int$"),
    ({"scale": np.inf}, ValueError, r"^scale: expected a finite number, got inf$"),
    ({"random_state": "x"}, TypeError, r"^rng: expected None"),
]


@pytest.mark.parametrize(("params", "error", "message"), WRONG, ids=[str(params) for params, _, _ in WRONG])
def test_errors_name_the_parameter_and_change_nothing(params, error, message):
    model = LogisticRegression(**params)
    with pytest.raises(error, match=message):
        model.fit(X, Y)
    assert set(vars(model)) == set(model.get_params())


@pytest.mark.parametrize("validation", [(X, Y, Y), [X], X, "ab"])
def test_errors_of_validation_data(validation):
    message = rf"^validation_data: expected a pair \(X, y\), got {type(validation).__name__}$"
    with pytest.raises(TypeError, match=message):
        LogisticRegression().fit(X, Y, validation_data=validation)


def test_errors_of_weights():
    for weight, message in (
        (np.zeros(len(Y)), r"^sample_weight: expected numbers >= 0 that are not all zero, got the sum 0\.0$"),
        (np.full(len(Y), np.nan), r"^sample_weight: expected numbers >= 0 .* got the sum nan$"),
        (np.ones(3), r"^sample_weight: expected shape \(400,\), got \(3,\)$"),
        (np.where(np.arange(len(Y)) == 7, -1.0, 1.0), r"^sample_weight: expected finite numbers >= 0, got -1\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            LogisticRegression().fit(X, Y, weight)
    once, scalar = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y, 1.0)
    np.testing.assert_allclose(scalar.coef_, once.coef_, rtol=1e-9)


def child(code):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True)


@pytest.mark.thread_unsafe(reason="starts another process")
def test_without_scikit_learn():
    done = child("""
        import sys
        sys.modules["sklearn"] = None
        import fastml
        try:
            import fastml.sklearn
        except ImportError as error:
            print(error)
    """)
    assert done.stdout == "fastml.sklearn needs scikit-learn: pip install 'fastml-kernels[sklearn]'\n", done.stderr
    assert (
        child("import fastml, sys; assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules").returncode == 0
    )


MEMORY = """
    import gc, warnings
    import numpy as np
    from scipy import sparse
    from fastml.sklearn import LogisticRegression

    def memory(what):
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith(what))

    warnings.simplefilter("ignore")  # five iterations are not enough
    rng = np.random.default_rng(0)
    n, d = 160_000, 100
    bytes_ = rng.integers(0, 256, (n, d), dtype=np.uint8)
    rows = np.arange(0, 20 * n + 1, 20, dtype=np.int32)
    entries = rng.random(20 * n, dtype=np.float32), rng.integers(0, 2 * d, 20 * n, dtype=np.int32)
    for make in (
        lambda: rng.random((n, d), dtype=np.float32),
        lambda: rng.random((d, n), dtype=np.float32).T,
        lambda: bytes_,
        lambda: bytes_.astype(np.float16),
        lambda: sparse.csr_array((*entries, rows), shape=(n, 2 * d)),
    ):
        X = make()
        for K, class_weight in ((2, "balanced"), (5, None)):
            y = rng.integers(0, K, n)
            LogisticRegression(max_iter=1).fit(X[:1000], y[:1000])
            gc.collect()
            with open("/proc/self/clear_refs", "w") as peak:
                peak.write("5")
            before = memory("VmRSS")
            model = LogisticRegression(max_iter=5, class_weight=class_weight).fit(X, y)
            more = memory("VmHWM") - before
            print(type(X).__name__, X.dtype, K, more)
            assert more < 50e6 + 40 * model.coef_.nbytes
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak cannot be reset")
@pytest.mark.thread_unsafe(reason="starts another process")
def test_peak_memory():
    """A copy of X as float32 would be 64 MB, or 26 MB of sparse."""
    done = child(MEMORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 10
