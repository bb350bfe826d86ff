"""Properties of layer_norm, rms_norm and batch_norm, forward and backward."""

import numpy as np
import property_wrong as wrong
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, WRITEABLE, arrays, dtypes, lay, plain, shapes
from test_norms_backward import bound_with_any_statistics
from ulp import bound_from_docstring, in_unit_of, measurable, wide

LAYERS = ("layer_norm", "rms_norm")
FORWARD = (*LAYERS, "batch_norm")
FUNCTIONS = (*FORWARD, *(f"{name}_backward" for name in FORWARD))
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_forward = pytest.mark.parametrize("name", FORWARD)
DATA = st.data()


def draw_axis(draw, name, ndim):
    """An axis or several, and those reduced."""
    if name.startswith("batch"):
        axis = draw(st.integers(-ndim, ndim - 1))
        return axis, tuple(k for k in range(ndim) if k != axis % ndim)
    axes = draw(st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim, min_size=1))
    axis = [k - ndim if draw(st.booleans()) else k for k in axes]
    axis = axis[0] if len(axis) == 1 and draw(st.booleans()) else draw(st.sampled_from([tuple(axis), axis]))
    return axis, tuple(sorted(axes))


def draw_call(draw, fastml, name, kind="any", least=1):
    """x, or dy and x and statistics; weight and bias or not, over any axes."""
    shape = draw(shapes(least=least, most=4))
    dtype = draw(dtypes() if kind == "any" else dtypes(FLOATS))
    axis, over = draw_axis(draw, name, len(shape))
    batch, backward = name.startswith("batch"), name.endswith("backward")
    own = (shape[axis],) if batch else tuple(shape[k] for k in over)
    kept = own if batch else tuple(1 if k in over else n for k, n in enumerate(shape))

    def other(of, what=kind):
        return draw(arrays(of, draw(dtypes()) if kind == "any" else dtype, what))

    if backward:
        values = {"dy": draw(arrays(shape, dtype, kind)), "x": other(shape)}
        if not name.startswith("rms"):
            values["mean"] = other(kept)
        values["rstd"] = other(kept, "unit")
    else:
        values = {"x": draw(arrays(shape, dtype, kind))}
    positional = len(values)
    count = int(np.prod(shape)) // max(own[0], 1) if batch else 0
    training = draw(st.booleans()) if count > 1 or not batch else False
    written = ()
    if batch:
        values["training"] = training if count > 1 or backward else bool(np.prod(shape) == 0 and own[0] == 0)
        if not backward and (not values["training"] or draw(st.booleans())):
            for running in ("running_mean", "running_var"):
                part = "unit" if running == "running_var" else kind
                values[running] = draw(arrays(own, draw(dtypes(FLOATS)), part, WRITEABLE))
            written = ("running_mean", "running_var") * values["training"]
    if draw(st.booleans()):
        values["weight"] = other(own)
    if not backward and name != "rms_norm" and draw(st.booleans()):
        values["bias"] = other(own)
    values["axis"] = axis
    call = Call(getattr(fastml, name), values, positional, written)
    if not backward:
        values["eps"] = draw(st.sampled_from([1e-5, 1e-3, 1, np.float32(0.5)]))
        values["return_stats"] = draw(st.booleans())
        call.out = shape, dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype("f8")
        call.in_place = ("x",)
    return call


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, "tame")
    values = call.plain()
    x = values.get("dy", values["x"])
    if not x.size or not measurable(x.dtype):
        return
    numbers = {k: np.asarray(v).astype(wide(x).dtype) if k not in ("axis", "training", "return_stats") else v
               for k, v in values.items()}  # fmt: skip
    axis = numbers["axis"] = tuple(numbers["axis"]) if isinstance(numbers["axis"], list) else numbers["axis"]
    if not name.endswith("backward"):
        numbers["return_stats"] = False
    axes = tuple(np.atleast_1d(axis) % x.ndim)
    over = axes if not name.startswith("batch") else tuple(k for k in range(x.ndim) if k not in axes)
    result = results_of(call)[0]
    exact = getattr(reference, name)(**numbers)
    bound = bound_from_docstring(getattr(fastml, name), x.dtype)
    if not name.endswith("backward"):
        term = np.abs(getattr(reference, name)(**{k: v for k, v in numbers.items() if k != "bias"}))
        term = np.max(term, axis=over, keepdims=True) + 0 * exact
        weight = spread(numbers.get("weight"), x, axes)
        plain_ = np.abs(getattr(reference, name)(**{k: v for k, v in numbers.items() if k not in ("bias", "weight")}))
        term = np.maximum(term, np.max(plain_, axis=over, keepdims=True) * np.abs(weight))
        bias = spread(numbers.get("bias"), x, axes) if "bias" in numbers else 0
        error = in_unit_of(result, exact, term, np.abs(bias) + 0 * exact)
        assert error.max() <= bound, error.max()
        return
    terms = sizes_of_gradients(name, numbers, axes, over)
    count = int(np.prod([x.shape[k] for k in over]))
    bounds = [bound_with_any_statistics(getattr(fastml, name), x.dtype, count), bound, bound]
    for got, right, unit, limit in zip(results_of(call), exact, terms, bounds, strict=False):
        assert (got.shape, got.dtype) == (right.shape, x.dtype)
        error = in_unit_of(got, right, np.broadcast_to(unit, right.shape))
        assert error.max() <= limit, error.max()


def spread(w, x, axes):
    """A weight, shaped to broadcast against x."""
    return 1.0 if w is None else w.reshape([n if k in axes else 1 for k, n in enumerate(x.shape)])


def sizes_of_gradients(name, numbers, own, over):
    """What is added up in dx, dweight and dbias, in absolute values."""
    dy, x, rstd = (numbers[k] for k in ("dy", "x", "rstd"))
    mean = numbers.get("mean", np.zeros_like(rstd))
    if name.startswith("batch"):
        mean, rstd = spread(mean, x, own), spread(rstd, x, own)
    h, g = (x - mean) * rstd, dy * spread(numbers.get("weight"), x, own)
    others = tuple(k for k in range(x.ndim) if k not in own)
    terms = np.abs(g) + np.abs(h) * np.mean(np.abs(g * h), axis=over, keepdims=True)
    if not name.startswith("rms"):
        terms = terms + np.mean(np.abs(g), axis=over, keepdims=True)
    if not numbers.get("training", True):
        terms = np.abs(g)
    return [rstd * terms, np.sum(np.abs(dy * h), axis=others), np.sum(np.abs(dy), axis=others)]


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    same_bits_in_every_layout(draw_call(data.draw, fastml, name), data, any_nan=True)  # of inf - inf, 0 * inf


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    values = call.arguments
    first = next(iter(values))
    with np.errstate(all="ignore"):
        x = plain(values[first]).astype(call.out[1] if call.out else "f4")
    values[first] = x
    axis, ndim = values["axis"], x.ndim
    own = (
        (x.shape[axis],) if name.startswith("batch") else tuple(x.shape[k] for k in sorted(np.atleast_1d(axis) % ndim))
    )
    call.wrong = {first: wrong.not_real(x), "axis": wrong.axes(ndim, None)}
    for key in ("x", "mean", "rstd", "weight", "bias"):
        if key in values and key != first:
            call.wrong[key] = [w for w in wrong.not_like(values[key]) if w is not None]
        elif key in ("weight", "bias") and not (key == "bias" and (call.out is None or name == "rms_norm")):
            call.wrong[key] = wrong.other_shapes(np.ones(own))
    if not name.startswith("batch"):
        call.wrong["axis"] += [(0, 0), (-1, ndim - 1), [0, ndim], (0.5,), (None,), {0}, "01"]
    else:
        call.wrong["axis"] += [(0,), [0]]
    if call.out is not None:
        call.wrong["eps"] = wrong.not_finite(-1e-30, -1, 10**400, True)
        call.written = (*call.written, "out")
        values["out"] = lay(np.random.default_rng(0), np.full(x.shape, 7, x.dtype), "negative")
        call.wrong["out"] = wrong.outs(*call.out, [(x, first)])
    if name == "batch_norm":
        wrong_running(call, own, x)
    refuses(call, data)


def wrong_running(call, own, x):
    """What running statistics and momentum must not be."""
    values = call.arguments
    call.wrong["momentum"] = wrong.not_finite(-0.1, 1.1, True)
    frozen = np.ones(own)
    frozen.flags.writeable = False
    for name, other in (("running_mean", "running_var"), ("running_var", "running_mean")):
        both = {name: np.ones(own), other: np.ones(own)}
        bad = [*wrong.other_shapes(np.ones(own)), np.ones(own, "i8"), np.ones(own, "c8"), np.ones(own, "O"), [1.0], "x"]
        bad += [frozen] if values["training"] else [None]
        call.wrong[name] = [wrong.Together({**both, name: w}) for w in bad]
        if values["training"] and name in values:
            call.wrong[name].append(None)
    if not values["training"]:
        call.wrong.setdefault("running_mean", []).append(wrong.Together(running_mean=None, running_var=None))


def test_every_function_is_here(fastml):
    assert set(FUNCTIONS) == set(fastml.normalization.__all__)
