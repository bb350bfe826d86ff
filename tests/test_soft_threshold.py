"""soft_threshold: its exact points, one threshold or many, and what it is to the l1 penalty."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent, special_values


def test_exact_points(fastml, isa, dtype):
    x = np.array([-3, -1, -0.5, -0.0, 0, 0.5, 1, 3, np.inf, -np.inf, np.nan], dtype)
    with silent():
        result = fastml.soft_threshold(x, 1)
        assert np.isnan(fastml.soft_threshold(x, -0.5)).all()
        assert np.isnan(fastml.soft_threshold(x, np.nan)).all()
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, [-2, 0, 0, 0, 0, 0, 0, 2, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(fastml.soft_threshold(x, 0), x)
    np.testing.assert_array_equal(fastml.soft_threshold(x, -0.0), x)


def test_one_threshold_is_many_equal_ones(fastml, isa, dtype, rng):
    x = np.concatenate([special_values(dtype), rng.standard_normal(3000).astype(dtype)])
    for t in (0.5, 0, np.inf, -1, np.nan):
        with silent():
            assert_same_bits(fastml.soft_threshold(x, t), fastml.soft_threshold(x, np.full_like(x, t)))
            assert_same_bits(fastml.soft_threshold(x[::2], t), fastml.soft_threshold(x, t)[::2])


def test_broadcasting(fastml, dtype, rng):
    x, t = rng.standard_normal((4, 7)).astype(dtype), rng.uniform(0, 1, (4, 1)).astype(dtype)
    result = fastml.soft_threshold(x, t)
    np.testing.assert_allclose(result, reference.soft_threshold(x, t), rtol=np.finfo(dtype).eps)
    assert_same_bits(fastml.ufuncs.soft_threshold(x, t), result)
    assert fastml.soft_threshold(2, 1) == 1
    assert fastml.soft_threshold(x, t, out=x) is x


@pytest.mark.parametrize("strength", [0.25, 1])
def test_it_minimizes(fastml, rng, strength):
    """The result is the y of least (y - x)^2 / 2 + strength |y|."""
    x = 2 * rng.standard_normal(50)
    y = fastml.soft_threshold(x, strength)
    least = (y - x) ** 2 / 2 + strength * abs(y)
    for away in rng.standard_normal((30, 50)) * 0.5:
        assert ((y + away - x) ** 2 / 2 + strength * abs(y + away) > least).all()


def test_a_step_with_it_reaches_exact_zeros(fastml):
    w = np.array([0.05, -0.05, 2.0])
    fastml.sgd_step(w, [0.5, 0, 0], 0.1)
    fastml.soft_threshold(w, 0.1 * 1.0, out=w)
    np.testing.assert_allclose(w, [0, 0, 1.9])
    assert not w[:2].any()
