"""fastml.sklearn.LogisticRegression: scikit-learn's own checks, its tools, and the optimum of its estimator."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from test_fitting import data

from fastml.sklearn import LogisticRegression

NO_INTERCEPT = {"check_class_weight_classifiers": "no line through the origin leaves one class on one side"}


def expected_to_fail(estimator):
    return NO_INTERCEPT if not estimator.fit_intercept else {}


CHECKS = parametrize_with_checks(
    [
        LogisticRegression(),
        LogisticRegression(l1_ratio=0.5),
        LogisticRegression(fit_intercept=False),
        LogisticRegression(class_weight="balanced"),
        LogisticRegression(solver="sgd"),
    ],
    expected_failed_checks=expected_to_fail,
)


@pytest.mark.thread_unsafe(reason="scikit-learn's checks catch warnings, which are the process's")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)  # a generator before scikit-learn 1.9
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_fails_without_intercept_as_well():
    results = check_estimator(Theirs(fit_intercept=False), on_fail=None, on_skip=None)
    assert {result["check_name"] for result in results if result["status"] == "failed"} == set(NO_INTERCEPT)


def objective(model, X, y, weight):
    """Return scikit-learn's objective in float64."""
    X, coef = (np.asarray(array, np.float64) for array in (X, model.coef_))
    z = X @ coef.T + model.intercept_
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    losses = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    penalty = (1 - model.l1_ratio) / 2 * np.square(coef).sum() + model.l1_ratio * np.abs(coef).sum()
    return model.C * (weight * losses).sum() + penalty


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("C", [0.03, 10.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("class_weight", "weighted"), [(None, False), ("balanced", True), ({0: 2.0, 1: 0.5}, False)])
@pytest.mark.parametrize("code", ["f4", "f8", "csr"])
def test_the_optimum_of_scikit_learn(K, C, fit_intercept, class_weight, weighted, code):
    X, y = data(K, n=300)
    given = np.random.default_rng(1).random(len(y)) if weighted else None
    shared = {"C": C, "fit_intercept": fit_intercept, "class_weight": class_weight, "max_iter": 1000}
    theirs = Theirs(tol=1e-9, **shared).fit(X, y, given)
    ours = LogisticRegression(tol=1e-7, **shared).fit(as_code(X, code), y, given)
    assert ours.coef_.dtype == ("f8" if code == "csr" else code)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3 if code == "f4" else 1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3 if code == "f4" else 1e-5)
    weight = compute_weight(class_weight, y, given)
    assert objective(ours, X, y, weight) <= objective(theirs, X, y, weight) * (1 + 1e-6)


def compute_weight(class_weight, y, given):
    given = np.ones(len(y)) if given is None else given
    if class_weight != "balanced":
        return given * compute_sample_weight(class_weight, y)
    counts = np.bincount(y, weights=given)
    return given * (given.sum() / (len(counts) * counts))[y]


def as_code(X, code):
    if code == "csr":
        return pytest.importorskip("scipy.sparse").csr_array(X)
    return X.astype(code)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_elastic_net(K, l1_ratio):
    X, y = data(K, n=200, d=8)
    theirs = Theirs(C=0.1, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=5000).fit(X, y)
    ours = LogisticRegression(C=0.1, l1_ratio=l1_ratio, tol=1e-7, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert 0 < (ours.coef_ == 0).sum() < ours.coef_.size
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)


@pytest.mark.filterwarnings("ignore:Setting penalty=None:UserWarning")  # of scikit-learn 1.8, whatever is asked of it
def test_no_penalty():
    X, y = data()
    theirs = Theirs(C=np.inf, tol=1e-9).fit(X, y)
    ours = LogisticRegression(C=np.inf, tol=1e-7).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("K", [2, 3])
def test_predictions_are_those_of_scikit_learn(K):
    X, y = data(K)
    names = np.array(["c", "a", "b"])[y]
    theirs, ours = Theirs(tol=1e-9).fit(X, names), LogisticRegression(tol=1e-8).fit(X, names)
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        np.testing.assert_allclose(getattr(ours, method)(X), getattr(theirs, method)(X), atol=1e-5)
    assert ours.score(X, names) == theirs.score(X, names)


def test_tails_are_accurate():
    X, y = np.array([[-1.0], [1.0]], np.float32), [0, 1]
    model = LogisticRegression().fit(X, y)
    far = np.array([[-40.0], [40.0]], np.float32) / model.coef_[0]
    proba, log = model.predict_proba(far), model.predict_log_proba(far)
    assert proba.dtype == log.dtype == np.float32
    np.testing.assert_allclose(proba, [[1, 4.248354e-18], [4.248354e-18, 1]], rtol=1e-5)
    np.testing.assert_allclose(log, [[-4.248354e-18, -40], [-40, -4.248354e-18]], rtol=1e-5)
    model = LogisticRegression().fit(np.eye(3, dtype=np.float32), [0, 1, 2])
    log = model.predict_log_proba(np.eye(3, dtype=np.float32) * 1e4)
    assert np.isfinite(log).all()
    assert np.all(log[0, 1:] < -100)


def test_labels_of_independent_columns():
    X, _ = data(3)
    Y = (X[:, :3] + 0.5 * np.random.default_rng(1).standard_normal((len(X), 3)) > 0).astype(int)
    model = LogisticRegression(C=0.5, tol=1e-7).fit(X, Y)
    assert model.multi_label_
    assert model.coef_.shape == (3, X.shape[1])
    for k in range(3):
        one = LogisticRegression(C=0.5, tol=1e-7).fit(X, Y[:, k])
        np.testing.assert_allclose(model.coef_[k], one.coef_[0], atol=1e-5)
        np.testing.assert_allclose(model.predict_proba(X)[:, k], one.predict_proba(X)[:, 1], atol=1e-5)
        np.testing.assert_allclose(model.predict_log_proba(X)[:, k], one.predict_log_proba(X)[:, 1], atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    with pytest.raises(ValueError, match=r"^class_weight: expected None where y has a column for each label"):
        LogisticRegression(class_weight="balanced").fit(X, Y)


@pytest.mark.thread_unsafe(reason="joblib has one executor for all threads, and changes it without a lock")
def test_the_tools_of_scikit_learn():
    X, y = data(3)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert is_classifier(model)
    assert np.mean(cross_val_score(model, X, y)) > 0.6
    search = GridSearchCV(model, {"logisticregression__C": [1e-4, 1.0]}, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    copy = pickle.loads(pickle.dumps(model.fit(X, y)))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params()["logisticregression__C"] == 1.0


def test_metadata_routing():
    from sklearn import config_context

    X, y = data()
    weight = np.random.default_rng(1).random(len(y))
    with config_context(enable_metadata_routing=True):
        step = LogisticRegression().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, step).fit(X, y, sample_weight=weight)
        alone = LogisticRegression().fit(StandardScaler().fit_transform(X), y, weight)
    np.testing.assert_array_equal(routed[-1].coef_, alone.coef_)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "?"])
@pytest.mark.parametrize("K", [2, 3])
def test_predictions_of_other_dtypes(K, dtype, monkeypatch):
    monkeypatch.setattr("fastml.sklearn.data.BLOCK", 60)  # ten rows
    X, y = data(K)
    for computed in ("f4", "f8"):
        model = LogisticRegression().fit(X.astype(computed), y)
        other = (4 * X).astype(dtype)
        scores = other.astype(float) @ model.coef_.T.astype(float) + model.intercept_
        got = model.decision_function(other)
        np.testing.assert_allclose(got, scores[:, 0] if K == 2 else scores, rtol=1e-4, atol=1e-4)


def test_sparse_coefficients_predict_the_same():
    X, y = data(3)
    model = LogisticRegression(C=0.05, l1_ratio=1.0).fit(X, y)
    dense = model.predict_proba(X)
    np.testing.assert_array_equal(model.sparsify().predict_proba(X), dense)
    assert model.coef_.nnz < model.coef_.shape[0] * model.coef_.shape[1]
    assert isinstance(model.densify().coef_, np.ndarray)
    for change in (LogisticRegression.sparsify, LogisticRegression.densify):
        with pytest.raises(NotFittedError):
            change(LogisticRegression())
