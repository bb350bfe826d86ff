"""dropout and dropout_backward: which elements they keep, and what becomes of those."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits, silent
from reference_random import keep_mask, uniforms
from ulp import assert_ulp, bound_from_docstring, wide

KEY = 0x0123456789ABCDEF
PINNED_KEY = [4, 6, 9, 12, 16, 25, 27, 35]
PINNED_RNG = [2, 7, 12, 26, 30, 38, 39, 45]
RATES = (0.5, 0.1, 1 / 3, 1e-3, 2.0**-20, 0.999, 0.99999)


def test_pinned_masks(fastml, isa, dtype):
    ones = np.ones(1100, dtype)
    kept = np.flatnonzero(fastml.dropout_backward(ones, 0.875, KEY))
    assert kept[:8].tolist() == PINNED_KEY
    assert np.flatnonzero(fastml.dropout(ones, 0.875, rng=0))[:8].tolist() == PINNED_RNG


@pytest.mark.parametrize("p", RATES)
def test_mask_is_the_oracles(fastml, isa, dtype, p):
    ones = np.ones((271, 13), dtype)
    with silent():
        y = fastml.dropout_backward(ones, p, KEY)
    np.testing.assert_array_equal(y != 0, keep_mask(KEY, p, ones.shape))


def test_p_is_compared_to_its_last_digit(fastml, isa):
    """An element is dropped where its uniform number is less than p, however close the two are."""
    u = uniforms(KEY, 2000)
    ones = np.ones(u.size)
    for i in (0, 63, 64, 700, 1999, int(np.argmin(u)), int(np.argmax(u))):
        number = int(u[i])
        for digits in (16, 32, 48, 53):
            equal = (number >> 64 - digits) / 2**digits  # u's first digits: not above u
            above = ((number >> 64 - digits) + 1) / 2**digits
            assert fastml.dropout_backward(ones, equal, KEY)[i] > 0
            if above < 1:
                y = fastml.dropout_backward(ones, above, KEY)
                assert y[i] == 0
                np.testing.assert_array_equal(y != 0, keep_mask(KEY, above, y.shape))


def test_any_layout(fastml, isa, awkward):
    plain = np.array(awkward.astype(awkward.dtype.newbyteorder("=")), order="C")
    with silent():
        y, key = fastml.dropout(awkward, 0.4, rng=7, return_key=True)
        dx = fastml.dropout_backward(awkward, 0.4, key)
    kept = keep_mask(key, 0.4, awkward.shape)
    assert y.shape == awkward.shape
    assert y.dtype == plain.dtype
    assert_same_bits(y, dx)
    assert_same_bits(y, fastml.dropout(plain, 0.4, rng=7))
    assert not bits(y)[~kept].any()
    assert_ulp(y, reference.dropout(wide(plain), 0.4, keep=kept), bound_from_docstring(fastml.dropout, plain.dtype))


def test_large_views(fastml, rng, dtype):
    x = rng.standard_normal((60, 70, 80)).astype(dtype)
    for view in (x.T, x[::-1, ::2, ::-3], x[:, 3], np.asfortranarray(x), x.transpose(1, 0, 2), x[:, :, :1], x[:, None]):
        expected = fastml.dropout_backward(np.ascontiguousarray(view), 0.3, KEY)
        assert_same_bits(fastml.dropout_backward(view, 0.3, KEY), expected)
        out = np.empty((*view.shape[:-1], 2 * view.shape[-1]), dtype)[..., ::-2]
        assert fastml.dropout_backward(view, 0.3, KEY, out=out) is out
        assert_same_bits(out, expected)


def test_arrays_that_exceed_the_caches(fastml, isa, rng, dtype):
    x = rng.standard_normal(300_003).astype(dtype)  # fetched ahead where dense
    assert_same_bits(fastml.dropout_backward(x, 0.3, KEY), fastml.dropout_backward(np.repeat(x, 2)[::2], 0.3, KEY))
    with silent():
        dense, strided = (fastml.gaussian_noise(v, 1, rng=3) for v in (x, np.repeat(x, 2)[::2]))
    assert_same_bits(dense, strided)


@pytest.mark.parametrize("n", [*range(18), 63, 64, 65, 511, 512, 513, 1023, 1025, 16384, 16385])
def test_length_and_offset(fastml, isa, rng, dtype, n):
    x = rng.standard_normal(n + 3).astype(dtype)
    expected = reference.dropout(wide(x), 0.25, keep=keep_mask(KEY, 0.25, n + 3))
    for stop in (n, n + 3):
        y = fastml.dropout_backward(x[:stop], 0.25, KEY)
        assert_ulp(y, expected[:stop], bound_from_docstring(fastml.dropout_backward, dtype))
    in_place = x[3:].copy()
    assert fastml.dropout_backward(in_place, 0.25, KEY, out=in_place) is in_place
    assert_same_bits(in_place, fastml.dropout_backward(x[3:], 0.25, KEY))


@pytest.mark.longdouble
@pytest.mark.parametrize("p", [*RATES, 1e-300, 1 - 2.0**-53, np.nextafter(0.5, 0)])
def test_scaling(fastml, isa, rng, dtype, p):
    x = np.concatenate([rng.standard_normal(20_000), rng.standard_normal(20_000) * 1e-5]).astype(dtype)
    x[:2] = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    with silent():
        y = fastml.dropout_backward(x, p, KEY)
    exact = wide(x) / (wide(1.0 if dtype == np.float64 else np.float32(1)) - wide(x).dtype.type(p))
    exact = np.where(keep_mask(KEY, p, x.shape), exact, 0)
    assert_ulp(y, exact, bound_from_docstring(fastml.dropout, dtype))


def test_powers_of_two_are_exact(fastml, isa, rng, dtype):
    x = rng.standard_normal(5000).astype(dtype)
    for p, factor in ((0.5, 2), (0.75, 4), (1e-300, 1)):
        y = fastml.dropout_backward(x, p, KEY)
        assert_same_bits(y[y != 0], (factor * x)[y != 0])


def test_dropped_are_zero_whatever_they_were(fastml, isa, dtype):
    kept = keep_mask(KEY, 0.5, 1000)
    for value in (np.nan, np.inf, -np.inf, -1.0, -0.0):
        with silent():
            y = fastml.dropout_backward(np.full(1000, value, dtype), 0.5, KEY)
        assert not bits(y)[~kept].any()
        np.testing.assert_array_equal(y[kept], dtype.type(2 * value))
        assert np.isnan(value) or (np.signbit(y[kept]) == np.signbit(value)).all()


def test_number_of_threads(fastml, rng, dtype):
    x = rng.standard_normal((1000, 1003)).astype(dtype)
    for view in (x, x.T):
        results = []
        for threads in (1, 2, 5):
            with fastml.num_threads(threads):
                results.append((fastml.dropout(view, 0.3, rng=1), fastml.gaussian_noise(view, 0.3, rng=1)))
        for result in results[1:]:
            assert_same_bits(result[0], results[0][0])
            assert_same_bits(result[1], results[0][1])


def test_in_evaluation_nothing_is_drawn(fastml, dtype):
    x = np.array([np.nan, -0.0, 1, np.inf], dtype)
    rng = np.random.default_rng(3)
    y, key = fastml.dropout(x, 0.9, rng=rng, training=False, return_key=True)
    assert key is None
    assert not np.shares_memory(x, y)
    assert_same_bits(y, x)
    assert_same_bits(fastml.dropout_backward(x, 0.9, key), x)
    assert fastml.dropout(x, 0.9, training=False, out=x) is x
    assert rng.integers(2**64, dtype=np.uint64) == np.random.default_rng(3).integers(2**64, dtype=np.uint64)


def test_nothing_to_drop(fastml, dtype):
    x = np.array([np.nan, -0.0, 1, np.inf], dtype)
    y, key = fastml.dropout(x, 0, rng=0, return_key=True)
    assert isinstance(key, int)
    assert_same_bits(y, x)
    assert_same_bits(fastml.dropout_backward(x, 0.0, key), x)


def test_keys(fastml):
    x = np.ones(1000)
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        y, key = fastml.dropout(x, rng=rng, return_key=True)
        assert type(key) is int
        assert key == same.integers(2**64, dtype=np.uint64)
        assert_same_bits(y, fastml.dropout_backward(x, 0.5, key))
    assert_same_bits(fastml.dropout(x, rng=5), fastml.dropout(x, rng=np.int8(5)))
    assert_same_bits(fastml.dropout(x, rng=5), fastml.dropout(x, rng=np.random.default_rng(5)))
    assert (fastml.dropout(x, rng=5) != fastml.dropout(x, rng=6)).any()
    assert (fastml.dropout(x) != fastml.dropout(x)).any()
    for name in ("MT19937", "PCG64DXSM", "Philox", "SFC64"):
        rng, same = (np.random.Generator(getattr(np.random, name)(1)) for _ in range(2))
        assert fastml.dropout(x, rng=rng, return_key=True)[1] == same.integers(2**64, dtype=np.uint64)


def test_integers_become_float64(fastml):
    expected = fastml.dropout(np.arange(6.0), rng=1)
    for x in (np.arange(6), list(range(6)), np.arange(6, dtype="u1")):
        assert_same_bits(fastml.dropout(x, rng=1), expected)
    assert fastml.dropout(2.0, rng=1).shape == ()


def test_finite_differences(fastml, rng):
    x, dy = rng.standard_normal((2, 50))
    y, key = fastml.dropout(x, 0.3, rng=2, return_key=True)
    moved = fastml.dropout(x + 1e-6, 0.3, rng=2)
    np.testing.assert_allclose(fastml.dropout_backward(dy, 0.3, key), dy * (moved - y) / 1e-6, rtol=1e-8, atol=1e-8)
