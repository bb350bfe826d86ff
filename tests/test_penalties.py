"""l1_penalty and l2_penalty: value and gradient against the oracle, in all layouts, and what they refuse."""

import math
import re

import numpy as np
import pytest
import reference
from conftest import AWKWARD, assert_same_bits, silent
from ulp import assert_ulp, bound_from_docstring, wide

NAMES = ["l1_penalty", "l2_penalty"]
SIZES = [0, 1, 15, 17, 511, 512, 513, 5000, 16_384, 16_385, 100_001]


@pytest.fixture(params=NAMES)
def penalty(request, fastml):
    function = getattr(fastml, request.param)

    def call(*arguments, **keywords):
        with silent():
            return function(*arguments, **keywords)

    call.__name__, call.__doc__ = request.param, function.__doc__
    return call


def exact(penalty, w, strength, **keywords):
    """Return what the oracle says of numbers as they are."""
    return getattr(reference, penalty.__name__)(wide(w), strength, **keywords)


@pytest.mark.parametrize("n", SIZES)
def test_value(penalty, isa, rng, dtype, n):
    w = (rng.standard_normal(n) * rng.choice([1e-3, 1, 50], n)).astype(dtype)
    terms = np.abs(wide(w)) if penalty.__name__ == "l1_penalty" else wide(w) ** 2
    value = penalty(w, 0.75)
    assert type(value) is np.float64
    # of float16 and float32 the terms are exact: what is left is the sum's own rounding
    assert math.isclose(value, 0.75 * math.fsum(terms.astype(np.float64)), rel_tol=4 * np.finfo(float).eps)


def test_gradient(penalty, isa, rng, dtype):
    w = (rng.standard_normal(4099) * rng.choice([0, 1e-3, 1, 50], 4099)).astype(dtype)
    value, grad = penalty(w, 0.34375, return_grad=True)
    assert value == penalty(w, 0.34375)
    assert grad.dtype == dtype
    assert_ulp(grad, exact(penalty, w, 0.34375, return_grad=True)[1], bound_from_docstring(penalty, dtype))


def test_accumulated_gradient(penalty, isa, rng, dtype):
    w, out = rng.standard_normal((2, 33, 129)).astype(dtype)
    w[::2, ::3] = 0
    w[::2, ::6] *= -1
    before = out.copy()
    value, grad = penalty(w, 0.25, return_grad=True, accumulate=True, out=out)
    assert grad is out
    assert value == penalty(w, 0.25)
    right = exact(penalty, w, 0.25, return_grad=True, accumulate=True, out=wide(before))[1]
    # half a ULP of the result, and on a machine without fused multiply-add of the product
    units = np.spacing(np.maximum(np.maximum(np.abs(right), np.abs(wide(w))), np.finfo(dtype).tiny).astype(dtype))
    assert (np.abs(wide(out) - right) <= 1.01 * units.astype(right.dtype)).all()


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_arrays(penalty, isa, rng, dtype, case):
    w = AWKWARD[case](rng, dtype)
    dense = np.ascontiguousarray(w.astype(dtype)).reshape(w.shape)
    value, grad = penalty(w, 0.5, return_grad=True)
    right, right_grad = penalty(dense, 0.5, return_grad=True)
    np.testing.assert_array_equal(value, right)
    assert_same_bits(np.asarray(grad), right_grad)
    assert grad.shape == w.shape
    np.testing.assert_allclose(value, exact(penalty, w, 0.5), rtol=1e-12, atol=1e-300)
    buffer = np.ones((*w.shape, 3), dtype)[..., 1]
    assert penalty(w, 0.5, return_grad=True, accumulate=True, out=buffer)[1] is buffer
    with np.errstate(all="ignore"):
        again = np.ones(w.shape, dtype)
        penalty(dense, 0.5, return_grad=True, accumulate=True, out=again)
    assert_same_bits(buffer, again)


def test_layouts_and_threads_have_the_same_bits(penalty, fastml, isa, rng, dtype):
    w = rng.standard_normal((20, 50, 301)).astype(dtype)
    value, grad = penalty(w, 0.1, return_grad=True)
    for threads in (1, 3):
        with fastml.num_threads(threads):
            for view in (w, np.asfortranarray(w), np.ascontiguousarray(w[::-1, :, ::-1])[::-1, :, ::-1]):
                got, slope = penalty(view, 0.1, return_grad=True)
                assert got == value
                assert_same_bits(np.asarray(slope), grad)
    assert penalty(w.swapaxes(0, 2).copy().swapaxes(0, 2), 0.1) == value


def test_no_overflow_in_float32(fastml, isa):
    w = np.full(1000, 1e30, np.float32)
    with silent():
        assert math.isclose(fastml.l2_penalty(w, 0.5), 500 * float(w[0]) ** 2, rel_tol=1e-15)
        assert math.isclose(fastml.l1_penalty(np.full(9, 3e38, "f4"), 1), 9 * float(np.float32(3e38)), rel_tol=1e-15)


@pytest.mark.parametrize("w", [np.inf, -np.inf, np.nan])
def test_infinite_and_nan(penalty, isa, dtype, w):
    array = np.ones(40, dtype)
    array[7] = w
    np.testing.assert_array_equal(penalty(array, 0.5), abs(w))
    grad = penalty(array, 0.5, return_grad=True)[1]
    expected = w if penalty.__name__ == "l2_penalty" else np.sign(w) / 2
    np.testing.assert_array_equal(grad[7], expected)
    assert np.isfinite(np.delete(grad, 7)).all()


def test_gradient_is_the_slope(penalty, rng):
    w, step = rng.standard_normal((3, 4)), 1e-6
    grad = penalty(w, 0.3, return_grad=True)[1]
    for index in np.ndindex(w.shape):
        ahead, behind = w.copy(), w.copy()
        ahead[index] += step
        behind[index] -= step
        slope = (penalty(ahead, 0.3) - penalty(behind, 0.3)) / (2 * step)
        assert math.isclose(grad[index], slope, rel_tol=1e-6)


def test_integers_become_float64(penalty):
    value, grad = penalty([[1, -2], [0, 3]], 2, return_grad=True)
    assert (value, grad.dtype) == (exact(penalty, np.array([1.0, -2, 0, 3]), 2), np.float64)


W = np.ones((2, 3))
MISTAKES = [
    ({"strength": -1}, ValueError, "strength: expected a finite number of at least 0, got -1"),
    ({"strength": np.nan}, ValueError, "strength: expected a finite number of at least 0, got nan"),
    ({"strength": "1"}, TypeError, "strength: expected a real number, got str"),
    ({"w": 1j * W}, TypeError, "w: expected float16, float32, float64 or integers, got dtype complex128"),
    (
        {"out": np.ones((2, 3))},
        ValueError,
        "out: expected None without return_grad=True, got a buffer for the gradient",
    ),
    (
        {"accumulate": True},
        ValueError,
        "accumulate: expected out and return_grad=True beside it, got no return_grad=True",
    ),
    (
        {"accumulate": True, "return_grad": True},
        ValueError,
        "accumulate: expected out and return_grad=True beside it, got no out",
    ),
    ({"return_grad": True, "out": np.ones(6)}, ValueError, "out: expected shape (2, 3), got (6,)"),
    ({"return_grad": True, "out": np.ones((2, 3), "f4")}, TypeError, "out: expected dtype float64, got float32"),
    ({"return_grad": True, "out": [1.0]}, TypeError, "out: expected an ndarray, got list"),
    ({"return_grad": True, "out": W}, ValueError, "out: expected memory apart from w, got an overlap"),
    ({"return_grad": True, "out": W[::-1]}, ValueError, "out: expected memory apart from w, got an overlap"),
]


@pytest.mark.parametrize(("changed", "error", "message"), MISTAKES)
def test_mistakes(penalty, changed, error, message):
    out = changed.get("out")
    before = np.copy(out)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        penalty(**{"w": W, "strength": 0.5, **changed})
    np.testing.assert_array_equal(before, np.copy(out))
    assert (W == 1).all()


def test_read_only_out(penalty):
    out = np.ones((2, 3))
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"^out: expected a writeable array, got a read-only one$"):
        penalty(W, 0.5, return_grad=True, out=out)
