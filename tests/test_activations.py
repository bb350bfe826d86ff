"""Activations whose gradients start from the input: accuracy in the tails, limits, and parameters."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from elementwise_cases import (
    BACKWARD,
    FROM_INPUT,
    FROM_INPUT_WITH_PARAMETER,
    UNARY,
    WITH_PARAMETER,
    assert_within_promise,
    count_inputs,
)
from ulp import assert_ulp

NEW_UNARY = UNARY[3:]
NEW_BACKWARD = FROM_INPUT + FROM_INPUT_WITH_PARAMETER


def arguments(rng, dtype, n):
    """Return n arguments: where functions bend, near the zeros of the gradients, in the tails."""
    ends = {"float16": 20, "float32": 200, "float64": 1500}[dtype.name]
    parts = [rng.uniform(-6, 6, n), rng.uniform(-1.4, -0.7, n), rng.uniform(-ends, ends, n), rng.uniform(-40, 0, n)]
    return np.concatenate([*parts, 2.0 ** rng.uniform(-20, 0, n) * rng.choice([-1, 1], n)]).astype(dtype)


def gradients(rng, dtype, n):
    """Return gradients of every size that the dtype has."""
    info = np.finfo(dtype)
    exponents = rng.integers(info.minexp - info.nmant, info.maxexp, n)
    return np.ldexp(rng.uniform(1, 2, n) * rng.choice([-1, 1], n), exponents).astype(dtype)


@pytest.mark.parametrize("name", UNARY)
def test_nan_keeps_its_sign_wherever_it_stands(name, isa, dtype, fastml):
    for sign in (1, -1):
        x = np.full(100, np.copysign(np.nan, sign), dtype)
        for n in (*range(1, 40), 100):
            with silent():
                y = getattr(fastml, name)(x[:n])
            assert np.all(np.isnan(y) & (np.signbit(y) == (sign < 0)))


@pytest.mark.longdouble
@pytest.mark.parametrize("name", NEW_UNARY)
def test_accuracy(name, isa, dtype, rng, fastml):
    x = arguments(rng, dtype, 4000)
    with silent():
        assert_within_promise(fastml, name, (x,), getattr(fastml, name)(x))


@pytest.mark.longdouble
@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_accuracy_with_a_parameter(name, isa, dtype, rng, fastml):
    x, parameter = arguments(rng, dtype, 4000), rng.uniform(0.01, 3, 20_000).astype(dtype)
    with silent():
        assert_within_promise(fastml, name, (x, parameter), getattr(fastml, name)(x, parameter))


@pytest.mark.longdouble
@pytest.mark.parametrize("name", NEW_BACKWARD)
def test_accuracy_of_gradients_of_every_size(name, isa, dtype, rng, fastml):
    # a gradient of 1e38 times e^-150 is an ordinary float32, though e^-150 is none
    x = arguments(rng, dtype, 4000)
    dy = gradients(rng, dtype, x.size)
    inputs = (dy, x, rng.uniform(0.01, 3, x.size).astype(dtype))[: count_inputs(name)]
    if name == "elu_backward":
        product = np.abs(dy.astype(np.longdouble) * inputs[2])
        normal = (product >= np.finfo(dtype).tiny) & (product <= np.finfo(dtype).max)
        inputs = tuple(a[normal] for a in inputs)
    with silent():
        assert_within_promise(fastml, name, inputs, getattr(fastml, name)(*inputs))


def test_tails(isa, fastml):
    x = np.array([-50.0, 50.0])
    assert_ulp(fastml.softplus(x), np.longdouble(["1.92874984796391779302e-22", "50.0"]), 3)
    assert_ulp(fastml.log_sigmoid(x), np.longdouble(["-50.0", "-1.92874984796391779302e-22"]), 3)
    assert_ulp(fastml.gelu(np.array([-10.0])), np.longdouble(["-7.6198530241605260660e-23"]), 3)
    for function, ends in ((fastml.softplus, (-103, -744)), (fastml.silu, (-106, -748)), (fastml.gelu, (-14.1, -38.4))):
        for end, dtype in zip(ends, (np.float32, np.float64), strict=True):
            y = np.abs(function(np.array([end], dtype)))
            assert 0 < y[0] < np.finfo(dtype).tiny, (function.__name__, dtype)


def test_limits(isa, dtype, fastml):
    x, one = np.array([-np.inf, np.inf, 0.0, -0.0], dtype), np.ones(4, dtype)
    expected = {
        "log_sigmoid": [-np.inf, 0, -np.log(2), -np.log(2)],
        "softplus": [0, np.inf, np.log(2), np.log(2)],
        "silu": [0, np.inf, 0, 0],
        "gelu": [0, np.inf, 0, 0],
        "leaky_relu": [-np.inf, np.inf, 0, 0],
        "elu": [-1, np.inf, 0, 0],
        "log_sigmoid_backward": [1, 0, 0.5, 0.5],
        "softplus_backward": [0, 1, 0.5, 0.5],
        "silu_backward": [0, 1, 0.5, 0.5],
        "gelu_backward": [0, 1, 0.5, 0.5],
        "leaky_relu_backward": [0.25, 1, 0.25, 0.25],
        "elu_backward": [0, 1, 0.25, 0.25],
    }
    for name, values in expected.items():
        parameter = (0.25,) if name.startswith("leaky") or name == "elu_backward" else (1,) if name == "elu" else ()
        inputs = (one, x, *parameter) if name in BACKWARD else (x, *parameter)
        with silent():
            result = getattr(fastml, name)(*inputs)
        np.testing.assert_allclose(result.astype(float), values, rtol=np.finfo(dtype).eps, atol=0, err_msg=name)


@pytest.mark.parametrize("name", NEW_BACKWARD)
def test_nan_in_the_gradient_or_the_input_is_kept(name, isa, dtype, fastml):
    nan, some, ends = np.full(19, np.nan, dtype), np.linspace(-5, 5, 19).astype(dtype), np.full(19, np.inf, dtype)
    parameter = (0.5,) if count_inputs(name) == 3 else ()
    for dy, x in ((nan, some), (nan, ends), (nan, -ends), (some, nan), (ends, nan), (nan, nan)):
        with silent():
            assert np.isnan(getattr(fastml, name)(dy, x, *parameter)).all()


@pytest.mark.parametrize("name", WITH_PARAMETER + NEW_UNARY)
def test_nan_in_the_input_is_kept(name, isa, dtype, fastml):
    parameter = (0.5,) if name in WITH_PARAMETER else ()
    with silent():
        assert np.isnan(getattr(fastml, name)(np.full(19, np.nan, dtype), *parameter)).all()


def test_a_parameter_counts_only_where_it_is_used(isa, dtype, fastml):
    x, dy = np.array([2.0, -2.0], dtype), np.array([3.0, 3.0], dtype)
    for bad in (np.nan, np.inf):
        for name in WITH_PARAMETER:
            assert getattr(fastml, name)(x, bad)[0] == 2
            assert getattr(fastml, name + "_backward")(dy, x, bad)[0] == 3
            assert not np.isfinite(getattr(fastml, name)(x, bad)[1])


@pytest.mark.parametrize("name", WITH_PARAMETER + FROM_INPUT_WITH_PARAMETER)
def test_one_parameter_for_all(name, isa, dtype, rng, fastml):
    function, ufunc = getattr(fastml, name), getattr(fastml.ufuncs, name)
    inputs = [rng.standard_normal(70_000).astype(dtype) for _ in range(count_inputs(name) - 1)]
    for parameter in (0.3, 2, True, dtype.type(0.3)):
        expected = ufunc(*inputs, np.full_like(inputs[0], parameter))
        assert expected.dtype == dtype
        for n in (0, 1, 17, 70_000):
            some = [a[:n] for a in inputs]
            with silent():
                assert_same_bits(function(*some, parameter), expected[:n], n)
                assert_same_bits(function(*some, parameter, out=some[0].copy()), expected[:n], n)
                assert_same_bits(function(*(a[::-1] for a in some), parameter), expected[:n][::-1], n)
                assert_same_bits(ufunc(*some, dtype.type(parameter)), expected[:n], n)
    assert function(*inputs, np.float64(0.3)).dtype == np.float64  # NumPy's promotion: no weak scalar
    rows = [a.reshape(700, 100) for a in inputs]
    slopes = rng.uniform(0, 1, 100).astype(dtype)
    assert_same_bits(function(*rows, slopes), function(*rows, np.broadcast_to(slopes, (700, 100)).copy()))


def test_a_parameter_too_large_for_the_dtype(fastml):
    x = np.array([-1.0, 1.0], np.float32)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert fastml.leaky_relu(x, 1e300)[0] == -np.inf
    assert fastml.leaky_relu(x, float("inf"))[0] == -np.inf
    for bad in (1j, "text", None):
        with pytest.raises(TypeError):
            fastml.elu(x, bad)


@pytest.mark.parametrize("name", NEW_UNARY + WITH_PARAMETER)
def test_gradient_by_finite_differences_from_the_input(name, isa, rng, fastml):
    x, dy, h = rng.uniform(0.05, 6, 101) * rng.choice([-1, 1], 101), rng.standard_normal(101), 1e-5
    f, parameter = getattr(fastml, name), (0.3,) if name in WITH_PARAMETER else ()
    expected = dy * (f(x + h, *parameter) - f(x - h, *parameter)) / (2 * h)
    np.testing.assert_allclose(getattr(fastml, name + "_backward")(dy, x, *parameter), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.thread_unsafe(reason="sets mpmath's precision, which is the process's")
@pytest.mark.longdouble
def test_the_normal_distribution_of_the_oracle():
    mpmath = pytest.importorskip("mpmath")
    x = np.concatenate([np.linspace(-38, 8, 300), np.linspace(-2.5, 2.5, 100)])
    with mpmath.workdps(40):
        exact = np.array([mpmath.mpf(v) * mpmath.erfc(-mpmath.mpf(v) / mpmath.sqrt(2)) / 2 for v in x.tolist()])
    assert_ulp(reference.gelu(x.astype(np.longdouble)).astype(np.float64), exact, 0.55)
