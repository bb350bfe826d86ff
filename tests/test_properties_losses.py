"""Properties of the pointwise losses: value, gradient and sums over arrays of every kind."""

import numpy as np
import property_wrong as wrong
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from losses_cases import LOGITS, LOSSES, PROBABILITIES, assert_promise, terms
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import FLOATS, arrays, dtypes, lay, plain, shapes
from ulp import measurable

every_loss = pytest.mark.parametrize("name", LOSSES)
FIRST = {PROBABILITIES: "prob", LOGITS: "logits"}
DATA = st.data()
SHARES = st.sampled_from([0.0, 0.125, 0.5, 1.0, np.float32(0.25), 1, 0])


def draw_options(draw, name, shape):
    """The options of one loss: numbers that every dtype holds."""
    if name == "huber_loss":
        return draw(st.sampled_from([{}, {"delta": 0.25}, {"delta": 2}, {"delta": np.float32(64)}]))
    if name != LOGITS:
        return {}
    options = {"label_smoothing": draw(SHARES)} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        own = tuple(1 if draw(st.booleans()) else n for n in shape)[draw(st.integers(0, len(shape))) :]
        options["pos_weight"] = draw(arrays(own, np.dtype(draw(st.sampled_from(["u1", "?", "<u2", ">i4"]))), "unit"))
    return options


def draw_call(draw, fastml, name, kind="any"):
    """Predictions and targets, a reduction, weights of the leading axes, the options of the loss."""
    shape = draw(shapes())
    first = FIRST.get(name, "pred")
    dtype = draw(dtypes() if kind == "any" else dtypes(FLOATS))
    labels = name in (PROBABILITIES, LOGITS) and kind != "any"
    values = {
        first: draw(arrays(shape, dtype, "unit" if name == PROBABILITIES and kind != "any" else kind)),
        "target": draw(arrays(shape, draw(dtypes()) if kind == "any" else dtype, "unit" if labels else kind)),
        "return_grad": True,
        "reduction": "mean" if name == "rmse_loss" else draw(st.sampled_from(["mean", "sum", "none"])),
        **draw_options(draw, name, shape),
    }
    if draw(st.booleans()):
        own = shape[: draw(st.integers(0, len(shape)))]
        values["sample_weight"] = draw(arrays(own, draw(dtypes(("f2", "f8", "u1", "?", "i8"))), "unit"))
    kept = dtype.newbyteorder("=") if dtype.kind == "f" else np.dtype("f8")
    return Call(getattr(fastml, name), values, positional=2, out=(shape, kept), out_at=1, in_place=(first,))


@every_loss
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, "tame")
    x, t, reduction = (plain(call.arguments[key]) for key in (FIRST.get(name, "pred"), "target", "reduction"))
    if name == PROBABILITIES:  # 1 / x within the dtype
        x = np.clip(x, 1e-3 if x.dtype == np.float16 else 1e-6, 0.999).astype(x.dtype)
        call.arguments[FIRST[name]] = x
    value, grad = results_of(call)
    assert (grad.dtype, grad.shape) == (x.dtype, x.shape)
    others = {k: plain(v) for k, v in call.arguments.items() if k not in (FIRST.get(name, "pred"), "target")}
    with np.errstate(all="ignore"):
        exact, slope = getattr(reference, name)(x, t, **others)
        right, _ = getattr(reference, name)(x, t, **{**others, "reduction": "none" if name != "rmse_loss" else "mean"})
    eps, least = 8 * float(np.finfo(x.dtype).eps), float(np.finfo(x.dtype).tiny)
    size = np.sum(np.abs(right)) + np.max(np.abs(exact), initial=0)
    np.testing.assert_allclose(value, exact, rtol=eps, atol=eps * (size if reduction != "mean" else 1) + least)
    allowed = eps * (np.max(np.abs(slope), initial=0) + size_of_terms(name, x, t, **others)) + least
    np.testing.assert_allclose(grad, slope, rtol=eps, atol=allowed)
    if measurable(x.dtype):
        options = {k: v for k, v in others.items() if k in ("delta", "label_smoothing")}
        if name != "rmse_loss" and x.size:
            loss, grad = results_of(Call(call.function, {"x": x, "t": t, "reduction": "none", "return_grad": True}
                                         | options, positional=2))  # fmt: skip
            assert_promise(fastml, name, x, t, np.asarray(loss), grad, **options)


def size_of_terms(name, x, t, reduction, sample_weight=1.0, **options):
    """The largest of the terms that cancel in a gradient, as the reduction has it."""
    if name not in (PROBABILITIES, LOGITS) or not x.size:
        return 0.0
    x, t = x.astype("f8"), t.astype("f8")
    term = terms(name, x, t, **options)[1] if name == LOGITS else t / x + (1 - t) / (1 - x)
    weight = np.reshape(sample_weight, np.shape(sample_weight) + (1,) * (x.ndim - np.ndim(sample_weight)))
    total = np.sum(np.broadcast_to(weight, x.shape), dtype="f8") if reduction == "mean" else 1.0
    return float(np.max(term * weight) / total) if total else 0.0


@every_loss
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    if "sample_weight" not in call.arguments:
        same_bits_in_every_layout(call, data)
        return
    same_bits_in_every_layout(call, data)
    value = results_of(call, return_grad=False, out=None)[0]
    np.testing.assert_array_equal(value, results_of(call)[0])


@every_loss
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    shape, dtype = data.draw(shapes()), np.dtype(data.draw(st.sampled_from(FLOATS)))
    first = FIRST.get(name, "pred")
    x, t = (data.draw(arrays(shape, dtype)) for _ in range(2))
    out = lay(np.random.default_rng(0), np.full(shape, 7, dtype), "negative")
    call = Call(getattr(fastml, name), {first: x, "target": t, "return_grad": True, "out": out}, 2, ("out",))
    call.wrong = {
        first: wrong.not_real(x),
        "target": wrong.not_like(t),
        "reduction": ["avg", "", "MEAN", None, 1, ["mean"], ("sum",), b"mean", object()],
        "sample_weight": wrong.weights(shape),
        "out": [
            *wrong.outs(shape, dtype, [(x, first), (t, "target")]),
            wrong.Together(out=np.zeros(shape, dtype), return_grad=False),
        ],
    }
    if name == "rmse_loss":
        call.wrong["reduction"] += ["sum", "none"]
    if name == "huber_loss":
        call.wrong["delta"] = wrong.not_finite(0, -1.0, -0.0, 10**400, True)
    if name == LOGITS:
        call.wrong["label_smoothing"] = wrong.not_finite(-0.1, 1.01, 2, True)
        broadcasts = [w for w in wrong.weights(shape, leading=False) if not fits(w, shape)]
        call.wrong["pos_weight"] = broadcasts
    refuses(call, data)


def fits(weight, shape):
    """Whether an array broadcasts to a shape and holds nothing that is refused."""
    try:
        w = np.broadcast_to(np.asarray(weight), shape)
    except ValueError:
        return False
    return not isinstance(weight, np.ma.MaskedArray) and w.dtype.kind in "biuf" and w.dtype.itemsize <= 8 and bool(
        np.all((w >= 0) & np.isfinite(w)))  # fmt: skip


def test_every_function_is_here(fastml):
    assert set(LOSSES) | {"cross_entropy"} == set(fastml.losses.__all__)
