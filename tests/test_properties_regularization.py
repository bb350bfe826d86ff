"""Properties of dropout, noise and penalties (soft_threshold: with the activations), and of EarlyStopping."""

import numpy as np
import property_wrong as wrong
import pytest
import reference
import reference_random
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, WRITEABLE, arrays, dtypes, lay, plain, shapes
from ulp import assert_ulp, bound_from_docstring, measurable, wide

RANDOM = ("dropout", "dropout_backward", "gaussian_noise")
PENALTIES = ("l1_penalty", "l2_penalty")
FUNCTIONS = (*RANDOM, *PENALTIES)
every_function = pytest.mark.parametrize("name", FUNCTIONS)
DATA = st.data()
KEYS = st.sampled_from([0, 1, 2**64 - 1, 2**63, 12345678901234567890, np.uint64(7), np.int8(3)])
SHARES = st.sampled_from([0, 0.0, 0.5, 0.25, 0.999, 1e-9, np.float32(0.125)])


def draw_call(draw, fastml, name, kind="any"):
    """x, a share, a strength or a standard deviation, and the numbers that decide what is drawn."""
    shape = draw(shapes())
    dtype = draw(dtypes() if kind == "any" else dtypes(FLOATS))
    first = {"dropout_backward": "dy"}.get(name, "w" if name in PENALTIES else "x")
    values = {first: draw(arrays(shape, dtype, kind))}
    kept = dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype("f8")
    call = Call(getattr(fastml, name), values, out=(shape, kept), in_place=(first,))
    seed = draw(st.sampled_from([0, 1, 2**70, np.int64(5)]))
    if name == "dropout":
        values.update(p=draw(SHARES), rng=seed, training=draw(st.sampled_from([True, True, False])), return_key=True)
    elif name == "dropout_backward":
        values.update(p=draw(SHARES), key=draw(st.one_of(KEYS, st.none())))
    elif name == "gaussian_noise":
        values.update(std=draw(st.sampled_from([0, 1, 0.5, 2.0**-10, np.float32(8)])), rng=seed)
    else:
        values.update(strength=draw(st.sampled_from([0, 1, 0.25, 2.0**-20, np.float32(3)])), return_grad=True)
        call.out_at, call.in_place = 1, ()
    return call


def kept_by(values, key, shape):
    """Which elements dropout keeps."""
    p = float(values["p"])
    return np.ones(shape, bool) if p == 0 or key is None else reference_random.keep_mask(int(key), p, shape)


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, data.draw(st.sampled_from(["finite", "tame"])))
    values = call.plain()
    x = next(iter(values.values()))
    results = results_of(call)
    computes = np.float32 if x.dtype == np.float16 else x.dtype.type
    if not measurable(x.dtype):
        return
    if name in PENALTIES:
        strength = wide(computes(values["strength"]))
        value, grad = getattr(reference, name)(wide(x), strength, return_grad=True)
        assert type(results[0]) is np.float64
        if 1e-290 < float(value) < 1e300 * min(float(strength), 1):  # the sum is float64 before it is multiplied
            np.testing.assert_allclose(results[0], float(value), rtol=1e-13)
        assert_ulp(results[1], grad, bound_from_docstring(call.function, x.dtype))
        return
    if name == "gaussian_noise":
        key = int(np.random.default_rng(values["rng"]).bit_generator.random_raw())
        normals = reference_random.normals(key, x.size, x.dtype == np.float64).reshape(x.shape)
        exact = wide(x) + wide(computes(values["std"])) * normals.astype(wide(x).dtype)
        size, info = np.abs(wide(x)) + 9 * float(values["std"]), np.finfo(x.dtype)
        overflown = np.where(np.abs(exact) > info.max, np.copysign(np.inf, exact), np.nan)
        near = np.abs(results[0] - exact) <= 4 * info.eps * size + info.tiny
        assert (near | (results[0] == overflown)).all()
        return
    key = values.get("key", results[1] if len(results) > 1 else None)
    keep = kept_by(values, key, x.shape)
    exact = np.where(keep, wide(x) / (1 - wide(np.float64(values["p"])) if key is not None else 1), 0)
    assert_ulp(results[0], exact, bound_from_docstring(call.function, x.dtype))


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    same_bits_in_every_layout(call, data)
    if name in PENALTIES:
        shape, dtype = call.out
        held = data.draw(arrays(shape, dtype, "tame", WRITEABLE))
        own = lay(np.random.default_rng(1), plain(held), "C")
        results = results_of(call, out=held, accumulate=True)
        np.testing.assert_array_equal(results[1], results_of(call, out=own, accumulate=True)[1])


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    values, (shape, dtype) = call.arguments, call.out
    first = next(iter(values))
    x = values[first] = plain(values[first]).astype(dtype)
    out = values["out"] = lay(np.random.default_rng(0), np.full(shape, 7, dtype), "negative")
    call.written = ("out",)
    call.wrong = {first: wrong.not_real(x), "out": wrong.outs(shape, dtype, [(x, first)])}
    if "p" in values:
        call.wrong["p"] = wrong.not_finite(1, 1.0, -1e-9, 2, 10**400, True)
    if "rng" in values:
        call.wrong["rng"] = wrong.RNGS
    if "key" in values:
        call.wrong["key"] = [-1, 2**64, 1.0, "1", True, [1], object(), np.array([1, 2]), np.nan]
    if "std" in values:
        call.wrong["std"] = wrong.not_finite(-1e-30, -1, 10**400, True)
    if "strength" in values:
        call.wrong["strength"] = wrong.not_finite(-1e-30, -1, 10**400, True)
        call.wrong["out"] += [wrong.Together(out=out, return_grad=False)]
        call.wrong["out"] += [wrong.Together({first: out, "out": out})] if out.size else []
        call.wrong["accumulate"] = [wrong.Together(accumulate=True, out=None)]
        call.wrong["accumulate"] += [wrong.Together(accumulate=True, out=None, return_grad=False)]
    refuses(call, data)


@properties
@given(data=DATA)
def test_a_generator_does_not_move_where_an_argument_is_wrong(fastml, data):
    rng = np.random.default_rng(0)
    calls = [("dropout", {"p": 2}), ("gaussian_noise", {"std": -1}), ("gaussian_noise", {"std": 1, "out": 1})]
    name, more = data.draw(st.sampled_from([*calls, ("dropout", {"out": 1})]))
    with pytest.raises((TypeError, ValueError)):
        getattr(fastml, name)(np.ones(3), rng=rng, **more)
    assert rng.random() == np.random.default_rng(0).random()


# EarlyStopping: with the naive reading it agrees in test_early_stopping.py.


@properties
@given(data=DATA)
def test_early_stopping_refuses_what_is_wrong(fastml, data):
    call = Call(fastml.EarlyStopping, {"patience": 2, "min_delta": 0.0, "mode": "min", "restore_best": True}, 0)
    whole = [0, -1, 1.0, "1", None, True, [1], object(), np.nan, 1j]
    call.wrong = {
        "patience": whole,
        "min_delta": wrong.not_finite(-1e-9, 10**400, True),
        "mode": ["most", None, 1, b"min", ["min"], np.ones(2)],
        "restore_best": [1, 0, None, "yes", object(), np.ones(2)],
    }
    refuses(call, data)


@properties
@given(data=DATA)
def test_updates_that_are_wrong_change_nothing(fastml, data):
    stopping = fastml.EarlyStopping(patience=2)
    w = {"a": data.draw(arrays((3,), np.dtype("f4"), layouts=WRITEABLE)), "b": np.ones(2)}
    for value in data.draw(st.lists(st.sampled_from([1.0, 0.5, np.nan, 2.0]), max_size=3)):
        stopping.update(value, w)
    before = stopping.state_dict()
    frozen = np.ones(2)
    frozen.flags.writeable = False
    call = Call(stopping.update, {"value": 0.25, "params": w}, 1)
    call.wrong = {"value": wrong.numbers(True, np.ones((1, 1)), 10**400)}
    call.wrong["params"] = ["text", 1, [1.0], {"a": [1.0]}, object(), {**w, "b": frozen}]
    if stopping.best_params is not None:
        call.wrong["params"] += [{"a": w["a"]}, [w["a"], w["b"]], {**w, "b": np.ones(3)}, {**w, "b": np.ones(2, "f4")}]
    refuses(call, data)
    state = Call(stopping.load_state_dict, {"state": before}, 1)
    other = {"mode": ["max", None], "step": [-1, 1.5, None, True], "waited": [-1, "0"], "best_params": [3, [1.0], "x"]}
    other["best"] = [np.nan, "1", [1.0], True]
    broken = [{**before, key: bad} for key, values in other.items() for bad in values]
    state.wrong = {"state": [*broken, {}, {**before, "more": 1}, None, [1], "text", 5]}
    refuses(state, data)
    after = stopping.state_dict()
    np.testing.assert_equal(after, before)


def test_every_function_is_here(fastml):
    named = set(fastml.noise.__all__) | set(fastml.regularization.__all__) - {"soft_threshold"}
    assert set(FUNCTIONS) == named
