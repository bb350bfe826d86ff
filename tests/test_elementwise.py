"""Element-wise functions: parity with the oracle, accuracy as promised, and bits that depend on the value alone."""

import functools

import mpmath
import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits, silent, special_values
from elementwise_cases import EVERY, FROM_OUTPUT, MPMATH, UNARY, assert_within_promise, with_inputs
from ulp import assert_ulp, bound_from_docstring

every_function = pytest.mark.parametrize("name", EVERY)
PARALLEL = 1_500_007  # elements: above the cut-over to threads for the cheapest function


def sample(dtype, rng, n):
    """Return n values, the special ones among them, in random order."""
    values = np.concatenate([special_values(dtype), (6 * rng.standard_normal(max(n, 64))).astype(dtype)])
    return rng.permutation(np.resize(values, n))


@pytest.mark.longdouble
@every_function
def test_parity_with_the_oracle(name, isa, awkward, dtype, fastml):
    inputs = with_inputs(name, awkward)
    before = [bits(x) for x in inputs]
    with silent():
        result = getattr(fastml, name)(*inputs)
    assert result.shape == awkward.shape
    assert result.dtype == dtype
    assert_within_promise(fastml, name, inputs, result)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(bits(x), old)


# Bits.


@every_function
def test_same_bits_at_every_offset_and_length_in_place_or_not(name, isa, dtype, rng, fastml):
    function, inputs = getattr(fastml, name), with_inputs(name, sample(dtype, rng, 70))
    with silent():
        expected = bits(function(*inputs))
    buffers, target = [np.empty(90, dtype) for _ in inputs], np.empty(90, dtype)
    for offset in range(17):
        for n in range(71):
            views, out = [buffer[offset : offset + n] for buffer in buffers], target[16 - offset : 16 - offset + n]
            for view, x in zip(views, inputs, strict=True):
                view[...] = x[:n]
            with silent():
                results = function(*views), function(*views, out=out), function(*views, out=views[0])
            for result in results:
                assert np.array_equal(bits(result), expected[:n]), (offset, n)


@every_function
def test_same_bits_wherever_the_result_lies_in_a_cache_line(name, isa, dtype, rng, fastml):
    function, inputs = getattr(fastml, name), with_inputs(name, sample(dtype, rng, 9000))
    with silent():
        expected = bits(np.concatenate([function(*(x[i : i + 500] for x in inputs)) for i in range(0, 9000, 500)]))
    target = np.empty(9100, dtype)
    for offset in range(0, 34, 3):
        target[...] = 7
        with silent():
            result = function(*inputs, out=target[offset : offset + 9000])
        assert np.array_equal(bits(result), expected), offset
        assert (target[:offset] == 7).all()
        assert (target[offset + 9000 :] == 7).all()


@every_function
@pytest.mark.parametrize("step", [2, 3, 7, -1, -2])
def test_same_bits_at_every_stride(name, step, isa, dtype, rng, fastml):
    function, inputs = getattr(fastml, name), with_inputs(name, sample(dtype, rng, 1100))
    expected = function(*inputs)
    views = [np.empty(1100 * abs(step), dtype)[::step] for _ in inputs]
    for view, x in zip(views, inputs, strict=True):
        view[...] = x
    with silent():
        assert_same_bits(function(*views), expected)
        assert_same_bits(function(*views, out=np.empty(1100 * abs(step), dtype)[::step]), expected)
        assert_same_bits(function(*views, out=views[0]), expected)
    assert_same_bits(function(*(x.reshape(22, 50).T for x in inputs)), expected.reshape(22, 50).T)


@every_function
def test_same_bits_whatever_the_number_of_threads(name, isa, dtype, rng, fastml):
    function, inputs = getattr(fastml, name), with_inputs(name, sample(dtype, rng, PARALLEL))
    with fastml.num_threads(1), silent():
        expected = function(*inputs)
    for piece in (slice(None, 5000), slice(PARALLEL - 4999, None), slice(16_000, 17_000)):
        assert_same_bits(function(*(x[piece] for x in inputs)), expected[piece])
    for threads in (2, 4):
        with fastml.num_threads(threads), silent():
            assert_same_bits(function(*inputs), expected, threads)
            assert_same_bits(getattr(fastml.ufuncs, name)(*inputs), expected, threads)
            assert_same_bits(function(*inputs, out=inputs[0].copy()), expected, threads)
    in_place = inputs[0].copy()
    with fastml.num_threads(2), silent():
        assert function(in_place, *inputs[1:], out=in_place) is in_place
    assert_same_bits(in_place, expected)


# Accuracy.


@pytest.mark.parametrize("name", UNARY)
def test_every_float16(name, isa, fastml):
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    assert bound_from_docstring(getattr(fastml, name), np.float16) <= 0.51  # rounded once
    with silent():
        assert_within_promise(fastml, name, (x,), getattr(fastml, name)(x))


@pytest.mark.parametrize("name", UNARY)
def test_a_sample_of_every_float32(name, isa, fastml):
    patterns = np.arange(0, 1 << 32, 16_411, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(-110, 110, 50_001, dtype=np.float32)
    x = np.concatenate([patterns, near, special_values(np.float32)])
    with silent():
        assert_within_promise(fastml, name, (x,), getattr(fastml, name)(x))


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.longdouble
def test_many_float64_against_longdouble(name, isa, rng, fastml):
    patterns = rng.integers(0, 1 << 64, 20_000, dtype=np.uint64).view(np.float64)
    x = np.concatenate([patterns, rng.uniform(-760, 60, 50_000), rng.normal(size=50_000), special_values(np.float64)])
    with silent():
        assert_within_promise(fastml, name, (x,), getattr(fastml, name)(x))


@functools.cache
def mpmath_points(name):
    """Return 2,000 float64 arguments and their function values as mpmath numbers."""
    rng = np.random.default_rng(7)
    scales = np.geomspace(1e-20, 745, 1000) * rng.choice([-1.0, 1.0], 1000)
    x = np.concatenate([scales, rng.uniform(-40, 40, 900), rng.uniform(0.6, 0.65, 50), rng.uniform(-745.2, -700, 50)])
    with mpmath.workdps(45):
        return x, np.array([MPMATH[name](mpmath.mpf(float(v))) for v in x], dtype=object)


@pytest.mark.thread_unsafe(reason="sets mpmath's precision, which is the process's")
@pytest.mark.parametrize("name", MPMATH)
def test_float64_against_mpmath(name, isa, fastml):
    x, exact = mpmath_points(name)
    assert_ulp(getattr(fastml, name)(x), exact, bound_from_docstring(getattr(fastml, name), np.float64))


@pytest.mark.parametrize("name", FROM_OUTPUT)
def test_accuracy_of_the_backward_functions(name, isa, dtype, rng, fastml):
    x = np.concatenate([rng.uniform(-20, 20, 20_000), rng.uniform(-1, 1, 5000), rng.uniform(-100, 100, 5000)])
    y = getattr(reference, name.removesuffix("_backward"))(x).astype(dtype)
    dy = (rng.standard_normal(x.size) * 2.0 ** rng.integers(-12, 4, x.size)).astype(dtype)
    with silent():
        assert_within_promise(fastml, name, (dy, y), getattr(fastml, name)(dy, y))


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_monotone_to_one_ulp(name, isa, dtype, fastml):
    start = np.linspace(-30, 30, 20_001).astype(dtype)
    low, high = (getattr(fastml, name)(x) for x in (start, np.nextafter(start, dtype.type(np.inf))))
    print(f"{name} {dtype} {isa}: {np.sum(high < low)} steps backward in {start.size}")
    assert np.all(high >= np.nextafter(low, dtype.type(-np.inf)))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_gradient_by_finite_differences(name, isa, rng, fastml):
    x, dy, h = rng.uniform(0.05, 6, 101) * rng.choice([-1, 1], 101), rng.standard_normal(101), 1e-5
    f = getattr(fastml, name)
    expected = dy * (f(x + h) - f(x - h)) / (2 * h)
    np.testing.assert_allclose(getattr(fastml, name + "_backward")(dy, f(x)), expected, rtol=1e-6, atol=1e-9)


# Exact points.


def test_exact_points_of_sigmoid(isa, dtype, fastml):
    x = np.array([0.0, -0.0, np.inf, -np.inf], dtype)
    np.testing.assert_array_equal(fastml.sigmoid(x), np.array([0.5, 0.5, 1, 0], dtype))
    assert np.isnan(fastml.sigmoid(np.array([np.nan], dtype)))[0]


def test_sigmoid_keeps_subnormals(isa, fastml):
    for x in (np.float32([-88, -95, -103]), np.float64([-709, -730, -744])):
        y = fastml.sigmoid(x)
        assert np.all((y > 0) & (y < np.finfo(y.dtype).tiny))


def test_tanh_is_odd_bit_for_bit(isa, dtype, rng, fastml):
    x = sample(dtype, rng, 3000)
    x = x[~np.isnan(x)]
    assert_same_bits(fastml.tanh(-x), -fastml.tanh(x))
    expected = np.array([1, -1, 0.0, -0.0], dtype)
    assert_same_bits(fastml.tanh(np.array([np.inf, -np.inf, 0.0, -0.0], dtype)), expected)


def test_exact_points_of_relu(isa, dtype, fastml):
    y = fastml.relu(np.array([-0.0, 0.0, -1.0, 3.0, np.inf, -np.inf, np.nan], dtype))
    np.testing.assert_array_equal(y, np.array([0, 0, 0, 3, np.inf, 0, np.nan], dtype))


def test_nan_in_nan_out(isa, dtype, fastml):
    nan, one = np.full(19, np.nan, dtype), np.ones(19, dtype)
    for name in UNARY:
        assert np.isnan(getattr(fastml, name)(nan)).all(), name
    for name in FROM_OUTPUT:
        for dy, y in ((nan, one), (nan, 0 * one), (one, nan), (nan, nan)):
            assert np.isnan(getattr(fastml, name)(dy, y)).all(), name
