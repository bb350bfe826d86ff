"""What optimizer steps refuse: an error that names the argument, and every array as it was."""

import re

import numpy as np
import pytest

LENGTH = 6
READ_ONLY = np.ones(LENGTH)
READ_ONLY.flags.writeable = False
SHARED = np.ones(2 * LENGTH)
AT_LEAST_0 = "expected a finite number of at least 0, got"
BELOW_1 = "expected a number in [0, 1), got"

BOTH = [
    ({"param": [1.0] * LENGTH}, TypeError, "param: expected an ndarray to update in place, got list"),
    ({"param": np.ma.ones(LENGTH)}, TypeError, "param: expected an ndarray to update in place, got MaskedArray"),
    ({"param": np.ones(LENGTH, "f2")}, TypeError, "param: expected native float32 or float64, got dtype float16"),
    ({"param": np.ones(LENGTH, "i8")}, TypeError, "param: expected native float32 or float64, got dtype int64"),
    ({"param": np.ones(LENGTH, ">f8")}, TypeError, "param: expected native float32 or float64, got dtype >f8"),
    ({"param": READ_ONLY}, ValueError, "param: expected a writeable array, got a read-only one"),
    ({"grad": np.ones(5)}, ValueError, "grad: expected shape (6,), got (5,)"),
    ({"grad": 1.0}, ValueError, "grad: expected shape (6,), got ()"),
    ({"grad": np.ones(LENGTH, "c8")}, TypeError, "grad: expected a real dtype, got complex64"),
    ({"param": SHARED[:6], "grad": SHARED[1:7]}, ValueError, "grad: expected memory apart from param, got an overlap"),
    ({"param": SHARED[:6], "grad": SHARED[:6]}, ValueError, "grad: expected memory apart from param, got an overlap"),
    (
        {"param": np.lib.stride_tricks.as_strided(SHARED, (6,), (0,))},
        ValueError,
        "param: expected elements apart from each other, got strides (0,)",
    ),
    ({"lr": -0.1}, ValueError, f"lr: {AT_LEAST_0} -0.1"),
    ({"lr": np.nan}, ValueError, f"lr: {AT_LEAST_0} nan"),
    ({"lr": np.inf}, ValueError, f"lr: {AT_LEAST_0} inf"),
    ({"lr": "0.1"}, TypeError, "lr: expected a real number, got str"),
    ({"lr": True}, TypeError, "lr: expected a real number, got bool"),
]
SGD = [
    ({"velocity": None}, ValueError, "velocity: expected an ndarray beside momentum, got None"),
    ({"velocity": [0.0] * LENGTH}, TypeError, "velocity: expected an ndarray to update in place, got list"),
    ({"velocity": np.ones(5)}, ValueError, "velocity: expected shape (6,), got (5,)"),
    ({"velocity": np.ones(LENGTH, "f4")}, TypeError, "velocity: expected the dtype of param, float64, got float32"),
    ({"velocity": np.ones(LENGTH, ">f8")}, TypeError, "velocity: expected the dtype of param, float64, got >f8"),
    ({"velocity": READ_ONLY}, ValueError, "velocity: expected a writeable array, got a read-only one"),
    (
        {"velocity": SHARED[:6], "grad": SHARED[5:11]},
        ValueError,
        "velocity: expected memory apart from grad, got an overlap",
    ),
    ({"momentum": np.inf}, ValueError, f"momentum: {AT_LEAST_0} inf"),
    ({"momentum": -0.9}, ValueError, f"momentum: {AT_LEAST_0} -0.9"),
    ({"momentum": 0, "nesterov": True}, ValueError, "nesterov: expected a momentum above 0 beside it, got 0"),
    ({"l1": -1}, ValueError, f"l1: {AT_LEAST_0} -1"),
    ({"l2": np.nan}, ValueError, f"l2: {AT_LEAST_0} nan"),
]
ADAM = [
    ({"m": np.ones(5)}, ValueError, "m: expected shape (6,), got (5,)"),
    ({"v": np.ones(LENGTH, "f4")}, TypeError, "v: expected the dtype of param, float64, got float32"),
    ({"v": None}, TypeError, "v: expected an ndarray to update in place, got NoneType"),
    ({"m": READ_ONLY}, ValueError, "m: expected a writeable array, got a read-only one"),
    ({"m": SHARED[:6], "v": SHARED[:6]}, ValueError, "v: expected memory apart from m, got an overlap"),
    ({"v": SHARED[:6], "grad": SHARED[2:8]}, ValueError, "v: expected memory apart from grad, got an overlap"),
    ({"m": SHARED[:6], "param": SHARED[2:8]}, ValueError, "m: expected memory apart from param, got an overlap"),
    ({"step": 0}, ValueError, "step: expected an integer of at least 1, got 0"),
    ({"step": -(2**70)}, ValueError, f"step: expected an integer of at least 1, got {-(2**70)}"),
    ({"step": 1.0}, TypeError, "step: expected an integer of at least 1, got float"),
    ({"step": True}, TypeError, "step: expected an integer of at least 1, got a bool"),
    ({"beta1": 1.0}, ValueError, f"beta1: {BELOW_1} 1.0"),
    ({"beta2": -0.1}, ValueError, f"beta2: {BELOW_1} -0.1"),
    ({"beta2": np.nan}, ValueError, f"beta2: {BELOW_1} nan"),
    ({"beta1": None}, TypeError, "beta1: expected a real number, got NoneType"),
    ({"eps": -1e-8}, ValueError, f"eps: {AT_LEAST_0} -1e-08"),
    ({"weight_decay": np.inf}, ValueError, f"weight_decay: {AT_LEAST_0} inf"),
]
CASES = [("sgd_step", *case) for case in BOTH + SGD] + [("adam_step", *case) for case in BOTH + ADAM]


def arguments(name):
    arrays = {key: np.ones(LENGTH) for key in ("param", "grad")}
    if name == "sgd_step":
        return arrays | {"lr": 0.1, "momentum": 0.9, "velocity": np.ones(LENGTH)}
    return arrays | {"m": np.ones(LENGTH), "v": np.ones(LENGTH), "step": 1}


@pytest.mark.parametrize(("name", "changed", "error", "message"), CASES)
def test_mistakes(fastml, name, changed, error, message):
    given = arguments(name) | changed
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        getattr(fastml, name)(**given)
    for array in given.values():
        if isinstance(array, (np.ndarray, list)):
            assert np.all(np.asarray(array) == 1) or np.all(np.asarray(array) == 0)


@pytest.mark.parametrize("name", ["sgd_step", "adam_step"])
def test_what_is_taken(fastml, name):
    given = arguments(name)
    given |= {"lr": np.float32(0.5)}
    expected = arguments(name) | {"lr": 0.5}
    assert getattr(fastml, name)(**given) is None
    getattr(fastml, name)(**expected)
    np.testing.assert_array_equal(given["param"], expected["param"])
    assert (given["param"] != 1).all()


def test_interleaved_arrays_are_apart(fastml):
    both, apart = np.ones(2 * LENGTH), [np.ones(LENGTH), np.ones(LENGTH)]
    fastml.sgd_step(both[::2], np.ones(LENGTH), 0.5, momentum=0.5, velocity=both[1::2])
    fastml.sgd_step(apart[0], np.ones(LENGTH), 0.5, momentum=0.5, velocity=apart[1])
    np.testing.assert_array_equal(both.reshape(-1, 2).T, apart)


def test_velocity_without_momentum(fastml):
    w, velocity = np.ones(3), np.full(3, 7.0)
    fastml.sgd_step(w, [1, 2, 3], 0.5, velocity=velocity)
    np.testing.assert_array_equal(velocity, [1, 2, 3])
    np.testing.assert_array_equal(w, [0.5, 0, -0.5])
