"""layer_norm_backward and rms_norm_backward: promised accuracy, bits in every layout, finite differences."""

import re

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_norms import AXES, rows_of
from ulp import bound_from_docstring, in_unit_of, measurable, wide

WIDTHS = (1, 2, 3, 10, 16, 17, 64, 128, 129, 512, 513, 2049, 5000)
ROWS = (1, 7, 8, 9, 15, 64, 65, 130)
FUNCTIONS = ("layer_norm_backward", "rms_norm_backward")
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def call(fastml, name, dy, x, stats, weight=None, axis=-1):
    with silent():
        return getattr(fastml, name)(dy, x, *stats, weight, axis=axis)


def problem(fastml, name, rng, dtype, C, count=15):
    """Return dy, x, the statistics that the forward returns, weight."""
    x = rows_of(rng, dtype, C, count)
    stats = getattr(fastml, name.removesuffix("_backward"))(x, return_stats=True)[1:]
    return rng.standard_normal((count, C)).astype(dtype), x, stats, rng.standard_normal(C).astype(dtype)


def widest(dtype, *arrays):
    """Statistics of float16 and float32 are float32: the oracle's type depends on x."""
    return [None if a is None else np.asarray(a).astype(wide(np.zeros(0, dtype)).dtype) for a in arrays]


def bound_with_any_statistics(func, dtype, C):
    """Return the bound in ULP of dx where mean and rstd are not those of x."""
    usual = bound_from_docstring(func, dtype)
    fewer, bound = re.search(r"fewer than (\d) elements may be (\d) ULP off", " ".join(func.__doc__.split())).groups()
    return float(bound) if int(fewer) > C and dtype != np.float16 else usual


def assert_within_promise(fastml, name, results, dy, x, stats, weight, axis=-1, bound_of_dx=None):
    """Compare with the oracle; the unit is that of the sum of the absolute values of what is added up."""
    dtype = results[0].dtype
    if not measurable(dtype):
        return
    bound = bound_from_docstring(getattr(fastml, name), dtype)
    dy, x, w, *stats = widest(dtype, dy, x, weight, *stats)
    exact = getattr(reference, name)(dy, x, *stats, w, axis=axis)
    over = tuple(np.atleast_1d(axis) % x.ndim)
    others = tuple(k for k in range(x.ndim) if k not in over)
    mean, rstd = stats if len(stats) == 2 else (0.0, *stats)
    h = (x - mean) * rstd
    g = dy * spread(w, x, over)
    terms = np.abs(g) + np.abs(h) * np.mean(np.abs(g * h), axis=over, keepdims=True)
    if len(stats) == 2:
        terms = terms + np.mean(np.abs(g), axis=over, keepdims=True)
    sums = [np.sum(np.abs(v), axis=others) for v in (dy * h, dy)]
    bounds = [bound_of_dx or bound, bound, bound]
    for got, right, unit, limit in zip(results, exact, [rstd * terms, *sums], bounds, strict=False):
        assert (got.shape, got.dtype) == (right.shape, dtype)
        error = in_unit_of(got, right, unit)
        assert error.max() <= limit, (error.max(), got.shape)


def spread(w, x, over):
    """The weight, shaped to broadcast against x."""
    return 1.0 if w is None else w.reshape([size if k in over else 1 for k, size in enumerate(x.shape)])


def layouts(*arrays):
    """Yield (what, arrays, axis): the same rows in every layout, and in layouts that differ."""
    cubes = [a.reshape(3, 5, -1) for a in arrays]
    yield "F", [np.asfortranarray(a) for a in arrays], -1
    yield "mixed", [np.asfortranarray(arrays[0]), *arrays[1:]], 1
    yield "mixed, the other way", [arrays[0], *map(np.asfortranarray, arrays[1:])], 1
    yield "axis 0", [np.ascontiguousarray(a.T) for a in arrays], 0
    yield "middle", [np.ascontiguousarray(a.transpose(0, 2, 1)) for a in cubes], 1
    yield "first of 3", [np.ascontiguousarray(a.transpose(2, 0, 1)) for a in cubes], 0
    yield "strided", [np.repeat(a, k, axis=1)[:, ::k] for k, a in enumerate(arrays, 2)], 1
    yield "negative strides", [a[::-1, ::-1].copy()[::-1, ::-1] for a in arrays], 1
    yield "byte-swapped", [a.astype(a.dtype.newbyteorder()) for a in arrays], 1
    yield "unaligned", [unaligned(a) for a in arrays], 1


def unaligned(a):
    moved = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    moved[...] = a
    return moved


def turned(stats, shape, axis):
    """The statistics of 15 rows in the shape that goes with x."""
    kept = [1 if k == axis % len(shape) else size for k, size in enumerate(shape)]
    return [s.reshape(kept) for s in stats]


@every_function
@pytest.mark.parametrize("C", WIDTHS)
def test_every_layout_has_the_same_bits_and_the_promised_accuracy(name, C, isa, dtype, rng, fastml):
    dy, x, stats, w = problem(fastml, name, rng, dtype, C)
    for weight in (None, w):
        expected = call(fastml, name, dy, x, stats, weight)
        assert_within_promise(fastml, name, expected, dy, x, stats, weight)
        for what, (a, b), axis in layouts(dy, x):
            dx, *rest = call(fastml, name, a, b, turned(stats, a.shape, axis), weight, axis)
            assert_same_bits(np.moveaxis(dx, axis, -1).reshape(dy.shape), expected[0], what)
            for got, right in zip(rest, expected[1:], strict=True):
                assert_same_bits(got, right, what)


@every_function
@pytest.mark.parametrize("C", [1, 2, 3, 4, 5, 6, 8, 12])
def test_statistics_of_another_x(name, C, isa, dtype, rng, fastml):
    """In rows of few elements the roundings do not cancel: up to 5.8 ULP in float32 and 4.7 in float64 were seen."""
    dy, x = rng.uniform(-4, 4, (2, 20_000, C)).astype(dtype)
    stats = [rng.uniform(0.5, 2, (20_000, 1)).astype(dtype) for _ in range(1 + (name == "layer_norm_backward"))]
    weight = rng.uniform(-2, 2, C).astype(dtype)
    bound = bound_with_any_statistics(getattr(fastml, name), dtype, C)
    assert_within_promise(fastml, name, call(fastml, name, dy, x, stats, weight), dy, x, stats, weight, -1, bound)


@every_function
@pytest.mark.parametrize("C", [1, 3, 15, 16, 17, 130])
def test_infinite_statistics(name, C, isa, dtype, rng, fastml):
    dy, x = rng.uniform(1, 4, (2, 20, C)).astype(dtype)
    infinite = ((np.inf, 1), (-np.inf, 1), (0, np.inf), (np.inf, np.inf), (np.nan, 1), (0, np.nan))
    for numbers in infinite if name == "layer_norm_backward" else ((np.inf,), (np.nan,)):
        stats = [np.full((20, 1), s, dtype) for s in numbers]
        rows = call(fastml, name, dy, x, stats)
        turned = [np.ascontiguousarray(a.T) for a in (dy, x)]
        columns = call(fastml, name, *turned, [s.T for s in stats], axis=0)
        for got, right in zip((columns[0].T, *columns[1:]), rows, strict=True):
            np.testing.assert_array_equal(got, right)


@every_function
@pytest.mark.parametrize("R", ROWS)
def test_every_number_of_rows(name, R, isa, dtype, rng, fastml):
    for C in (3, 40, 129, 600):
        dy, x, stats, weight = problem(fastml, name, rng, dtype, C, R)
        expected = call(fastml, name, dy, x, stats, weight)
        assert_within_promise(fastml, name, expected, dy, x, stats, weight)
        across = call(fastml, name, *(np.ascontiguousarray(a.T) for a in (dy, x)), [s.T for s in stats], weight, 0)
        assert_same_bits(across[0].T, expected[0])
        for got, right in zip(across[1:], expected[1:], strict=True):
            assert_same_bits(got, right)


@every_function
@pytest.mark.parametrize("shape", [(30_001, 10), (1501, 333), (40, 20_011)])
def test_same_bits_whatever_the_number_of_threads(name, shape, isa, dtype, rng, fastml):
    dy, x, stats, weight = problem(fastml, name, rng, dtype, shape[1], shape[0])
    with fastml.num_threads(1):
        expected = call(fastml, name, dy, x, stats, weight)
    assert_within_promise(fastml, name, expected, dy, x, stats, weight)
    for threads in (2, 4):
        with fastml.num_threads(threads):
            for got, right in zip(call(fastml, name, dy, x, stats, weight), expected, strict=True):
                assert_same_bits(got, right, threads)


@every_function
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_axes(name, shape, axis, isa, dtype, rng, fastml):
    dy, x = rng.standard_normal((2, *shape)).astype(dtype)
    weight = rng.standard_normal([shape[k] for k in sorted(np.atleast_1d(axis) % len(shape))]).astype(dtype)
    stats = getattr(fastml, name.removesuffix("_backward"))(x, axis=axis, return_stats=True)[1:]
    results = call(fastml, name, dy, x, stats, weight, axis)
    assert_within_promise(fastml, name, results, dy, x, stats, weight, axis)
    assert all(a.shape == weight.shape for a in results[1:])


@every_function
def test_dtypes_of_the_others(name, rng, fastml):
    dy, x, weight = rng.integers(-9, 9, (3, 12, 20))
    stats = [rng.integers(1, 3, (12, 1)) for _ in range(1 + (name == "layer_norm_backward"))]
    for dtype in ("f2", "f4", "f8"):
        expected = call(fastml, name, *(a.astype(dtype) for a in (dy, x)), stats, weight[0].astype(dtype))
        assert {a.dtype for a in expected} == {np.dtype(dtype)}
        for kind in ("i1", "f2", "f4", "f8", ">f8"):
            given = [s.astype(kind) for s in stats]
            result = call(fastml, name, dy.astype(dtype), x.astype(kind), given, weight[0].astype(kind))
            for got, right in zip(result, expected, strict=True):
                assert_same_bits(got, right, kind)
    for got, right in zip(call(fastml, name, dy, x, stats), call(fastml, name, dy + 0.0, x, stats), strict=True):
        assert_same_bits(got, right)


@every_function
@pytest.mark.parametrize("C", [10, 200])
def test_nan_stays_in_its_row_and_column(name, C, isa, dtype, rng, fastml):
    dy, x, stats, weight = problem(fastml, name, rng, dtype, C, 20)
    dx, *rest = call(fastml, name, dy, x, stats, weight)
    dy[7, 2] = np.nan
    spoiled, *gradients = call(fastml, name, dy, x, stats, weight)
    kept = np.arange(20) != 7
    assert_same_bits(spoiled[kept], dx[kept])
    assert np.isnan(spoiled[7]).all()
    for got, right in zip(gradients, rest, strict=True):
        assert np.isnan(got[2])
        assert_same_bits(np.delete(got, 2), np.delete(right, 2))


@every_function
@pytest.mark.parametrize("axis", [-1, (0, 2)])
def test_finite_differences(name, axis, rng, fastml):
    forward, step = getattr(fastml, name.removesuffix("_backward")), 1e-6
    x, dy = rng.standard_normal((2, 4, 3, 5))
    weight = rng.standard_normal(np.take(x.shape, sorted(np.atleast_1d(axis) % 3)))
    results = call(fastml, name, dy, x, forward(x, axis=axis, return_stats=True)[1:], weight, axis)
    for which, gradient in enumerate(results[:2]):
        for index in np.ndindex(gradient.shape):
            values = []
            for sign in (1, -1):
                given = [x.copy(), weight.copy()]
                given[which][index] += sign * step
                values.append((dy * forward(*given, axis=axis)).sum())
            assert abs(gradient[index] - (values[0] - values[1]) / (2 * step)) < 1e-7


@every_function
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,), (0, 3, 4), (3, 4, 0)])
def test_empty(name, shape, isa, dtype, fastml):
    x = np.zeros(shape, dtype)
    for axis in range(len(shape)):
        kept = np.ones([1 if k == axis else size for k, size in enumerate(shape)])
        dx, *rest = call(fastml, name, x, x, [kept] * (1 + (name == "layer_norm_backward")), axis=axis)
        assert (dx.shape, dx.dtype) == (shape, dtype)
        for gradient in rest:
            assert_same_bits(gradient, np.zeros(shape[axis], dtype))


def test_infinities_of_both_signs_raise_no_flag(dtype, fastml):
    """Among rows so far apart that their sums are added up at the end."""
    x, dy = np.ones((20, 3), dtype), np.ones((20, 3), dtype)
    x[:, 0], dy[0], dy[-1] = 2, np.inf, -np.inf
    _, mean, rstd = fastml.layer_norm(x, return_stats=True)
    with silent():
        _, dweight, dbias = fastml.layer_norm_backward(dy, x, mean, rstd)
    assert np.isnan(dweight).all()
    assert np.isnan(dbias).all()
