"""layer_norm and rms_norm: promised accuracy, bits that depend on a row alone, limits, N-D."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits, silent
from test_softmax import R, as_rows, layouts
from ulp import assert_ulp, bound_from_docstring, in_unit_of, measurable, wide

WIDTHS = (1, 2, 3, 10, 16, 17, 64, 128, 129, 512, 513, 2048, 2049, 5000)
FUNCTIONS = ("layer_norm", "rms_norm")
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_width = pytest.mark.parametrize("C", WIDTHS)


def call(fastml, name, x, weight=None, bias=None, **keywords):
    """Call without a warning; rms_norm has no bias."""
    with silent():
        return getattr(fastml, name)(x, *((weight,) if name == "rms_norm" else (weight, bias)), **keywords)


def rows_of(rng, dtype, C, count=R):
    """Return (count, C) rows, some of whose means are far from zero, or whose values are small."""
    scale = np.resize([1.0, 2.0, 0.01, 30.0], count)[:, None]
    return (rng.standard_normal((count, C)) * scale + np.resize([0.0, 3.0, -7.0], count)[:, None]).astype(dtype)


def parameters(name, rng, dtype, shape):
    """Yield weight and bias: neither, one, both."""
    weight, bias = rng.standard_normal((2, *np.atleast_1d(shape))).astype(dtype)
    yield from ((None, None), (weight, None))
    if name == "layer_norm":
        yield from ((None, bias), (weight, bias))


def assert_within_promise(fastml, name, x, result, weight=None, bias=None, **keywords):
    """Compare rows with the oracle in longdouble (float64), else float64."""
    bound = bound_from_docstring(getattr(fastml, name), result.dtype)
    w = None if weight is None else wide(weight.astype(result.dtype))
    if name == "rms_norm":
        return assert_ulp(result, reference.rms_norm(wide(x), w, **keywords), bound)
    b = None if bias is None else wide(bias.astype(result.dtype))
    near = wide(x) - wide(x)[:, :1]  # exact where the mean is large: longdouble itself would lose there
    exact, plain = reference.layer_norm(near, w, b, **keywords), reference.layer_norm(near, **keywords)
    term = np.abs(plain).max(axis=1, keepdims=True) * np.abs(1 if w is None else w) + 0 * plain
    error = in_unit_of(result, exact, term, 0 * plain if b is None else np.broadcast_to(b, x.shape))
    assert error.max() <= bound, (error.max(), np.argmax(error), x.shape)
    return None


# Accuracy and bits


@every_function
@every_width
def test_every_layout_has_the_bits_of_the_row_and_the_promised_accuracy(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C)
    for weight, bias in parameters(name, rng, dtype, C):
        expected = call(fastml, name, rows, weight, bias)
        assert expected.dtype == dtype
        if measurable(dtype):
            assert_within_promise(fastml, name, rows, expected, weight, bias)
        for what, x, axis in layouts(rows):
            before = bits(x)
            result = call(fastml, name, x, weight, bias, axis=axis)
            assert result.shape == x.shape, what
            assert_same_bits(as_rows(result, axis), expected, what)
            np.testing.assert_array_equal(bits(x), before, err_msg=what)


@pytest.mark.longdouble
@every_function
def test_very_long_rows(name, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, 50_000, 9)
    result = call(fastml, name, rows)
    assert_within_promise(fastml, name, rows, result)
    assert_same_bits(call(fastml, name, np.ascontiguousarray(rows.T), axis=0).T, result)
    assert_same_bits(call(fastml, name, rows[3]), result[3])


@every_function
@pytest.mark.parametrize("C", [1, 3, 8, 10, 17, 64, 129, 600])
def test_a_row_does_not_depend_on_its_neighbours(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C, 70)
    expected = call(fastml, name, rows)
    for count in (1, 2, 7, 8, 9, 63, 64, 65):
        assert_same_bits(call(fastml, name, rows[:count]), expected[:count], count)
        assert_same_bits(call(fastml, name, rows[70 - count :].T.copy(), axis=0).T, expected[70 - count :], count)
    spoiled = rows.copy()
    spoiled[5, 0], spoiled[66, -1], spoiled[30] = np.nan, np.inf, -np.inf
    for axis, x in ((1, spoiled), (0, np.ascontiguousarray(spoiled.T))):
        result = call(fastml, name, x, axis=axis)
        result = result if axis == 1 else result.T
        kept = [row for row in range(70) if row not in (5, 30, 66)]
        assert_same_bits(result[kept], expected[kept])
        assert np.isnan(result[5]).all()
        assert np.isnan(result[66, -1])


@every_function
@pytest.mark.parametrize("shape", [(60_001, 10), (1501, 333), (12, 30_011)])
def test_same_bits_whatever_the_number_of_threads(name, shape, isa, dtype, rng, fastml):
    x = np.resize(rows_of(rng, dtype, 977), shape)
    with fastml.num_threads(1):
        expected = call(fastml, name, x)
    for threads in (2, 4):
        with fastml.num_threads(threads):
            assert_same_bits(call(fastml, name, x), expected, threads)
            assert_same_bits(call(fastml, name, np.ascontiguousarray(x.T), axis=0).T, expected, threads)


@every_function
@pytest.mark.parametrize("C", [10, 300])
def test_weight_and_bias_of_any_dtype_and_layout(name, C, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C)
    weight, bias = rng.integers(-3, 4, (2, C))  # the same in every dtype
    expected = call(fastml, name, rows, weight.astype(dtype), bias.astype(dtype))
    for kind in ("b", "i8", "f2", "f4", "f8", ">f4", ">i2"):
        assert_same_bits(call(fastml, name, rows, weight.astype(kind), bias.astype(kind)), expected, kind)
    spread = np.repeat(np.stack([weight, bias]).astype(dtype), 3, axis=1)[:, ::3]
    assert_same_bits(call(fastml, name, rows, *spread), expected)
    assert_same_bits(call(fastml, name, rows, *spread[:, ::-1].copy()[:, ::-1]), expected)
    assert_same_bits(call(fastml, name, rows, weight.tolist(), bias.tolist()), expected)


# Limits


@pytest.mark.longdouble
@pytest.mark.parametrize("C", [3, 10, 64, 129, 1000, 5000])
def test_a_mean_far_from_zero_costs_nothing(C, isa, dtype, rng, fastml):
    offset = {"float16": 1e3, "float32": 1e4, "float64": 1e6}[dtype.name]
    x = (rng.standard_normal((40, C)) + offset).astype(dtype)
    assert_within_promise(fastml, "layer_norm", x, call(fastml, "layer_norm", x, eps=1e-5), eps=1e-5)


@pytest.mark.longdouble
@pytest.mark.parametrize("C", [130, 1000, 5000, 50_000])
def test_a_beginning_apart_from_the_rest_costs_nothing(C, isa, dtype, rng, fastml):
    x = rng.standard_normal((9, C)) + 7
    expected = call(fastml, "layer_norm", x.astype(dtype))
    x[3, :16] -= 1e4  # and in the others, nothing changes
    x[5, 16:] += 1e4
    result = call(fastml, "layer_norm", x.astype(dtype))
    assert_within_promise(fastml, "layer_norm", x.astype(dtype), result)
    for turned in (call(fastml, "layer_norm", np.ascontiguousarray(x.astype(dtype).T), axis=0).T,
                   call(fastml, "batch_norm", x.astype(dtype), None, None, training=True, axis=0)):  # fmt: skip
        assert_same_bits(turned, result)
    assert_same_bits(np.delete(result, [3, 5], 0), np.delete(expected, [3, 5], 0))


@every_function
def test_values_whose_squares_overflow_or_vanish_in_float32(name, isa, rng, fastml):
    for scale in (1e30, 1e-30):
        x = (scale * rng.standard_normal((20, 100))).astype(np.float32)
        assert_within_promise(fastml, name, x, call(fastml, name, x, eps=0), eps=0)


@every_function
@pytest.mark.parametrize("C", [1, 10, 129, 3000])
def test_constant_rows(name, C, isa, dtype, fastml):
    x = np.full((9, C), 3, dtype)
    if name == "layer_norm":
        assert_same_bits(call(fastml, name, x), 0 * x)
        y, mean, rstd = call(fastml, name, x, eps=0, return_stats=True)
        assert np.isnan(y).all()
        assert (mean == 3).all()
        assert np.isinf(rstd).all()
    else:
        assert_same_bits(call(fastml, name, x, eps=0), np.ones_like(x))
    y, *_, rstd = call(fastml, name, 0 * x, eps=0, return_stats=True)
    assert np.isnan(y).all()
    assert np.isinf(rstd).all()


def test_one_infinity_of_rms_norm_is_the_limit_for_the_others(isa, dtype, fastml):
    for x in (np.array([[1, np.inf, -2.0]], dtype), np.resize(np.array([1, 2, np.inf], dtype), (1, 300))):
        result = call(fastml, "rms_norm", x)
        assert (result[np.isfinite(x)] == 0).all()
        assert np.isnan(result[np.isinf(x)]).all()


def test_float16_is_rounded_once(isa, rng, fastml):
    x = rows_of(rng, np.dtype(np.float16), 200)
    for name in FUNCTIONS:
        wider = call(fastml, name, x.astype(np.float32))
        assert_same_bits(call(fastml, name, x), wider.astype(np.float16))


# N-D, statistics

AXES = [((6, 7), -1), ((6, 7), (0, 1)), ((4, 5, 6), (1, 2)), ((4, 5, 6), (2, 0)), ((4, 5, 6), 1), ((9,), 0),
        ((2, 3, 4, 5), (1, -1)), ((2, 3, 4, 5), (2, 3)), ((2, 3, 4, 5), (-3, -2, -1)), ((2, 3, 4, 5), 0),
        ((20, 3, 40), (0,)), ((2, 1, 5), 1), ((30, 4, 50), (0, 1)), ((3, 200, 4, 150), (1, 3))]  # fmt: skip


@pytest.mark.longdouble
@every_function
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_axes(name, shape, axis, isa, dtype, rng, fastml):
    x = (rng.standard_normal(shape) + 1).astype(dtype)
    over = sorted(np.atleast_1d(axis) % len(shape))
    bound = bound_from_docstring(getattr(fastml, name), dtype)
    for weight, bias in parameters(name, rng, dtype, [shape[k] for k in over]):
        given = (weight, bias) if name == "layer_norm" else (weight,)
        exact = getattr(reference, name)(wide(x), *(None if v is None else wide(v) for v in given), axis=axis)
        result = call(fastml, name, x, weight, bias, axis=axis)
        assert in_unit_of(result, exact, np.full(shape, np.abs(exact).max())).max() <= bound
        if isinstance(axis, tuple):
            assert_same_bits(call(fastml, name, x, weight, bias, axis=list(axis)[::-1]), result)
        turned = np.asfortranarray(x)
        assert_same_bits(call(fastml, name, turned, weight, bias, axis=axis, out=turned), result)


@pytest.mark.longdouble
@every_function
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_statistics(name, shape, axis, isa, dtype, rng, fastml):
    x = (rng.standard_normal(shape) + 1).astype(dtype)
    y, *stats = call(fastml, name, x, axis=axis, return_stats=True)
    _, *exact = getattr(reference, name)(wide(x), axis=axis, return_stats=True)
    assert_same_bits(y, call(fastml, name, x, axis=axis))
    assert len(stats) == (2 if name == "layer_norm" else 1)
    for got, right in zip(stats, exact, strict=True):
        assert got.dtype == (np.float64 if dtype == np.float64 else np.float32)
        assert got.shape == right.shape == np.mean(x, axis=axis, keepdims=True).shape
        assert in_unit_of(got, right, np.ones_like(right)).max() <= 4


@every_function
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,), (0, 3, 4), (3, 4, 0), (0, 0)])
def test_empty(name, shape, isa, dtype, fastml):
    x = np.zeros(shape, dtype)
    for axis in range(len(shape)):
        y, *_, rstd = call(fastml, name, x, axis=axis, return_stats=True)
        assert (y.shape, y.dtype) == (shape, dtype)
        assert rstd.shape == (*shape[:axis], 1, *shape[axis + 1 :])


@every_function
def test_awkward_arrays(name, isa, awkward, fastml):
    x = awkward[None] if awkward.ndim == 0 else awkward
    result = call(fastml, name, x)
    assert (result.shape, result.dtype) == (x.shape, x.dtype.newbyteorder("="))
    right = getattr(reference, name)(wide(x)) if x.size else np.empty(x.shape)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(right))
    some = np.isfinite(right)
    np.testing.assert_allclose(
        result[some], right[some], rtol=8 * np.finfo(x.dtype).eps, atol=9 * np.finfo(x.dtype).eps
    )


def test_squares_that_overflow_in_float64_are_not_taken_for_a_spread(isa, fastml):
    x = np.array([[1e300, -1e300, 0.0], [1.0, 2.0, 3.0]])
    result = call(fastml, "layer_norm", x)
    assert np.isnan(result[0]).all()
    assert_same_bits(result[1], call(fastml, "layer_norm", x[1]))
    batch = fastml.batch_norm(x, training=True, axis=0)
    assert_same_bits(batch, result)
