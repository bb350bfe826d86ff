"""softmax, log_softmax, logsumexp: axis, where, out, keepdims, dtypes, and errors that name the argument."""

import importlib

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from test_softmax import ARRAYS, INF, NAN, R, as_rows, assert_within_promise, call, every_function, layouts, rows_of

every_array_function = pytest.mark.parametrize("name", ARRAYS)


# where


def masks(rng, C):
    """Yield masks of (R, C), of shapes that broadcast to it, and one that masks whole rows."""
    mask = rng.random((R, C)) < 0.6
    mask[3], mask[4] = False, True
    yield mask
    yield np.asfortranarray(mask)
    yield mask[:1]
    yield mask[0]
    yield mask[:, :1]
    yield from (np.array(True), np.array(False), True, False)


@pytest.mark.longdouble
@every_function
@pytest.mark.parametrize("C", [1, 2, 8, 10, 17, 64, 65, 100, 257])
def test_where(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C)
    for mask in masks(rng, C):
        full = np.broadcast_to(mask, rows.shape)
        spoiled = np.where(full, rows, rng.choice([NAN, INF, -INF, 3.0], rows.shape)).astype(dtype)
        result = call(fastml, name, spoiled, where=mask)
        assert result.dtype == dtype
        assert_within_promise(fastml, name, np.where(full, rows, 0), result, where=full)
        assert_same_bits(call(fastml, name, rows, where=mask), result)  # what is masked has no influence
        if name in ARRAYS:
            assert np.all(result[~full] == (0 if name == "softmax" else -INF))


@every_function
@pytest.mark.parametrize("C", [3, 10, 64, 70])
def test_where_has_the_same_bits_in_every_layout(name, C, isa, dtype, rng, fastml):
    rows, mask = rows_of(rng, dtype, C), rng.random((R, C)) < 0.6
    expected = call(fastml, name, rows, where=mask)
    for (what, x, axis), (_, where, _) in zip(layouts(rows), layouts(mask.astype(np.uint8)), strict=True):
        result = call(fastml, name, x, axis, where=where.astype(bool))
        assert_same_bits(as_rows(result, axis), expected, what)


@every_function
def test_rows_of_inf_and_nan_behind_a_mask(name, isa, dtype, fastml):
    x = np.array([[INF, INF, 0], [-INF, -INF, 1], [NAN, 1, 1], [INF, 1, -INF]], dtype)
    where = np.array([[1, 0, 1], [1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    expected = getattr(reference, name)(x, where=where, **({"keepdims": True} if name == "logsumexp" else {}))
    np.testing.assert_array_equal(call(fastml, name, x, where=where), expected)


@every_function
def test_wrong_where(name, fastml):
    x = np.ones((3, 4), np.float32)
    for mask in (np.ones((2, 4), bool), np.ones(3, bool), np.ones((2, 3, 4), bool)):
        with pytest.raises(ValueError, match="where"):
            call(fastml, name, x, where=mask)


# out


@every_array_function
@pytest.mark.parametrize("C", [3, 10, 64, 100])
def test_out_in_place_or_elsewhere_in_every_layout(name, C, isa, dtype, rng, fastml):
    rows = rows_of(rng, dtype, C)
    expected = call(fastml, name, rows)
    for index, (what, x, axis) in enumerate(layouts(rows)):
        strided = np.empty((2 * len(x), *x.shape[1:]), dtype)[::2]
        for out in (np.empty(x.shape, dtype), np.empty(x.shape, dtype, "F"), strided):
            assert call(fastml, name, x, axis, out=out) is out, what
            assert_same_bits(as_rows(out, axis), expected, what)
        own = list(layouts(rows.copy()))[index][1]
        if own.flags.writeable and own.dtype.isnative:
            assert call(fastml, name, own, axis, out=own) is own, what
            assert_same_bits(as_rows(own, axis), expected, what)


@every_array_function
def test_out_with_where(name, dtype, rng, fastml):
    rows, mask = rows_of(rng, dtype, 10), rng.random((R, 10)) < 0.5
    expected, out = call(fastml, name, rows, where=mask), np.full((R, 10), 7, dtype)
    assert call(fastml, name, rows, where=mask, out=out) is out
    assert_same_bits(out, expected)
    call(fastml, name, rows, where=mask, out=rows)
    assert_same_bits(rows, expected)


@every_array_function
def test_a_large_array_in_place(name, dtype, rng, fastml):
    x = np.resize(rows_of(rng, dtype, 977), (150_001, 10))
    expected = call(fastml, name, x)
    assert call(fastml, name, x, out=x) is x
    assert_same_bits(x, expected)


@every_array_function
def test_wrong_out_leaves_everything_untouched(name, fastml):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    read_only = np.zeros((3, 4), np.float32)
    read_only.flags.writeable = False
    wrong = [
        np.zeros((4, 3), np.float32),
        np.zeros(12, np.float32),
        np.zeros((3, 4)),
        np.zeros((3, 4), np.int32),
        read_only,
        [[0.0] * 4] * 3,
    ]
    for out in wrong:
        with pytest.raises((ValueError, TypeError), match="out"):
            call(fastml, name, x, out=out)
        assert not np.any(out)
    np.testing.assert_array_equal(x, np.arange(12).reshape(3, 4))
    with pytest.raises(ValueError, match=r"out: expected shape \(3, 4\), got \(4, 3\)"):
        call(fastml, name, x, out=wrong[0])


@every_array_function
@pytest.mark.parametrize("distance", [1, 10, 25])
def test_an_out_that_overlaps_in_part_is_right_or_refused(name, distance, dtype, rng, fastml):
    buffer = rng.standard_normal(10 * 10 + distance).astype(dtype)
    x, out = buffer[:100].reshape(10, 10), buffer[distance:].reshape(10, 10)
    before, expected = buffer.copy(), call(fastml, name, x.copy())
    refused = None
    try:
        call(fastml, name, x, out=out)
    except ValueError as error:
        refused = str(error)
    assert refused is None or refused.startswith("out: ")
    assert_same_bits(*((out, expected) if refused is None else (buffer, before)))


# axis, keepdims, dtypes


@every_function
@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 3, 4), (2, 1, 3, 4)])
def test_every_axis(name, shape, dtype, rng, fastml):
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    for axis in range(-len(shape), len(shape)):
        assert_within_promise(fastml, name, x, call(fastml, name, x, axis), axis)
        assert_same_bits(call(fastml, name, x, np.int64(axis)), call(fastml, name, x, axis % len(shape)))
    with silent():
        assert_same_bits(getattr(fastml, name)(x, axis=-1), getattr(fastml, name)(x))


@every_function
def test_wrong_axis(name, fastml):
    x = np.ones((3, 4))
    for axis in (2, -3, 100):
        with pytest.raises(np.exceptions.AxisError, match=str(axis)):
            getattr(fastml, name)(x, axis)
    for axis in (1.0, "last", (0, 1)):
        with pytest.raises(TypeError):
            getattr(fastml, name)(x, axis)
    with pytest.raises(np.exceptions.AxisError):
        getattr(fastml, name)(np.float64(1.0), 0)


@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 3, 4)])
def test_keepdims(shape, dtype, rng, fastml):
    x = rng.standard_normal(shape).astype(dtype)
    for axis in range(-len(shape), len(shape)):
        kept, dropped = fastml.logsumexp(x, axis, keepdims=True), fastml.logsumexp(x, axis)
        assert kept.shape == reference.logsumexp(x, axis, keepdims=True).shape
        assert kept.dtype == dtype
        if len(shape) == 1:
            assert isinstance(dropped, np.float64)
            assert dropped == pytest.approx(float(kept[0]), rel=3 * float(np.finfo(dtype).eps))
        else:
            assert_same_bits(dropped, np.squeeze(kept, axis))


@every_function
@pytest.mark.parametrize("code", "?bBhHiIlLqQ")
def test_integers_and_bool_become_float64(name, code, fastml):
    x = np.array([[0, 1, 1], [1, 0, 0]]).astype(code)
    for axis in (0, 1):
        assert_same_bits(call(fastml, name, x, axis), call(fastml, name, x.astype(np.float64), axis))
    with pytest.raises((ValueError, TypeError), match="out"):
        fastml.softmax(x, out=np.empty((2, 3), np.float32))


@every_function
def test_lists_are_arrays(name, fastml):
    assert_same_bits(call(fastml, name, [[1, 2], [3, 5]]), call(fastml, name, np.array([[1.0, 2.0], [3.0, 5.0]])))
    assert_same_bits(call(fastml, name, (1.5, 2.0)), call(fastml, name, np.array([1.5, 2.0])))


@every_function
@pytest.mark.parametrize("bad", [np.ones(3, complex), np.array(["a", "b"]), np.array([object()])])
def test_what_is_no_real_array_is_a_type_error(name, bad, fastml):
    with pytest.raises(TypeError, match="x: "):
        getattr(fastml, name)(bad)


@every_function
def test_masked_and_ragged_arrays_are_refused(name, fastml):
    with pytest.raises(TypeError, match=r"x: expected an array without a mask, got a MaskedArray .*where="):
        getattr(fastml, name)(np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]))
    with pytest.raises(ValueError, match="x: expected an array, got a list that makes none"):
        getattr(fastml, name)([[1.0, 2.0], [3.0]])


@pytest.fixture
def axis_index(fastml):
    return importlib.import_module("fastml._arguments").axis_index


@pytest.mark.parametrize("axis", [1.0, "last", (0, 1), None, True])
def test_axis_that_is_no_integer(axis_index, axis):
    with pytest.raises(TypeError, match=f"^axis: expected an integer, got {type(axis).__name__}$"):
        axis_index(axis, 2)


@pytest.mark.parametrize("axis", [2, -3, 2**70])
def test_axis_that_is_not_there(axis_index, axis):
    with pytest.raises(np.exceptions.AxisError, match=f"^axis {axis} is out of bounds for array of dimension 2$"):
        axis_index(axis, 2)


def test_axis_index(axis_index):
    assert [axis_index(axis, 3) for axis in (0, -1, np.int8(-3), np.array(2))] == [0, 2, 0, 2]


@every_function
def test_wrong_calls(name, fastml):
    function, x = getattr(fastml, name), np.ones((2, 3))
    with pytest.raises(TypeError):
        function()
    with pytest.raises(TypeError):
        function(x, -1, None)  # keywords are keyword-only
    with pytest.raises(TypeError):
        function(x, unknown=1)


@pytest.mark.longdouble
@every_function
def test_awkward_arrays(name, isa, awkward, fastml):
    if awkward.ndim == 0:
        awkward = awkward[None]
    result = call(fastml, name, awkward)
    assert_within_promise(fastml, name, awkward, result)
