"""batch_norm and its gradients: promised accuracy, running statistics, bits in every layout, limits."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_norms import rows_of
from test_norms_backward import unaligned, widest
from ulp import bound_from_docstring, in_unit_of, measurable, wide

# Shapes with the channels second.
SHAPES = [(2, 1), (3, 4), (2, 5, 3), (17, 3), (40, 7), (40, 8), (33, 65), (600, 10), (2, 9, 1, 1), (5, 3, 4, 6),
          (4, 130, 2), (20, 3, 14, 14), (2049, 2), (4100, 9)]  # fmt: skip
every_shape = pytest.mark.parametrize("shape", SHAPES)


def call(fastml, x, *arguments, **keywords):
    with silent():
        return fastml.batch_norm(x, *arguments, **keywords)


def batch(rng, dtype, shape):
    """Draw values whose channels differ in mean and spread."""
    channels = np.moveaxis(np.empty(shape), 1, 0).shape
    rows = rows_of(rng, dtype, int(np.prod(channels[1:])), channels[0])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(channels), 0, 1))


def layouts(*arrays):
    """Yield (what, arrays, axis): the same values with the channels elsewhere, or elsewhere in memory."""
    yield "channels last", [np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in arrays], -1
    yield "channels first", [np.ascontiguousarray(np.moveaxis(a, 1, 0)) for a in arrays], 0
    yield (
        "channels last in memory",
        [np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) for a in arrays],
        1,
    )
    yield "F", [np.asfortranarray(a) for a in arrays], 1
    yield "mixed", [np.asfortranarray(arrays[0]), *arrays[1:]], 1
    yield "strided", [np.repeat(a, 3, axis=1)[:, ::3] for a in arrays], 1
    yield "negative strides", [a[::-1, ::-1].copy()[::-1, ::-1] for a in arrays], 1
    yield "byte-swapped", [a.astype(a.dtype.newbyteorder()) for a in arrays], 1
    yield "unaligned", [unaligned(a) for a in arrays], 1


def assert_within_promise(fastml, x, y, mean, var, weight=None, bias=None, eps=1e-5):
    """Compare with the oracle, for mean and variance in its type; the unit is that of a channel's largest entry."""
    w, b = (None if v is None else wide(v.astype(x.dtype)) for v in (weight, bias))
    exact = reference.batch_norm(wide(x), mean, var, w, b, eps=eps)
    over = (0, *range(2, x.ndim))
    plain = np.abs(reference.batch_norm(wide(x), mean, var, w, eps=eps)).max(axis=over, keepdims=True)
    shift = 0 if b is None else b.reshape((-1,) + (1,) * (x.ndim - 2))
    error = in_unit_of(y, exact, plain + 0 * exact, shift + 0 * exact)
    assert error.max() <= bound_from_docstring(fastml.batch_norm, y.dtype), error.max()


@every_shape
def test_training(shape, isa, dtype, rng, fastml):
    x = batch(rng, dtype, shape)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    over = (0, *range(2, len(shape)))
    mean, var = np.mean(wide(x), axis=over), np.var(wide(x), axis=over)
    for w, b in ((None, None), (weight, None), (None, bias), (weight, bias)):
        expected, *stats = call(fastml, x, None, None, w, b, training=True, return_stats=True)
        if measurable(dtype):
            assert_within_promise(fastml, x, expected, mean, var, w, b)
            for got, right, unit in zip(stats, (mean, (var + 1e-5) ** -0.5), (np.sqrt(var), 0 * var), strict=True):
                assert got.dtype == (np.float64 if dtype == np.float64 else np.float32)
                assert in_unit_of(got, right, unit).max() <= 8  # a mean near 0, of numbers that cancel
        for what, (a,), axis in layouts(x):
            y, *again = call(fastml, a, None, None, w, b, training=True, axis=axis, return_stats=True)
            assert_same_bits(np.moveaxis(y, axis, 1), expected, what)
            for got, right in zip(again, stats, strict=True):
                assert_same_bits(got, right, what)
            out = np.empty_like(a, dtype=dtype)
            assert call(fastml, a, None, None, w, b, training=True, axis=axis, out=out) is out
            assert_same_bits(np.moveaxis(out, axis, 1), expected, what)
        own = x.copy()
        assert call(fastml, own, None, None, w, b, training=True, out=own) is own
        assert_same_bits(own, expected)


@every_shape
def test_evaluation(shape, isa, dtype, rng, fastml):
    x = batch(rng, dtype, shape)
    mean, var = rng.standard_normal(shape[1]), rng.uniform(0.5, 2, shape[1])
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    before = mean.copy(), var.copy()
    for w, b in ((None, None), (weight, None), (None, bias), (weight, bias)):
        expected, *stats = call(fastml, x, mean, var, w, b, return_stats=True)
        if measurable(dtype):
            assert_within_promise(fastml, x, expected, wide(mean.astype("g")), wide(var.astype("g")), w, b)
        assert_same_bits(stats[0], mean.astype(stats[0].dtype))
        for what, (a,), axis in layouts(x):
            assert_same_bits(np.moveaxis(call(fastml, a, mean, var, w, b, axis=axis), axis, 1), expected, what)
        own = x.copy()
        assert call(fastml, own, mean, var, w, b, out=own) is own
        assert_same_bits(own, expected)
    assert_same_bits(mean, before[0])
    assert_same_bits(var, before[1])


@pytest.mark.parametrize("running", ["f2", "f4", "f8", ">f8"])
@pytest.mark.parametrize("momentum", [0, 0.1, 0.5, 1])
def test_running_statistics(running, momentum, isa, dtype, rng, fastml):
    x = (rng.standard_normal((30, 5, 4)) * 2 + 3).astype(dtype)
    given = np.repeat(np.linspace(1, 2, 10).reshape(2, 5), 2, axis=1)[:, ::2].astype(running)
    right = given.astype(np.longdouble)
    reference.batch_norm(x.astype(np.longdouble), *right, training=True, momentum=momentum)
    mean, var = np.repeat(given, 2, axis=1)[:, ::2]  # strided
    call(fastml, x, mean, var, training=True, momentum=momentum)
    for got, expected in ((mean, right[0]), (var, right[1])):
        ulps = 4 if got.dtype.itemsize == 8 else 0.51  # computed in float64, rounded once
        np.testing.assert_allclose(got.astype(np.longdouble), expected, rtol=ulps * float(np.finfo(got.dtype).eps))
    if momentum == 0:
        assert_same_bits(mean, given[0])


@pytest.mark.parametrize(
    ("shape", "axis"), [((60_001, 10), 1), ((501, 70, 9), 1), ((40, 7, 3000), 1), ((40, 3000, 7), -1)]
)
def test_same_bits_whatever_the_number_of_threads(shape, axis, isa, dtype, rng, fastml):
    x = np.resize((rng.standard_normal(977) + 2).astype(dtype), shape)
    results = []
    for threads in (1, 2, 4):
        with fastml.num_threads(threads):
            results.append(call(fastml, x, training=True, axis=axis, return_stats=True))
            results[-1] += fastml.batch_norm_backward(x, x, *results[-1][1:], axis=axis)
    for other in results[1:]:
        for got, right in zip(other, results[0], strict=True):
            assert_same_bits(got, right)


@pytest.mark.longdouble
def test_a_mean_far_from_zero_and_squares_that_overflow(isa, dtype, rng, fastml):
    offset = {"float16": 1e3, "float32": 1e4, "float64": 1e6}[dtype.name]
    x = (rng.standard_normal((700, 9)) + offset).astype(dtype)
    near = wide(x) - wide(x)[:1]
    y = call(fastml, x, training=True)
    error = in_unit_of(y, reference.batch_norm(near, training=True), np.ones(x.shape))
    assert error.max() <= bound_from_docstring(fastml.batch_norm, dtype)
    if dtype == np.float32:
        big = (1e30 * rng.standard_normal((50, 9))).astype(dtype)
        exact = reference.batch_norm(wide(big), training=True)
        np.testing.assert_allclose(call(fastml, big, training=True), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(40, 9), (6, 3, 5)])
def test_nan_and_infinities_stay_in_their_channel(value, shape, isa, dtype, rng, fastml):
    x = batch(rng, dtype, shape)
    running = np.zeros(shape[1]), np.ones(shape[1])
    expected = call(fastml, x, training=True)
    x[3, 1] = value
    kept = np.arange(shape[1]) != 1
    y, mean, rstd = call(fastml, x, *running, training=True, return_stats=True)
    assert_same_bits(y[:, kept], expected[:, kept])
    assert np.isnan(y[:, 1]).all()
    assert np.isnan(running[1][1])
    assert np.isfinite(running[1][kept]).all()
    with silent():
        results = fastml.batch_norm_backward(x, x, mean, rstd)
    assert all(np.isnan(a[:, 1] if a.ndim > 1 else a[1]).all() for a in results[:2])
    assert np.isfinite(results[0][:, kept]).all()
    ones = np.ones(shape[1])
    dx = fastml.batch_norm_backward(x, 0 * expected, ones, ones, training=False)[0]  # of each element alone
    assert_same_bits(dx, x)


def test_constant_channels_and_overflow_are_silent(isa, dtype, fastml):
    x = np.full((6, 9), 2, dtype)
    assert_same_bits(call(fastml, x, training=True), 0 * x)
    assert np.isnan(call(fastml, x, training=True, eps=0)).all()
    huge = np.full(9, 1e300)
    for running in (np.zeros(9), np.ones(9)), (huge.copy(), huge.copy()), (np.zeros(9, "f2"), np.ones(9, "f2")):
        call(fastml, np.arange(54.0).reshape(6, 9) * 1e30, *running, huge, huge, training=True)
        call(fastml, x, *running, huge, huge)
    with silent():
        fastml.batch_norm_backward(x, x, huge, huge, huge)


@every_shape
@pytest.mark.parametrize("training", [True, False])
def test_backward(shape, training, isa, dtype, rng, fastml):
    x, dy = batch(rng, dtype, shape), rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal(shape[1]).astype(dtype)
    stats = call(fastml, x, training=True, return_stats=True)[1:]
    over, spread = (0, *range(2, len(shape))), (-1,) + (1,) * (len(shape) - 2)
    for w in (None, weight):
        with silent():
            expected = fastml.batch_norm_backward(dy, x, *stats, w, training=training)
        dyw, xw, ww, mean, rstd = widest(dtype, dy, x, w, *stats)
        if measurable(dtype):
            exact = reference.batch_norm_backward(dyw, xw, mean, rstd, ww, training=training)
            h, scale = (xw - mean.reshape(spread)) * rstd.reshape(spread), rstd if w is None else rstd * np.abs(ww)
            terms = np.abs(dyw)
            if training:
                means = [np.mean(np.abs(v), axis=over, keepdims=True) for v in (dyw, dyw * h)]
                terms = terms + means[0] + np.abs(h) * means[1]
            units = [terms * scale.reshape(spread), *(np.sum(np.abs(v), axis=over) for v in (dyw * h, dyw))]
            bound = bound_from_docstring(fastml.batch_norm_backward, dtype)
            for got, right, unit in zip(expected, exact, units, strict=True):
                assert (got.shape, got.dtype) == (right.shape, dtype)
                assert in_unit_of(got, right, unit).max() <= bound
        for what, (a, b), axis in layouts(dy, x):
            with silent():
                dx, *rest = fastml.batch_norm_backward(a, b, *stats, w, training=training, axis=axis)
            assert_same_bits(np.moveaxis(dx, axis, 1), expected[0], what)
            for got, right in zip(rest, expected[1:], strict=True):
                assert_same_bits(got, right, what)


@pytest.mark.parametrize("C", [1, 3, 8, 17, 130])
def test_channels_have_the_bits_of_rows(C, isa, dtype, rng, fastml):
    """Whatever the statistics: how far off those of another x are is tested of rows."""
    dy, x = rng.uniform(-4, 4, (2, 50, C)).astype(dtype)
    stats = rng.uniform(0.5, 2, (2, 50)).astype(dtype)
    for factors in ((1, 1), (np.inf, 1), (1, np.inf), (1, np.nan)):
        mean, rstd = (np.array(s * factor, dtype) for s, factor in zip(stats, factors, strict=True))
        with silent():
            rows = fastml.layer_norm_backward(dy, x, mean[:, None], rstd[:, None])[0]
            channels = fastml.batch_norm_backward(dy.T, x.T, mean, rstd)[0]
        np.testing.assert_array_equal(channels.T, rows)


@pytest.mark.parametrize("training", [True, False])
def test_finite_differences(training, rng, fastml):
    x, dy = rng.standard_normal((2, 4, 3, 5))
    running, weight, step = (np.zeros(3), np.full(3, 2.0)), rng.standard_normal(3), 1e-6

    def forward(x, weight):
        given = () if training else running
        return fastml.batch_norm(x, *(given or (None, None)), weight, training=training, return_stats=True)

    results = fastml.batch_norm_backward(dy, x, *forward(x, weight)[1:], weight, training=training)
    for which, gradient in enumerate(results[:2]):
        for index in np.ndindex(gradient.shape):
            values = []
            for sign in (1, -1):
                given = [x.copy(), weight.copy()]
                given[which][index] += sign * step
                values.append((dy * forward(*given)[0]).sum())
            assert abs(gradient[index] - (values[0] - values[1]) / (2 * step)) < 1e-7
