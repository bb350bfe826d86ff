"""softmax, log_softmax, logsumexp: parity with the oracle, promised accuracy, bits that depend on a row alone."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits, silent
from ulp import assert_ulp, bound_from_docstring, measurable, wide

INF, NAN = np.inf, np.nan
ARRAYS = ("softmax", "log_softmax")
WIDTHS = (1, 2, 3, 7, 8, 9, 10, 16, 17, 31, 33, 63, 64, 65, 100, 257, 1000)
R = 15  # rows: 3 * 5, and not a multiple of 8
every_function = pytest.mark.parametrize("name", [*ARRAYS, "logsumexp"])
every_width = pytest.mark.parametrize("C", WIDTHS)


def call(fastml, name, x, axis=-1, **keywords):
    """Call with the reduced axis kept, so that all three results have the rank of x."""
    with silent():
        return getattr(fastml, name)(x, axis, **keywords, **({"keepdims": True} if name == "logsumexp" else {}))


def rows_of(rng, dtype, C, count=R):
    """Return (count, C) rows: gentle ones, steep ones, and some that fall below the smallest number."""
    scale = np.resize([0.1, 1.0, 5.0, 20.0, 60.0], count)[:, None]
    return (rng.standard_normal((count, C)) * scale + rng.uniform(-9, 9, (count, 1))).astype(dtype)


def layouts(rows):
    """Yield (what, x, axis): the same 15 rows in every layout."""
    rows_count, C = rows.shape
    cube = rows.reshape(3, 5, C)
    yield "C", rows, 1
    yield "F", np.asfortranarray(rows), -1
    yield "axis 0", np.ascontiguousarray(rows.T), 0
    yield "axis 0, F", rows.T, -2
    yield "middle", np.ascontiguousarray(cube.transpose(0, 2, 1)), 1
    yield "last of 3", cube, 2
    yield "first of 3", np.ascontiguousarray(cube.transpose(2, 0, 1)), 0
    yield "middle of 4", np.ascontiguousarray(cube.transpose(0, 2, 1))[..., None], -3
    yield "strided", np.repeat(rows, 3, axis=1)[:, ::3], 1
    yield "strided rows", np.repeat(rows, 2, axis=0)[::2], 1
    yield "strided axis 0", np.repeat(rows.T, 2, axis=1)[:, ::2], 0
    yield "part of wider rows", np.concatenate([rows, rows], axis=1)[:, :C], 1
    yield "part of a wider axis 0", np.concatenate([rows.T, rows.T], axis=1)[:, :rows_count], 0
    yield "negative strides", rows[::-1, ::-1].copy()[::-1, ::-1], 1
    yield "byte-swapped", rows.astype(rows.dtype.newbyteorder()), 1
    yield "byte-swapped axis 0", rows.T.astype(rows.dtype.newbyteorder()), 0
    buffer = np.zeros(rows.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(rows.dtype).reshape(rows.shape)
    unaligned[...] = rows
    yield "unaligned", unaligned, 1
    read_only = rows.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only, 1


def as_rows(y, axis):
    return np.moveaxis(y, axis, -1).reshape(R, -1)


def assert_within_promise(fastml, name, x, result, axis=-1, **keywords):
    keywords |= {"keepdims": True} if name == "logsumexp" else {}
    exact = getattr(reference, name)(wide(x), axis, **keywords)
    bound = bound_from_docstring(getattr(fastml, name), result.dtype)
    if name == "logsumexp":
        # Near 0 the result cancels whatever is done; there the unit is that of the largest element, of 1 at least.
        largest = np.max(np.abs(wide(x)), axis=axis, keepdims=True, initial=1.0)
        near = np.isfinite(exact) & np.isfinite(largest) & (np.abs(exact) < largest)
        error = np.abs(result.astype(exact.dtype) - np.where(near, exact, 0))[near]
        assert np.all(error <= bound * np.finfo(result.dtype).eps * largest[near])
        result, exact = result[~near], exact[~near]
    assert_ulp(result, exact, bound)


# Parity and accuracy.


@every_function
@every_width
def test_every_layout_has_the_bits_of_the_row_and_the_promised_accuracy(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C)
    expected = call(fastml, name, rows)
    assert expected.dtype == dtype
    if measurable(dtype):
        assert_within_promise(fastml, name, rows, expected)
    for what, x, axis in layouts(rows):
        before = bits(x)
        result = call(fastml, name, x, axis)
        assert result.dtype == dtype, what
        assert result.shape == (x.shape if name in ARRAYS else reference.logsumexp(x, axis, keepdims=True).shape), what
        assert_same_bits(as_rows(result, axis), expected, what)
        np.testing.assert_array_equal(bits(x), before, err_msg=what)


@every_function
@pytest.mark.parametrize("C", [1, 3, 8, 10, 17, 64, 65, 100])
def test_a_row_does_not_depend_on_its_neighbours(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C, 41)
    expected = call(fastml, name, rows)
    for count in range(1, 42):
        assert_same_bits(call(fastml, name, rows[:count]), expected[:count], count)
        assert_same_bits(call(fastml, name, rows[41 - count :].T.copy(), 0).T, expected[41 - count :], count)
    for row in range(41):
        assert_same_bits(call(fastml, name, rows[row]), expected[row], row)


@every_function
@pytest.mark.parametrize("shape", [(150_001, 10), (300_007, 3), (3001, 333)])
def test_same_bits_whatever_the_number_of_threads(name, shape, isa, dtype, rng, fastml):
    x = np.resize(rows_of(rng, dtype, 977), shape)
    with fastml.num_threads(1):
        expected, upright = call(fastml, name, x), call(fastml, name, np.ascontiguousarray(x.T), 0)
    assert_same_bits(upright.T, expected)
    for threads in (2, 4):
        with fastml.num_threads(threads):
            assert_same_bits(call(fastml, name, x), expected, threads)
            assert_same_bits(call(fastml, name, np.ascontiguousarray(x.T), 0), upright, threads)


@every_width
def test_rows_sum_to_one(C, isa, dtype, rng, fastml):
    y = call(fastml, "softmax", rows_of(rng, dtype, C))
    np.testing.assert_allclose(y.sum(axis=1, dtype=np.float64), 1, rtol=4 * np.finfo(dtype).eps * max(1, C / 8))
    assert_same_bits(call(fastml, "softmax", rows_of(rng, dtype, 1)), np.ones((R, 1), dtype))


# From a maximum below about -130 or above 258 in float32, -1002 and 2002 in float64, exponentials start there.
@every_function
@pytest.mark.parametrize("shift", [64, -129, -131, -142, 250, 256, 264, -1000, -1012, 1995, 2010, 1e6, -1e9])
@pytest.mark.longdouble
def test_a_shift_changes_nothing_but_roundings(name, shift, isa, dtype, rng, fastml):
    if abs(shift) > float(np.finfo(dtype).max):
        pytest.skip("overflows")
    x = (rng.standard_normal((R, 40)) * np.resize([0.1, 1.0, 5.0, 30.0], R)[:, None] + shift).astype(dtype)
    x[:, ::7] -= np.linspace(0, 900, 6).astype(dtype)
    assert_within_promise(fastml, name, x, call(fastml, name, x))


@pytest.mark.parametrize("C", [2, 3, 9, 64, 65, 300])
def test_the_tail_of_log_softmax_is_exact(C, isa, dtype, fastml):
    top = 8.0 if dtype == np.float16 else 20.0
    x = np.zeros((R, C), dtype)
    x[np.arange(R), np.arange(R) % C] = top
    for y in (call(fastml, "log_softmax", x), call(fastml, "log_softmax", x.T.copy(), 0).T):
        assert_within_promise(fastml, "log_softmax", x, y)
    if dtype != np.float16 and C == 2:
        assert fastml.log_softmax(np.array([20, 0], dtype))[0] == pytest.approx(-2.0611537e-9, rel=1e-6)


@pytest.mark.parametrize("C", [2, 10, 64, 65])
def test_small_probabilities_are_not_clamped(C, isa, dtype, fastml):
    x = np.full((R, C), -INF, dtype)
    x[:, 0] = 0
    x[:, 1] = {"float16": -16.5, "float32": -100, "float64": -740}[dtype.name] * np.arange(1, R + 1)
    y = call(fastml, "softmax", x)
    assert y[0, 1] > 0
    assert np.all(y[5:, 1] == 0)
    assert np.all(y[:, 2:] == 0)
    assert_within_promise(fastml, "softmax", x, y)


@every_function
def test_huge_values_do_not_overflow(name, isa, dtype, fastml):
    big = float(np.finfo(dtype).max)
    rows = [[big, -big, 0], [-big, -big, -big], [-big, -big / 2, -big], [big, big, -big], [big, big / 2, big]]
    x = np.array(rows, dtype)
    assert_within_promise(fastml, name, x, call(fastml, name, x))


# inf, NaN, empty.

EDGES = [[INF, 0.0], [0.0, -INF], [INF, -INF], [INF, INF, 0.0], [NAN, 1.0], [NAN, INF], [NAN, -INF], [INF, NAN, INF]]


@every_function
@pytest.mark.parametrize("C", [3, 8, 10, 17, 64, 65, 200])
def test_inf_and_nan(name, C, isa, dtype, rng, fastml):
    rows = np.zeros((R, C), dtype)
    for row, edge in enumerate(EDGES):
        rows[row, rng.permutation(C)[: len(edge)]] = edge
    rows[len(EDGES)] = -INF
    rows[len(EDGES) + 1] = INF
    rows[len(EDGES) + 2] = NAN
    rows[len(EDGES) + 3] = np.where(np.arange(C) == C - 1, 5, -INF)
    for what, x, axis in layouts(rows):
        result = as_rows(call(fastml, name, x, axis), axis)
        keywords = {"keepdims": True} if name == "logsumexp" else {}
        expected = getattr(reference, name)(rows, **keywords)
        np.testing.assert_allclose(result[: len(EDGES) + 4], expected[: len(EDGES) + 4], rtol=2e-3, err_msg=what)
        zeros = np.full((1, C), 0, dtype)
        assert_same_bits(result[-1:], call(fastml, name, zeros), what)


@pytest.mark.parametrize(
    ("x", "softmax", "log_softmax", "logsumexp"),
    [
        ([INF, 0.0], [1, 0], [0, -INF], INF),
        ([INF], [1], [0], INF),
        ([3.0], [1], [0], 3),
        ([INF, INF, 0.0], [NAN] * 3, [NAN] * 3, INF),
        ([-INF, -INF], [NAN] * 2, [NAN] * 2, -INF),
        ([NAN, 1.0, 2.0], [NAN] * 3, [NAN] * 3, NAN),
    ],
)
def test_edges_exactly(x, softmax, log_softmax, logsumexp, isa, dtype, fastml):
    x = np.array(x, dtype)
    np.testing.assert_array_equal(call(fastml, "softmax", x), softmax)
    np.testing.assert_array_equal(call(fastml, "log_softmax", x), log_softmax)
    np.testing.assert_array_equal(call(fastml, "logsumexp", x), [logsumexp])


def test_empty(isa, dtype, fastml):
    for shape in ((0, 5), (5, 0), (0,), (0, 0), (2, 0, 3)):
        x = np.empty(shape, dtype)
        for axis in range(-len(shape), len(shape)):
            for name in ARRAYS:
                result = call(fastml, name, x, axis)
                assert (result.shape, result.dtype) == (shape, dtype)
            result, expected = call(fastml, "logsumexp", x, axis), reference.logsumexp(x, axis, keepdims=True)
            assert result.dtype == dtype
            np.testing.assert_array_equal(result, expected)  # -inf along an empty axis
    assert fastml.logsumexp(np.empty(0, dtype)) == -INF


@pytest.mark.parametrize("exponent", range(-3, 4))
@pytest.mark.parametrize("sign", [1, -1])
def test_neighbours_of_large_numbers(sign, exponent, isa, fastml):
    """Where the spacing of the numbers passes what an exponential can tell, and on both sides of it."""
    for dtype, edge in ((np.float32, 31), (np.float64, 63)):
        top = dtype(sign * 2.0 ** (edge + exponent))
        below = np.nextafter(top, dtype(-np.inf))
        gap = wide(np.array([top]))[0] - wide(np.array([below]))[0]
        small = np.exp(-gap)
        with silent():
            share, log_share = fastml.softmax(np.array([below, top])), fastml.log_softmax(np.array([below, top]))
        assert_ulp(share, np.array([small, 1]) / (1 + small), 4)
        assert_ulp(log_share, np.array([-gap, 0]) - np.log1p(small), 4)
