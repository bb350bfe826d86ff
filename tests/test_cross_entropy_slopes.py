"""cross_entropy as a function: slopes, what weights mean, symmetries, and torch's results."""

import itertools

import numpy as np
import pytest
from conftest import assert_same_bits
from cross_entropy_cases import REDUCTIONS, assert_as_promised, call, eighths, problem, term_sizes

wide_floats = pytest.mark.parametrize("dtype", [np.dtype("f4"), np.dtype("f8")], ids=str)


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("C", [5, 70])
def test_gradient_by_finite_differences(C, from_logits, probabilities, rng, fastml):
    x = rng.standard_normal((6, C)) if from_logits else rng.uniform(0.1, 1, (6, C))
    target = rng.random((6, C)) if probabilities else rng.integers(0, C, 6)
    for reduction, smoothing, weighted in itertools.product(REDUCTIONS, [0.0, 0.2], [False, True]):
        options = {"reduction": reduction, "label_smoothing": smoothing, "from_logits": from_logits}
        options |= {"class_weight": rng.random(C), "sample_weight": rng.random(6)} if weighted else {}
        options |= {} if probabilities else {"ignore_index": int(target[0])}
        gradient = call(fastml, x, target, return_grad=True, **options)[1]
        way = rng.standard_normal(x.shape)
        up, down = (np.sum(call(fastml, x + sign * 1e-6 * way, target, **options)) for sign in (1, -1))
        assert np.sum(gradient * way) == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


@wide_floats
@pytest.mark.parametrize("probabilities", [False, True])
def test_weights_count_samples(probabilities, dtype, rng, fastml):
    x, target = problem(rng, dtype, 10, probabilities)
    times = rng.integers(0, 4, len(x))
    weighted = call(fastml, x, target, sample_weight=times)
    assert weighted == pytest.approx(call(fastml, np.repeat(x, times, 0), np.repeat(target, times, 0)), rel=1e-6)
    options = {"reduction": "none", "return_grad": True}
    for factor in (2.0, 0.25):
        losses, gradient = call(fastml, x, target, sample_weight=np.full(len(x), factor), **options)
        plain = call(fastml, x, target, **options)
        assert_same_bits(losses, plain[0] * dtype.type(factor))
        np.testing.assert_allclose(gradient, plain[1] * factor, rtol=1e-6, atol=4 * np.finfo(dtype).tiny)


@pytest.mark.parametrize("size", [1e-40, 1e-38, 1e30])
def test_the_mean_does_not_depend_on_the_scale_of_sample_weights(size, isa, rng, fastml):
    x, labels = problem(rng, np.dtype("f4"), 10)
    loss, gradient = call(fastml, x, labels, sample_weight=np.full(len(x), size), return_grad=True)
    expected = call(fastml, x, labels, return_grad=True)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-4)  # 1e-40 has 17 bits in float32
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-4, atol=1e-37)


@pytest.mark.longdouble
@pytest.mark.parametrize("C", [3, 10, 65, 1000])
def test_a_shift_changes_nothing_but_roundings_and_classes_may_be_permuted(C, isa, dtype, rng, fastml):
    x, labels = rng.integers(-8, 9, (15, C)).astype(dtype), rng.integers(0, C, 15)
    options = {"reduction": "none", "return_grad": True}
    losses, gradient = call(fastml, x, labels, **options)
    allowed = 4 * np.finfo(dtype).eps * term_sizes(x, labels) + np.finfo(dtype).smallest_subnormal
    order, same = rng.permutation(C), np.arange(C)
    for classes, shift in ((same, 64), (same, -129), (same, 264), (same, -1010), (order, 0)):
        y, chosen = x[:, classes] + dtype.type(shift), np.argsort(classes)[labels]
        moved = call(fastml, y, chosen, **options)
        assert np.all(np.abs(moved[1].astype(float) - gradient[:, classes]) <= allowed[:, classes])
        np.testing.assert_allclose(moved[0], losses, rtol=4 * float(np.finfo(dtype).eps))
        assert_as_promised(fastml, y, chosen)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore_index", [None, 2, -100])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_torch_agrees(reduction, ignore_index, smoothing, rng, fastml):
    torch = pytest.importorskip("torch")
    x, target = rng.standard_normal((6, 5, 3, 4)), rng.integers(0, 5, (6, 3, 4))
    q = rng.random(x.shape)
    target[::2, 1] = 2 if ignore_index is None else ignore_index
    for labels, class_weight in itertools.product((target, q), (None, eighths(rng, 5))):
        skip = {} if ignore_index is None or labels is q else {"ignore_index": ignore_index}
        logits = torch.from_numpy(x).requires_grad_()
        loss = torch.nn.functional.cross_entropy(
            logits, torch.from_numpy(labels), reduction=reduction, label_smoothing=smoothing, **skip,
            weight=None if class_weight is None else torch.from_numpy(class_weight),
        )  # fmt: skip
        loss.sum().backward()
        options = {"class_weight": class_weight, "label_smoothing": smoothing, "axis": 1, "reduction": reduction}
        value, gradient = call(fastml, x, labels, return_grad=True, **options, **skip)
        np.testing.assert_allclose(value, loss.detach().numpy(), rtol=1e-13)
        np.testing.assert_allclose(gradient, logits.grad.numpy(), rtol=1e-10, atol=1e-15)
