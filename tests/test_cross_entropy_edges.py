"""cross_entropy at its edges: tails, infinities, nothing to average, probabilities of 0."""

import itertools

import numpy as np
import pytest
import reference
from conftest import assert_same_bits
from cross_entropy_cases import REDUCTIONS, assert_as_promised, call, problem
from ulp import assert_ulp, bound_from_docstring, wide

INF, NAN = np.inf, np.nan
every_width = pytest.mark.parametrize("C", [2, 3, 10, 64, 65, 300])


def edges(fastml, row, target, dtype, **keywords):
    """Loss and gradient of a row alone; the same of it among gentle rows, upright and flat."""
    row = np.array(row, dtype)
    loss, gradient = call(fastml, row, target, reduction="none", return_grad=True, **keywords)
    x = np.tile(np.linspace(0, 1, row.size).astype(dtype), (40, 1))
    x[17] = row
    labels = np.full(40, target) if np.ndim(target) == 0 else np.tile(target, (40, 1))
    for axis in (0, 1):
        turned = [np.ascontiguousarray(np.moveaxis(a, -1, axis)) if a.ndim == 2 else a for a in (x, labels)]
        losses, gradients = call(fastml, *turned, axis=axis, reduction="none", return_grad=True, **keywords)
        assert_same_bits(losses[17], dtype.type(loss))
        assert_same_bits(np.moveaxis(gradients, axis, -1)[17], gradient)
    return loss, gradient


# Tails and large numbers.


@pytest.mark.longdouble
@every_width
def test_tails_are_exact(C, isa, dtype, fastml):
    top = 8.0 if dtype == np.float16 else 20.0
    x = np.zeros((C, C), dtype)
    x[np.arange(C), np.arange(C)] = top
    labels = np.arange(C)
    assert_as_promised(fastml, x, labels)  # the true class far ahead
    assert_as_promised(fastml, -x, labels)  # and far behind
    losses, gradient = call(fastml, x, labels, reduction="none", return_grad=True)
    slope = reference.cross_entropy(wide(x), labels, reduction="none", return_grad=True)[1]
    # at the target too, where p - 1 would cancel
    assert_ulp(gradient, slope, bound_from_docstring(fastml.cross_entropy, dtype) + 1)
    if C == 2 and dtype != np.float16:
        assert losses[0] == pytest.approx(2.0611537e-9, rel=1e-6)
        assert gradient[0, 0] == pytest.approx(-2.0611537e-9, rel=1e-6)
        assert losses[0] > 0 > gradient[0, 0]


@pytest.mark.longdouble
@pytest.mark.parametrize("big", [2.0**31, 2.0**31 - 128, -(2.0**31), 2.0**32, 1e30, -1e30, 2.0**63, 2.0**62, 1.5e38])
def test_huge_logits(big, isa, fastml):
    for dtype in (np.dtype("f4"), np.dtype("f8")):
        step = dtype.type(np.spacing(dtype.type(big / 2)))
        v = dtype.type(big)
        for x in ([v, v - abs(step), v, 0], [v, -v / 2, v / 4, 0], [v, v, v, v], [0, 1, 2, v]):
            rows = np.array([x] * 4, dtype)
            assert_as_promised(fastml, rows, np.arange(4))
            for target in range(4):
                edges(fastml, x, target, dtype)


@every_width
def test_infinite_logits(C, isa, dtype, fastml):
    row = np.zeros(C)
    row[1] = INF
    loss, gradient = edges(fastml, row, 1, dtype)
    assert loss == 0
    np.testing.assert_array_equal(gradient, np.zeros(C))
    loss, gradient = edges(fastml, row, 0, dtype)
    assert loss == INF
    np.testing.assert_array_equal(gradient, np.where(np.arange(C) == 1, 1.0, np.where(np.arange(C) == 0, -1.0, 0.0)))
    loss, gradient = edges(fastml, -row, 1, dtype)
    assert loss == INF
    assert gradient[1] == -1
    np.testing.assert_allclose(np.delete(gradient, 1), 1 / (C - 1), rtol=2 * np.finfo(dtype).eps)
    loss, gradient = edges(fastml, -row, 0, dtype)
    assert loss == pytest.approx(np.log(C - 1), rel=2 * float(np.finfo(dtype).eps))
    assert gradient[1] == 0
    for bad in ([INF, INF], [NAN, 0], [0, NAN], [NAN, INF], [-INF] * C):
        loss, gradient = edges(fastml, [*bad, *[0] * (C - 2)][:C], 0, dtype)
        assert np.isnan(loss)
        assert np.isnan(gradient).all()


def test_infinite_logits_with_smoothing_and_probabilities(isa, dtype, fastml):
    for bad in (INF, -INF):
        loss, gradient = edges(fastml, [bad, 0, 1], 1, dtype, label_smoothing=0.25)
        row = np.array([bad, 0, 1])
        exact = reference.cross_entropy(row, 1, label_smoothing=0.25, return_grad=True)
        assert loss == exact[0] == INF
        np.testing.assert_allclose(gradient, exact[1], rtol=8 * np.finfo(dtype).eps)
        loss, gradient = edges(fastml, row, np.array([0, 0.5, 0.5]), dtype)
        exact = reference.cross_entropy(row, np.array([0, 0.5, 0.5]), return_grad=True)
        np.testing.assert_allclose(loss, exact[0], rtol=8 * np.finfo(dtype).eps)
        np.testing.assert_allclose(gradient, exact[1], rtol=8 * np.finfo(dtype).eps)


def test_losses_beyond_float16_are_infinite(isa, fastml):
    x = np.array([[65504, -65504], [60000, 0], [12, 0]], np.float16)
    np.testing.assert_array_equal(call(fastml, x, [1, 1, 0], reduction="none"), np.float16([INF, 60000, 6.14e-6]))
    assert call(fastml, x[:1], [1]) == 131008


# Nothing to average.


@pytest.mark.parametrize("C", [3, 65])
def test_ignored_rows_may_be_anything(C, isa, dtype, rng, fastml):
    x, labels = problem(rng, dtype, C, count=40)
    labels[::3] = C - 1
    x[::3] = NAN
    x[3], x[6], x[9] = INF, -INF, 0
    kept = labels != C - 1
    for reduction in REDUCTIONS:
        options = {"reduction": reduction, "return_grad": True, "label_smoothing": 0.1}
        loss, gradient = call(fastml, x, labels, ignore_index=C - 1, **options)
        expected = call(fastml, x[kept], labels[kept], **options)
        assert_same_bits(gradient[kept], expected[1])
        assert not gradient[~kept].any()
        if reduction == "none":
            assert_same_bits(loss[kept], expected[0])
            assert not loss[~kept].any()
        else:
            np.testing.assert_allclose(loss, expected[0], rtol=1e-14)


@pytest.mark.parametrize("fill", [1.0, NAN, INF])
@pytest.mark.parametrize("from_logits", [True, False])
def test_nothing_to_average_is_zero(fill, from_logits, isa, dtype, fastml):
    x = np.full((9, 4), fill, dtype)
    for options in (
        {"ignore_index": 1},
        {"sample_weight": np.zeros(9)},
        {"class_weight": [1, 0, 1, 1]},
        {"class_weight": [1, 0, 1, 1], "label_smoothing": 0.5},
    ):
        out = np.full_like(x, 7)
        loss, gradient = call(fastml, x, np.ones(9, int), from_logits=from_logits, return_grad=True, out=out, **options)
        assert isinstance(loss, np.float64)
        assert loss == 0
        assert gradient is out
        assert not out.any()


@pytest.mark.parametrize("shape", [(0, 5), (0, 100), (3, 0), (0, 0), (9, 0), (3, 0, 4)])
def test_empty(shape, isa, dtype, fastml):
    x, probabilities = np.zeros(shape, dtype), np.zeros(shape)
    labels = np.full(shape[:-1], -1)
    for from_logits, smoothing in itertools.product([True, False], [0.0, 0.1]):
        options = {"from_logits": from_logits, "label_smoothing": smoothing, "return_grad": True}
        ignored = {"ignore_index": -1}
        weighted = ignored | {"class_weight": np.ones(shape[-1])}
        for target, extra in ((probabilities, {}), (labels, ignored), (labels, weighted)):
            for reduction in ("mean", "sum"):
                loss, gradient = call(fastml, x, target, reduction=reduction, **options, **extra)
                assert isinstance(loss, np.float64)
                assert (loss, gradient.shape, gradient.dtype) == (0, shape, dtype)
            losses, gradient = call(fastml, x, target, reduction="none", **options, **extra)
            assert_same_bits(losses, np.zeros(shape[:-1], dtype))


# From probabilities.


@pytest.mark.parametrize("width", [3, 70])
def test_probabilities_at_their_edges(width, isa, dtype, fastml):
    info, pad = np.finfo(dtype), [0] * (width - 3)
    tiny = float(info.smallest_subnormal)
    for p, target, expected, slope in (
        ([0, 1, 0.5], 0, INF, [-INF, 0, 0]),
        ([-0.0, 1, 0.5], 0, INF, [-INF, 0, 0]),
        ([0, 1, 0.5], 1, 0, [0, -1, 0]),
        ([NAN, 1, INF], 1, 0, [0, -1, 0]),
        ([INF, 1, 0], 0, -INF, [0, 0, 0]),
        ([NAN, 1, 0], 0, NAN, [NAN, 0, 0]),
        ([-1, 1, 0], 0, NAN, [1, 0, 0]),
        ([4, 1, 0], 0, -np.log(4), [-0.25, 0, 0]),
        ([tiny, 1, 0], 0, -np.log(tiny), [-1 / tiny, 0, 0]),
    ):
        with np.errstate(all="ignore"):
            slope = np.array([*slope, *pad]).astype(dtype)
        one_hot = (np.arange(width) == target).astype(dtype)
        for given in (target, one_hot):
            if given is one_hot and not np.isfinite(p).all():
                continue  # 0 times NaN, or the logarithm of infinity
            loss, gradient = edges(fastml, [*p, *pad], given, dtype, from_logits=False)
            np.testing.assert_allclose(loss, dtype.type(expected), rtol=4 * info.eps)
            np.testing.assert_allclose(gradient, slope, rtol=4 * info.eps)
            assert not np.signbit(np.float64(loss)) or loss != 0


def test_zero_log_zero_is_zero(isa, dtype, fastml):
    p, q = np.array([[0, 0.25, 0.75], [0, 0, 1]], dtype), np.array([[0, 0.5, 0.5], [0, 0, 1]], dtype)
    assert_as_promised(fastml, p, q, from_logits=False)
    assert_as_promised(fastml, q, p, from_logits=False)
    loss, gradient = call(fastml, p, q, from_logits=False, label_smoothing=0.5, return_grad=True, reduction="none")
    np.testing.assert_array_equal(loss, [INF, INF])
    np.testing.assert_array_equal(gradient[:, 0], [-INF, -INF])


def test_a_subnormal_probability_has_a_finite_gradient(isa, fastml):
    p = np.tile(np.float32([1e-39, 1]), (1000, 1))
    for target in (np.zeros(1000, int), np.tile([1.0, 0.0], (1000, 1))):
        gradient = call(fastml, p, target, from_logits=False, return_grad=True)[1]
        np.testing.assert_allclose(gradient[:, 0], -1e-3 / p[:, 0].astype(float), rtol=1e-6)


def test_no_classes_and_weights_of_none(fastml):
    weight = np.full(1, np.nan)[:0]  # not to be read behind, as AddressSanitizer sees
    loss = fastml.cross_entropy(np.zeros((3, 0)), [-1, -1, -1], ignore_index=-1, class_weight=weight)
    assert loss == 0
