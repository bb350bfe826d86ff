"""Properties of the functions along one axis: softmax, its logarithm, logsumexp, entropy, and the gradients."""

import numpy as np
import property_wrong as wrong
import pytest
import reference
import test_softmax
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, arrays, dtypes, lay, plain, shapes
from ulp import assert_ulp, bound_from_docstring, measurable, wide

ARRAYS = ("softmax", "log_softmax")
BACKWARDS = ("softmax_backward", "log_softmax_backward")
FUNCTIONS = (*ARRAYS, "logsumexp", "entropy", *BACKWARDS)
every_function = pytest.mark.parametrize("name", FUNCTIONS)
DATA = st.data()


def draw_call(draw, fastml, name, kind="any"):
    """x or dy and y, an axis, sometimes a mask that broadcasts and keepdims."""
    shape = draw(shapes(least=1))
    first = {"entropy": "p"}.get(name, "dy" if name in BACKWARDS else "x")
    values = {first: draw(arrays(shape, draw(dtypes()), kind))}
    if name in BACKWARDS:
        other = draw(dtypes() if kind == "any" else dtypes(FLOATS))
        values["y"] = draw(arrays(shape, other, "unit" if name == "softmax_backward" else kind))
        if kind != "any" and name == "log_softmax_backward":
            values["y"] = -np.abs(plain(values["y"]))
    values["axis"] = draw(st.integers(-len(shape), len(shape) - 1))
    call = Call(getattr(fastml, name), values, positional=len(values))
    if name in (*ARRAYS, "logsumexp") and draw(st.booleans()):
        own = tuple(1 if draw(st.integers(0, 4)) == 0 else n for n in shape)
        call.arguments["where"] = draw(arrays(own, np.dtype("?")))
    if name == "logsumexp":
        call.arguments["keepdims"] = draw(st.booleans())
    dtype = values[first].dtype.newbyteorder("=")
    if name not in ("logsumexp", "entropy"):
        call.out = shape, dtype if dtype.kind == "f" else np.dtype("f8")
        call.in_place = (first, "y") if name in BACKWARDS else (first,)
    return call


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    kind = "unit" if name == "entropy" else data.draw(st.sampled_from(["any", "finite", "tame"]))
    call = draw_call(data.draw, fastml, name, "tame" if name in BACKWARDS else kind)
    x, *rest = (plain(v) for v in list(call.arguments.values())[: call.positional])
    x = x if x.dtype.kind == "f" else x.astype("f8")
    if name == "logsumexp":
        call.arguments["keepdims"] = True
    result = np.asarray(results_of(call)[0])
    if not measurable(x.dtype):
        return
    axis = call.arguments["axis"]
    if name in BACKWARDS:
        y = rest[0].astype(x.dtype)
        exact = getattr(reference, name)(wide(x), wide(y), axis)
        assert (result.dtype, result.shape) == (x.dtype, exact.shape)
        size = np.abs(wide(y)) if name == "softmax_backward" else np.exp(wide(y))
        with np.errstate(all="ignore"):
            size = size * np.abs(wide(x)).sum(axis=axis, keepdims=True) + np.abs(wide(x)) * (name != "softmax_backward")
            allowed = 4 * np.finfo(x.dtype).eps * size + np.finfo(x.dtype).smallest_subnormal
            beyond = np.abs(exact) > np.finfo(x.dtype).max * (1 - np.finfo(x.dtype).eps)
            assert (beyond | (np.abs(result - exact) <= allowed)).all()
    elif name == "entropy":
        exact = reference.entropy(wide(x), axis)
        assert result.dtype == (x.dtype if x.ndim > 1 else np.float64)
        assert_ulp(result.astype(x.dtype), exact, bound_from_docstring(fastml.entropy, x.dtype))
    else:
        assert result.dtype == x.dtype
        where = call.arguments.get("where")
        test_softmax.assert_within_promise(fastml, name, x, result, axis, where=None if where is None else plain(where))


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    same_bits_in_every_layout(draw_call(data.draw, fastml, name), data, any_nan=True)  # of inf - inf, 0 * inf, log(-1)


@every_function
@properties
@given(data=DATA)
def test_a_result_depends_on_its_slice_alone(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    call.arguments.pop("where", None)
    values = [plain(v) for v in list(call.arguments.values())[: call.positional - 1]]
    axis, ndim = call.arguments["axis"], values[0].ndim
    whole = np.asarray(results_of(call)[0])
    if (name == "logsumexp" and not call.arguments["keepdims"]) or name == "entropy":
        whole = np.expand_dims(whole, axis)
    others = [n for k, n in enumerate(values[0].shape) if k != axis % ndim]
    if not all(others):
        return
    place = [data.draw(st.integers(0, n - 1)) for n in others]
    one = tuple(np.moveaxis(v, axis, -1)[tuple(place)] for v in values)
    result = np.atleast_1d(np.asarray(call.function(*one)))
    np.testing.assert_array_equal(np.moveaxis(whole, axis, -1)[tuple(place)], result)


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    shape, dtype = data.draw(shapes(least=1)), np.dtype(data.draw(st.sampled_from(FLOATS)))
    call = draw_call(data.draw, fastml, name)
    first = next(iter(call.arguments))
    x = data.draw(arrays(shape, dtype))
    call.arguments.update({first: x, "axis": -1})
    call.wrong = {first: wrong.not_real(x), "axis": wrong.axes(len(shape), None, [0], (0,))}
    if name in BACKWARDS:
        call.arguments["y"] = data.draw(arrays(shape, dtype))
        call.wrong["y"] = wrong.not_like(call.arguments["y"])
    elif name != "entropy":
        call.arguments["where"] = np.ones(shape, bool)
        fits = [np.ones(shape, t) for t in ("u1", "f8", "O")] + [np.ma.array(np.ones(shape, bool)), "x", object(), 1]
        call.wrong["where"] = [*fits, np.ones((*shape, 2), bool), np.ones((2, *shape[1:], 3, 4, 5), bool)]
        call.wrong["where"] += [np.ones([n + 2 for n in shape], bool)]
    if call.out is not None:
        call.arguments["out"], call.written = (
            lay(np.random.default_rng(0), np.full(shape, 7, dtype), "strided"),
            ("out",),
        )
        call.wrong["out"] = wrong.outs(shape, dtype, [(x, first)])
    refuses(call, data)


def test_every_function_is_here(fastml):
    assert set(FUNCTIONS) == set(fastml.softmax_family.__all__)
