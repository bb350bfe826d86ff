"""The norms' arguments: errors that name them and leave arrays alone, out=, integers, and parity with torch."""

import inspect

import numpy as np
import pytest
from conftest import assert_same_bits, silent

FORWARD = ("layer_norm", "rms_norm", "batch_norm")
BACKWARD = tuple(f"{name}_backward" for name in FORWARD)
every_forward = pytest.mark.parametrize("name", FORWARD)
X = np.arange(12, dtype=np.float32).reshape(3, 4)


def call(fastml, name, x=X, **keywords):
    """Call with arguments that fit, but for those given."""
    if name.endswith("_backward"):
        shape = (4,) if name.startswith("batch") else (3, 1)
        fitting = {"dy": np.ones((3, 4), np.float32), "mean": np.zeros(shape), "rstd": np.ones(shape)}
        keywords = {key: value for key, value in fitting.items() if key in parameters(fastml, name)} | keywords
    elif name == "batch_norm":
        keywords = {"training": True} | keywords
    return getattr(fastml, name)(x=x, **keywords)


def parameters(fastml, name):
    return inspect.signature(getattr(fastml, name)).parameters


WRONG = {
    "x": [(X * 1j, TypeError, "x: expected .*complex64"),
          ([[1.0], [1.0, 2.0]], ValueError, "x: expected an array"),
          (np.ma.array(X), TypeError, "x: expected an array without a mask")],
    "weight": [(np.ones(5), ValueError, r"weight: expected shape \(4,\), got \(5,\)"),
               (1.0, ValueError, r"weight: .*got \(\)"), (np.ones((1, 4)), ValueError, "weight: "),
               (np.ones(4) * 1j, TypeError, "weight: expected a real dtype")],
    "bias": [(np.ones(3), ValueError, r"bias: expected shape \(4,\), got \(3,\)"), (["a"] * 4, TypeError, "bias: ")],
    "eps": [(-1e-9, ValueError, "eps: expected a finite number of at least 0, got -1e-09"),
            (np.nan, ValueError, "eps: "),
            (np.inf, ValueError, "eps: "), ("1", TypeError, "eps: "), (None, TypeError, "eps: ")],
    "axis": [(2, np.exceptions.AxisError, "axis 2"), (-3, np.exceptions.AxisError, "axis -3"),
             (1.0, TypeError, "axis: "),
             (None, TypeError, "axis: "), (True, TypeError, "axis: ")],
    "out": [(np.full((4, 3), 7, "f4"), ValueError, r"out: expected shape \(3, 4\), got \(4, 3\)"),
            (np.full((3, 4), 7.0), TypeError, "out: expected dtype float32, got float64"),
            (np.full((3, 4), 7, ">f4"), TypeError, "out: expected dtype"),
            ([[7.0]], TypeError, "out: expected an ndarray"),
            (np.broadcast_to(np.float32(7), (3, 4)), ValueError, "out: expected a writeable")],
    "running_mean": [(None, ValueError, r"running_mean: expected an array of shape \(4,\).*got None"),
                     ([0.0] * 4, TypeError, "running_mean: expected an ndarray of floats, got list"),
                     (np.zeros(4, int), TypeError, "running_mean: .*got dtype int64"),
                     (np.zeros(3), ValueError, r"running_mean: expected shape \(4,\), got \(3,\)"),
                     (np.broadcast_to(0.0, (4,)), ValueError, "running_mean: expected a writeable")],
    "running_var": [(None, ValueError, "running_var: .*got None"), (np.ones((4, 1)), ValueError, "running_var: ")],
    "momentum": [(-0.1, ValueError, r"momentum: expected a number in \[0, 1\], got -0.1"),
                 (1.1, ValueError, "momentum: "),
                 (np.nan, ValueError, "momentum: "), (None, TypeError, "momentum: ")],
    "dy": [(np.ones((3, 4)) * 1j, TypeError, "dy: expected float16"), (np.ones((3, 5)), ValueError, "expected shape")],
    "mean": [(np.zeros(3), ValueError, r"mean: expected shape .*, got \(3,\)"), (np.array(["a"]), TypeError, "mean: ")],
    "rstd": [(np.zeros((1, 3)), ValueError, r"rstd: expected shape .*, got \(1, 3\)")],
}  # fmt: skip


@pytest.mark.parametrize("name", FORWARD + BACKWARD)
def test_errors_name_the_argument_and_leave_every_array_alone(name, fastml):
    met = 0
    for argument in parameters(fastml, name).keys() & WRONG.keys():
        for value, error, text in WRONG[argument]:
            arrays = {"out": np.full((3, 4), 7, "f4")} if name in FORWARD else {}
            if name == "batch_norm":
                arrays |= {"running_mean": np.zeros(4), "running_var": np.ones(4)}
            given = arrays | {argument: value}
            before = {key: np.array(v) for key, v in given.items() if isinstance(v, np.ndarray)}
            with pytest.raises(error, match=text):
                call(fastml, name, **given)
            for key, content in before.items():
                np.testing.assert_array_equal(given[key], content)
            met += 1
    assert met >= 10
    np.testing.assert_array_equal(X, np.arange(12).reshape(3, 4))


def test_batch_norm_needs_values_and_statistics(fastml):
    for shape in ((1, 4), (0, 4), (1, 4, 1)):
        running = np.zeros(4), np.ones(4)
        with pytest.raises(ValueError, match=r"x: expected two values or more for each channel, got [01] \(shape"):
            fastml.batch_norm(np.ones(shape), *running, training=True)
        assert (running[0] == 0).all()
        assert (running[1] == 1).all()
        fastml.batch_norm(np.ones(shape), *running)
    for mean, var, missing in (
        (None, None, "running_mean"),
        (np.zeros(4), None, "running_var"),
        (None, np.ones(4), "running_mean"),
    ):
        with pytest.raises(
            ValueError, match=f"{missing}: expected an array of shape .4,. without training=True, got None"
        ):
            fastml.batch_norm(X, mean, var)
    assert fastml.batch_norm(np.ones((0, 4)), np.zeros(4), np.ones(4)).shape == (0, 4)
    assert fastml.batch_norm(np.ones((3, 0)), training=True).shape == (3, 0)
    for shape in ((0, 4), (3, 0), (0, 4, 2)):
        for training in (True, False):
            with silent():
                results = fastml.batch_norm_backward(
                    np.ones(shape), np.ones(shape), *np.ones((2, shape[1])), training=training
                )
            assert [a.shape for a in results] == [shape, shape[1:2], shape[1:2]]


def test_arrays_that_are_written_lie_apart_from_the_others(fastml):
    buffer = np.arange(40, dtype=np.float32)
    x, before = buffer[:12].reshape(3, 4), buffer.copy()
    clashes = [
        ("layer_norm", {"out": buffer[1:13].reshape(3, 4)}, "out: expected an input itself or memory apart"),
        ("layer_norm", {"out": x, "weight": buffer[:4]}, "out: expected memory apart from weight"),
        ("layer_norm", {"out": x, "bias": buffer[8:12]}, "out: expected memory apart from bias"),
        ("rms_norm", {"out": x, "weight": buffer[:4]}, "out: expected memory apart from weight"),
        ("batch_norm", {"out": x[::-1]}, "out: expected an input itself"),
        ("batch_norm", {"out": buffer[20:32].reshape(3, 4), "weight": buffer[20:24]}, "out: .* from weight"),
    ]
    running = {"running_mean": buffer[20:24], "running_var": buffer[24:28]}
    for key, other in (("weight", 20), ("bias", 24), ("out", 18), ("x", 23), ("running_var", 22)):
        size = 12 if key in ("out", "x") else 4
        array = buffer[other : other + size].reshape((3, 4) if size == 12 else 4)
        clashes.append(("batch_norm", running | {key: array}, "expected memory apart from"))
    for name, given, text in clashes:
        with pytest.raises(ValueError, match=text):
            call(fastml, name, **{"x": x} | given)
        assert_same_bits(buffer, before)


@every_forward
def test_integers_lists_and_other_floats(name, rng, fastml):
    x = rng.integers(0, 2, (6, 9))
    expected = call(fastml, name, x.astype(np.float64))
    for code in "?bBhHiIlLqQ":
        assert_same_bits(call(fastml, name, x.astype(code)), expected)
    assert_same_bits(call(fastml, name, x.tolist()), expected)
    swapped = x.astype(">f4")
    assert_same_bits(call(fastml, name, swapped), call(fastml, name, x.astype(np.float32)))


@every_forward
def test_out_elsewhere(name, dtype, rng, fastml):
    x = rng.standard_normal((60, 30)).astype(dtype)
    expected = call(fastml, name, x)
    odd = np.zeros(x.nbytes + 1, np.uint8)[1:].view(dtype).reshape(x.shape)
    for out in (np.empty_like(x), np.empty(x.shape, dtype, "F"), np.empty((120, 60), dtype)[::2, ::-2], odd):
        with silent():
            assert call(fastml, name, x, out=out) is out
        assert_same_bits(out, expected)
    y, *stats = call(fastml, name, x, out=x, return_stats=True)
    assert y is x
    assert len(stats) == (1 if name == "rms_norm" else 2)
    assert_same_bits(x, expected)


# Parity with torch


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def tensors(torch, *arrays):
    return [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


def assert_near(got, tensor, dtype):
    np.testing.assert_allclose(
        got, tensor.detach().numpy(), rtol=1e4 * np.finfo(dtype).eps, atol=99 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("type_", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "axis"), [("layer_norm", -1), ("layer_norm", (1, 2)), ("rms_norm", -1), ("rms_norm", (1, 2))]
)
def test_rows_as_torch(name, axis, type_, rng, torch, fastml):
    x, dy = (rng.standard_normal((2, 5, 6, 7)) + 1).astype(type_)
    shape = np.take(x.shape, axis)
    arguments = [x, *rng.standard_normal((2, *np.atleast_1d(shape))).astype(type_)][: 3 if name == "layer_norm" else 2]
    given = tensors(torch, *arguments)
    right = getattr(torch.nn.functional, name)(given[0], tuple(np.atleast_1d(shape)), *given[1:], eps=1e-3)
    right.backward(torch.from_numpy(dy))
    y, *stats = getattr(fastml, name)(*arguments, axis=axis, eps=1e-3, return_stats=True)
    assert_near(y, right, type_)
    results = getattr(fastml, f"{name}_backward")(dy, x, *stats, arguments[1], axis=axis)
    for got, tensor in zip(results, given, strict=True):
        assert_near(got, tensor.grad, type_)


@pytest.mark.parametrize("type_", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3), (4, 5, 6, 3)])
def test_batch_norm_as_torch(shape, training, type_, rng, torch, fastml):
    x, dy = (rng.standard_normal((2, *shape)) + 1).astype(type_)
    weight, bias, mean = rng.standard_normal((3, 5)).astype(type_)
    var = rng.uniform(0.5, 2, 5).astype(type_)
    given, running = tensors(torch, x, weight, bias), [torch.from_numpy(a.copy()) for a in (mean, var)]
    right = torch.nn.functional.batch_norm(given[0], *running, *given[1:], training, 0.3, 1e-3)
    right.backward(torch.from_numpy(dy))
    y, *stats = fastml.batch_norm(
        x, mean, var, weight, bias, training=training, momentum=0.3, eps=1e-3, return_stats=True
    )
    assert_near(y, right, type_)
    assert_near(mean, running[0], type_)
    assert_near(var, running[1], type_)
    for got, tensor in zip(fastml.batch_norm_backward(dy, x, *stats, weight, training=training), given, strict=True):
        assert_near(got, tensor.grad, type_)
