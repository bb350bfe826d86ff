"""The ruler itself: errors in ULP, and bounds read from docstrings."""

import mpmath
import numpy as np
import pytest
from ulp import assert_ulp, bound_from_docstring, ulp_error, wide


def test_neighbours_are_one_ulp_apart(dtype):
    for x in (1.0, 1.5, -3.0, 1e-3, float(np.finfo(dtype).max), float(np.finfo(dtype).tiny), 0.0):
        x = dtype.type(x)
        below = np.nextafter(x, dtype.type(-np.inf))
        assert ulp_error(below, np.longdouble(x)) in (1.0, 0.5)
        assert ulp_error(x, np.longdouble(x)) == 0


@pytest.mark.longdouble
def test_half_way_is_half_an_ulp(dtype):
    x = dtype.type(1.0)
    assert ulp_error(x, 1 + np.longdouble(np.finfo(dtype).eps) / 2) == 0.5
    with mpmath.workdps(40):
        assert ulp_error(x, 1 + mpmath.mpf(float(np.finfo(dtype).eps)) / 4) == 0.25


@pytest.mark.longdouble
def test_the_smallest_unit_is_the_subnormal_gap(dtype):
    gap = np.finfo(dtype).smallest_subnormal
    assert ulp_error(gap, np.longdouble(0)) == 1
    assert ulp_error(dtype.type(0), np.longdouble(gap) / 4) == 0.25
    assert ulp_error(3 * gap, np.longdouble(gap)) == 2


@pytest.mark.parametrize(
    ("result", "exact", "error"),
    [
        (np.nan, np.nan, 0),
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
        (np.inf, np.inf, 0),
        (-np.inf, np.inf, np.inf),
        (1.0, np.inf, np.inf),
        (np.inf, 1.0, np.inf),
        (np.nan, np.inf, np.inf),
        (np.inf, np.nan, np.inf),
        (-0.0, 0.0, 0),
    ],
)
def test_nan_and_inf_are_met_by_themselves_only(dtype, result, exact, error):
    assert ulp_error(dtype.type(result), np.longdouble(exact)) == error
    assert ulp_error(dtype.type(result), mpmath.mpf(exact)) == error


def test_an_overflow_that_rounds_to_inf_is_exact():
    limit = 2.0**128 - 2.0**103  # the half-way point past the largest float32
    assert ulp_error(np.float32([np.inf, -np.inf]), [limit, -limit]).tolist() == [0, 0]
    assert ulp_error(np.float32(np.inf), np.nextafter(limit, 0)) == np.inf
    assert ulp_error(np.finfo(np.float32).max, limit) == 0.5


def test_mpmath_keeps_more_than_longdouble():
    with mpmath.workdps(60):
        exact = np.array([1 + mpmath.mpf(2) ** -150], dtype=object)
    assert 0 < ulp_error(np.float64([1.0]), exact)[0] < 1e-20


def test_assert_ulp_names_the_worst():
    with pytest.raises(AssertionError, match=r"2 ULP > 1.0 at index \(1,\)"):
        assert_ulp(np.float32([1.0, 1.0]), [1.0, 1.0 + 2.0**-22], 1.0)
    assert_ulp(np.empty(0, np.float32), np.empty(0), 0)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="result: expected a floating-point array, got dtype int64"):
        ulp_error(np.int64([1]), [1.0])
    with pytest.raises(ValueError, match=r"exact: expected shape \(2,\), got \(1,\)"):
        ulp_error(np.float32([1, 2]), [1.0])


def test_wide():
    assert wide(np.float16(1)).dtype == wide(np.float32(1)).dtype == np.float64
    assert wide(np.float64(1)).dtype == wide(np.ones(1, ">f8")).dtype == wide(np.ones(1, "<f8")).dtype == np.longdouble


def promising():
    """Something.

    Max error: 0.5 ULP (float16), 2 ULP (float32),
    2.25 ULP (float64).
    """


def test_bound_from_docstring():
    assert [bound_from_docstring(promising, d) for d in ("float16", np.float32, np.dtype("float64"))] == [0.5, 2, 2.25]


def test_a_missing_bound_is_a_key_error():
    def silent():
        """Promises nothing."""

    def partial():
        """Max error: 1 ULP (float32)."""

    with pytest.raises(KeyError, match="silent: expected a docstring with 'Max error"):
        bound_from_docstring(silent, "float32")
    with pytest.raises(
        KeyError, match=r"partial: expected an accuracy bound for float64 in the docstring, got \['float32'\]"
    ):
        bound_from_docstring(partial, "float64")
