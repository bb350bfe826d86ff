"""What happens seldom: a package that is missing, a terminal, a full memory, arguments that only slow paths see."""

import contextlib
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cli_cases import fails, make_model
from conftest import import_fastml

fastml = import_fastml()


def test_an_overlap_too_hard_to_tell_is_one(monkeypatch):
    def hard(*_, **__):
        raise np.exceptions.TooHardError

    from fastml import _arguments

    monkeypatch.setattr(np, "shares_memory", hard)
    assert _arguments.overlap(np.zeros(3), np.zeros(3))


def test_a_bias_that_is_no_real_number():
    with pytest.raises(TypeError, match=r"^b: expected a real dtype, got complex128$"):
        fastml.logistic_loss(np.ones((2, 2)), [0, 1], np.zeros(2), 1j)


def test_axes_of_a_norm():
    x = np.ones((2, 3, 4))
    for axis in ((1, 1), (1, -2)):
        with pytest.raises(ValueError, match=r"^axis: expected different axes, got "):
            fastml.layer_norm(x, axis=axis)


def test_numbers_of_other_types():
    """NumPy's scalars are taken as Python's are, by another way."""
    results = []
    for kind in (float, np.float32, np.float64):
        param, velocity = np.ones(3), np.ones(3)
        fastml.sgd_step(param, np.ones(3), kind(0.5), momentum=kind(0.25), velocity=velocity)
        results.append((param.tolist(), velocity.tolist()))
    assert results[0] == results[1] == results[2]
    assert fastml.l1_penalty([1, -2], 0.5) == fastml.l1_penalty(np.array([1.0, -2.0]), 0.5) == 1.5


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape": (2, 3, 1)}, ValueError, r"two dimensions \(n, d\), got shape \(2, 3, 1\)"),
        ({"indptr": np.array([0, 1])}, ValueError, r"an indptr of shape \(3,\), got \(2,\)"),
        ({"indices": np.array([0])}, ValueError, r"as many indices as data, got shapes \(1,\) and \(2,\)"),
        ({"indices": np.array([0.0, 1])}, TypeError, "indices of int32 or int64, got float64"),
        ({"data": np.array([1j, 1])}, TypeError, "a real dtype, got complex128"),
        ({"shape": (2, 1 << 32)}, ValueError, r"fewer than 2\^31 columns"),
    ],
)
def test_what_is_no_sparse_matrix(change, error, message):
    whole = {"data": np.ones(2), "indices": np.arange(2), "indptr": np.arange(3), "shape": (2, 3)}
    X = SimpleNamespace(**(whole | change), format="csr", tocsr=lambda: None)
    with pytest.raises(error, match=f"^X: expected {message}"):
        fastml.predict_logistic(X, np.zeros(3))


@pytest.mark.parametrize(
    ("indices", "indptr", "message"),
    [
        ([0, 7], [0, 1, 2], "indices from 0 to 2"),
        ([0, 1], [0, 9, 2], "an indptr that rises"),
        ([0, 1], [-1, 1, 2], "an i"),
    ],
)
def test_rows_of_a_sparse_matrix_that_is_none(indices, indptr, message):
    from fastml._sparse import Csr

    matrix = Csr(SimpleNamespace(data=np.ones(2), indices=np.array(indices), indptr=np.array(indptr), shape=(2, 3)))
    with pytest.raises(ValueError, match=f"^X: expected {message}"):
        matrix.rows(slice(None))


def test_no_memory(here, capsys, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    make_model()
    monkeypatch.setattr(np, "empty", full)
    np.save("data.npy", np.ones((4, 2)))
    fails(capsys, ["predict", "model.npz", "data.npy"], "not enough memory")


def test_values_far_from_those_trained_on(here, capsys):
    arrays = make_model()
    np.savez("model.npz", **(arrays | {"w": np.array([3e38, -3e38], np.float32)}))
    np.save("data.npy", np.array([[1.0, 2.0], [1e4, 1e4]]))
    fails(capsys, ["predict", "model.npz", "data.npy"], "too far from those trained on")


def test_weights_that_are_not_finite(here, capsys, monkeypatch):
    make_model()
    result = SimpleNamespace(w=np.array([np.inf, 1]), b=np.array(0.0), n_iter=1, converged=False)
    monkeypatch.setattr("fastml.fit_logistic", lambda *_, **__: result)
    fails(capsys, ["train", "good.csv"], "ran away to infinite weights")


def test_a_target_of_the_digits(here, capsys):
    fails(capsys, ["train", "--target", "x"], "--target: the digits", "no columns")


def test_labels_with_underscores_are_texts(here):
    from fastml.cli.table import _number_name

    assert [_number_name(text) for text in ("1_0", "inf", "x", "1.50", "1e2", "9007199254740993")] == [
        None, None, None, "1.5", "100", "9007199254740993",
    ]  # fmt: skip


def test_a_comparison_without_threadpoolctl(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    from fastml.cli import main

    assert main(["train", "--compare", "--max-iter", "3"]) == 0
    assert "install threadpoolctl" in capsys.readouterr().out


def test_a_comparison_that_disagrees(here, capsys, monkeypatch):
    monkeypatch.setattr("fastml.cli.compare.AGREEMENT", -1.0)
    fails(capsys, ["train", "--compare", "--max-iter", "3"], "--compare: fastml and NumPy disagree")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    from fastml.cli.progress import progress

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress("Training", 3) as report:
        report(1, 0.5)
        report(2, 0.25, 0.75)
    assert "Training" in terminal.getvalue()
    assert "loss 0.2500, validation 0.7500" in terminal.getvalue()


def test_progress_on_a_terminal_without_rich(monkeypatch):
    from fastml.cli.progress import progress

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with progress("Training", 3) as report:
        report(1, 0.5)
    assert terminal.getvalue() == "Training: step 1 of at most 3, loss 0.5000\n"


def test_no_stderr(monkeypatch):
    from fastml.cli.progress import progress

    monkeypatch.setattr(sys, "stderr", None)
    with progress("Training", 3) as report, contextlib.suppress(SystemExit):
        report(1, 0.5)


def test_random_states_and_columns_of_labels():
    pytest.importorskip("sklearn")
    sparse = pytest.importorskip("scipy.sparse")
    from fastml.sklearn import LogisticRegression
    from fastml.sklearn.training import seed

    assert seed(np.random.RandomState(3)) == seed(np.random.RandomState(3))
    assert seed(7) == 7
    X = np.random.default_rng(0).standard_normal((60, 2))
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    dense, other = (LogisticRegression().fit(X, labels) for labels in (y, sparse.csr_array(y)))
    np.testing.assert_array_equal(dense.coef_, other.coef_)
    broken = sparse.csr_array(np.where(X[:, :1].max() - 0.1 < X, np.nan, X))
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(broken, y[:, 0])
    with pytest.raises(TypeError, match=r"^validation_data: expected a pair \(X, y\), got int$"):
        LogisticRegression().fit(X, y[:, 0], validation_data=3)
