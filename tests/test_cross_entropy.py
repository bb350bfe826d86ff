"""cross_entropy: parity with the oracle over every option, promised accuracy, bits that depend on the data alone."""

import itertools
import math

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits
from cross_entropy_cases import WIDTHS, assert_as_promised, call, eighths, problem
from test_softmax import R, as_rows, layouts
from ulp import assert_ulp, bound_from_docstring, wide

both_targets = pytest.mark.parametrize("probabilities", [False, True], ids=["classes", "probabilities"])
both_inputs = pytest.mark.parametrize("from_logits", [True, False], ids=["logits", "given"])
pytestmark = pytest.mark.longdouble

# Parity and accuracy.


@both_targets
@both_inputs
@pytest.mark.parametrize("C", [3, 10, 65])
def test_every_combination_of_options(C, from_logits, probabilities, isa, dtype, rng, fastml):
    x, target = problem(rng, dtype, C, probabilities, from_logits)
    per_class, per_row = eighths(rng, C), eighths(rng, R)
    ignored = [None] if probabilities else [None, int(target[3]), -100]
    for cw, ignore, smoothing, weight in itertools.product([None, per_class], ignored, [0.0, 0.125], [None, per_row]):
        labels = target.copy()
        if ignore == -100:
            labels[::4] = ignore
        options = {"class_weight": cw, "label_smoothing": smoothing, "sample_weight": weight, "ignore_index": ignore}
        assert_as_promised(fastml, x, labels, from_logits=from_logits, **options)


@both_targets
@both_inputs
@pytest.mark.parametrize("C", WIDTHS)
def test_every_width(C, from_logits, probabilities, isa, dtype, rng, fastml):
    x, target = problem(rng, dtype, C, probabilities, from_logits)
    assert_as_promised(fastml, x[:1], target[:1], from_logits=from_logits)
    assert_as_promised(fastml, x, target, from_logits=from_logits)


def test_fifty_thousand_classes(isa, dtype, rng, fastml):
    x, labels = problem(rng, dtype, 50_000, count=2)
    losses, gradient = call(fastml, x, labels, reduction="none", return_grad=True)
    one_hot = (np.arange(50_000) == labels[:, None]).astype(dtype)
    assert_as_promised(fastml, x, one_hot)
    exact = reference.cross_entropy(wide(x), one_hot, reduction="none")
    assert_ulp(losses, exact, bound_from_docstring(fastml.cross_entropy, dtype))
    same = call(fastml, x, one_hot, reduction="none", return_grad=True)
    np.testing.assert_allclose(gradient, same[1], rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).tiny)


def test_losses_of_float16_are_rounded_once(isa, rng, fastml):
    x, labels = problem(rng, np.dtype(np.float16), 10, count=600)
    options = {"label_smoothing": 0.1, "sample_weight": rng.random(600), "reduction": "none"}
    losses = call(fastml, x, labels, **options)
    assert_same_bits(losses, call(fastml, x.astype(np.float32), labels, **options).astype(np.float16))


# Layouts.


def in_layout(rows, x, axis):
    """Rows of classes, or one number a row, in the shape that belongs to x."""
    shape = np.moveaxis(x, axis, -1).shape
    return rows.reshape(shape[:-1]) if rows.ndim == 1 else np.moveaxis(rows.reshape(shape), -1, axis)


@both_targets
@both_inputs
@pytest.mark.parametrize("C", [1, 3, 64, 300])
def test_every_layout_has_the_bits_of_the_rows(C, from_logits, probabilities, isa, dtype, rng, fastml):
    rows, target = problem(rng, dtype, C, probabilities, from_logits)
    weight = eighths(rng, R)
    options = {"class_weight": eighths(rng, C), "label_smoothing": 0.1, "from_logits": from_logits, "return_grad": True}
    for extra, reduction in (({}, "none"), (options, "none"), (options, "mean")):
        keywords = {"from_logits": from_logits, "return_grad": True, "reduction": reduction} | extra
        expected = call(fastml, rows, target, sample_weight=weight, **keywords)
        for what, x, axis in layouts(rows):
            t, before = in_layout(target, x, axis), bits(x)
            others = (t, np.asfortranarray(t.astype(t.dtype.newbyteorder())), np.repeat(t[..., None], 2, -1)[..., 0])
            for given in others if reduction == "none" else others[:1]:
                w = in_layout(weight, x, axis)
                loss, gradient = call(fastml, x, given, axis=axis, sample_weight=w, **keywords)
                assert gradient.shape == x.shape, what
                assert_same_bits(np.ravel(loss), np.ravel(expected[0]), what)
                assert_same_bits(as_rows(gradient, axis), expected[1], what)
            np.testing.assert_array_equal(bits(x), before, err_msg=what)


@both_targets
@pytest.mark.parametrize("C", [3, 10, 64, 100])
def test_out_in_place_or_elsewhere_in_every_layout(C, probabilities, isa, dtype, rng, fastml):
    rows, target = problem(rng, dtype, C, probabilities)
    for from_logits, smoothing in itertools.product([True, False], [0.0, 0.1]):
        options = {"from_logits": from_logits, "label_smoothing": smoothing, "return_grad": True}
        rows = rows if from_logits else reference.softmax(rows).astype(dtype)
        value, expected = call(fastml, rows, target, **options)
        for index, (what, x, axis) in enumerate(layouts(rows)):
            strided = np.empty((2 * len(x), *x.shape[1:]), dtype)[::2]
            own = list(layouts(rows.copy()))[index][1]
            outs = [np.empty(x.shape, dtype), np.empty(x.shape, dtype, "F"), strided]
            outs += [own] if own.flags.writeable and own.dtype.isnative else []
            for out in outs:
                given = own if out is own else x
                loss, gradient = call(fastml, given, in_layout(target, x, axis), axis=axis, out=out, **options)
                assert gradient is out, what
                assert loss == value
                assert_same_bits(as_rows(out, axis), expected, what)


@pytest.mark.parametrize("shape", [(2, 6, 5, 7), (3, 70, 4), (1, 3, 9, 1), (0, 4, 5)])
@both_targets
def test_classes_on_axis_1(probabilities, shape, dtype, rng, fastml):
    C, moved = shape[1], (shape[0], *shape[2:])
    x, target = problem(rng, dtype, C, probabilities, count=max(1, math.prod(moved)))
    count, full = math.prod(moved), (*moved, C)
    rows, target = x[:count], target[:count]
    cube = np.ascontiguousarray(np.moveaxis(rows.reshape(full), -1, 1))
    labels = np.moveaxis(target.reshape(full), -1, 1) if probabilities else target.reshape(moved)
    per_sample = eighths(rng, shape[0])
    losses, gradient = call(fastml, cube, labels, axis=1, sample_weight=per_sample, reduction="none", return_grad=True)
    spread = np.repeat(per_sample, math.prod(moved[1:]))
    expected = call(fastml, rows, target, sample_weight=spread, reduction="none", return_grad=True)
    assert losses.shape == moved
    assert_same_bits(losses.ravel(), expected[0])
    assert_same_bits(np.moveaxis(gradient, 1, -1).reshape(count, C), expected[1])


def test_broadcast_logits(dtype, rng, fastml):
    row = problem(rng, dtype, 12, count=1)[0]
    labels = np.arange(40) % 12
    for axis in (0, 1):
        x = np.broadcast_to(row if axis else row.T, (40, 12) if axis else (12, 40))
        result = call(fastml, x, labels, axis=axis, return_grad=True)
        expected = call(fastml, x.copy(), labels, axis=axis, return_grad=True)
        assert result[0] == expected[0]
        assert_same_bits(result[1], expected[1])


# What the bits do not depend on.


@pytest.mark.parametrize("C", [1, 3, 10, 64, 65])
def test_a_row_does_not_depend_on_its_neighbors(C, isa, dtype, rng, fastml):
    rows, labels = problem(rng, dtype, C, count=70)
    options = {"reduction": "none", "return_grad": True, "label_smoothing": 0.1}
    expected = call(fastml, rows, labels, **options)
    for count in (1, 2, 7, 8, 9, 31, 33, 63, 64, 65, 70):
        for axis in (0, 1):
            x = np.ascontiguousarray(rows[-count:] if axis else rows[-count:].T)
            losses, gradient = call(fastml, x, labels[-count:], axis=axis, **options)
            assert_same_bits(losses, expected[0][-count:], count)
            assert_same_bits(gradient if axis else gradient.T, expected[1][-count:], count)


# Past a slice of 65,536 losses; past a block of 512 in a sum, by a part of one.
LARGE = [(70_001, 3), (20_001, 65), (513, 10), (1023, 129), (4097, 1), (300, 2000)]


@pytest.mark.parametrize("shape", LARGE)
def test_same_bits_whatever_the_threads_and_the_layout(shape, dtype, rng, fastml):
    rows, labels = problem(rng, dtype, shape[1], count=613)
    x, labels = np.resize(rows, shape), np.resize(labels, shape[0])
    labels[::7] = -1
    weight = rng.random(shape[0])
    options = {"ignore_index": -1, "sample_weight": weight, "return_grad": True}
    with fastml.num_threads(1):
        losses, gradient = call(fastml, x, labels, reduction="none", **options)
        total, mean = (call(fastml, x, labels, reduction=name, **options)[0] for name in ("sum", "mean"))
    for threads in (1, 2, 4):
        with fastml.num_threads(threads):
            for axis, view in ((1, x), (0, np.ascontiguousarray(x.T)), (1, np.repeat(x, 2, 1)[:, ::2])):
                none = call(fastml, view, labels, axis=axis, reduction="none", **options)
                assert_same_bits(none[0], losses, threads)
                assert_same_bits(none[1] if axis else none[1].T, gradient, threads)
                assert call(fastml, view, labels, axis=axis, reduction="sum", **options)[0] == total
                assert call(fastml, view, labels, axis=axis, **options)[0] == mean
    if dtype != np.float16:
        assert total == pytest.approx(math.fsum(losses.astype(float)), rel=1e-15)
    assert mean == pytest.approx(total / weight[labels >= 0].sum(), rel=1e-14)
