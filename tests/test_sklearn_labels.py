"""Labels of any type become class numbers as by `numpy.unique`, cheaply."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.linear_model import LogisticRegression as Theirs
from test_fitting import data

from fastml.sklearn import LogisticRegression
from fastml.sklearn.labels import encode, encode_as

NUMBERS = np.random.default_rng(0).integers(0, 7, 500)
WORDS = np.array(["seven", "six", "five", "four", "three", "two", "one"])
LABELS = {
    "int64": NUMBERS,
    "uint8": NUMBERS.astype(np.uint8),
    "bool": NUMBERS > 3,
    "all true": NUMBERS >= 0,
    "strided": np.repeat(NUMBERS, 2)[::2],
    "negative": NUMBERS.astype(np.int8) * 11 - 100,
    "large": NUMBERS.astype(np.uint64) + np.uint64(2**64 - 9),
    "far apart": NUMBERS * 10**17,
    "with gaps": NUMBERS * 1000,
    "many": np.arange(500)[::-1].astype(np.int32),
    "float32": NUMBERS.astype(np.float32),
    "whole numbers": NUMBERS * 1e15,
    "words": WORDS[NUMBERS],
    "two words": WORDS[NUMBERS % 2],
    "bytes": WORDS[NUMBERS % 3].astype("S"),
    "objects": WORDS[NUMBERS].astype(object),
    "tuples": np.fromiter(((int(number), "x") for number in NUMBERS), object),
    "bool objects": (NUMBERS > 3).astype(object),
}


@pytest.mark.parametrize("name", LABELS)
def test_as_unique(name):
    y = LABELS[name]
    classes, codes = encode(y)
    if name == "tuples":
        assert classes.tolist() == sorted(set(y.tolist()))
    else:
        np.testing.assert_array_equal(classes, np.unique(y))
    assert classes.dtype == y.dtype
    assert classes[codes].tolist() == y.tolist()
    np.testing.assert_array_equal(encode_as(classes, y, "y"), codes)
    np.testing.assert_array_equal(encode_as(classes, y[:3], "y"), codes[:3])


def test_class_numbers_are_not_copied():
    for y in (NUMBERS, NUMBERS.astype(np.uint8), NUMBERS.astype(np.int32)):
        assert encode(y)[1] is y
    flags = NUMBERS > 3
    assert np.shares_memory(encode(flags)[1], flags)


def test_errors():
    for labels, message in (
        (np.array([0.5, 1.0, 2.0]), r"^Unknown label type: continuous"),
        (np.array([0.0, np.nan]), r"^Input y contains NaN"),
        (np.array([0.0, np.inf]), r"^Input y contains infinity"),
        (np.array(["a", None], object), r"^Input y contains NaN"),
        (np.array([0.5, 0.25], object), r"^Unknown label type: continuous"),
    ):
        with pytest.raises(ValueError, match=message):
            encode(labels)
    with pytest.raises(TypeError, match=r"^y: expected labels that can be sorted, got a mixture of int, str$"):
        encode(np.array(["a", 1], object))
    with pytest.raises(ValueError, match=r"^y: expected the labels 0, 1, 2, 3, 4, 5, 6, got 7, 9$"):
        encode_as(np.arange(7), np.array([0, 9, 7]), "y")


@pytest.mark.parametrize("name", ["int64", "negative", "words", "objects", "bool", "float32"])
def test_a_fit_to_them(name):
    X, y = data(7, n=500)
    y = LABELS[name][np.argsort(NUMBERS)][np.argsort(np.argsort(y))]
    model = LogisticRegression().fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) == pytest.approx(Theirs().fit(X, y).score(X, y), abs=0.02)


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match=r"^y: expected two classes at least, got one class only: 'no'$"):
        LogisticRegression().fit(np.ones((3, 2)), ["no", "no", "no"])
