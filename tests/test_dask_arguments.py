"""The estimator on dask arrays: what it answers, how it is stopped, what it refuses. Without a cluster."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import assert_same_bits

pytest.importorskip("dask.array")
pytest.importorskip("distributed")
pytest.importorskip("sklearn")

import dask.array as da
from dask_cases import UNEQUAL, D, N, data, model, spread
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

ANSWERS = ["decision_function", "predict", "predict_proba", "predict_log_proba"]


@pytest.fixture(autouse=True)
def built(fastml):
    """Skip where fastml is not installed."""


@pytest.mark.parametrize("columns", [-1, 4])
@pytest.mark.parametrize("K", [2, 3, "labels"])
def test_answers_are_lazy(K, columns):
    X, y = data(3 if K == "labels" else K)
    y = np.eye(3, dtype=int)[y] if K == "labels" else y
    fit = model().fit(spread(X), spread(y))
    for question in ANSWERS:
        lazy, expected = getattr(fit, question)(spread(X, columns=columns)), getattr(fit, question)(X)
        assert isinstance(expected, np.ndarray)
        assert isinstance(lazy, da.Array)
        assert (lazy.shape, lazy.dtype, lazy.chunks[0]) == (expected.shape, expected.dtype, UNEQUAL)
        np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12, atol=1e-12)
    share = fit.score(X, y)
    assert 0.5 < share < 1
    assert fit.score(spread(X), spread(y)) == pytest.approx(share)
    weight = np.arange(N)
    assert fit.score(spread(X), y, spread(weight)) == pytest.approx(fit.score(X, y, weight))


def test_chunks_of_unknown_size():
    """As a dask dataframe or a mask makes them."""
    X, y = data(3)
    keep = X[:, 0] > -1
    keep[:700] = False
    expected = model().fit(spread(X[keep], (900, 1, np.count_nonzero(keep) - 901)), y[keep])
    mask = spread(keep)
    unknown, labels = spread(X)[mask], spread(y)[mask]
    fit = model().fit(unknown, labels)
    np.testing.assert_allclose(fit.coef_, expected.coef_, rtol=1e-5)
    assert np.isnan(unknown.shape[0])  # it is still the caller's
    weighted = model().fit(unknown, labels, spread(np.ones(N))[mask])
    np.testing.assert_allclose(weighted.coef_, expected.coef_, rtol=1e-5)
    np.testing.assert_array_equal(fit.predict(unknown).compute(), fit.predict(X[keep]))
    assert fit.score(unknown, labels) == pytest.approx(fit.score(X[keep], y[keep]))
    with pytest.raises(ValueError, match="y: expected a dask array, as the chunks of X are unknown, got shape"):
        model().fit(unknown, y[keep])


def test_independent_labels():
    from fastml.sklearn import LogisticRegression

    X, y = data(3)
    labels = np.eye(3, dtype=int)[y]
    fit = model().fit(spread(X), spread(labels, columns=2))
    np.testing.assert_allclose(fit.coef_, LogisticRegression(tol=1e-7).fit(X, labels).coef_, atol=1e-5)
    one = model().fit(spread(X), spread(labels[:, :1]))
    assert_same_bits(one.coef_, model().fit(spread(X), spread(labels[:, 0])).coef_)


def test_chunks_of_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = data(3)
    X[np.abs(X) < 1] = 0
    dense, rows = spread(X), spread(X).map_blocks(sparse.csr_matrix)
    fit, expected = model().fit(rows, spread(y)), model().fit(dense, spread(y))
    np.testing.assert_allclose(fit.coef_, expected.coef_, atol=1e-6)
    np.testing.assert_array_equal(fit.predict(rows).compute(), expected.predict(X))
    X[1605, 2] = np.nan
    with pytest.raises(ValueError, match=r"X: .* in row 1605 \(partition 5\)"):
        model().fit(spread(X).map_blocks(sparse.csr_matrix), spread(y))


def test_partial_fit_goes_from_partition_to_partition():
    from fastml.sklearn import LogisticRegression

    X, y = data(3)
    weight, keywords = np.arange(N) % 3, {"random_state": 0, "C": 0.1}
    fit, expected = model(**keywords), LogisticRegression(**keywords)
    for _ in range(2):
        fit.partial_fit(spread(X), spread(y), [0, 1, 2], spread(weight))
        start = 0
        for stop in np.cumsum([size for size in UNEQUAL if size]):
            expected.partial_fit(X[start:stop], y[start:stop], [0, 1, 2], weight[start:stop])
            start = stop
    assert_same_bits(fit.coef_, expected.coef_)
    assert fit.get_params()["tol"] == 1e-7
    fit.partial_fit(X, y)
    with pytest.raises(ValueError, match="classes"):
        model().partial_fit(spread(X), spread(y))
    with pytest.raises(ValueError, match="y: expected the labels 0, 1, got 2"):
        model().partial_fit(spread(X), spread(y), [0, 1])


def test_validation_stopping_callback_and_history(capsys):
    (X, y), (other, labels), seen = data(3), data(3, seed=1), []
    fit = model(C=1e6, early_stopping=2, callback=seen.append)
    fit.fit(spread(X), spread(y), validation_data=(spread(other), spread(labels)))
    losses = fit.validation_loss_history_
    assert [step.iteration for step in seen] == list(range(1, fit.n_iter_[0] + 1))
    assert [step.loss for step in seen] == fit.loss_history_.tolist()
    assert fit.n_iter_[0] == np.argmin(losses) + 3
    p = fit.predict_proba(other)
    assert -np.log(p[np.arange(N), labels]).mean() == pytest.approx(losses.min())
    stopped = model(callback=lambda step: step.iteration == 3).fit(spread(X), spread(y))
    assert stopped.n_iter_[0] == 3
    model(verbose=1, max_iter=2, tol=1).fit(spread(X), spread(y))
    assert capsys.readouterr().err


def test_warm_start_clone_and_pickle():
    X, y = data(3)
    fit = model(warm_start=True).fit(spread(X), spread(y))
    coef = fit.coef_.copy()
    fresh = clone(fit)
    assert fresh.get_params() == fit.get_params()
    assert not hasattr(fresh, "coef_")
    again = pickle.loads(pickle.dumps(fit)).fit(spread(X), spread(y))
    assert again.n_iter_[0] < 3
    np.testing.assert_allclose(again.coef_, coef, atol=1e-5)


def test_it_says_when_it_has_not_converged():
    X, y = data()
    with pytest.warns(ConvergenceWarning, match=re.escape("not converged in max_iter=2")) as record:
        model(max_iter=2).fit(spread(X), spread(y))
    assert record[0].filename == __file__


def test_an_interrupt_keeps_the_last_finished_step():
    X, y = data()
    kept, fit = [], model()

    def interrupt(step):
        kept.append(fit.coef_.copy())
        if step.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.set_params(callback=interrupt).fit(spread(X), spread(y))
    assert_same_bits(fit.coef_, kept[-1])
    assert fit.n_iter_[0] == 3


def spoiled(array, row, value):
    array = array.astype(object if isinstance(value, str) else np.result_type(array, np.float64))
    array[row] = value
    return array


X, y = data(3)
WRONG = {
    "NaN": ((spread(spoiled(X, (1605, 2), np.nan)), spread(y)), "X: .* NaN or infinity in row 1605 .partition 5"),
    "inf": ((spread(spoiled(X, (3, 0), -np.inf)), spread(y)), "X: .* in row 3 .partition 0"),
    "NaN label": ((spread(X), spread(spoiled(y, 800, np.nan))), "y: .*NaN.* in partition 3"),
    "no class": ((spread(X), spread(spoiled(y, 800, 0.5))), "y: .* in partition 3"),
    "one class": ((spread(X), spread(0 * y)), "y: expected two classes at least, got one class only: 0"),
    "no label": ((spread(X), spread(np.eye(3)[y] * 2)), "y: expected labels 0 or 1, got .* in row 0"),
    "weight": ((spread(X), spread(y), spread(spoiled(y, 700, -1.0))), r"sample_weight: .* got -1.0 in row 700"),
    "weights": ((spread(X), spread(y), spread(0 * y)), "sample_weight: .* not all zero, got the sum 0"),
    "no rows": ((da.ones((0, 3)), da.ones(0)), r"X: expected one row at least, got shape \(0, 3\)"),
    "rows of y": ((spread(X), spread(y[:5], 5)), r"y: expected shape \(2000,\), as many rows as X, got \(5,\)"),
    "length of y": ((spread(X), y[:5]), r"y: expected \(2000, ...\), got shape \(5,\)"),
    "weights of y": ((spread(X), spread(y), y[:5]), r"sample_weight: expected \(2000, ...\), got shape \(5,\)"),
    "shape of weights": ((spread(X), spread(y), spread(X)), r"sample_weight: expected shape \(n,\), got \(2000, 6\)"),
    "shape of X": ((spread(y), spread(y)), r"X: expected two dimensions \(n, d\), got shape \(2000,\)"),
    "columns of X": (
        (spread(X)[:, da.from_array(np.arange(6) < 3)], spread(y)),
        "X: expected a known number of columns",
    ),
    "shape of y": ((spread(X), da.ones((N, 2, 2))), r"y: expected shape \(n,\) or \(n, K\), got \(2000, 2, 2\)"),
    "validation": (
        (spread(X), spread(y), None, (spread(X[:, :2]), y)),
        "validation_data: X: expected 6 columns, got 2",
    ),
    "validation labels": ((spread(X), spread(y), None, (spread(X), y + 1)), "validation_data: y: .* got 3"),
    "validation label": ((spread(X), spread(y), None, (spread(X), np.eye(3)[y])), r"validation_data: y: .*\(n,\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data(case):
    arguments, message = WRONG[case]
    fit = model()
    with pytest.raises(ValueError, match=message):
        fit.fit(*arguments)
    assert not hasattr(fit, "coef_")


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"solver": "sgd"}, ValueError, "solver: expected one that takes all rows, got 'sgd'"),
        ({"C": 0}, ValueError, "C: expected a number > 0, got 0"),
        ({"l1_ratio": 2}, ValueError, "l1_ratio: expected a number from 0 to 1, got 2"),
        ({"tol": -1}, ValueError, "tol: expected a finite number of at least 0, got -1"),
        ({"max_iter": 1.5}, TypeError, "max_iter: expected an integer"),
        ({"class_weight": "even"}, ValueError, "class_weight: expected None, 'balanced' or a dict, got 'even'"),
        ({"callback": 1}, TypeError, "callback: expected a callable, got int"),
    ],
)
def test_wrong_parameters(keywords, error, message):
    with pytest.raises(error, match=message):
        model(**keywords).fit(spread(X), spread(y))


def test_what_is_no_dask_array():
    with pytest.raises(TypeError, match="X: expected a dask array, got ndarray"):
        model().fit(X, y)
    with pytest.raises(NotFittedError):
        model().predict(spread(X))
    fit = model().fit(spread(X), spread(y))
    with pytest.raises(ValueError, match=re.escape(f"X: expected shape (n, {D}), as in fit, got (2000, 2)")):
        fit.predict(spread(X[:, :2]))
    answer = fit.predict(spread(spoiled(X, (1605, 2), np.nan)))
    with pytest.raises(ValueError, match="NaN"):
        answer.compute()


def test_the_extra_is_named():
    code = """
import sys
import fastml
assert "dask" not in sys.modules and "distributed" not in sys.modules
sys.modules["distributed"] = None
try:
    import fastml.dask
except ImportError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fastml-kernels[dask]'" in answer.stdout
