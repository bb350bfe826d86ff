"""Properties of the optimizer steps: parameters and state of any layout, updated in place."""

import numpy as np
import property_wrong as wrong
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import WIDE, WRITEABLE, arrays, dtypes, plain, shapes
from ulp import in_unit_of, measurable, wide

FUNCTIONS = ("sgd_step", "adam_step")
every_function = pytest.mark.parametrize("name", FUNCTIONS)
DATA = st.data()
RATES = st.sampled_from([0, 1, 0.5, 2.0**-10, np.float32(0.25), 0.1])
STAYS = st.sampled_from([0, 0.0, 0.5, 0.875, np.float32(0.25)])


def draw_call(draw, fastml, name, kind="any"):
    """Parameters, a gradient of any real dtype and layout, the state, and the numbers."""
    shape, dtype = draw(shapes()), np.dtype(draw(st.sampled_from(WIDE)))
    state = {"sgd_step": ("velocity",), "adam_step": ("m", "v")}[name]
    values = {
        "param": draw(arrays(shape, dtype, kind, WRITEABLE)),
        "grad": draw(arrays(shape, draw(dtypes()) if kind == "any" else dtype, kind)),
    }
    given = {key: draw(arrays(shape, dtype, "unit" if key == "v" else kind, WRITEABLE)) for key in state}
    if name == "adam_step":
        values.update(given, step=draw(st.sampled_from([1, 2, 10, 1000, 2**40, np.int32(3)])), lr=draw(RATES))
        options = {"beta1": STAYS, "beta2": STAYS, "weight_decay": RATES, "eps": st.sampled_from([1e-8, 1, 0.5])}
        positional = 5
    else:
        values["lr"] = draw(RATES)
        options = {"l1": RATES, "l2": RATES}
        if draw(st.booleans()):
            values.update(given)
            options |= {"momentum": STAYS, "nesterov": st.booleans()}
        positional = 3
    values |= {key: draw(what) for key, what in options.items() if draw(st.booleans())}
    if values.get("nesterov") and not values.get("momentum"):
        values["momentum"] = 0.5
    return Call(getattr(fastml, name), values, positional, ("param", *(key for key in state if key in values)))


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, "tame")
    values = call.plain()
    dtype = values["param"].dtype
    if not measurable(dtype):
        return
    numbers = {k: v if k in ("step", "nesterov") else wide(np.asarray(v)).astype(wide(values["param"]).dtype)
               for k, v in values.items()}  # fmt: skip
    if name == "adam_step":  # 1 - beta ** step, in float64, would be the oracle's own error
        numbers["step"] = int(numbers["step"])
        kind = wide(values["param"]).dtype.type
        numbers = {"beta1": kind(0.9), "beta2": kind(0.999), "eps": kind(1e-8)} | numbers
    exact = getattr(reference, name)(**numbers)
    results = results_of(call)
    got = dict(zip(call.written, results[-len(call.written) :], strict=True))
    right = dict(zip(("param", "m", "v") if name == "adam_step" else ("param", "velocity"), exact, strict=True))
    if name == "adam_step":  # the means may cancel: the parameter by the means as they came
        right["param"] = parameter_by_means(numbers, wide(got["m"]), wide(got["v"]))
    for key, result in got.items():
        terms = np.abs(numbers["param"]) + np.abs(right["param"] - numbers["param"])
        if key != "param":
            terms = np.abs(numbers[key]) + np.abs(numbers["grad"]) ** (2 if key == "v" else 1)
        if name == "sgd_step":
            g = np.abs(numbers["grad"]) + numbers.get("l1", 0) + 2 * numbers.get("l2", 0) * np.abs(numbers["param"])
            g = g + np.abs(numbers.get("velocity", 0)) + 0 * terms
            terms = g if key == "velocity" else np.abs(numbers["param"]) + numbers["lr"] * 3 * g
        error = in_unit_of(result, right[key], terms)
        assert np.max(error, initial=0) <= 16, (key, error.max())  # of the largest term; exactly in test_optimizers.py


def parameter_by_means(numbers, m, v):
    """What adam_step makes of the parameter for new means."""
    lr, first, second = numbers["lr"], *(1 - numbers[key] ** numbers["step"] for key in ("beta1", "beta2"))
    update = m / first / (np.sqrt(v / second) + numbers["eps"])
    return numbers["param"] * (1 - lr * numbers.get("weight_decay", 0)) - lr * update


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    same_bits_in_every_layout(draw_call(data.draw, fastml, name), data)


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    values = call.arguments
    grad = values["grad"]
    call.wrong = {"grad": wrong.not_like(grad)}
    for key in call.written:
        x = values[key]
        frozen, wider = plain(x), np.zeros((*x.shape, 2), x.dtype)
        frozen.flags.writeable = False
        kinds = [np.zeros(x.shape, t) for t in ("f2", "i8", "O", "c8", x.dtype.newbyteorder())]
        kinds += [np.zeros(x.shape, "f4" if x.dtype == "f8" else "f8")] * (key != "param")
        call.wrong[key] = [frozen, x.tolist(), np.ma.array(plain(x)), None, object(), *kinds]
        call.wrong[key] += [wider, np.zeros((7, 5, 3), x.dtype)] if key != "param" else []
        if x.size > 1:
            call.wrong[key].append(np.lib.stride_tricks.as_strided(plain(x), x.shape, (0,) * x.ndim))
        if x.size and key != "param":
            call.wrong[key] += [wrong.Together({key: values["param"], "param": values["param"]})]
    if name == "sgd_step" and "velocity" in values:
        call.wrong["velocity"] = [w for w in call.wrong["velocity"] if w is not None or values.get("momentum")]
    for key in ("lr", "l1", "l2", "eps", "weight_decay", "momentum"):
        if key in ("lr",) or key in values:
            call.wrong[key] = wrong.not_finite(-1e-30, -1, 10**400, True)
    for key in ("beta1", "beta2"):
        if key in values:
            call.wrong[key] = wrong.not_finite(1, 1.0, -1e-30, 2, True)
    if name == "adam_step":
        call.wrong["step"] = [0, -1, 1.0, "1", None, True, [1], object(), np.nan]
    refuses(call, data)


def test_every_function_is_here(fastml):
    assert set(FUNCTIONS) == set(fastml.optimizers.__all__)
