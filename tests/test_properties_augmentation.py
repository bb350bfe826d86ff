"""Properties of random_flip, random_crop and synonym_replace (what they are: test_augmentation.py, test_text_*.py)."""

import numpy as np
import property_wrong as wrong
import pytest
from augmentation_cases import DTYPES, MODES, batches, content, crop, crops, flip
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses
from property_arrays import WRITEABLE, around, lay

FUNCTIONS = ("random_flip", "random_crop", "synonym_replace")
DATA = st.data()
SEEDS = st.sampled_from([0, 1, 2**70, np.int64(5)])
IMAGES = ("random_flip", "random_crop")
every_image_function = pytest.mark.parametrize("name", IMAGES)


def draw_call(draw, fastml, name):
    """Images of any dtype and layout; a size and padding that fit."""
    if name == "random_flip":
        values = {"images": draw(batches())}
        values.update(horizontal=draw(st.sampled_from([0, 0.5, 1.0])), vertical=draw(st.sampled_from([0.0, 0.5, 1])))
        return Call(fastml.random_flip, values | {"rng": draw(SEEDS), "return_params": True}, 1)
    images, size, padding = draw(crops())
    modes = MODES if 0 not in images.shape[1:3] else ("constant",)
    values = {"images": images, "size": size, "padding": padding, "mode": draw(st.sampled_from(modes))}
    return Call(fastml.random_crop, values | {"rng": draw(SEEDS), "return_params": True}, 2)


def right(call, params):
    """What flips or crops by these params are."""
    values = call.arguments
    if "size" not in values:
        return flip(values["images"], params)
    zero = np.zeros((), values["images"].dtype)
    return crop(values["images"], values["size"], values["padding"], values["mode"], zero, params)


@every_image_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference_and_writes_into_any_out(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    result, params = call()
    expected = right(call, params)
    assert content(np.asarray(result)) == content(np.asarray(expected))
    empty = np.zeros(result.shape, result.dtype)
    out = lay(np.random.default_rng(0), empty, data.draw(st.sampled_from(WRITEABLE)))
    before = around(out)
    again, same = call(out=out)
    assert again is out
    assert content(out) == content(np.asarray(expected))
    assert around(out) == before
    np.testing.assert_array_equal(params, same)
    repeated, _ = call(params=lay(np.random.default_rng(1), params, data.draw(st.sampled_from(WRITEABLE))))
    assert content(repeated) == content(np.asarray(expected))


def wrong_outs(images, shape):
    """What cannot take images of a shape."""
    frozen = np.zeros(shape, images.dtype)
    frozen.flags.writeable = False
    other = [d for d in DTYPES if np.dtype(d) != images.dtype]
    wrongs = [np.zeros(shape, d) for d in other[:6]] + [frozen, [1], "out", object()]
    return wrongs + [np.zeros(s, images.dtype) for s in ((*shape, 1), shape[1:], [n + 1 for n in shape])]


@every_image_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    values = call.arguments
    images = values["images"]
    shape = (len(images), *values.get("size", images.shape[1:3]), *images.shape[3:])
    values["out"], call.written = np.zeros(shape, images.dtype), ("out",)
    bad = [
        images.astype(object) if images.dtype.kind in "?biufc" else [[[None]]],
        np.ones((3, 4)),
        images[..., None, None],
    ]
    bad += [np.ma.array(np.ones((2, 3, 4))), [[[1, 2], [3]]], None, object(), 3, "images"]
    call.wrong = {"images": bad, "rng": wrong.RNGS, "out": wrong_outs(images, shape)}
    if images.size and images.flags.writeable and images.shape == shape and images.strides[0]:
        call.wrong["out"].append(images)
    if name == "random_flip":
        for key in ("horizontal", "vertical"):
            call.wrong[key] = wrong.numbers(-0.1, 1.1, np.nan, np.inf, 10**400, True)
        good = np.ones((len(images), 2), bool)
        call.wrong["params"] = [
            good.astype("u1"),
            good.astype("O"),
            good[:, :1],
            good[1:],
            good[:, 0],
            "x",
            1,
            np.ma.array(good),
        ]
        if not len(images):  # then some of these are right
            call.wrong["params"] = [good.astype("u1"), good[:, :1], "x", 1]
    else:
        wrong_crops(call, images)
    refuses(call, data)


def wrong_crops(call, images):
    """What sizes, paddings, modes, fills and corners must not be."""
    (top, bottom), (left, right_) = call.arguments["padding"]
    height, width = images.shape[1] + top + bottom, images.shape[2] + left + right_
    call.wrong["size"] = [
        0,
        -1,
        1.5,
        "3",
        None,
        (1,),
        (1, 2, 3),
        (height + 1, width),
        (height, width + 1),
        True,
        (0, 1),
    ]
    call.wrong["size"] += [(1.0, 1), (None, 1), [[1], [1]], object(), 2**70, (2**63, 1)]
    call.wrong["padding"] = [-1, 1.5, "1", None, (1, 2, 3), ((1, 2),), ((1, 2), (3,)), (-1, 0), True, 2**62, 2**70, {}]
    call.wrong["padding"] += [((0, 0), (0, -1)), ((0.5, 0), (0, 0)), object()]
    call.wrong["mode"] = ["wrap", None, 1, ["edge"], b"edge", np.ones(2)]
    call.wrong["fill"] = [np.zeros((2, 2)), [[1], [1, 2]], object(), None, np.zeros((*images.shape[3:], 7))]
    if images.dtype.kind in "biuf":
        call.wrong["fill"] += ["1", 1j, b"x"]
    if images.dtype.kind in "iu":
        call.wrong["fill"] += [np.nan, np.inf, 0.5, 2**70, -(2**70)]
    n = len(images)
    corners = np.zeros((n, 2), int)
    call.wrong["params"] = [corners.astype(float), corners[:, :1], corners[0] if n else corners[:, 0], "x", 1, None][
        :-1
    ]
    if n:
        call.wrong["params"] += [corners[1:], corners + 2**40]
        call.wrong["params"] += [corners + np.array([height + 1, 0]), corners - np.array([0, left + 1])]


# Texts


TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(["big", "Car", "QUICK", "don't", "ǆ", "ß", "İ", " ", "\n", "—", "-", "’s", "(", "é", "."])
    ).map("".join),
)
OWN = {"big": ["large"], "car": ["\0", "motor vehicle"], "quick": ["fast"], "ß": ["ss"], "é": ["e"]}


@properties
@given(texts=st.lists(TEXTS, max_size=5), p=st.sampled_from([0, 0.25, 0.5, 1, np.float32(0.75)]), seed=SEEDS)
def test_texts_one_by_one_or_together_in_any_container(fastml, texts, p, seed):
    replace = fastml.synonym_replace
    done = replace(texts, p, synonyms=OWN, rng=seed)
    rng = np.random.default_rng(seed)
    assert done == [replace(text, p, synonyms=OWN, rng=rng) for text in texts]
    assert replace(tuple(texts), p, synonyms=OWN, rng=seed) == done
    objects = np.empty(len(texts), object)
    objects[:] = texts
    assert replace(objects, p, synonyms=OWN, rng=seed).tolist() == done
    if texts and not any("\0" in text for text in texts):  # NumPy strips them
        together = replace(np.array(texts)[::-1][::-1], p, synonyms=OWN | {"car": ["motor vehicle"]}, rng=seed)
        assert together.tolist() == replace(texts, p, synonyms=OWN | {"car": ["motor vehicle"]}, rng=seed)
    assert replace(texts, 0, rng=seed) == texts


@properties
@given(text=TEXTS, seed=SEEDS)
def test_whatever_is_no_word_stays(fastml, text, seed):
    if "\0" in text:
        return
    for word in ("big", "car", "é"):
        done = fastml.synonym_replace(text.lower(), 0.5, synonyms={word: ["\0"]}, rng=seed)
        assert done.replace("\0", word) == text.lower()


@properties
@given(data=DATA)
def test_texts_that_are_wrong_are_refused(fastml, data):
    texts = data.draw(st.lists(TEXTS, max_size=4))
    call = Call(fastml.synonym_replace, {"texts": texts, "p": 0.5, "synonyms": OWN, "rng": 0}, 2)
    call.wrong = {
        "texts": [1, None, b"bytes", [1], [*texts, None], [["nested"]], {"a"}, np.ones(3), np.array([1, "a"], object)],
        "p": wrong.numbers(-0.1, 1.1, np.nan, np.inf, 10**400, True),
        "synonyms": [1, "text", [("a", ["b"])], {1: ["a"]}, {"Big": ["a"]}, {"": ["a"]}, {"a b": ["c"]}, {"a": "b"}],
        "rng": wrong.RNGS,
    }
    call.wrong["synonyms"] += [
        {"a": []},
        {"a": [""]},
        {"a": [1]},
        {"a": None},
        {"a": b"b"},
        {"a": {"b"}},
        {None: ["a"]},
    ]
    refuses(call, data)


def test_every_function_is_here(fastml):
    assert set(FUNCTIONS) == set(fastml.augmentation.__all__) | set(fastml.text_augmentation.__all__)
