"""The oracle against mpmath for the activations, and against finite differences for every gradient."""

import mpmath
import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose

N, C = 6, 4


def exp(x):
    return mpmath.exp(x)


MPMATH = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "tanh": mpmath.tanh,
    "log_sigmoid": lambda x: -mpmath.log1p(exp(-x)),
    "softplus": lambda x: mpmath.log1p(exp(x)),
    "silu": lambda x: x / (1 + exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "elu": lambda x: x if x > 0 else mpmath.mpf(0.7) * mpmath.expm1(x),
    "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.7) * x,
    "relu": lambda x: max(x, mpmath.mpf(0)),
}
EXTRA = {"elu": (0.7,), "leaky_relu": (0.7,)}
BACKWARD = ["sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu", "leaky_relu", "elu"]
FROM_OUTPUT = ("sigmoid", "tanh", "relu")


def call_backward(name, dy, x):
    forward, backward = getattr(reference, name), getattr(reference, name + "_backward")
    extra = EXTRA.get(name, ())
    return backward(dy, forward(x) if name in FROM_OUTPUT else x, *extra)


@pytest.mark.parametrize("name", MPMATH)
def test_activation_against_mpmath(name, rng):
    x = np.concatenate([np.geomspace(1e-300, 700, 60), -np.geomspace(1e-300, 700, 60), rng.uniform(-30, 30, 100)])
    with mpmath.workdps(400):
        exact = np.array([float(MPMATH[name](mpmath.mpf(float(v)))) for v in x])
    # the argument -x / sqrt(2) of erfc is rounded: x^2 units in its tail
    rtol = np.where(x < 0, 1e-15 + 3e-16 * x * x, 1e-15) if name == "gelu" else 1e-15
    error = np.abs(getattr(reference, name)(x, *EXTRA.get(name, ())) - exact)
    assert np.all(error <= rtol * np.abs(exact) + 5e-324)


@pytest.mark.parametrize("name", [*BACKWARD])
def test_activation_backward_against_mpmath(name, rng):
    x = np.concatenate([rng.uniform(-8, 8, 30), [-40.0, 36.0]])
    with mpmath.workdps(60):
        exact = np.array([float(mpmath.diff(MPMATH[name], mpmath.mpf(float(v)))) for v in x])
    rtol, atol = (1e-12, 1e-15) if name in FROM_OUTPUT else (1e-12, 0)
    assert_allclose(call_backward(name, np.full_like(x, 3.0), x), 3 * exact, rtol=rtol, atol=atol)


def test_longdouble_stays_longdouble():
    x = np.linspace(-5, 5, 7, dtype=np.longdouble)
    for y in (
        reference.sigmoid(x),
        reference.softmax(x),
        reference.sigmoid_backward(x, x),
        reference.mse_loss(x, x + 1),
    ):
        assert y.dtype == np.longdouble
    for y in (reference.sigmoid(x.astype(np.float16)), reference.softmax([1, 2]), reference.relu(np.array([True]))):
        assert y.dtype == np.float64


# Finite differences.


def numeric_gradient(f, x, h=1e-5):
    """Central differences of the scalar f at every element of x."""
    grad = np.empty(np.shape(x))
    for i in np.ndindex(grad.shape):
        step = np.zeros(grad.shape)
        step[i] = h
        grad[i] = (f(x + step) - f(x - step)) / (2 * h)
    return grad


def assert_gradient(grad, f, x):
    assert np.shape(grad) == np.shape(x)
    assert_allclose(grad, numeric_gradient(f, np.asarray(x)), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", BACKWARD)
def test_activation_gradient(name, rng):
    x, dy = rng.normal(size=20), rng.normal(size=20)
    assert_gradient(
        call_backward(name, dy, x), lambda v: np.sum(dy * getattr(reference, name)(v, *EXTRA.get(name, ()))), x
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_gradient(name, axis, rng):
    x, dy, f = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5)), getattr(reference, name)
    assert_gradient(getattr(reference, name + "_backward")(dy, f(x, axis), axis), lambda v: np.sum(dy * f(v, axis)), x)


def loss_cases():
    """(name, keywords): everything that changes a loss, one or two at a time."""
    for name in ("mse_loss", "mae_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"):
        yield name, {}
    yield "huber_loss", {"delta": 0.3}
    yield "binary_cross_entropy_with_logits", {"pos_weight": np.array([0.5, 1.0, 2.0, 3.0]), "label_smoothing": 0.1}
    for target in ("index", "probabilities"):
        yield "cross_entropy", {"target": target}
        yield "cross_entropy", {"target": target, "from_logits": False}
        yield (
            "cross_entropy",
            {"target": target, "label_smoothing": 0.2, "class_weight": np.array([0.5, 1.0, 2.0, 3.0])},
        )
        yield "cross_entropy", {"target": target, "label_smoothing": 0.2, "from_logits": False, "axis": 0}
    yield "cross_entropy", {"target": "index", "ignore_index": 2, "class_weight": np.array([0.5, 1.0, 2.0, 3.0])}
    yield "cross_entropy", {"target": "index", "ignore_index": -100, "label_smoothing": 0.2, "axis": 0}


def loss_arguments(name, keywords, rng):
    """Return pred, target and the keywords of the call, for l of shape (N, C), or (N,) for cross_entropy."""
    keywords = dict(keywords)
    kind, pred = keywords.pop("target", None), rng.normal(size=(N, C))
    if name == "binary_cross_entropy" or not keywords.get("from_logits", True):
        pred = rng.uniform(0.1, 0.9, (N, C))
    target = {
        "index": rng.integers(0, C, N),
        "probabilities": rng.dirichlet(np.ones(C), N),
        None: rng.uniform(0, 1, (N, C)),
    }[kind]
    if kind == "index" and "ignore_index" in keywords:
        target[[1, 4]] = keywords["ignore_index"]
    if keywords.get("axis") == 0:
        pred, target = pred.T.copy(), target.T.copy()
    return pred, target, keywords


REDUCED = [(name, keywords, reduction) for name, keywords in loss_cases() for reduction in ("mean", "sum", "none")]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "keywords", "reduction"), [*REDUCED, ("rmse_loss", {}, "mean")])
def test_loss_gradient(name, keywords, reduction, weighted, rng):
    pred, target, keywords = loss_arguments(name, keywords, rng)
    weight = rng.uniform(0.5, 2, N) if weighted else None
    f = getattr(reference, name)
    keywords |= {"reduction": reduction, "sample_weight": weight}
    value, grad = f(pred, target, **keywords, return_grad=True)
    assert_allclose(value, f(pred, target, **keywords), rtol=0)
    assert_gradient(grad, lambda v: np.sum(f(v, target, **keywords)), pred)


@pytest.mark.parametrize(("name", "keywords"), [*loss_cases(), ("rmse_loss", {})])
def test_integer_weights_repeat_samples(name, keywords, rng):
    pred, target, keywords = loss_arguments(name, keywords, rng)
    weight, rows, f = np.array([0, 1, 2, 3, 1, 0]), keywords.get("axis", -1) == 0, getattr(reference, name)
    repeated = [np.repeat(a, weight, axis=1 if rows and a.ndim == 2 else 0) for a in (pred, target)]
    assert_allclose(f(pred, target, sample_weight=weight, **keywords), f(*repeated, **keywords), rtol=1e-13)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (0, -1)])
def test_norm_gradients(axis, rng):
    x, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    shape = [x.shape[a] for a in np.atleast_1d(axis)]
    weight, bias = rng.normal(size=shape), rng.normal(size=shape)
    _, mean, rstd = reference.layer_norm(x, weight, bias, axis=axis, return_stats=True)
    dx, dw, db = reference.layer_norm_backward(dy, x, mean, rstd, weight, axis=axis)
    assert_gradient(dx, lambda v: np.sum(dy * reference.layer_norm(v, weight, bias, axis=axis)), x)
    assert_gradient(dw, lambda v: np.sum(dy * reference.layer_norm(x, v, bias, axis=axis)), weight)
    assert_gradient(db, lambda v: np.sum(dy * reference.layer_norm(x, weight, v, axis=axis)), bias)
    _, rstd = reference.rms_norm(x, weight, axis=axis, return_stats=True)
    dx, dw = reference.rms_norm_backward(dy, x, rstd, weight, axis=axis)
    assert_gradient(dx, lambda v: np.sum(dy * reference.rms_norm(v, weight, axis=axis)), x)
    assert_gradient(dw, lambda v: np.sum(dy * reference.rms_norm(x, v, axis=axis)), weight)
    plain = reference.layer_norm_backward(
        dy, x, mean, reference.layer_norm(x, axis=axis, return_stats=True)[2], axis=axis
    )
    assert_gradient(plain[0], lambda v: np.sum(dy * reference.layer_norm(v, axis=axis)), x)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_batch_norm_gradient(axis, training, rng):
    x, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    channels = x.shape[axis]
    running, weight, bias = (
        (rng.normal(size=channels), rng.uniform(1, 2, channels)),
        rng.normal(size=channels),
        rng.normal(size=channels),
    )

    def f(x, weight, bias):
        stats = (None, None) if training else running
        return reference.batch_norm(x, *stats, weight, bias, training=training, axis=axis, return_stats=True)

    _, mean, rstd = f(x, weight, bias)
    assert mean.shape == rstd.shape == (channels,)
    dx, dw, db = reference.batch_norm_backward(dy, x, mean, rstd, weight, training=training, axis=axis)
    assert_gradient(dx, lambda v: np.sum(dy * f(v, weight, bias)[0]), x)
    assert_gradient(dw, lambda v: np.sum(dy * f(x, v, bias)[0]), weight)
    assert_gradient(db, lambda v: np.sum(dy * f(x, weight, v)[0]), bias)


@pytest.mark.parametrize("name", ["l1_penalty", "l2_penalty"])
def test_penalty_gradient(name, rng):
    f, w, start = getattr(reference, name), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    value, grad = f(w, 0.3, return_grad=True)
    assert value == f(w, 0.3)
    assert_gradient(grad, lambda v: f(v, 0.3), w)
    assert_allclose(f(w, 0.3, return_grad=True, accumulate=True, out=start)[1], grad + start)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", ["binary", "softmax", "multilabel"])
def test_logistic_gradient(model, weighted, rng):
    X, K = rng.normal(size=(N, 5)), 3
    shape, y = {
        "binary": ((5,), rng.integers(0, 2, N)),
        "softmax": ((5, K), rng.integers(0, K, N)),
        "multilabel": ((5, K), rng.integers(0, 2, (N, K))),
    }[model]
    weight = rng.uniform(0.5, 2, N) if weighted else None
    keywords = {"l1": 0.1, "l2": 0.2, "scale": 0.5, "sample_weight": weight}
    w = rng.normal(size=shape)
    for b in (0.3, rng.normal(size=shape[1:])):
        loss, dw, db = reference.logistic_loss(X, y, w, b, **keywords, return_grad=True)
        assert loss == reference.logistic_loss(X, y, w, b, **keywords)
        assert_gradient(dw, lambda v: reference.logistic_loss(X, y, v, b, **keywords), w)  # noqa: B023
        assert_gradient(db, lambda v: reference.logistic_loss(X, y, w, v, **keywords), b)
        stepped = reference.logistic_step(X, y, w, b, 0.7, **keywords)
        for got, expected in zip(stepped, (loss, w - 0.7 * dw, b - 0.7 * db), strict=True):
            assert_allclose(got, expected)
