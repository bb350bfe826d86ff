"""Bad arguments of dropout, dropout_backward and gaussian_noise: the error names the argument, nothing is touched."""

import numpy as np
import pytest
from conftest import assert_same_bits

X = np.arange(6.0)
CALLS = {
    "dropout": lambda fastml, x, **kwargs: fastml.dropout(x, **{"p": 0.5, "rng": None} | kwargs),
    "dropout_backward": lambda fastml, x, **kwargs: fastml.dropout_backward(x, **{"p": 0.5, "key": 1} | kwargs),
    "gaussian_noise": lambda fastml, x, **kwargs: fastml.gaussian_noise(x, **{"std": 0.5, "rng": None} | kwargs),
}
BAD_OUT = [
    (np.zeros(5), ValueError, r"out: expected shape \(6,\), got \(5,\)"),
    (np.zeros(6, "f4"), TypeError, "out: expected dtype float64, got float32"),
    ([0.0] * 6, TypeError, "out: expected an ndarray, got list"),
    (np.broadcast_to(0.0, 6), ValueError, "out: expected a writeable array, got a read-only one"),
]
BAD_P = [
    (1, ValueError, r"p: expected a number in \[0, 1\), got 1"),
    (1.5, ValueError, r"p: expected a number in \[0, 1\), got 1.5"),
    (-1e-9, ValueError, r"p: expected a number in \[0, 1\), got -1e-09"),
    (np.nan, ValueError, r"p: expected a number in \[0, 1\), got nan"),
    (np.inf, ValueError, r"p: expected a number in \[0, 1\), got inf"),
    ("0.5", TypeError, "p: expected a real number, got str"),
    (None, TypeError, "p: expected a real number, got NoneType"),
    ([0.5], TypeError, r"p: expected a real number, got list of shape \(1,\)"),
    (True, TypeError, "p: expected a real number, got bool"),
]
BAD_RNG = [
    (-1, ValueError, "rng: expected None, an integer of at least 0 or a numpy.random.Generator, got -1"),
    (0.5, TypeError, "rng: expected None, an integer of at least 0 or a numpy.random.Generator, got 0.5"),
    ("a", TypeError, "rng: expected None, an integer of at least 0 or a numpy.random.Generator, got 'a'"),
]


def check(fastml, name, error, message, **kwargs):
    rng = kwargs.get("rng")
    x, out = X.copy(), kwargs.get("out")
    before = np.array(out)
    with pytest.raises(error, match=message):
        CALLS[name](fastml, x, **kwargs)
    assert_same_bits(x, X)
    np.testing.assert_array_equal(before, np.array(out))
    return rng


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("out", "error", "message"), BAD_OUT)
def test_out(fastml, name, out, error, message):
    kwargs = {} if name == "dropout_backward" else {"rng": np.random.default_rng(0)}
    check(fastml, name, error, message, out=out, **kwargs)
    if kwargs:  # not even the generator has moved
        assert kwargs["rng"].random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("name", CALLS)
def test_partial_overlap(fastml, name):
    buffer = np.arange(9.0)
    for x, out in ((buffer[:6], buffer[1:7]), (buffer[:6], buffer[5::-1]), (buffer[::2], buffer[:5])):
        with pytest.raises(ValueError, match="out: expected an input itself or memory apart from it"):
            CALLS[name](fastml, x, out=out)
    assert_same_bits(buffer, np.arange(9.0))


@pytest.mark.parametrize("name", ["dropout", "dropout_backward"])
@pytest.mark.parametrize(("p", "error", "message"), BAD_P)
def test_p(fastml, name, p, error, message):
    check(fastml, name, error, message, p=p, out=np.ones(6))
    if name == "dropout":
        check(fastml, name, error, message, p=p, training=False, out=np.ones(6))


@pytest.mark.parametrize(("rng", "error", "message"), BAD_RNG)
def test_rng(fastml, rng, error, message):
    check(fastml, "dropout", error, message, rng=rng, out=np.ones(6))
    check(fastml, "dropout", error, message, rng=rng, training=False, out=np.ones(6))
    check(fastml, "gaussian_noise", error, message, rng=rng, out=np.ones(6))


@pytest.mark.parametrize(
    ("key", "error", "got"),
    [(-1, ValueError, "-1"), (1 << 64, ValueError, str(1 << 64)), (1.0, TypeError, "float"), (True, TypeError, "bool")],
)
def test_key(fastml, key, error, got):
    check(fastml, "dropout_backward", error, rf"key: expected None or an integer in \[0, 2\*\*64\), got {got}", key=key)
    last = fastml.dropout_backward(X, 0.5, np.uint64(2**64 - 1))
    assert_same_bits(last, fastml.dropout_backward(X, 0.5, 2**64 - 1))


@pytest.mark.parametrize(
    ("std", "error", "message"),
    [
        (-0.1, ValueError, "std: expected a finite number of at least 0, got -0.1"),
        (np.nan, ValueError, "std: expected a finite number of at least 0, got nan"),
        (np.inf, ValueError, "std: expected a finite number of at least 0, got inf"),
        ("1", TypeError, "std: expected a real number, got str"),
        (np.ones(6), TypeError, r"std: expected a real number, got ndarray of shape \(6,\)"),
    ],
)
def test_std(fastml, std, error, message):
    check(fastml, "gaussian_noise", error, message, std=std, out=np.ones(6))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("x", [np.zeros(3, complex), np.array(["a"]), np.zeros(3, object), [[1.0], [1.0, 2.0]]])
def test_x(fastml, name, x):
    argument = "dy" if name == "dropout_backward" else "x"
    with pytest.raises((TypeError, ValueError), match=f"^{argument}: expected"):
        CALLS[name](fastml, x)


@pytest.mark.parametrize("name", CALLS)
def test_masked_arrays_are_refused(fastml, name):
    with pytest.raises(TypeError, match="expected an array without a mask"):
        CALLS[name](fastml, np.ma.masked_equal(X, 3))
