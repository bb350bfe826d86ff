"""Arguments of cross_entropy: dtypes, shapes, and errors that name the argument and leave every array alone."""

import numpy as np
import pytest
from conftest import assert_same_bits, silent
from cross_entropy_cases import call, problem

INF, NAN = np.inf, np.nan


# What is taken.


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_classes_of_any_integer_dtype(code, dtype, rng, fastml):
    x, labels = problem(rng, dtype, 10, count=70)
    expected = call(fastml, x, labels, reduction="none", return_grad=True)
    integers = labels.astype(code)
    for given in (integers, integers.astype(np.dtype(code).newbyteorder()), np.repeat(integers, 2)[::2]):
        result = call(fastml, x, given, reduction="none", return_grad=True)
        assert_same_bits(result[0], expected[0])
        assert_same_bits(result[1], expected[1])
    assert call(fastml, x, labels.tolist()) == call(fastml, x, labels)


@pytest.mark.parametrize("code", "efd")
@pytest.mark.parametrize("C", [3, 64, 200])
def test_probabilities_of_any_float_dtype_and_layout(C, code, dtype, rng, fastml):
    x, q = problem(rng, dtype, C, probabilities=True, count=70)
    q = q.astype(np.float16)  # which every dtype holds
    buffer = np.zeros(2 * q.nbytes * 4 + 1, np.uint8)
    unaligned = buffer[1 : 1 + q.size * np.dtype(code).itemsize].view(code).reshape(q.shape)
    unaligned[...] = q
    wide = q.astype(code)
    for axis in (0, 1):
        logits = x if axis else np.ascontiguousarray(x.T)
        expected = call(fastml, x, q, reduction="none", return_grad=True)
        for given in (wide, np.asfortranarray(wide), np.repeat(wide, 2, 1)[:, ::2], wide[::-1, ::-1].copy()[::-1, ::-1],
                      wide.astype(wide.dtype.newbyteorder()), unaligned):  # fmt: skip
            turned = given if axis else given.T
            losses, gradient = call(fastml, logits, turned, axis=axis, reduction="none", return_grad=True)
            assert_same_bits(losses, expected[0])
            assert_same_bits(gradient if axis else gradient.T, expected[1])
    same = np.broadcast_to(wide[:1], wide.shape)
    assert call(fastml, x, same) == call(fastml, x, same.copy())


@pytest.mark.parametrize("code", "?bHqefd")
def test_weights_of_any_real_dtype(code, dtype, rng, fastml):
    x, labels = problem(rng, dtype, 4, count=70)
    rows, classes = rng.integers(0, 2, 70).astype(code), np.array([1, 0, 1, 1]).astype(code)
    floats = {"sample_weight": rows.astype(float), "class_weight": classes.astype(float)}
    expected = call(fastml, x, labels, return_grad=True, **floats)
    for w in (rows, rows.astype(rows.dtype.newbyteorder()), np.repeat(rows, 2)[::2], rows.tolist()):
        result = call(fastml, x, labels, sample_weight=w, class_weight=classes[::-1].copy()[::-1], return_grad=True)
        assert result[0] == expected[0]
        assert_same_bits(result[1], expected[1])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_logits_of_one_dimension_and_a_scalar_target(reduction, dtype, fastml):
    x = np.array([1, 2, 4], dtype)
    expected = call(fastml, x[None], [1], reduction=reduction, return_grad=True)
    for target in (1, np.int8(1), np.array(1, np.uint64), [0.0, 1.0, 0.0]):
        loss, gradient = call(fastml, x, target, reduction=reduction, return_grad=True, sample_weight=1)
        assert isinstance(loss, np.float64)
        assert loss == np.squeeze(expected[0]) or dtype == np.float16  # not rounded to float16
        assert loss == pytest.approx(float(np.squeeze(expected[0])), rel=1e-3)
        np.testing.assert_allclose(gradient, expected[1][0], rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("code", "?bBhHiIlLqQ")
def test_integer_logits_become_float64(code, fastml):
    x = np.array([[0, 1, 1], [1, 0, 0]]).astype(code)
    loss, gradient = call(fastml, x, [0, 1], return_grad=True)
    expected = call(fastml, x.astype(float), [0, 1], return_grad=True)
    assert loss == expected[0]
    assert_same_bits(gradient, expected[1])
    assert call(fastml, x.tolist(), [0, 1]) == loss


def test_results(dtype, fastml):
    x, labels = np.ones((4, 3), dtype), np.zeros(4, int)
    for reduction in ("mean", "sum"):
        assert isinstance(call(fastml, x, labels, reduction=reduction), np.float64)
    losses = call(fastml, x, labels, reduction="none")
    assert (type(losses), losses.shape, losses.dtype) == (np.ndarray, (4,), dtype)
    loss = call(fastml, x[:, :2], labels, label_smoothing=np.float32(0.5), axis=np.int8(-1))
    assert loss == pytest.approx(np.log(2), rel=1e-6)


def test_the_smallest_and_largest_ignored_classes(fastml):
    x = np.log([[1.0, 1.0, 2.0]] * 2)
    for code, index in (("q", -(2**63)), ("q", 2**63 - 1), ("Q", 2**64 - 1), ("Q", 2**63), ("b", -128), ("B", 255)):
        target = np.array([2, index], code)
        assert call(fastml, x, target, ignore_index=index) == pytest.approx(np.log(2))
        other = -1 if code == "Q" else index - 2**64 if index > 0 else index + 2**64
        with pytest.raises(ValueError, match=f"target: expected classes in .0, 3., got {index} at index 1"):
            call(fastml, x, target, ignore_index=other)
    for index in (2**64, -(2**70), 5):
        assert call(fastml, x, [2, 2], ignore_index=index) == pytest.approx(np.log(2))


# What is refused.


ONES = np.ones((3, 4), np.float32)
LABELS = np.array([0, 1, 2])
REFUSED = [
    (ValueError, r"target: expected classes in \[0, 4\), got 4 at index 1", {"target": [0, 4, 5]}),
    (ValueError, r"target: expected classes in \[0, 4\), got -1 at index 2", {"target": [0, 1, -1]}),
    (ValueError, r"target: expected classes in \[0, 4\), got -1 at index 2", {"target": [0, 1, -1], "ignore_index": 1}),
    (ValueError, r"target: expected shape \(3,\) for classes", {"target": [0, 1]}),
    (ValueError, r"target: expected shape \(3,\) for classes", {"target": np.zeros((3, 4), int)}),
    (ValueError, r"target: expected shape \(3, 4\) for probabilities", {"target": np.zeros(3)}),
    (TypeError, "target: expected integers .* got dtype bool", {"target": LABELS > 1}),
    (TypeError, "target: expected integers .* got dtype complex128", {"target": LABELS * 1j}),
    (TypeError, "target: expected integers .* got dtype <U1", {"target": ["a", "b", "c"]}),
    (TypeError, "target: expected integers", {"target": np.zeros((3, 4), np.longdouble)}),
    (TypeError, "logits: expected float16", {"logits": ONES * 1j}),
    (TypeError, "logits: expected an array without a mask", {"logits": np.ma.array(ONES)}),
    (np.exceptions.AxisError, "axis 2 is out of bounds", {"axis": 2}),
    (np.exceptions.AxisError, "axis -1 is out of bounds", {"logits": np.float32(1), "target": 0}),
    (TypeError, "axis: expected an integer", {"axis": 1.0}),
    (ValueError, "reduction: expected one of 'mean', 'sum', 'none', got 'max'", {"reduction": "max"}),
    (ValueError, "reduction: expected one of 'mean', 'sum', 'none', got None", {"reduction": None}),
    (ValueError, r"class_weight: expected shape \(4,\), got \(3,\)", {"class_weight": [1, 1, 1]}),
    (ValueError, "class_weight: expected numbers >= 0.* got -1.0 at index 2", {"class_weight": [1, 1, -1, 1]}),
    (ValueError, "class_weight: expected .* got nan at index 3", {"class_weight": [1, 1, 1, NAN]}),
    (ValueError, "class_weight: expected .* finite in float32, got 1e.300", {"class_weight": [1e300, 1, 1, 1]}),
    (ValueError, "sample_weight: expected the leading axes of .3,., got shape .4,.", {"sample_weight": np.ones(4)}),
    (ValueError, "sample_weight: expected numbers >= 0.* got -1.0 at index 1", {"sample_weight": [1.0, -1, 1]}),
    (ValueError, "sample_weight: expected numbers >= 0.* got -1 at index 1", {"sample_weight": [1, -1, 1]}),
    (ValueError, "sample_weight: expected .* got inf at index 2", {"sample_weight": [1, 1, INF]}),
    (ValueError, "sample_weight: expected .* got nan at index 0", {"sample_weight": [NAN, 1, 1], "ignore_index": 0}),
    (ValueError, "sample_weight: expected .* finite in float32, got 1e.300", {"sample_weight": [1e300, 1, 1]}),
    (TypeError, "sample_weight: expected a real dtype", {"sample_weight": [1j, 1, 1]}),
    (ValueError, r"label_smoothing: expected a number in \[0, 1\], got 1.5", {"label_smoothing": 1.5}),
    (ValueError, r"label_smoothing: expected a number in \[0, 1\], got -0.1", {"label_smoothing": -0.1}),
    (ValueError, "label_smoothing: expected .* got nan", {"label_smoothing": NAN}),
    (TypeError, "label_smoothing: expected a real number, got str", {"label_smoothing": "0.1"}),
    (TypeError, "ignore_index: expected an integer, got float", {"ignore_index": 1.0}),
    (TypeError, "ignore_index: expected an integer, got bool", {"ignore_index": True}),
    (ValueError, "ignore_index: expected None where the targets are prob", {"target": ONES, "ignore_index": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "wrong"), REFUSED, ids=[text[:40] for _, text, _ in REFUSED])
def test_errors_name_the_argument_and_leave_everything_untouched(error, text, wrong, fastml):
    x, out = np.arange(12, dtype=np.float32).reshape(3, 4), np.full((3, 4), 7, np.float32)
    for buffer in (out, x):  # elsewhere, and in place
        arguments = {"logits": x, "target": LABELS, "return_grad": True, "out": buffer} | wrong
        logits, target = arguments.pop("logits"), arguments.pop("target")
        if logits is not x:
            arguments["out"] = None
        with silent(), pytest.raises(error, match=text):
            fastml.cross_entropy(logits, target, **arguments)
    assert (out == 7).all()
    np.testing.assert_array_equal(x, np.arange(12).reshape(3, 4))


def test_the_row_of_a_bad_label(fastml):
    labels = np.zeros((3, 70_000), np.uint8)
    labels[2, 66_000] = 9
    x = np.broadcast_to(np.float32([1, 2]), (3, 70_000, 2))
    with pytest.raises(ValueError, match=r"target: expected classes in \[0, 2\), got 9 at index \(2, 66000\)"):
        fastml.cross_entropy(x, labels)
    with pytest.raises(ValueError, match=r"target: expected classes in \[0, 2\), got 9$"):
        fastml.cross_entropy(x[0, 0], 9)


def test_wrong_out(fastml):
    x = np.ones((3, 4), np.float32)
    read_only = np.zeros_like(x)
    read_only.flags.writeable = False
    for out, error, text in (
        (np.zeros((4, 3), np.float32), ValueError, r"out: expected shape \(3, 4\), got \(4, 3\)"),
        (np.zeros((3, 4)), TypeError, "out: expected dtype float32, got float64"),
        (np.zeros((3, 4), np.dtype("f4").newbyteorder()), TypeError, "out: expected dtype float32, got .f4"),
        (read_only, ValueError, "out: expected a writeable array"),
        ([[0.0] * 4] * 3, TypeError, "out: expected an ndarray, got list"),
    ):
        with pytest.raises(error, match=text):
            fastml.cross_entropy(x, LABELS, return_grad=True, out=out)
        assert not np.any(out)
    with pytest.raises(ValueError, match="out: expected None without return_grad=True"):
        fastml.cross_entropy(x, LABELS, out=np.zeros_like(x))


def test_an_out_that_overlaps_is_refused(fastml):
    memory = np.arange(64, dtype=np.float32)
    before = memory.copy()
    x, out = memory[:12].reshape(3, 4), memory[4:16].reshape(3, 4)
    with pytest.raises(ValueError, match="out: expected an input itself or memory apart from it"):
        fastml.cross_entropy(x, LABELS, return_grad=True, out=out)
    with pytest.raises(ValueError, match="out: expected an input itself or memory apart from it"):
        fastml.cross_entropy(x, LABELS, return_grad=True, out=x[::-1])
    apart = memory[40:52].reshape(3, 4)
    for name, arguments in (
        ("target", {"target": memory[48:60].reshape(3, 4)}),
        ("target", {"target": memory[48:60].view(np.int64)[:3]}),
        ("sample_weight", {"target": LABELS, "sample_weight": memory[50:53]}),
    ):
        with pytest.raises(ValueError, match=f"out: expected memory apart from {name}, got an overlap"):
            fastml.cross_entropy(x, arguments.pop("target"), return_grad=True, out=apart, **arguments)
    np.testing.assert_array_equal(memory, before)
    row = np.array([0.5, 1, 2, 3], np.float32)  # class weights are copied first: any overlap is right
    x = np.stack([row, row + 1, row * 2])
    expected = call(fastml, x.copy(), LABELS, class_weight=row, return_grad=True)
    assert_same_bits(call(fastml, x, LABELS, class_weight=x[0], return_grad=True, out=x)[1], expected[1])
