"""The oracle against torch in float64, where torch has the function with the same meaning."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
F = torch.nn.functional
N, C = 6, 4

ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "log_sigmoid": F.logsigmoid,
    "softplus": lambda x: F.softplus(x, threshold=1e9),
    "silu": F.silu,
    "gelu": F.gelu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 1.3),
    "softmax": lambda x: torch.softmax(x, 1),
    "log_softmax": lambda x: torch.log_softmax(x, 1),
}
EXTRA = {"leaky_relu": (0.2,), "elu": (1.3,), "softmax": (1,), "log_softmax": (1,)}
FROM_OUTPUT = ("sigmoid", "tanh", "relu", "softmax", "log_softmax")


def tensor(x, grad=False):
    return torch.tensor(np.array(x), requires_grad=grad)


def same(got, expected, rtol=1e-12, atol=1e-14):
    assert_allclose(got, expected.detach().numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_backward(name, rng):
    x, dy = rng.uniform(-6, 6, (5, 7, 3)), rng.normal(size=(5, 7, 3))
    forward, backward, extra = getattr(reference, name), getattr(reference, name + "_backward"), EXTRA.get(name, ())
    t = tensor(x, grad=True)
    y = ACTIVATIONS[name](t)
    y.backward(tensor(dy))
    same(forward(x, *extra), y)
    same(backward(dy, forward(x, *extra) if name in FROM_OUTPUT else x, *extra), t.grad)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "relu"])
def test_the_corner_at_zero(name):
    t = tensor([0.0], grad=True)
    ACTIVATIONS[name](t).backward(tensor([1.0]))
    same(getattr(reference, name + "_backward")([1.0], [0.0], *EXTRA.get(name, ())), t.grad)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "x", [[[1.0, 2.0, 3.0]], [[np.inf, np.inf]], [[-np.inf, -np.inf]], [[np.nan, 0.0]], np.empty((2, 0))]
)
def test_logsumexp(x, keepdims):
    same(reference.logsumexp(x, keepdims=keepdims), torch.logsumexp(tensor(x), -1, keepdim=keepdims))


@pytest.mark.parametrize("x", [[np.inf, np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 0.0], [-np.inf, 3.0]])
def test_softmax_edges(x):
    same(reference.softmax(x), torch.softmax(tensor(x), 0))
    same(reference.log_softmax(x), torch.log_softmax(tensor(x), 0))


LOSSES = {
    "mse_loss": (F.mse_loss, {}, {}),
    "mae_loss": (F.l1_loss, {}, {}),
    "huber_loss": (F.huber_loss, {"delta": 0.4}, {"delta": 0.4}),
    "binary_cross_entropy": (F.binary_cross_entropy, {}, {}),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits,
        {"pos_weight": np.arange(1.0, C + 1)},
        {"pos_weight": torch.arange(1.0, C + 1)},
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction, rng):
    pred, target = rng.uniform(0.01, 0.99, (2, N, C))
    torch_loss, ours, theirs = LOSSES[name]
    t = tensor(pred, grad=True)
    expected = torch_loss(t, tensor(target), reduction=reduction, **theirs)
    expected.sum().backward()
    value, grad = getattr(reference, name)(pred, target, reduction=reduction, return_grad=True, **ours)
    same(value, expected)
    same(grad, t.grad)


@pytest.mark.parametrize("ignore_index", [None, 1, -100])
@pytest.mark.parametrize("class_weight", [None, [0.5, 1.0, 2.0, 0.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_of_indices(reduction, smoothing, class_weight, ignore_index, rng):
    logits, target = rng.normal(size=(N, C, 5)), rng.integers(0, C, (N, 5))
    if ignore_index == -100:
        target[::2] = -100
    t = tensor(logits, grad=True)
    weight = None if class_weight is None else tensor(class_weight)
    skip = -7 if ignore_index is None else ignore_index
    expected = F.cross_entropy(
        t, tensor(target), weight=weight, reduction=reduction, label_smoothing=smoothing, ignore_index=skip
    )
    expected.sum().backward()
    keywords = {
        "class_weight": class_weight,
        "label_smoothing": smoothing,
        "ignore_index": ignore_index,
        "reduction": reduction,
    }
    value, grad = reference.cross_entropy(logits, target, axis=1, return_grad=True, **keywords)
    same(value, expected)
    same(grad, t.grad)


@pytest.mark.parametrize("class_weight", [None, [0.5, 1.0, 2.0, 3.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_of_probabilities(reduction, smoothing, class_weight, rng):
    logits, target = rng.normal(size=(N, C)), rng.dirichlet(np.ones(C), N)
    t = tensor(logits, grad=True)
    weight = None if class_weight is None else tensor(class_weight)
    expected = F.cross_entropy(t, tensor(target), weight=weight, reduction=reduction, label_smoothing=smoothing)
    expected.sum().backward()
    keywords = {"class_weight": class_weight, "label_smoothing": smoothing, "reduction": reduction}
    value, grad = reference.cross_entropy(logits, target, return_grad=True, **keywords)
    same(value, expected)
    same(grad, t.grad)
    value, grad = reference.cross_entropy(
        reference.softmax(logits), target, from_logits=False, return_grad=True, **keywords
    )
    same(value, expected)


def test_layer_and_rms_norm(rng):
    x, weight, bias = rng.normal(size=(3, 4, 5)), rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    same(
        reference.layer_norm(x, weight, bias, axis=(1, 2)),
        F.layer_norm(tensor(x), (4, 5), tensor(weight), tensor(bias)),
    )
    same(reference.rms_norm(x, weight, axis=(1, 2)), F.rms_norm(tensor(x), (4, 5), tensor(weight), eps=1e-6))


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_and_its_running_statistics(training, rng):
    x, weight, bias = rng.normal(3, 2, size=(6, 4, 5)), rng.normal(size=4), rng.normal(size=4)
    ours = [rng.normal(size=4), rng.uniform(1, 2, 4)]
    theirs = [tensor(a) for a in ours]
    got = reference.batch_norm(x, *ours, weight, bias, training=training, momentum=0.3)
    same(got, F.batch_norm(tensor(x), *theirs, tensor(weight), tensor(bias), training, 0.3))
    for mine, other in zip(ours, theirs, strict=True):
        same(mine, other)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd(momentum, nesterov, rng):
    p, velocity = rng.normal(size=7), None
    t = tensor(p, grad=True)
    optimizer = torch.optim.SGD([t], lr=0.1, momentum=momentum, nesterov=nesterov, weight_decay=0.06)
    for _ in range(4):
        t.grad = tensor(rng.normal(size=7))
        p, velocity = reference.sgd_step(
            p, t.grad.numpy(), 0.1, momentum=momentum, velocity=velocity, nesterov=nesterov, l2=0.03
        )
        optimizer.step()
        same(p, t)


def test_adam(rng):
    p, m, v = rng.normal(size=7), np.zeros(7), np.zeros(7)
    t = tensor(p, grad=True)
    optimizer = torch.optim.AdamW([t], lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05)
    for step in range(1, 6):
        t.grad = tensor(rng.normal(size=7))
        p, m, v = reference.adam_step(
            p, t.grad.numpy(), m, v, step, 0.1, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.05
        )
        optimizer.step()
        same(p, t)


@pytest.mark.parametrize("model", ["binary", "softmax", "multilabel"])
def test_logistic(model, rng):
    X, K = rng.normal(size=(N, 5)), 3
    w, b = rng.normal(size=(5, K)), rng.normal(size=K)
    y = {"binary": rng.integers(0, 2, N), "softmax": rng.integers(0, K, N), "multilabel": rng.integers(0, 2, (N, K))}[
        model
    ]
    if model == "binary":
        w, b = w[:, 0], b[0]
    tw, tb = tensor(w, grad=True), tensor(b, grad=True)
    z, labels = 0.5 * tensor(X) @ tw + tb, tensor(y)
    if model == "softmax":
        data, p = F.cross_entropy(z, labels), torch.softmax(z, 1)
    else:
        data, p = F.binary_cross_entropy_with_logits(z, labels.double(), reduction="sum") / N, torch.sigmoid(z)
    expected = data + 0.1 * tw.abs().sum() + 0.2 * (tw**2).sum()
    expected.backward()
    loss, dw, db = reference.logistic_loss(X, y, w, b, l1=0.1, l2=0.2, scale=0.5, return_grad=True)
    same(loss, expected)
    same(dw, tw.grad)
    same(db, tb.grad)
    if model != "multilabel":
        same(reference.predict_logistic(X, w, b, scale=0.5), p)
