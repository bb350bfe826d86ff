"""synonym_replace: kinds of texts, and what it refuses."""

from collections import UserDict, deque

import numpy as np
import pytest

OWN = {"big": ["large"]}


@pytest.fixture(scope="module")
def replace(fastml):
    return fastml.synonym_replace


def test_sequences(replace):
    assert replace("a big", 1, synonyms=OWN) == "a large"
    assert type(replace(np.str_("a big"), 1, synonyms=OWN)) is str
    for kind in (list, tuple, deque):
        assert replace(kind(["a big", "", "big"]), 1, synonyms=OWN) == ["a large", "", "large"]
        assert replace(kind(), 1) == []
    assert replace(["big"], 1, synonyms=UserDict(big=("large",))) == ["large"]


@pytest.mark.parametrize("dtype", ["U5", "U50", ">U7", object, np.dtypes.StringDType()])
@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (0,), (0, 3)])
def test_arrays(replace, dtype, shape):
    texts = np.full(shape, "a big", dtype)
    copy = texts.copy()
    done = replace(texts, 1, synonyms=OWN)
    assert isinstance(done, np.ndarray)
    assert done.shape == shape
    assert done.dtype.kind == texts.dtype.kind
    assert done.dtype.itemsize >= texts.dtype.itemsize
    assert (done == np.full(shape, "a large", object)).all()
    assert (texts == copy).all()
    same = replace(texts, 0)
    assert (same == texts).all()
    assert same.dtype == (texts.dtype.newbyteorder("=") if texts.dtype.kind == "U" else texts.dtype)


def test_any_layout(replace):
    texts = np.array([["big", "car"], ["Big", "x"], ["", "BIG"]])
    for view in (texts.T, texts[::-1], texts[:, ::-1], np.asfortranarray(texts)):
        expected = [[replace(text, 1, synonyms=OWN) for text in row] for row in view.tolist()]
        assert replace(view, 1, synonyms=OWN).tolist() == expected
    rng = np.random.default_rng(0)
    assert replace(texts.T, 0.5, rng=0).ravel().tolist() == [replace(t, 0.5, rng=rng) for t in texts.T.ravel().tolist()]


class Column:
    """What NumPy can make an array of, as a pandas Series."""

    def __array__(self, dtype=None, copy=None):
        return np.array(["big", "a"], object)


def test_array_likes(replace):
    done = replace(Column(), 1, synonyms=OWN)
    assert done.dtype == object
    assert done.tolist() == ["large", "a"]


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (None, TypeError, "texts: expected a string, or a sequence or an array of strings, got NoneType"),
        (b"big", TypeError, "texts: expected a string, or .*, got bytes"),
        (bytearray(b"big"), TypeError, "texts: .* got bytearray"),
        (3, TypeError, "texts: .* got int"),
        ({"big"}, TypeError, "texts: .* got set"),
        ({"big": 1}, TypeError, "texts: .* got dict"),
        ((text for text in ["big"]), TypeError, "texts: .* got generator"),
        (range(2), TypeError, r"texts\[0\]: expected a string, got int"),
        (["big", None], TypeError, r"texts\[1\]: expected a string, got NoneType"),
        (["big", float("nan")], TypeError, r"texts\[1\]: expected a string, got float"),
        (["big", ["big"]], TypeError, r"texts\[1\]: expected a string, got list"),
        ([b"big"], TypeError, r"texts\[0\]: expected a string, got bytes"),
        (np.array([1.5]), TypeError, "texts: .* got dtype float64"),
        (np.array([b"big"]), TypeError, r"texts: .* got dtype \|S3"),
        (np.array(["big", None], object), TypeError, r"texts\[1\]: expected a string, got NoneType"),
        (np.ma.masked_array(["big"], [True]), TypeError, "texts: expected an array without a mask"),
    ],
)
def test_texts(replace, texts, error, message):
    with pytest.raises(error, match=f"^{message}"):
        replace(texts)


def test_missing_strings(replace):
    texts = np.array(["big", None], np.dtypes.StringDType(na_object=None))
    with pytest.raises(TypeError, match=r"^texts\[1\]: expected a string, got NoneType$"):
        replace(texts)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), float("inf"), -1e-300, 1 + 2**-52])
def test_p_out_of_range(replace, p):
    for texts in ("big", []):
        with pytest.raises(ValueError, match=r"^p: expected a probability from 0 to 1, got "):
            replace(texts, p)


@pytest.mark.parametrize("p", ["0.5", None, True, [0.5, 0.5], 1j])
def test_p_no_number(replace, p):
    with pytest.raises(TypeError, match=r"^p: expected a real number, got "):
        replace("big", p)


@pytest.mark.parametrize("p", [1, np.float32(1), np.array(1.0), np.int8(1)])
def test_p_of_any_kind(replace, p):
    assert replace("big", p, synonyms=OWN) == "large"


@pytest.mark.parametrize(
    ("synonyms", "error", "message"),
    [
        ([("big", ["large"])], TypeError, "synonyms: expected a mapping of words to sequences of strings, got list"),
        ("big", TypeError, "synonyms: expected a mapping .* got str"),
        ({1: ["large"]}, TypeError, "synonyms: expected strings as keys, got int"),
        ({"Big": ["large"]}, ValueError, "synonyms: expected lower-case words as keys, .* got 'Big'"),
        ({"big car": ["x"]}, ValueError, "synonyms: .* got 'big car'"),
        ({"big—car": ["x"]}, ValueError, "synonyms: .* got 'big—car'"),
        ({"big,": ["x"]}, ValueError, "synonyms: .* got 'big,'"),
        ({" big": ["x"]}, ValueError, "synonyms: .* got ' big'"),
        ({"": ["x"]}, ValueError, "synonyms: .* got ''"),
        ({"big": "large"}, TypeError, r"synonyms\['big'\]: expected a sequence of strings, got str"),
        ({"big": {"large", "huge"}}, TypeError, r"synonyms\['big'\]: expected a sequence of strings, got set"),
        ({"big": None}, TypeError, r"synonyms\['big'\]: expected a sequence of strings, got NoneType"),
        ({"big": ["large", 3]}, TypeError, r"synonyms\['big'\]: expected .*, got one that holds int"),
        ({"big": []}, ValueError, r"synonyms\['big'\]: expected one string or more, none of them empty, got \[\]"),
        ({"big": ["large", ""]}, ValueError, r"synonyms\['big'\]: .* got \['large', ''\]"),
    ],
)
def test_synonyms(replace, synonyms, error, message):
    for texts in ("big", []):
        with pytest.raises(error, match=f"^{message}$"):
            replace(texts, synonyms=synonyms)


@pytest.mark.parametrize(("rng", "error"), [("seed", TypeError), (-1, ValueError), (1.5, TypeError)])
def test_rng(replace, rng, error):
    with pytest.raises(error, match=r"^rng: expected None, an integer of at least 0 or a numpy\.random\.Generator"):
        replace("big", rng=rng)
