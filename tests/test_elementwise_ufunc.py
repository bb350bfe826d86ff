"""Element-wise functions behave as NumPy ufuncs: out, where, dtype, casting, broadcasting, scalars, subclasses."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from elementwise_cases import BACKWARD, EVERY, count_inputs
from ulp import assert_ulp, wide


@pytest.fixture(params=EVERY)
def name(request):
    return request.param


@pytest.fixture
def function(name, fastml):
    return getattr(fastml, name)


@pytest.fixture
def inputs(name, dtype, rng):
    return inputs_of(name, dtype, rng)


def inputs_of(name, dtype, rng, shape=(4, 5)):
    return tuple(rng.uniform(-1, 1, shape).astype(dtype) for _ in range(count_inputs(name)))


def test_out_is_returned(function, inputs):
    expected, out = function(*inputs), np.empty((4, 5), inputs[0].dtype)
    assert function(*inputs, out=out) is out
    assert_same_bits(out, expected)
    assert function(*inputs, out=(out,)) is out
    assert function(*inputs, out) is out


@pytest.mark.thread_unsafe(reason="writes to what a fixture made, which all threads share")
@pytest.mark.parametrize("position", [0, -1])
def test_out_may_be_an_input(function, inputs, position):
    expected = function(*inputs)
    assert function(*inputs, out=inputs[position]) is inputs[position]
    assert_same_bits(inputs[position], expected)


@pytest.mark.parametrize("distance", [1, 3, -1, -7])
def test_out_may_overlap_an_input_in_part(name, function, dtype, rng, distance):
    buffer = rng.uniform(-1, 1, 100).astype(dtype)
    x, out = (buffer[:-distance], buffer[distance:]) if distance > 0 else (buffer[-distance:], buffer[:distance])
    rest = inputs_of(name, dtype, rng, x.shape)[1:]
    expected = function(x.copy(), *rest)
    assert function(x, *rest, out=out) is out
    assert_same_bits(out, expected)


def test_out_of_another_layout(function, inputs):
    expected = function(*inputs)
    swapped = expected.dtype.newbyteorder()
    for out in (
        np.empty((4, 5), expected.dtype, "F"),
        np.empty((4, 10), expected.dtype)[:, ::2],
        np.empty((4, 5), swapped),
    ):
        assert function(*inputs, out=out) is out
        np.testing.assert_array_equal(out, expected)


def test_a_wider_out_is_filled(function, inputs):
    out = np.empty((4, 5), np.float64)
    assert function(*inputs, out=out) is out
    np.testing.assert_array_equal(out, function(*inputs).astype(np.float64))


def test_wrong_out(function, inputs):
    x = inputs[0].copy()
    read_only = np.empty_like(x)
    read_only.flags.writeable = False
    with pytest.raises(TypeError):
        function(*inputs, out=np.empty((4, 5), np.int64))
    with pytest.raises(ValueError, match="shape"):
        function(*inputs, out=np.empty((5, 4), x.dtype))
    with pytest.raises(ValueError, match="read-only"):
        function(*inputs, out=read_only)
    with pytest.raises(TypeError):
        function(*inputs, out=[0.0])
    assert_same_bits(inputs[0], x)


def test_where(function, inputs):
    mask, out = np.arange(20).reshape(4, 5) % 3 == 0, np.full((4, 5), 9, inputs[0].dtype)
    assert function(*inputs, out=out, where=mask) is out
    assert_same_bits(out[mask], function(*inputs)[mask])
    assert np.all(out[~mask] == 9)
    out[...] = 9
    function(*inputs, out=out, where=mask[0])
    assert np.all(out[:, ~mask[0]] == 9)
    assert np.all(out[:, mask[0]] != 9)


def test_dtype_and_casting(function, inputs):
    wider = function(*inputs, dtype=np.float64)
    assert_same_bits(wider, function(*(x.astype(np.float64) for x in inputs)))
    wide_inputs = [x.astype(np.float64) for x in inputs]
    assert function(*wide_inputs, dtype=np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="safe"):
        function(*wide_inputs, dtype=np.float32, casting="safe")


@pytest.mark.parametrize("code", "?bBhHiIlLqQ")
def test_integers_and_bool_become_float64(name, function, code):
    x = np.array([[0, 1], [1, 0]]).astype(code)
    arguments = (x,) * count_inputs(name)
    result = function(*arguments)
    assert result.dtype == np.float64
    assert_ulp(result, getattr(reference, name)(*map(wide, arguments)), 3)
    scalar = function(*(a[0, 1] for a in arguments))
    assert isinstance(scalar, np.float64)
    assert scalar == result[0, 1]


def test_lists_and_python_numbers(name, function):
    n = count_inputs(name)
    assert_same_bits(function(*[[0.25, 0.5]] * n), function(*[np.array([0.25, 0.5])] * n))
    assert_same_bits(function(*[[0, 1]] * n), function(*[np.array([0.0, 1.0])] * n))
    for one in (1, 1.0, True):
        assert isinstance(function(*[one] * n), np.float64)
    assert function(*[[]] * n).shape == (0,)


def test_zero_dimensions_give_scalars(function, inputs, dtype):
    expected = function(*inputs)[0, 0]
    assert isinstance(expected, dtype.type)
    for result in (function(*(x[0, 0] for x in inputs)), function(*(np.array(x[0, 0]) for x in inputs))):
        assert isinstance(result, dtype.type)
        np.testing.assert_array_equal(result, expected)
    out = np.empty((), dtype)
    assert function(*(x[0, 0] for x in inputs), out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_float_types_are_kept_and_mixed_as_in_numpy(fastml):
    x = {code: np.array([0.25, 0.5], code) for code in "efd"}
    for one in x.values():
        assert fastml.sigmoid(one).dtype == one.dtype
        assert fastml.sigmoid(one.astype(one.dtype.newbyteorder())).dtype == one.dtype
        for other in x.values():
            assert fastml.sigmoid_backward(one, other).dtype == np.result_type(one, other)
        assert fastml.sigmoid_backward(one, 0.5).dtype == one.dtype  # a Python number is weak


@pytest.mark.parametrize("name", [name for name in BACKWARD if count_inputs(name) == 2])
def test_broadcasting(name, function, rng, dtype):
    dy, y = rng.uniform(0, 1, (3, 1)).astype(dtype), rng.uniform(0, 1, 4).astype(dtype)
    full = function(*(np.ascontiguousarray(a) for a in np.broadcast_arrays(dy, y)))
    assert_same_bits(function(dy, y), full)
    assert_same_bits(function(dy, np.broadcast_to(y, (3, 4))), full)
    with pytest.raises(ValueError, match="broadcast"):
        function(dy, rng.uniform(0, 1, (2, 5)).astype(dtype))


@pytest.mark.parametrize("bad", [1j, "text", [1j], None])
def test_what_is_no_real_number_is_a_type_error(name, function, bad):
    with pytest.raises(TypeError):
        function(*[bad] * count_inputs(name))


def test_wrong_calls(function, inputs):
    with pytest.raises(TypeError):
        function()
    with pytest.raises(TypeError):
        function(*inputs, unknown=1)
    with pytest.raises(TypeError):
        function(*inputs, *inputs, *inputs)


def test_order_is_numpy_s(function, inputs):
    assert function(*inputs).flags.c_contiguous
    assert function(*map(np.asfortranarray, inputs)).flags.f_contiguous
    assert function(*inputs, order="F").flags.f_contiguous
    three = [np.repeat(x[..., None], 3, axis=2).transpose(2, 0, 1) for x in inputs]
    assert_same_bits(function(*three), function(*map(np.ascontiguousarray, three)))


class Tagged(np.ndarray):
    """A subclass with nothing of its own."""


class Duck:
    """Records the ufunc that reaches it."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return ufunc, method


def test_subclasses_are_kept(function, inputs):
    tagged = [x.view(Tagged) for x in inputs]
    assert type(function(*tagged)) is Tagged
    assert type(function(*tagged, subok=False)) is np.ndarray
    assert_same_bits(np.asarray(function(*tagged)), function(*inputs))
    masked = function(*(np.ma.array(x, mask=x < 0) for x in inputs))
    assert isinstance(masked, np.ma.MaskedArray)
    assert masked.mask.any()


def test_array_ufunc_takes_over(name, function, inputs, fastml):
    ufunc = getattr(fastml.ufuncs, name)
    assert function(Duck(), *inputs[1:]) == (ufunc, "__call__")
    assert function(*inputs[:-1], Duck()) == (ufunc, "__call__")
    assert function(*inputs, out=Duck()) == (ufunc, "__call__")

    class Refuses:
        __array_ufunc__ = None

    with pytest.raises(TypeError):
        function(*inputs[:-1], Refuses())


def test_the_ufunc_itself(name, function, inputs, fastml, dtype):
    ufunc, n = getattr(fastml.ufuncs, name), len(inputs)
    assert isinstance(ufunc, np.ufunc)
    assert (ufunc.__name__, ufunc.nin, ufunc.nout) == (name, n, 1)
    assert ufunc.types == [c * n + "->" + c for c in "efd"]
    assert "Max error" in ufunc.__doc__
    with silent():
        assert_same_bits(ufunc(*inputs), function(*inputs))
    if n == 1:
        x = inputs[0][0].copy()
        ufunc.at(x, [0, 2])
        assert_same_bits(x[[0, 2]], function(inputs[0][0])[[0, 2]])
        assert_same_bits(x[[1, 3]], inputs[0][0][[1, 3]])
    elif n == 2:
        outer = ufunc.outer(inputs[0][0], inputs[1][0])
        assert_same_bits(outer, function(inputs[0][0][:, None], inputs[1][0]))


def test_the_chosen_instruction_set_is_one_this_machine_has(fastml):
    from fastml import _fastml_runtime as runtime

    assert runtime.isa() in runtime.available_isas()
    assert "base" in runtime.available_isas()
    with pytest.raises(ValueError, match="sse9"):
        runtime.use_isa("sse9")
