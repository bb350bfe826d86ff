"""fit_logistic: errors name the argument, what was expected and what came, and leave w and b alone."""

import numpy as np
import pytest
from conftest import silent
from test_fitting import both_solvers
from test_logistic import INF, NAN

from fastml import EarlyStopping

n, d = 300, 3
X, Y, C = np.ones((n, d), np.float32), np.arange(n) % 2, np.arange(n) % 3
VALIDATION = (X, Y)


def read_only(shape):
    array = np.ones(shape)
    array.flags.writeable = False
    return array


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def of_other_weights():
    stopping = EarlyStopping()
    stopping.update(0.5, [np.ones(d + 1), np.ones(1)])
    return stopping


WRONG = [  # (keywords of the call that are wrong, error, message)
    ({"X": np.ones(3)}, ValueError, r"^X: expected two dimensions \(n, d\), got shape \(3,\)$"),
    ({"X": X * 1j}, TypeError, r"^X: expected a real dtype, got complex64$"),
    ({"X": X[:, :2]}, ValueError, r"^X: expected 3 columns, as many as w has rows, got 2$"),
    ({"y": Y[1:]}, ValueError, r"^y: expected shape \(300,\), got \(299,\)$"),
    ({"y": C * 1.0, "w": None}, TypeError, r"^y: expected 0 and 1, or an integer dtype for classes, got float64$"),
    ({"y": C * 1.0, "w": np.ones((d, 3)), "b": np.ones(3)}, TypeError, r"^y: expected an integer dtype for classes"),
    ({"y": C}, ValueError, r"^y: expected 0 or 1, got 2 in row "),
    ({"y": changed(Y, 299, -1), "w": None, "b": None}, ValueError, r"^y: expected 0 or 1, got -1 in row 299$"),
    (
        {"y": changed(C, 299, -1), "w": None, "b": None},
        ValueError,
        r"^y: expected classes from 0 to 2, got -1 in row 299",
    ),
    (
        {"y": changed(C, 299, 10**12), "w": None, "b": None},
        ValueError,
        r"^y: .* at most as many as rows .*, got 1000000000000 in row 299$",
    ),
    (
        {"y": changed(Y * 1.0, 7, 1 + 1e-9), "w": np.ones(d, np.float32), "b": np.ones(1, np.float32)},
        ValueError,
        r"^y: expected 0 or 1, got 1\.000000001 in row 7$",
    ),
    ({"sample_weight": Y[1:]}, ValueError, r"^sample_weight: expected shape \(300,\), got \(299,\)$"),
    ({"sample_weight": changed(Y, 7, -2)}, ValueError, r"^sample_weight: .* >= 0, got -2 in row 7$"),
    ({"w": [1.0, 2.0, 3.0]}, TypeError, r"^w: expected an ndarray of float32 or float64, got list$"),
    ({"w": np.ones(d, int)}, TypeError, r"^w: expected an ndarray of float32 or float64, got int64$"),
    ({"w": np.ones(d, ">f8")}, TypeError, r"^w: expected an ndarray of float32 or float64, got >f8$"),
    ({"w": read_only(d)}, ValueError, r"^w: expected a writeable array, got a read-only one$"),
    ({"w": np.ones((d, 1))}, ValueError, r"^w: expected two classes at least, or shape \(d,\), got shape \(3, 1\)$"),
    ({"w": np.array(1.0)}, ValueError, r"^w: expected shape \(d,\) or \(d, K\), got \(\)$"),
    ({"b": 0.5}, TypeError, r"^b: expected an ndarray of float64, the dtype of w, got float$"),
    ({"b": np.ones(1, np.float32)}, TypeError, r"^b: expected an ndarray of float64, the dtype of w, got float32$"),
    ({"b": np.ones(2)}, ValueError, r"^b: expected a number or shape \(1,\), got \(2,\)$"),
    ({"y": C, "w": np.ones((d, 3)), "b": np.ones(2)}, ValueError, r"^b: .* or shape \(3,\), got \(2,\)$"),
    ({"b": read_only(1)}, ValueError, r"^b: expected a writeable array, got a read-only one$"),
    ({"l1": -0.1}, ValueError, r"^l1: expected a finite number of at least 0, got -0\.1$"),
    ({"l2": "1"}, TypeError, r"^l2: expected a real number, got str$"),
    ({"scale": NAN}, ValueError, r"^scale: expected a finite number, got nan$"),
    ({"tol": -1}, ValueError, r"^tol: expected a finite number of at least 0, got -1$"),
    ({"tol": INF}, ValueError, r"^tol: expected a finite number of at least 0, got inf$"),
    ({"max_iter": -1}, ValueError, r"^max_iter: expected an integer of at least 0, got -1$"),
    ({"max_iter": 2.0}, TypeError, r"^max_iter: expected an integer of at least 0, got float$"),
    ({"max_iter": True}, TypeError, r"^max_iter: expected an integer of at least 0, got a bool$"),
    ({"solver": "newton"}, ValueError, r"^solver: expected 'auto', 'lbfgs', .* or 'sgd', got 'newton'$"),
    (
        {"solver": np.array(["lbfgs", "sgd"])},
        ValueError,
        r"^solver: expected 'auto', 'lbfgs', .* or 'sgd', got array\(",
    ),
    ({"solver": None}, ValueError, r"^solver: expected 'auto', 'lbfgs', .* or 'sgd', got None$"),
    ({"rng": "seed"}, TypeError, r"^rng: expected None, an integer .* or a numpy\.random\.Generator, got 'seed'$"),
    ({"rng": -1}, ValueError, r"^rng: expected None, an integer of at least 0 or .*, got -1$"),
    ({"early_stopping": True}, ValueError, r"^early_stopping: expected validation_data beside it, got none$"),
    ({"validation_data": X}, TypeError, r"^validation_data: expected a pair \(X, y\), got ndarray$"),
    (
        {"validation_data": (X, Y, Y)},
        TypeError,
        r"^validation_data: expected a pair \(X, y\), got a tuple of length 3$",
    ),
    ({"validation_data": (X[:, :1], Y)}, ValueError, r"^validation_data: X: expected 3 columns, .*, got 1$"),
    ({"validation_data": (X, C)}, ValueError, r"^validation_data: y: expected 0 or 1, got 2 in row 2$"),
    ({"validation_data": (X, Y * 1j)}, TypeError, r"^validation_data: y: expected a real dtype, got complex128$"),
    (
        {"validation_data": VALIDATION, "early_stopping": 5},
        TypeError,
        r"^early_stopping: expected an EarlyStopping, got int$",
    ),
    (
        {"validation_data": VALIDATION, "early_stopping": EarlyStopping(mode="max")},
        ValueError,
        r"^early_stopping: expected mode 'min', as it sees a loss, got 'max'$",
    ),
    (
        {"validation_data": VALIDATION, "early_stopping": of_other_weights()},
        ValueError,
        r"^early_stopping: params\[0\]: expected shape \(4,\) and .* at the best step, got \(3,\) and float64$",
    ),
    ({"callback": "print"}, TypeError, r"^callback: expected a callable, got str$"),
]


@both_solvers
@pytest.mark.parametrize(("wrong", "error", "message"), WRONG, ids=[message[1:50] for _, _, message in WRONG])
def test_errors_name_the_argument_and_change_nothing(solver, wrong, error, message, fastml):
    arguments = {"X": X, "y": Y, "w": np.ones(d), "b": np.ones(1), "solver": solver, **wrong}
    with silent(), pytest.raises(error, match=message):
        fastml.fit_logistic(**arguments)
    for key in ("w", "b"):
        if isinstance(arguments[key], np.ndarray):
            assert np.all(arguments[key] == 1)
