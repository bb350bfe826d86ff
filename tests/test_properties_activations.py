"""Properties of the element-wise functions, forward and backward, over arrays of every kind."""

import numpy as np
import pytest
import reference
from elementwise_cases import EVERY, FROM_OUTPUT, UNARY, WITHOUT_GRADIENT, assert_within_promise, count_inputs
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, WITHOUT_MATRIX, arrays, dtypes, plain, shapes
from ulp import measurable

every_function = pytest.mark.parametrize("name", EVERY)
DATA = st.data()
LETTERS = "abc"


def draw_call(draw, fastml, name, kind="any"):
    """Inputs of one shape, or that broadcast to it, of any dtypes; a parameter may be a number."""
    shape = draw(shapes(most=3))
    same = draw(st.booleans())
    dtype = draw(dtypes())
    inputs = {}
    for k in range(count_inputs(name)):
        own = tuple(1 if not same and n and draw(st.integers(0, 4)) == 0 else n for n in shape) if k else shape
        own = own[draw(st.integers(0, len(own))) if k and not same and draw(st.booleans()) else 0 :]
        x = draw(arrays(own, dtype if same else draw(dtypes()), kind, WITHOUT_MATRIX))
        inputs[LETTERS[k]] = x
    if name in FROM_OUTPUT and kind != "any":
        y = getattr(reference, name.removesuffix("_backward"))(inputs["b"])
        inputs["b"] = y.astype(np.result_type(inputs["b"].dtype, np.float16))
    parameter = count_inputs(name) == 3 or (name not in FROM_OUTPUT and name not in UNARY and not name.endswith("ard"))
    if parameter and draw(st.booleans()):
        inputs[LETTERS[len(inputs) - 1]] = draw(st.sampled_from([0, 1, 0.25, 0.1, -1.5, 3, True]))
    return Call(getattr(fastml, name), inputs, positional=len(inputs))


def promoted(values):
    """The dtype that the function computes in; bool and integers count as float64, Python's numbers not at all."""
    kinds = [
        v.dtype.newbyteorder("=") if v.dtype.kind == "f" else np.dtype("f8") for v in values if hasattr(v, "dtype")
    ]
    return np.result_type(*kinds)


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, data.draw(st.sampled_from(["finite", "tame"])))
    (result,) = results_of(call)
    values = list(call.arguments.values())
    dtype = promoted(values)
    arrays = np.broadcast_arrays(*(np.asarray(plain(v)).astype(dtype) for v in values))
    result = np.asarray(result)
    assert (result.dtype, result.shape) == (dtype, arrays[0].shape)
    if name == "elu_backward":
        arrays, result = where_the_product_is_ordinary(arrays, result)
    if measurable(dtype):
        assert_within_promise(fastml, name, arrays, result)


def where_the_product_is_ordinary(arrays, result):
    """The elements for which elu_backward promises its accuracy."""
    dy, x, alpha = arrays
    with np.errstate(all="ignore"):
        product, info = np.abs(dy * alpha), np.finfo(dy.dtype)
    kept = (x > 0) | (product == 0) & ((dy == 0) | (alpha == 0)) | (product >= info.tiny) & (product <= info.max)
    return [v[kept] for v in arrays], result[kept]


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    shape = np.broadcast_shapes(*(np.shape(v) for v in call.arguments.values()))
    call.out = shape, promoted(call.arguments.values())
    call.in_place = tuple(call.arguments)
    same_bits_in_every_layout(call, data, any_nan=len(call.arguments) > 1)  # of two NaNs the compiler chooses


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    shape, dtype = data.draw(shapes(most=3)), np.dtype(data.draw(st.sampled_from(FLOATS)))
    x = {LETTERS[k]: data.draw(arrays(shape, dtype, layouts=WITHOUT_MATRIX)) for k in range(count_inputs(name))}
    call = Call(getattr(fastml, name), {**x, "out": np.full(shape, 7, dtype)}, positional=len(x), written=("out",))
    no = ("c8", "c16", "O", "U3", "M8[s]")
    with np.errstate(all="ignore"):
        call.wrong = {letter: [plain(x[letter]).astype(t) for t in no] + [object(), "text"] for letter in x}
    frozen = np.zeros(shape, dtype)
    frozen.flags.writeable = False
    narrower = [np.zeros(shape, d) for d in ("i4", "?")]
    if shape and min(shape) > 0 and max(shape) > 1:  # a larger out is broadcast to, as by NumPy
        narrower += [np.zeros([n - (n > 1) for n in shape], dtype), np.zeros([n + (n > 1) for n in shape], dtype)]
    call.wrong["out"] = [*narrower, frozen, [0.0], "out", (frozen,), ()]
    call.wrong["where"] = [np.ones((2, 3, 7, 11), bool)]
    call.wrong["casting"] = ["most", 3]
    call.wrong["dtype"] = ["i4", "c8", "nonsense", "U3"]
    call.wrong["order"] = ["Z"]
    call.wrong["nonsense"] = [1]
    refuses(call, data, any_message=True)


def test_every_function_is_here(fastml):
    assert set(EVERY) - set(WITHOUT_GRADIENT) == set(fastml.activations.__all__)
