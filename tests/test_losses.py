"""The pointwise losses: parity with the oracle and torch, promised accuracy, exact tails, bits, awkward arrays."""

import functools

import numpy as np
import pytest
import reference
from conftest import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from losses_cases import (
    CASES,
    ELEMENTWISE,
    LOGITS,
    LOSSES,
    OPTIONS,
    PROBABILITIES,
    assert_promise,
    call,
    draw,
    exact,
    layouts,
)
from ulp import assert_ulp, ulp_error

INF, NAN = np.inf, np.nan
SHAPES = ((1,), (17,), (1000,), (3, 5, 7), (), (513, 2))
every_loss = pytest.mark.parametrize("name", LOSSES)
every_elementwise = pytest.mark.parametrize("name", ELEMENTWISE)
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}-{o}" for n, o in CASES])


@every_case
@pytest.mark.parametrize("soft", [False, True])
def test_parity(name, options, soft, isa, dtype, rng, fastml):
    eps = float(np.finfo(np.float32 if dtype == np.float16 else dtype).eps)
    for shape in SHAPES:
        x, t = draw(name, rng, dtype, shape, soft=soft)
        weight = rng.integers(0, 5, shape[:1]) / 4
        for sample_weight in (None, weight, 2.5):
            keywords = {**options, "sample_weight": sample_weight}
            for reduction in ("mean",) if name == "rmse_loss" else ("mean", "sum"):
                value = call(fastml, name, x, t, reduction=reduction, **keywords)
                again, grad = call(fastml, name, x, t, reduction=reduction, return_grad=True, **keywords)
                right, right_grad = exact(name, x, t, reduction=reduction, return_grad=True, **keywords)
                assert type(value) is np.float64
                assert value == again
                assert value == pytest.approx(float(right), rel=6 * eps, abs=1e-300)
                assert (grad.shape, grad.dtype) == (shape, dtype)
                scale = float(np.max(np.abs(right_grad), initial=0))
                atol = 8 * float(np.finfo(dtype).eps) * scale + float(np.finfo(dtype).smallest_subnormal)
                np.testing.assert_allclose(grad.astype(float), right_grad.astype(float), rtol=0, atol=atol)


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] in ELEMENTWISE])
def test_the_value_alone_has_the_bits_of_that_with_a_gradient(name, options, isa, dtype, fastml):
    info = np.finfo(dtype)
    x = [0, -0.0, info.smallest_subnormal, info.tiny, 0.5, 1 - info.epsneg, 1, 1 + info.eps, -1, 700, info.max]
    for targets in ([0, 1], [0, 1, 0.25, 2.0**-10]):  # labels alone are another kernel
        grid = [a.ravel().astype(dtype) for a in np.meshgrid([*x, INF, -INF, NAN], targets)]
        value = call(fastml, name, *grid, reduction="none", **options)
        again, _ = call(fastml, name, *grid, reduction="none", return_grad=True, **options)
        assert_same_bits(np.where(np.isnan(value), NAN, value), np.where(np.isnan(again), NAN, again))


def test_a_delta_that_no_float32_holds(isa, rng, dtype, fastml):
    x, t = draw("mse_loss", rng, dtype, (100,))
    half = call(fastml, "mse_loss", x, t, reduction="none") / 2
    assert_same_bits(call(fastml, "huber_loss", x, t, delta=1e300, reduction="none"), half)


@pytest.mark.longdouble
@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] in ELEMENTWISE])
@pytest.mark.parametrize("soft", [False, True])
def test_promised_accuracy(name, options, soft, isa, dtype, rng, fastml):
    x, t = draw(name, rng, dtype, 60_000, soft=soft)
    loss, grad = call(fastml, name, x, t, reduction="none", return_grad=True, **options)
    assert_same_bits(call(fastml, name, x, t, reduction="none", **options), loss)
    assert_promise(fastml, name, x, t, loss, grad, **options)


def test_promised_accuracy_of_every_float16(fastml, isa):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite, shares = every[np.isfinite(every)], every[(every >= 0) & (every <= 1)]
    for name, x in ((LOGITS, finite), (PROBABILITIES, shares)):
        for label in (0, 1):
            t = np.full(x.shape, label, np.uint8)
            assert_promise(fastml, name, x, t, *call(fastml, name, x, t, reduction="none", return_grad=True))


@every_elementwise
def test_awkward_arrays(name, isa, awkward, rng, fastml):
    dtype = awkward.dtype.newbyteorder("=")
    t = (rng.random(awkward.shape) < 0.5).astype(dtype)
    loss, grad = call(fastml, name, awkward, t, reduction="none", return_grad=True)
    assert (loss.shape, loss.dtype) == (grad.shape, grad.dtype) == (awkward.shape, dtype)
    fits = np.isfinite(awkward) if name == PROBABILITIES else np.full(awkward.shape, True)
    if name == PROBABILITIES:
        outside = ~((awkward >= 0) & (awkward <= 1))
        assert np.all(np.isnan(loss[outside]))
        fits &= ~outside
    assert_promise(fastml, name, awkward[fits], t[fits], loss[fits], grad[fits])
    value = call(fastml, name, awkward, t)
    with np.errstate(all="ignore"):
        right = exact(name, awkward, t) if dtype != np.float64 else np.sum(loss) / max(loss.size, 1)
    np.testing.assert_allclose(value, float(right), rtol=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_tails_of_the_logits(label, isa, dtype, fastml):
    """Where the label is right the loss is e^-|x|: to 2 ULP at 80 and wherever it is a number."""
    sign = 1 if label else -1
    x = (sign * np.array([20, 40, 60, 80, 86, 88, 95, 103, 200, 700, 740, INF])).astype(dtype)
    t = np.full(x.shape, label)
    loss, grad = call(fastml, LOGITS, x, t, reduction="none", return_grad=True)
    size = np.abs(x.astype(np.longdouble))
    assert_ulp(loss, reference.softplus(-size), 2)
    assert_ulp(grad, -sign * reference.sigmoid(-size), 2)
    wrong, slope = call(fastml, LOGITS, -x, t, reduction="none", return_grad=True)
    assert_ulp(wrong, reference.softplus(size), 1)
    np.testing.assert_array_equal(slope[3:], -sign)


@pytest.mark.longdouble
def test_ends_of_the_probabilities(isa, dtype, fastml):
    p = np.array([0, 1, 0, 1, -0.0, 0.5], dtype)
    loss, grad = call(fastml, PROBABILITIES, p, [0, 1, 1, 0, 0.5, NAN], reduction="none", return_grad=True)
    np.testing.assert_array_equal(loss, [0, 0, INF, INF, INF, NAN])
    np.testing.assert_array_equal(grad, [1, -1, -INF, INF, -INF, NAN])
    tiny = np.array([np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny, np.finfo(dtype).eps], dtype)
    loss, grad = call(fastml, PROBABILITIES, tiny, np.zeros(3), reduction="none", return_grad=True)
    assert_ulp(loss, tiny.astype(np.longdouble), 1)
    np.testing.assert_array_equal(grad[:2], 1)
    grad = call(fastml, PROBABILITIES, tiny, np.ones(3), reduction="mean", return_grad=True)[1]
    assert_ulp(grad, -1 / (3 * tiny.astype(np.longdouble)), 3)


def test_more_elements_than_between_two_looks_at_signals(isa, fastml):
    x = np.zeros(512 * 16_384 + 5, np.float16)
    x[-3:] = 1, 2, 3
    losses = fastml.mse_loss(x, np.broadcast_to(np.float16(0), x.shape), reduction="none")
    assert losses[-3:].tolist() == [1, 4, 9]
    assert np.count_nonzero(losses) == 3


def test_corners_of_the_regression_losses(isa, dtype, fastml):
    x = np.array([1, 2], dtype)
    value, grad = call(fastml, "rmse_loss", x, x, return_grad=True)
    assert value == 0
    assert not grad.any()
    np.testing.assert_array_equal(call(fastml, "mae_loss", x, [1, 5], reduction="sum", return_grad=True)[1], [0, -1])
    x = np.array([NAN, INF, -INF, 0], dtype)
    grads = {"mse_loss": [NAN, INF, -INF, 0], "mae_loss": [NAN, 1, -1, 0], "huber_loss": [NAN, 1, -1, 0]}
    for name, grad in grads.items():
        np.testing.assert_array_equal(
            call(fastml, name, x, np.zeros(4), reduction="none", return_grad=True), [[NAN, INF, INF, 0], grad]
        )


@pytest.mark.parametrize("size", [1e-44, 1e-40, 1e-30, 1e25, 1e38])
def test_large_and_small_float32(size, isa, fastml):
    """Squares that float32 does not have; the root's gradient is of size 1 whatever the differences are."""
    x = np.array([size, -3 * size, 2 * size], np.float32)
    zero = np.zeros(3)
    right, slope = reference.rmse_loss(x, zero, return_grad=True)
    value, grad = call(fastml, "rmse_loss", x, zero, return_grad=True)
    assert value == pytest.approx(float(right), rel=1e-14)
    np.testing.assert_allclose(grad, slope, rtol=4e-7)
    assert call(fastml, "mse_loss", x, zero) == pytest.approx(float(reference.mse_loss(x, zero)), rel=1e-14)
    weighted = call(fastml, "rmse_loss", x, zero, sample_weight=np.full(3, 1e30), return_grad=True)[1]
    np.testing.assert_allclose(weighted, slope, rtol=4e-7)


@every_case
def test_gradient_is_the_slope(name, options, rng, fastml):
    x, t = draw(name, rng, np.float64, (4, 3), soft=True)
    x = np.clip(x, 0.05, 0.95) if name == PROBABILITIES else np.clip(x, -9, 9)
    keywords = {**options, "sample_weight": rng.random(4)}
    grad = call(fastml, name, x, t, return_grad=True, **keywords)[1]
    for index in np.ndindex(x.shape):
        h = np.zeros_like(x)
        h[index] = 1e-5
        slope = (call(fastml, name, x + h, t, **keywords) - call(fastml, name, x - h, t, **keywords)) / 2e-5
        assert grad[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def torch_loss(torch, name, x, t, options, weight, reduction):
    functions, options = torch.nn.functional, dict(options)
    smoothing = options.pop("label_smoothing", 0)
    t = torch.from_numpy(t) * (1 - smoothing) + smoothing / 2
    if "pos_weight" in options:
        options["pos_weight"] = torch.tensor(options["pos_weight"], dtype=t.dtype)
    by_name = {
        "mse_loss": functions.mse_loss, "mae_loss": functions.l1_loss, "huber_loss": functions.huber_loss,
        PROBABILITIES: functions.binary_cross_entropy, LOGITS: functions.binary_cross_entropy_with_logits,
    }  # fmt: skip
    loss = by_name[name](x, t, reduction="none", **options) * torch.from_numpy(weight)[:, None]
    return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / (weight.sum() * loss.shape[1])}[reduction]


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] in ELEMENTWISE])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch(name, options, reduction, rng, fastml):
    torch = pytest.importorskip("torch")
    x, t = draw(name, rng, np.float64, (50, 7), soft=True)
    weight, leaf = rng.random(50), torch.tensor(x, requires_grad=True)
    expected = torch_loss(torch, name, leaf, t, options, weight, reduction)
    expected.sum().backward()
    value, grad = call(fastml, name, x, t, reduction=reduction, sample_weight=weight, return_grad=True, **options)
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


# Bits


@every_case
def test_same_bits_in_every_layout(name, options, isa, dtype, rng, fastml):
    x, t = draw(name, rng, dtype, (300, 70), soft=True)
    weight = rng.random(300)
    for sample_weight in (None, weight, np.repeat(weight[:, None], 70, 1)):
        results = functools.partial(
            call, fastml, name, return_grad=True, **options, sample_weight=sample_weight
        )  # fmt: skip
        value, grad = results(x, t)
        for what, array in layouts(x):
            for target in (t, np.asfortranarray(t)):
                other, other_grad = results(array, target)
                assert other == value, what
                assert_same_bits(other_grad, grad, what)
        for what, target in layouts(t):
            other, other_grad = results(x, target)
            assert other == value, what
            assert_same_bits(other_grad, grad, what)


@every_loss
def test_same_bits_whatever_the_number_of_threads(name, isa, dtype, rng, fastml):
    x, t = (np.resize(v, 1_000_003) for v in draw(name, rng, dtype, 70_001))
    with fastml.num_threads(1):
        value, grad = call(fastml, name, x, t, return_grad=True)
    for threads in (2, 4):
        with fastml.num_threads(threads):
            other, other_grad = call(fastml, name, x, t, return_grad=True)
        assert other == value
        assert_same_bits(other_grad, grad)


@every_elementwise
def test_an_element_does_not_depend_on_its_neighbours(name, isa, dtype, rng, fastml):
    x, t = draw(name, rng, dtype, 600, soft=True)
    t[:40] = t[:40] > 0.5  # labels alone have a loop of their own
    whole = call(fastml, name, x, t, reduction="none", return_grad=True)
    for start in (0, 1, 7, 500):
        for n in range(1, 41):
            part = slice(start, start + n)
            for result, expected in zip(
                call(fastml, name, x[part], t[part], reduction="none", return_grad=True), whole, strict=True
            ):
                assert_same_bits(result, expected[part])


@given(st.lists(st.tuples(st.floats(width=32), st.sampled_from([0.0, 0.25, 1.0])), min_size=1, max_size=70))
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_the_elements(fastml, pairs):
    x, t = (np.array(column, np.float32) for column in zip(*pairs, strict=True))
    for name in ELEMENTWISE:
        if name == "mse_loss":
            continue  # its squares are exact, not those of float32
        for options in OPTIONS[name]:
            loss = call(fastml, name, x, t, reduction="none", **options)
            with np.errstate(all="ignore"):
                total = np.sum(loss, dtype=np.float64)
            value = call(fastml, name, x, t, reduction="sum", **options)
            assert value == pytest.approx(total, rel=1e-13, nan_ok=True)


def test_a_sum_is_compensated(isa, fastml):
    x = np.full(3_000_000, 0.1)
    assert ulp_error(call(fastml, "mae_loss", x, np.zeros(x.size)), np.longdouble(0.1)) <= 1
