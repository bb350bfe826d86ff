"""EarlyStopping against a naive reading of its rules, and what it does with parameters, state and mistakes."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("fastml")

VALUES = st.lists(st.floats(width=16) | st.integers(-3, 3).map(float), max_size=30)
SETTINGS = {
    "patience": st.integers(1, 5),
    "min_delta": st.sampled_from([0.0, 0.5, 1.0, 1e-3]),
    "mode": st.sampled_from(["min", "max"]),
}


def make(*arguments, **keywords):
    from fastml import EarlyStopping

    return EarlyStopping(*arguments, **keywords)


def naive(values, patience, min_delta, mode):
    """Return the decisions, the best value and its step, looking back over everything at each step."""
    decisions, better_at = [], []
    for step, value in enumerate(values):
        best = values[better_at[-1]] if better_at else math.inf if mode == "min" else -math.inf
        if (value < best - min_delta) if mode == "min" else (value > best + min_delta):
            better_at.append(step)
        decisions.append(step - (better_at[-1] if better_at else -1) >= patience)
    return decisions, values[better_at[-1]] if better_at else None, better_at[-1] if better_at else None


@given(values=VALUES, **SETTINGS)
def test_agrees_with_the_naive_reading(values, patience, min_delta, mode):
    stopping = make(patience, min_delta=min_delta, mode=mode)
    decisions = [stopping.update(value) for value in values]
    assert (decisions, stopping.best, stopping.best_step) == naive(values, patience, min_delta, mode)


@given(values=VALUES, cut=st.integers(0, 30), **SETTINGS)
def test_resumed_run_is_the_same(values, cut, patience, min_delta, mode):
    settings = {"patience": patience, "min_delta": min_delta, "mode": mode}
    whole, first, second = make(**settings), make(**settings), make(**settings)
    w, v = np.zeros(2), np.zeros(2)
    expected = [whole.update(value, w + step) for step, value in enumerate(values)]
    decisions = [first.update(value, v + step) for step, value in enumerate(values[:cut])]
    state = first.state_dict()
    params = state.pop("best_params")
    second.load_state_dict(json.loads(json.dumps(state)) | {"best_params": params})
    decisions += [second.update(value, v + cut + step) for step, value in enumerate(values[cut:])]
    assert decisions == expected
    assert (second.best, second.best_step) == (whole.best, whole.best_step)
    np.testing.assert_array_equal(second.best_params, whole.best_params)


@given(values=VALUES, **SETTINGS)
def test_stopping_restores_the_best(values, patience, min_delta, mode):
    stopping = make(patience, min_delta=min_delta, mode=mode)
    w = np.full(3, -1.0)
    for step, value in enumerate(values):
        w[:] = step
        if stopping.update(value, w):
            expected = naive(values[: step + 1], patience, min_delta, mode)[2]
            np.testing.assert_array_equal(w, step if expected is None else expected)
            return
        np.testing.assert_array_equal(w, step)


CONTAINERS = {
    "array": lambda *arrays: arrays[0],
    "list": lambda *arrays: list(arrays),
    "tuple": lambda *arrays: arrays,
    "dict": lambda *arrays: dict(enumerate(arrays)),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_containers(container, dtype):
    w, b = np.arange(6, dtype=dtype).reshape(2, 3)[:, ::-1], np.array(5, dtype)
    params, before = container(w, b), [w.copy(), b.copy()]
    stopping = make(1)
    assert not stopping.update(1.0, params)
    assert type(stopping.best_params) is type(params)
    w += 1
    b += 1
    assert stopping.update(2.0, params)
    np.testing.assert_array_equal(w, before[0])
    if not isinstance(params, np.ndarray):
        np.testing.assert_array_equal(b, before[1])
    assert not any(np.shares_memory(w, kept) for kept in np.atleast_1d(stopping.best_params[0]))


def test_without_restoring():
    stopping = make(1, restore_best=False)
    w = np.zeros(2)
    stopping.update(1.0, w)
    w += 1
    w.flags.writeable = False
    assert stopping.update(1.0, w)
    np.testing.assert_array_equal(w, 1)
    np.testing.assert_array_equal(stopping.best_params, 0)


def test_better_without_params_forgets_the_old_ones():
    stopping = make(1)
    w = np.zeros(2)
    stopping.update(1.0, w)
    stopping.update(0.5)
    w += 1
    assert stopping.best_params is None
    assert stopping.update(0.6, w)
    np.testing.assert_array_equal(w, 1)


def test_goes_on_after_stopping():
    stopping = make(2)
    assert [stopping.update(v) for v in (1, 1, 1, 1, 0.5, 0.5, 0.5)] == [False, False, True, True, False, False, True]


@pytest.mark.parametrize("value", [1, np.float16(1), np.int8(1), np.array(1.0), np.longdouble(1)])
def test_kinds_of_number(value):
    stopping = make()
    stopping.update(value)
    assert type(stopping.best) is float


def test_state_is_a_copy():
    stopping = make()
    stopping.update(1.0, [np.zeros(2)])
    state = stopping.state_dict()
    state["best_params"][0][:] = 7
    np.testing.assert_array_equal(stopping.best_params[0], 0)
    stopping.load_state_dict(state)
    state["best_params"][0][:] = 8
    np.testing.assert_array_equal(stopping.best_params[0], 7)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"patience": 0}, ValueError, "patience: expected an integer of at least 1, got 0"),
        ({"patience": 2.0}, TypeError, "patience: expected an integer of at least 1, got float"),
        ({"patience": True}, TypeError, "patience: expected an integer of at least 1, got a bool"),
        ({"min_delta": -0.1}, ValueError, "min_delta: expected a finite number of at least 0, got -0.1"),
        ({"min_delta": math.nan}, ValueError, "min_delta: expected a finite number of at least 0, got nan"),
        ({"min_delta": math.inf}, ValueError, "min_delta: expected a finite number of at least 0, got inf"),
        ({"min_delta": "0"}, TypeError, "min_delta: expected a real number, got str"),
        ({"mode": "Min"}, ValueError, "mode: expected 'min' or 'max', got 'Min'"),
        ({"mode": np.ones(2)}, ValueError, "mode: expected 'min' or 'max', got array([1., 1.])"),
        ({"restore_best": None}, TypeError, "restore_best: expected a bool, got NoneType"),
    ],
)
def test_refused_settings(keywords, error, message):
    with pytest.raises(error) as caught:
        make(**keywords)
    assert str(caught.value) == message


def read_only():
    w = np.zeros(2)
    w.flags.writeable = False
    return w


@pytest.mark.parametrize(
    ("value", "params", "error", "message"),
    [
        ("1", None, TypeError, "value: expected a real number, got str"),
        (None, None, TypeError, "value: expected a real number, got NoneType"),
        (True, None, TypeError, "value: expected a real number, got bool"),
        (1j, None, TypeError, "value: expected a real number, got complex"),
        ([1.0], None, TypeError, "value: expected a real number, got list of shape (1,)"),
        ([[1], [1, 2]], None, TypeError, "value: expected a real number, got list"),
        (0, 1.0, TypeError, "params: expected an ndarray, or a list or dict of ndarrays, got float"),
        (0, {"w": 1.0}, TypeError, "params['w']: expected an ndarray, got float"),
        (0, {"w": read_only()}, ValueError, "params['w']: expected a writeable array, got a read-only one"),
        (0, {"b": np.zeros(2)}, ValueError, "params: expected params['w'] as at the best step, got params['b']"),
        (0, [np.zeros(2)], ValueError, "params: expected params['w'] as at the best step, got params[0]"),
        (0, {"w": np.zeros(3)}, ValueError,
         "params['w']: expected shape (2,) and dtype float64 as at the best step, got (3,) and float64"),
        (0, {"w": np.zeros(2, "f4")}, ValueError,
         "params['w']: expected shape (2,) and dtype float64 as at the best step, got (2,) and float32"),
    ],
)  # fmt: skip
def test_refused_updates(value, params, error, message):
    stopping = make()
    stopping.update(1.0, {"w": np.zeros(2)})
    before = repr(stopping.state_dict())
    with pytest.raises(error) as caught:
        stopping.update(value, params)
    assert str(caught.value) == message
    assert repr(stopping.state_dict()) == before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mode": "max"}, ValueError, r"state\['mode'\]: expected 'min', got 'max'"),
        ({"extra": 1}, ValueError, "state: expected the entries mode, best, .* got .*extra"),
        ({"best": "x"}, TypeError, r"state\['best'\]: expected a real number, got str"),
        ({"best": math.nan}, ValueError, r"state\['best'\]: expected a number or None, got nan"),
        ({"best_step": None}, TypeError, r"state\['best_step'\]: expected an integer of at least 0"),
        ({"step": -1}, ValueError, r"state\['step'\]: expected an integer of at least 0, got -1"),
        ({"waited": 0.5}, TypeError, r"state\['waited'\]: expected an integer of at least 0, got float"),
        ({"best_params": [1]}, TypeError, r"state\['best_params'\]\[0\]: expected an ndarray, got int"),
    ],
)
def test_refused_states(change, error, message):
    stopping = make()
    stopping.update(1.0)
    before = stopping.state_dict()
    with pytest.raises(error, match=message):
        stopping.load_state_dict(before | change)
    assert stopping.state_dict() == before
    with pytest.raises(TypeError, match="state: expected a mapping, got list"):
        stopping.load_state_dict([])


def test_defaults(fastml):
    """Five updates in a row that are not better, of what should fall; any fall counts; the best comes back."""
    stopping, params = fastml.EarlyStopping(), np.array([1.0])
    assert not stopping.update(1.0, params)
    params[:] = 2.0
    assert not stopping.update(np.nextafter(1.0, 0.0), params)
    params[:] = 3.0
    assert [stopping.update(2.0, params) for _ in range(5)] == [False] * 4 + [True]
    assert params == 2.0
