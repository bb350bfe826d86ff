"""The pointwise losses: weights, out, dtypes, nothing to average, and errors that name the argument."""

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, bits, silent
from losses_cases import CASES, ELEMENTWISE, LOGITS, LOSSES, PROBABILITIES, call, draw

INF, NAN = np.inf, np.nan
every_loss = pytest.mark.parametrize("name", LOSSES)
every_elementwise = pytest.mark.parametrize("name", ELEMENTWISE)
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}-{o}" for n, o in CASES])


# Weights


@every_case
def test_weights_multiply(name, options, rng, fastml):
    x, t = draw(name, rng, np.float64, (40, 5), soft=True)
    times = rng.integers(0, 4, 40)
    value, grad = call(fastml, name, x, t, sample_weight=times, return_grad=True, **options)
    repeated = call(fastml, name, np.repeat(x, times, 0), np.repeat(t, times, 0), return_grad=True, **options)
    assert value == pytest.approx(repeated[0], rel=1e-12)
    np.testing.assert_allclose(np.repeat(grad, times, 0) / np.repeat(times, times)[:, None], repeated[1], rtol=1e-12)
    assert not grad[times == 0].any()


@every_elementwise
def test_weights_of_any_dtype_and_of_any_leading_axes(name, isa, dtype, rng, fastml):
    x, t = draw(name, rng, dtype, (4, 3, 5))
    for shape in ((), (4,), (4, 3), (4, 3, 5)):
        for kind in (np.uint8, np.float16, ">f4", np.float64, bool):
            weight = rng.integers(0, 3, shape).astype(kind)
            for reduction in ("none", "sum"):
                result = call(fastml, name, x, t, reduction=reduction, sample_weight=weight, return_grad=True)
                right = getattr(reference, name)(x, t, reduction=reduction, sample_weight=weight, return_grad=True)
                for got, expected in zip(result, right, strict=True):
                    largest = np.max(np.abs(expected), initial=0)
                    np.testing.assert_allclose(got, expected, rtol=0, atol=largest * 8 * float(np.finfo(dtype).eps))


def test_weights_beyond_float32(fastml):
    x, t = np.float32([1, 2]), np.zeros(2, np.float32)
    assert call(fastml, "mse_loss", x, t, reduction="sum", sample_weight=[1e300, 0]) == 1e300
    for weight in ([1e300, 3e300], [1e-300, 3e-300]):
        value, grad = call(fastml, "mse_loss", x, t, sample_weight=weight, return_grad=True)
        assert value == pytest.approx(13 / 4)
        np.testing.assert_allclose(grad, [0.5, 3])


def test_pos_weight_broadcasts(isa, dtype, rng, fastml):
    x, t = draw(LOGITS, rng, dtype, (40, 5), soft=True)
    for shape in ((), (5,), (40, 1), (1, 5), (40, 5)):
        weight = rng.integers(0, 9, shape)
        value, grad = call(fastml, LOGITS, x, t, pos_weight=weight, return_grad=True)
        full = np.ascontiguousarray(np.broadcast_to(weight, x.shape)).astype(dtype)
        other, other_grad = call(fastml, LOGITS, x, t, pos_weight=full, return_grad=True)
        assert value == other
        assert_same_bits(grad, other_grad)
        assert value == pytest.approx(float(reference.binary_cross_entropy_with_logits(x, t, pos_weight=weight)), 1e-6)


@every_loss
def test_nothing_to_average_is_a_loss_of_zero(name, dtype, fastml):
    for shape, weight in (((0, 4), None), ((4, 0), None), ((0,), np.zeros(0)), ((4, 3), np.zeros(4)), ((3,), 0.0)):
        x = np.full(shape, NAN, dtype)
        out = np.full(shape, 7, dtype)
        value, grad = call(fastml, name, x, np.full(shape, INF), sample_weight=weight, return_grad=True, out=out)
        assert type(value) is np.float64
        assert value == 0
        assert grad is out
        assert not grad.any()
        if name != "rmse_loss" and not x.size:
            assert call(fastml, name, x, x, reduction="sum") == 0
            assert call(fastml, name, x, x, reduction="none").shape == shape


# out and dtypes


@every_case
def test_out_elsewhere_or_in_place(name, options, isa, dtype, rng, fastml):
    x, t = draw(name, rng, dtype, (90, 30))
    value, grad = call(fastml, name, x, t, return_grad=True, **options)
    for out in (np.empty_like(x), np.empty(x.shape, dtype, "F"), np.empty((180, 30), dtype)[::2], x.copy()):
        other, result = call(fastml, name, x, t, return_grad=True, out=out, **options)
        assert result is out
        assert other == value
        assert_same_bits(out, grad)
    for own in (x.copy(), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        other, result = call(fastml, name, own, t, return_grad=True, out=own, **options)
        assert result is own
        assert other == value
        assert_same_bits(own, grad)


@every_loss
def test_a_large_array_in_place(name, dtype, rng, fastml):
    x, t = (np.resize(v, (1000, 300)) for v in draw(name, rng, dtype, 977))
    expected = call(fastml, name, x, t, return_grad=True)
    value, grad = call(fastml, name, x, t, return_grad=True, out=x)
    assert value == expected[0]
    assert_same_bits(grad, expected[1])


@every_loss
@pytest.mark.parametrize("code", ["?", "b", "H", "i", "Q", "e", "f", "d", ">i4", ">f8"])
def test_targets_of_any_dtype(name, code, isa, dtype, rng, fastml):
    x, _ = draw(name, rng, dtype, (33, 20))
    labels = (rng.random(x.shape) < 0.5).astype(code)
    value, grad = call(fastml, name, x, labels, return_grad=True)
    other, other_grad = call(fastml, name, x, labels.astype(dtype), return_grad=True)
    assert value == other
    assert_same_bits(grad, other_grad)


@every_loss
def test_integers_lists_and_numbers(name, fastml):
    integers = np.array([[1, 0, 1], [0, 0, 1]])
    value, grad = call(fastml, name, integers, 1 - integers, return_grad=True)
    assert grad.dtype == np.float64
    assert value == call(fastml, name, integers.tolist(), (1 - integers).astype(bool))
    value, grad = call(fastml, name, 0.25, 1, return_grad=True)
    assert value == pytest.approx(float(getattr(reference, name)(0.25, 1.0)))
    assert grad.shape == ()


# Errors

X, T, OUT = np.arange(6, dtype=np.float32).reshape(3, 2) / 8, np.ones((3, 2), np.float32), np.full((3, 2), 7, "f4")
FROZEN = np.zeros((3, 2), np.float32)
FROZEN.flags.writeable = False
WEIGHT = "sample_weight"
SHARED = [
    ({"target": np.ones((2, 3))}, ValueError, r"^target: expected shape \(3, 2\), got \(2, 3\)$"),
    ({"target": np.ones(2)}, ValueError, r"^target: expected shape \(3, 2\), got \(2,\)$"),
    ({"target": 1.0}, ValueError, r"^target: expected shape \(3, 2\), got \(\)$"),
    ({"target": T * 1j}, TypeError, r"^target: expected a real dtype, got complex64$"),
    ({"target": T.astype(object)}, TypeError, r"^target: expected a real dtype, got object$"),
    ({"target": T.astype(str)}, TypeError, r"^target: expected a real dtype, got <U"),
    ({"target": np.ma.array(T)}, TypeError, r"^target: expected an array without a mask"),
    ({"target": [[1, 0], [1]]}, ValueError, r"^target: expected an array, got a list that makes none"),
    ({"reduction": "avg"}, ValueError, r"^reduction: expected one of 'mean', 'sum', 'none', got 'avg'$"),
    ({"reduction": None}, ValueError, r"^reduction: expected one of 'mean', 'sum', 'none', got None$"),
    ({WEIGHT: [1, 2]}, ValueError, r"^sample_weight: expected the leading axes of \(3, 2\), got shape \(2,\)$"),
    ({WEIGHT: np.ones((3, 2, 1))}, ValueError, r"^sample_weight: expected the leading axes of \(3, 2\), got shape"),
    ({WEIGHT: [1, -1, -2]}, ValueError, r"^sample_weight: expected finite numbers >= 0, got -1 at index 1$"),
    ({WEIGHT: [1, 1, NAN]}, ValueError, r"^sample_weight: expected finite numbers >= 0, got nan at index 2$"),
    (
        {WEIGHT: [[1, 1], [1, INF], [1, 1]]},
        ValueError,
        r"^sample_weight: .* got inf at index \(1, 1\)$",
    ),
    ({WEIGHT: [1e308, 1e308, 1e308]}, ValueError, r"^sample_weight: expected a finite sum, got inf$"),
    ({WEIGHT: [1j, 1, 1]}, TypeError, r"^sample_weight: expected a real dtype, got complex128$"),
    ({"return_grad": False}, ValueError, r"^out: expected None without return_grad=True, got a buffer"),
    ({"out": np.zeros((2, 3), "f4")}, ValueError, r"^out: expected shape \(3, 2\), got \(2, 3\)$"),
    ({"out": np.zeros((3, 2))}, TypeError, r"^out: expected dtype float32, got float64$"),
    ({"out": FROZEN}, ValueError, r"^out: expected a writeable array, got a read-only one$"),
    ({"out": [[0.0] * 2] * 3}, TypeError, r"^out: expected an ndarray, got list$"),
    ({"out": T}, ValueError, r"^out: expected memory apart from target, got an overlap$"),
]
FIRST = {PROBABILITIES: "prob", LOGITS: "logits"}
OWN = {
    "rmse_loss": [({"reduction": "sum"}, ValueError, r"^reduction: expected 'mean', got 'sum'$")],
    "huber_loss": [
        ({"delta": 0}, ValueError, r"^delta: expected a finite number above 0, got 0$"),
        ({"delta": -1.5}, ValueError, r"^delta: expected a finite number above 0, got -1.5$"),
        ({"delta": INF}, ValueError, r"^delta: expected a finite number, got inf$"),
        ({"delta": "1"}, TypeError, r"^delta: expected a real number, got str$"),
    ],
    LOGITS: [
        ({"label_smoothing": 1.5}, ValueError, r"^label_smoothing: expected a number in \[0, 1\], got 1.5$"),
        ({"label_smoothing": NAN}, ValueError, r"^label_smoothing: expected a number in \[0, 1\], got nan$"),
        ({"label_smoothing": None}, TypeError, r"^label_smoothing: expected a real number, got NoneType$"),
        ({"pos_weight": [1, -2]}, ValueError, r"^pos_weight: expected finite numbers >= 0, got -2 at index 1$"),
        ({"pos_weight": INF}, ValueError, r"^pos_weight: expected finite numbers >= 0, got inf$"),
        (
            {"pos_weight": [1, 2, 3]},
            ValueError,
            r"^pos_weight: .* that broadcasts to \(3, 2\), got \(3,\)$",
        ),
        ({"pos_weight": ["a", "b"]}, TypeError, r"^pos_weight: expected a real dtype, got <U1$"),
    ],
}
WRONG = [(name, *case) for name in LOSSES for case in (*SHARED, *OWN.get(name, ()))]


@pytest.mark.parametrize(
    ("name", "wrong", "error", "message"), WRONG, ids=[f"{n}-{e.__name__}-{m[1:40]}" for n, _, e, m in WRONG]
)
def test_errors_name_the_argument_and_change_nothing(name, wrong, error, message, fastml):
    first = FIRST.get(name, "pred")
    arguments = {first: X, "target": T, "return_grad": True, "out": OUT, **wrong}
    before = [bits(array) for array in (X, T, OUT)]
    with silent(), pytest.raises(error, match=message):
        getattr(fastml, name)(**arguments)
    for array, kept in zip((X, T, OUT), before, strict=True):
        np.testing.assert_array_equal(bits(array), kept)


@every_loss
def test_wrong_first_argument(name, fastml):
    for bad in (np.ones(3, complex), np.array(["a", "b"]), np.array([object()]), np.ones(3, np.longdouble)):
        with pytest.raises(TypeError, match=f"^{FIRST.get(name, 'pred')}: expected float16"):
            getattr(fastml, name)(bad, bad)
    with pytest.raises(TypeError):
        getattr(fastml, name)(X, T, "mean")  # keywords are keyword-only


@every_loss
@pytest.mark.parametrize("distance", [1, 3])
def test_an_out_that_overlaps_in_part_is_refused(name, distance, fastml):
    buffer = np.linspace(0.1, 0.9, 12, dtype=np.float32)
    before = buffer.copy()
    with pytest.raises(ValueError, match=r"^out: "):
        getattr(fastml, name)(buffer[:6], T.ravel(), return_grad=True, out=buffer[distance : 6 + distance])
    for weight in (buffer[:6], buffer[3:9]):
        with pytest.raises(ValueError, match=r"^out: expected memory apart from sample_weight, got an overlap$"):
            getattr(fastml, name)(X.ravel(), T.ravel(), sample_weight=weight, return_grad=True, out=buffer[:6])
    assert_same_bits(buffer, before)
