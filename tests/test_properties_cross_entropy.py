"""Properties of cross_entropy: classes and probabilities, weights, smoothing, ignored rows, any axis."""

import cross_entropy_cases as cases
import numpy as np
import property_wrong as wrong
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, READABLE, arrays, dtypes, lay, plain, shapes
from ulp import measurable

DATA = st.data()
CLASSES = ("i1", "u1", "i2", "u4", "i8", "u8")


def draw_classes(draw, shape, C, ignore_index=None):
    """Classes of any integer dtype and layout, some of them to be ignored."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(dtypes([d for d in CLASSES if np.iinfo(d).max >= C]))
    target = rng.integers(0, max(C, 1), shape).astype(dtype)
    if ignore_index is not None and np.iinfo(dtype).min <= ignore_index <= np.iinfo(dtype).max:
        target = np.where(rng.random(shape) < 0.3, dtype.type(ignore_index), target).astype(dtype)
    return lay(rng, target, draw(st.sampled_from([k for k in READABLE if k != "overlapping"])))


def draw_call(draw, fastml, kind="any"):
    """Logits or probabilities, targets of either sort, and some of the options."""
    shape = draw(shapes(least=1).filter(lambda s: np.prod(s) == 0 or min(s) > 0))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    C, rows = shape[axis], tuple(n for k, n in enumerate(shape) if k != axis % len(shape))
    dtype = draw(dtypes() if kind == "any" else dtypes(FLOATS))
    options = {"axis": axis, "return_grad": True, "reduction": draw(st.sampled_from(["mean", "sum", "none"]))}
    if draw(st.booleans()):
        options["from_logits"] = draw(st.booleans())
    as_classes = draw(st.booleans()) and C > 0
    if as_classes and draw(st.booleans()):
        options["ignore_index"] = draw(st.sampled_from([-100, 0, C, 2**40, 2**63, -1]))
    if draw(st.booleans()):
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.125, 0.5, 1, np.float64(0.25)]))
    if draw(st.booleans()):
        options["class_weight"] = draw(arrays((C,), draw(dtypes(("u1", "?", "f2", "f8"))), "unit"))
    if draw(st.booleans()):
        own = rows[: draw(st.integers(0, len(rows)))]
        options["sample_weight"] = draw(arrays(own, draw(dtypes(("f2", "f8", "u1", "?"))), "unit"))
    if options.get("from_logits", True):
        x = draw(arrays(shape, dtype, kind))
    else:
        x = draw(arrays(shape, dtype, "unit" if kind == "tame" else kind))
    if as_classes:
        target = draw_classes(draw, rows, C, options.get("ignore_index"))
    else:
        target = draw(arrays(shape, draw(dtypes(FLOATS)), "unit" if kind == "tame" else kind))
    kept = dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype("f8")
    values = {"logits": x, "target": target, **options}
    return Call(fastml.cross_entropy, values, positional=2, out=(shape, kept), out_at=1, in_place=("logits",))


@properties
@given(data=DATA)
def test_agrees_with_the_reference(fastml, data):
    """Rows of classes, as the helper of the other tests wants them."""
    call = draw_call(data.draw, fastml, "tame")
    values = {k: plain(v) for k, v in call.arguments.items()}
    x, target = np.moveaxis(values.pop("logits"), values.pop("axis"), -1), values.pop("target")
    if x.ndim == 1 or not x.size or not measurable(x.dtype):
        return
    rows = x.shape[:-1]
    if "sample_weight" in values:
        weight = values["sample_weight"]
        weight = np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(rows) - weight.ndim)), rows)
        values["sample_weight"] = weight.reshape(-1).astype(np.float64)
    if "class_weight" in values:
        values["class_weight"] = values["class_weight"].astype(np.float64)
    target = (
        target if target.dtype.kind != "f" else np.moveaxis(target, call.arguments["axis"], -1).reshape(-1, x.shape[-1])
    )
    x = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    if not values.get("from_logits", True):
        x = np.clip(x, np.finfo(np.float16).eps, 1).astype(x.dtype)  # the derivative within float16
        target = np.asarray(target, x.dtype) if target.dtype.kind == "f" else target
    if target.dtype.kind == "f":  # the rounding of a subnormal p is multiplied by the sum of the targets
        sums = np.maximum(np.sum(target, axis=1, keepdims=True, dtype="f8"), 1)
        target = (target / sums).astype(target.dtype)
    del values["reduction"], values["return_grad"]
    cases.assert_as_promised(fastml, x, target.reshape(-1) if target.dtype.kind != "f" else target, **values)


@properties
@given(data=DATA)
def test_same_bits_in_every_layout(fastml, data):
    call = draw_call(data.draw, fastml)
    same_bits_in_every_layout(call, data, any_nan=True)  # of inf - inf, 0 * inf
    value = results_of(call, return_grad=False)[0]
    np.testing.assert_array_equal(value, results_of(call)[0])


@properties
@given(data=DATA)
def test_refuses_what_is_wrong(fastml, data):
    call = draw_call(data.draw, fastml)
    x, target, axis = (plain(call.arguments[k]) for k in ("logits", "target", "axis"))
    shape, C = x.shape, x.shape[axis]
    rows = tuple(n for k, n in enumerate(shape) if k != axis % len(shape))
    x = x.astype(call.out[1])
    call.arguments["logits"] = x
    call.arguments["out"] = lay(np.random.default_rng(0), np.full(shape, 7, x.dtype), "negative")
    call.written = ("out",)
    wrong_targets = [w for w in wrong.not_like(target) if np.asarray(w, object).shape != shape or not fine(w)]
    call.wrong = {
        "logits": wrong.not_real(x),
        "axis": wrong.axes(len(shape), None, (0,)),
        "target": [w for w in wrong_targets if not (fine(w) and w.shape == rows)],
        "reduction": ["avg", None, 1, ["mean"], b"mean"],
        "label_smoothing": wrong.not_finite(-0.1, 1.01, 2, True),
        "class_weight": wrong.weights((C,), leading=False),
        "sample_weight": wrong.weights(rows),
        "out": [
            *wrong.outs(shape, x.dtype, [(x, "logits")]),
            wrong.Together(out=np.zeros(shape, x.dtype), return_grad=False),
        ],
    }
    if target.dtype.kind == "f":
        call.wrong["ignore_index"] = [0, 1, -100]
        call.wrong["target"].append(np.zeros(rows, bool))
    else:
        call.wrong["ignore_index"] = [1.0, "0", [0], True, object(), np.array([1, 2])]
    if target.dtype.kind != "f" and target.size:
        for value in (C, C + 1, -1, 2**31, -(2**40)):
            other = target.astype("i8")
            other[np.unravel_index(target.size // 3, target.shape)] = value
            if value != call.arguments.get("ignore_index"):
                call.wrong["target"].append(other)
    refuses(call, data)


def fine(value):
    """Whether a target of this dtype is one."""
    return type(value) is np.ndarray and value.dtype.kind in "iuf" and value.dtype.itemsize <= 8
