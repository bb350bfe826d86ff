"""gaussian_noise: its deviates against Box and Muller's formula, and what statistics makes of both random functions."""

import math
import re
import statistics

import numpy as np
import pytest
from conftest import assert_same_bits, silent
from reference_random import normals
from ulp import assert_ulp, wide

N = 1 << 20
SEED = 11
KEY = int(np.random.default_rng(SEED).integers(2**64, dtype=np.uint64))


def bound(fastml):
    return float(re.search(r"noise itself is right to (\d+) ULP", " ".join(fastml.gaussian_noise.__doc__.split()))[1])


def noise(fastml, dtype, seed=SEED, n=N):
    with silent():
        return fastml.gaussian_noise(np.zeros(n, dtype), 1, rng=seed)


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.longdouble
def test_deviates(fastml, isa, kind):
    assert_ulp(noise(fastml, kind, n=200_003), normals(KEY, 200_003, kind == "float64"), bound(fastml))


@pytest.mark.longdouble
def test_sum_is_rounded_once(fastml, isa, rng, dtype):
    x, n = rng.standard_normal(3000).astype(dtype), 3000
    z = normals(KEY, n, dtype == np.float64)
    for std in (0.1, 3.0, 1e-6):
        with silent():
            y = fastml.gaussian_noise(x, std, rng=SEED)
        exact = x.astype(np.longdouble) + std * z
        eps = np.finfo(np.float64 if dtype == np.float64 else np.float32).eps
        room = (bound(fastml) + 2) * eps * (std * np.abs(z) + np.abs(x)) + np.finfo(dtype).eps / 2 * np.abs(exact)
        assert (np.abs(y - exact) <= room + np.finfo(dtype).smallest_subnormal).all()


def test_all_dtypes_have_nearly_the_same_noise(fastml):
    half, single, double = (noise(fastml, dtype, n=100_000) for dtype in ("f2", "f4", "f8"))
    assert_same_bits(half, single.astype(np.float16))
    difference = np.abs(single - double)
    assert np.mean(difference < 1e-6) > 0.999
    assert difference.max() < 1e-3


def test_any_layout(fastml, isa, awkward):
    plain = np.array(awkward.astype(awkward.dtype.newbyteorder("=")), order="C")
    with silent():
        y = fastml.gaussian_noise(awkward, 0.5, rng=3)
        expected = fastml.gaussian_noise(plain, 0.5, rng=3)
    assert y.shape == awkward.shape
    assert_same_bits(y, expected)
    finite = np.isfinite(plain)
    np.testing.assert_array_equal(y[~finite], plain[~finite])
    assert (y[finite] != plain[finite]).any() or (np.abs(plain[finite]) > 8).all()


def test_in_place_and_into_views(fastml, rng, dtype):
    x = rng.standard_normal((77, 53)).astype(dtype)
    expected = fastml.gaussian_noise(x, 0.5, rng=3)
    for out in (np.empty_like(x), np.empty((53, 77), dtype).T, np.empty((77, 159), dtype)[:, ::-3]):
        assert fastml.gaussian_noise(x, 0.5, rng=3, out=out) is out
        assert_same_bits(out, expected)
    assert fastml.gaussian_noise(x, 0.5, rng=3, out=x) is x
    assert_same_bits(x, expected)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 255, 256, 257, 511, 512, 513, 769, 16384, 16385])
def test_length(fastml, isa, dtype, n):
    assert_same_bits(noise(fastml, dtype, n=n), noise(fastml, dtype, n=20_000)[:n])


def test_no_noise(fastml, dtype):
    x = np.array([np.nan, -0.0, 1, -np.inf], dtype)
    y = fastml.gaussian_noise(x, 0, rng=0)
    assert_same_bits(y, x)
    assert not np.shares_memory(x, y)


def test_generator_advances(fastml):
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        key = int(same.integers(2**64, dtype=np.uint64))
        z = fastml.gaussian_noise(np.zeros(9), 1, rng=rng)
        np.testing.assert_allclose(z, wide(normals(key, 9, True)).astype(float), rtol=1e-14)
    assert (fastml.gaussian_noise(np.zeros(9), 1) != fastml.gaussian_noise(np.zeros(9), 1)).all()


# Statistics: the seeds are fixed, so that these pass or fail for good; the bounds are five standard errors.


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_moments(fastml, kind, seed):
    z = noise(fastml, kind, seed).astype(np.float64)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs(np.mean(z**power) - moment) < 5 * math.sqrt(variance / N), power


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_distribution(fastml, kind):
    """Kolmogorov and Smirnov at every 256th quantile, and chi squared between them."""
    z = noise(fastml, kind).astype(np.float64)
    edges = [statistics.NormalDist().inv_cdf(i / 256) for i in range(1, 256)]
    counts = np.histogram(z, [-np.inf, *edges, np.inf])[0]
    assert np.abs(np.cumsum(counts) / N - np.arange(1, 257) / 256).max() < 2.2 / math.sqrt(N)
    assert np.sum((counts - N / 256) ** 2 / (N / 256)) < 255 + 5 * math.sqrt(2 * 255)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_tails(fastml, kind):
    z = np.concatenate([noise(fastml, kind, seed) for seed in range(8)])
    for sigma in (2, 3, 3.5, 4, 4.5, 5):
        for count in (np.sum(z > sigma), np.sum(z < -sigma)):
            expected = z.size * math.erfc(sigma / math.sqrt(2)) / 2
            assert abs(count - expected) < 5 * math.sqrt(expected), sigma
    assert np.abs(z).max() < (6.8 if kind == "float32" else 8.7)


def test_both_of_a_pair_are_independent(fastml):
    z = noise(fastml, "f8")
    for lag in (1, 2, 63, 64, 65, 128, 256, 512):
        for f in (np.positive, np.square, np.sign):
            a, b = f(z[:-lag]), f(z[lag:])
            assert abs(np.corrcoef(a, b)[0, 1]) < 5 / math.sqrt(N), (lag, f)


@pytest.mark.parametrize("p", [0.5, 0.1, 1e-3, 0.97])
def test_dropout_rate(fastml, p):
    for seed in range(4):
        dropped = N - np.count_nonzero(fastml.dropout(np.ones(N, "f4"), p, rng=seed))
        assert abs(dropped - p * N) < 5 * math.sqrt(N * p * (1 - p))


def test_dropout_of_neighbours_is_independent(fastml):
    kept = (fastml.dropout(np.ones(N, "f4"), 0.5, rng=0) != 0) - 0.5
    for lag in (1, 2, 63, 64, 65, 128, 256, 512):
        assert abs(np.mean(kept[:-lag] * kept[lag:])) * 4 < 5 / math.sqrt(N), lag


def test_keys_and_purposes_are_independent(fastml):
    """Keys that differ by one bit, and the two functions with one key."""
    ones, zeros = np.ones(N, "f4"), np.zeros(N, "f4")
    series = [(fastml.dropout_backward(ones, 0.5, key) != 0) - 0.5 for key in (0, 1, 2, 1 << 31, 1 << 32, 1 << 63)]
    series += [fastml.gaussian_noise(zeros, 1, rng=seed) for seed in (0, 1)]
    for seed in (0, 1):
        key = int(np.random.default_rng(seed).integers(2**64, dtype=np.uint64))
        series.append((fastml.dropout_backward(ones, 0.5, key) != 0) - 0.5)
    correlations = np.corrcoef(series) - np.eye(len(series))
    assert np.abs(correlations).max() < 5 / math.sqrt(N)
