"""The estimator on dask arrays, by dask's threads and by a cluster of several worker processes."""

import os
import signal

import numpy as np
import pytest
from conftest import assert_same_bits

pytest.importorskip("dask.array")
pytest.importorskip("distributed")
pytest.importorskip("sklearn")

import dask
import dask.array as da
from dask_cases import D, N, data, model, spread
from distributed import Client, LocalCluster, wait


@pytest.fixture(scope="module")
def client(fastml):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(params=["threads", "cluster"])
def where(request):
    """Run on dask's threads, or on the cluster."""
    if request.param == "threads":
        yield
        return
    with request.getfixturevalue("client").as_current():
        yield


@pytest.fixture
def cluster(client):
    with client.as_current():
        yield client


def one_machine(X, y, sample_weight=None, **keywords):
    from fastml.sklearn import LogisticRegression

    return LogisticRegression(**{"tol": 1e-7, "max_iter": 500, **keywords}).fit(X, y, sample_weight)


def assert_equal(fit, expected, atol=1e-5):
    assert fit.coef_.dtype == expected.coef_.dtype
    np.testing.assert_array_equal(fit.classes_, expected.classes_)
    np.testing.assert_allclose(fit.coef_, expected.coef_, atol=atol)
    np.testing.assert_allclose(fit.intercept_, expected.intercept_, atol=atol)
    assert fit.loss_history_[-1] == pytest.approx(expected.loss_history_[-1], rel=1e-6)


weight = np.random.default_rng(1).random(N)
CASES = {
    "binary": (2, np.float64, {}, None),
    "softmax": (4, np.float64, {}, None),
    "float32": (3, np.float32, {"tol": 1e-4}, None),
    "weights": (3, np.float64, {"C": 0.1}, weight),
    "balanced": (3, np.float64, {"class_weight": "balanced"}, weight),
    "class weights": (2, np.float64, {"class_weight": {"a": 0.5, "bb": 2}}, None),
    "l1": (2, np.float64, {"l1_ratio": 1, "C": 0.003}, None),
    "elastic net": (3, np.float64, {"l1_ratio": 0.5, "C": 0.01}, weight),
    "no intercept": (2, np.float64, {"fit_intercept": False, "C": np.inf}, None),
    "scale": (3, np.float16, {"scale": 0.5, "tol": 1e-4}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_the_fit_on_one_machine(case, where):
    K, dtype, keywords, sample_weight = CASES[case]
    X, y = data(K, dtype)
    labels = np.array(["a", "bb", "c", "d"])[y]
    fit = model(**keywords).fit(spread(X), spread(labels), None if sample_weight is None else spread(sample_weight))
    expected = one_machine(X, labels, sample_weight, **keywords)
    assert_equal(fit, expected, atol=1e-5 if dtype == np.float64 else 3e-3)
    np.testing.assert_array_equal(fit.coef_ == 0, expected.coef_ == 0)
    assert (expected.coef_ == 0).any() == ("l1_ratio" in keywords)


def test_not_even_the_bits_depend_on_who_does_what(client):
    X, y = data(3)
    first = model().fit(spread(X), spread(y))
    with dask.config.set(scheduler="synchronous"):
        fits = [model().fit(spread(X), y)]
    with client.as_current():
        fits += [model().fit(spread(X), spread(y)), model().fit(spread(X, columns=4), spread(y, rows=500))]
    for fit in fits:
        assert_same_bits(fit.coef_, first.coef_)
        assert_same_bits(fit.intercept_, first.intercept_)


@pytest.mark.parametrize("some", [False, True])
def test_curvature_adds_up(some, where):
    """Of all rows, or of some, as on one machine."""
    from fastml._logistic_data import Model, make_problem
    from fastml.dask.data import Rows
    from fastml.dask.partitions import Partitions

    X, y = data(3)
    rng = np.random.default_rng(2)
    w, b, rows = rng.standard_normal((D, 3)), rng.standard_normal(3), np.flatnonzero(rng.random(N) < 0.3)
    problem = make_problem(X, y, Model(w, b), weight, 0.5)
    if not hasattr(problem, "curvature"):
        pytest.skip("no solver asks for it")
    spread_out = Rows(spread(X), y, spread(weight))
    targets = spread_out.targets(np.arange(3), None, w.dtype)
    partitions = Partitions(targets, spread_out.sizes, D, 3, w.dtype, False, 0.5)
    got, expected = (p.curvature(w, b, rows if some else None) for p in (partitions, problem))
    np.testing.assert_allclose(np.triu(got), np.triu(expected), rtol=1e-10)
    diagonal = partitions.curvature(w, b, rows if some else None, True)
    np.testing.assert_allclose(diagonal, expected.diagonal(), rtol=1e-10)


def test_a_worker_killed_in_mid_fit(cluster):
    """All of them, one after the other: what they held is computed again."""
    X, y = data(3)
    X, y = spread(X).persist(), spread(y).persist()
    expected, killed = model().fit(X, y), []

    def kill(step):
        if step.iteration in (2, 4):
            pids = set(cluster.run(os.getpid).values())
            killed.append(min(pids))
            os.kill(killed[-1], signal.SIGKILL)

    fit = model(callback=kill).fit(X, y)
    assert len(set(killed)) == 2
    assert_same_bits(fit.coef_, expected.coef_)
    assert_same_bits(fit.loss_history_, expected.loss_history_)


def test_x_stays_where_it_is(cluster):
    """Only sums travel between the workers; each has one thread."""
    rng = np.random.default_rng(0)
    X = da.from_array(rng.standard_normal((20_000, 50)), chunks=(2_500, 50)).persist()
    y = (X[:, 0] > 0).persist()
    wait([X, y])
    before = cluster.run(incoming)
    model(max_iter=20).fit(X, y)
    moved = sum(cluster.run(incoming).values()) - sum(before.values())
    assert 0 < moved < X.nbytes / 10
    assert set(cluster.run(threads).values()) == {1}


def incoming(dask_worker):
    return sum(entry["total"] for entry in dask_worker.transfer_incoming_log)


def threads():
    import fastml

    return fastml.get_num_threads()
