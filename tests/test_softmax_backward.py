"""softmax_backward, log_softmax_backward and entropy: parity with the oracle, bits, gradients, arguments."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from ulp import assert_ulp, bound_from_docstring, wide

BACKWARDS = ("softmax_backward", "log_softmax_backward")
WIDTHS = (1, 2, 3, 8, 10, 17, 31, 33, 64, 65, 100, 129, 257, 1000)
every_backward = pytest.mark.parametrize("name", BACKWARDS)
every_width = pytest.mark.parametrize("C", WIDTHS)
R = 15


def output_of(name, x, axis=-1):
    """The forward function's output that the backward takes."""
    forward = reference.softmax if name == "softmax_backward" else reference.log_softmax
    return forward(x.astype(np.float64), axis).astype(x.dtype)


def problem(rng, name, dtype, C):
    x = (rng.standard_normal((R, C)) * np.resize([0.1, 1.0, 5.0, 20.0], R)[:, None]).astype(dtype)
    return rng.standard_normal((R, C)).astype(dtype), output_of(name, x)


def layouts(dy, y):
    """Yield (what, dy, y, axis): the same rows in every layout."""
    cube = (3, 5, dy.shape[1])
    yield "C", dy, y, 1
    yield "F", np.asfortranarray(dy), np.asfortranarray(y), -1
    yield "mixed", dy, np.asfortranarray(y), 1
    yield "axis 0", np.ascontiguousarray(dy.T), np.ascontiguousarray(y.T), 0
    yield "middle", *(np.ascontiguousarray(a.reshape(cube).transpose(0, 2, 1)) for a in (dy, y)), 1
    yield "strided", np.repeat(dy, 3, axis=1)[:, ::3], np.repeat(y, 2, axis=1)[:, ::2], 1
    yield "negative strides", *(a[::-1, ::-1].copy()[::-1, ::-1] for a in (dy, y)), 1
    yield "byte-swapped", dy.astype(dy.dtype.newbyteorder()), y.astype(y.dtype.newbyteorder()), 1


@every_width
@every_backward
def test_backward_equals_the_oracle_in_every_layout(name, C, isa, dtype, rng, fastml):
    dy, y = problem(rng, name, dtype, C)
    exact = getattr(reference, name)(wide(dy), wide(y))
    # what is added up or multiplied, at its largest: the sum may cancel
    size = np.abs(wide(y)) if name == "softmax_backward" else np.exp(wide(y))
    size = size * np.abs(wide(dy)).sum(axis=1, keepdims=True) + np.abs(wide(dy)) * (name != "softmax_backward")
    allowed = 4 * np.finfo(dtype).eps * size + np.finfo(dtype).smallest_subnormal
    first = None
    for what, a, b, axis in layouts(dy, y):
        with silent():
            result = getattr(fastml, name)(a, b, axis)
        rows = np.moveaxis(result, axis, -1).reshape(R, C)
        assert result.dtype == dtype, what
        assert (np.abs(rows - exact) <= allowed).all(), what
        first = rows if first is None else first
        assert_same_bits(rows, first)


@every_width
def test_entropy_equals_the_oracle_in_every_layout(C, isa, dtype, rng, fastml):
    _, p = problem(rng, "softmax_backward", dtype, C)
    bound = bound_from_docstring(fastml.entropy, dtype)
    first = None
    for _, _, b, axis in layouts(p, p):
        with silent():
            result = fastml.entropy(b, axis).reshape(R)
        assert_ulp(result, reference.entropy(wide(p)), bound)
        first = result if first is None else first
        assert_same_bits(result, first)


@every_backward
def test_out_may_be_either_input(name, isa, dtype, rng, fastml):
    dy, y = problem(rng, name, dtype, 70)
    expected = getattr(fastml, name)(dy, y)
    for which in (0, 1):
        inputs = [dy.copy(), y.copy()]
        assert getattr(fastml, name)(*inputs, out=inputs[which]) is inputs[which]
        assert_same_bits(inputs[which], expected)


@every_backward
def test_bits_do_not_depend_on_threads(name, isa, dtype, rng, fastml):
    dy = rng.standard_normal((3000, 200)).astype(dtype)
    y = output_of(name, dy)
    for axis in (0, 1):
        results = []
        for threads in (1, 2, 4):
            with fastml.num_threads(threads):
                results.append(getattr(fastml, name)(dy, y, axis))
        assert_same_bits(results[1], results[0])
        assert_same_bits(results[2], results[0])


@every_backward
def test_gradient_by_finite_differences(name, rng, fastml):
    forward = getattr(fastml, name.removesuffix("_backward"))
    x, dy, step = rng.standard_normal((4, 7)), rng.standard_normal((4, 7)), 1e-6
    gradient = getattr(fastml, name)(dy, forward(x))
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        slope = (dy * (forward(up) - forward(down))).sum() / (2 * step)
        assert abs(gradient[index] - slope) < 1e-8


def test_edges_of_entropy(isa, dtype, fastml):
    p = np.array([[0, 1], [0, 0], [np.nan, 1], [-1, 1], [np.inf, 0]], dtype)
    with silent():
        np.testing.assert_array_equal(fastml.entropy(p), np.array([0, 0, np.nan, np.nan, -np.inf], dtype))
    tiny = np.array([np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny], dtype)
    assert_ulp(np.asarray(fastml.entropy(tiny), dtype), reference.entropy(wide(tiny)), 4)


def test_empty(dtype, fastml):
    nothing = np.zeros((0, 3), dtype)
    assert fastml.softmax_backward(nothing, nothing).shape == (0, 3)
    assert fastml.log_softmax_backward(nothing.T, nothing.T).shape == (3, 0)
    np.testing.assert_array_equal(fastml.entropy(nothing.T), np.zeros(3, dtype))


@every_backward
def test_errors_name_the_argument_and_leave_out_alone(name, fastml):
    function, dy, out = getattr(fastml, name), np.ones((2, 3)), np.full((2, 3), 7.0)
    for arguments, keywords, error, text in (
        ((dy, np.ones((3, 2))), {}, ValueError, r"y: expected the shape of dy, \(2, 3\), got \(3, 2\)"),
        ((dy * 1j, dy), {}, TypeError, "dy: expected float16, float32, float64 or integers, got dtype complex128"),
        ((dy, dy * 1j), {}, TypeError, "y: expected float16"),
        ((dy, dy), {"out": out[:1]}, ValueError, r"out: expected shape \(2, 3\), got \(1, 3\)"),
        ((dy, dy), {"out": out.astype(np.float32)}, TypeError, "out: expected dtype float64, got float32"),
        ((dy, dy, 2), {}, np.exceptions.AxisError, "axis 2"),
    ):
        with pytest.raises(error, match=text):
            function(*arguments, **({"out": out} | keywords))
        assert (out == 7.0).all()


def test_reductions_of_the_ufuncs(isa, dtype, fastml):
    function = fastml.ufuncs.sigmoid_backward
    x = np.linspace(0.1, 0.9, 600).astype(dtype)
    running = [x[0]]
    for value in x[1:]:
        running.append(function(running[-1], value))
    assert_same_bits(function.accumulate(x), np.array(running, dtype))
    assert function.reduce(x) == running[-1]


@every_backward
def test_y_beyond_the_range_of_dy(name, fastml):
    dy, y = np.ones(2, np.float32), np.array([1e300, 1e-300])
    with silent():
        result = getattr(fastml, name)(dy, y)
    with np.errstate(all="ignore"):
        expected = getattr(fastml, name)(dy, y.astype(np.float32))
    assert_same_bits(result, expected)


@pytest.mark.parametrize("shape", [(5, 1, 8), (5, 40), (5, 3, 70)])
def test_an_axis_without_entries(shape, isa, dtype, fastml):
    """An empty part of an array keeps the strides of the whole."""
    x = np.full(shape, 0.5, dtype)[:0]
    for _ in range(5):
        kept = [np.full(shape[1:], 7, dtype) for _ in range(9)]  # memory that is not 0, for the results to lie in
        del kept
        np.testing.assert_array_equal(fastml.entropy(x, 0), np.zeros(shape[1:], dtype))
        np.testing.assert_array_equal(fastml.logsumexp(x, 0), np.full(shape[1:], -np.inf, dtype))
