"""Bad arguments of random_flip and random_crop: the error names the argument, nothing is written, nothing drawn."""

import numpy as np
import pytest
from augmentation_cases import content, filled

IMAGES = filled((4, 5, 6, 3), "u1", 0)
CALLS = {
    "random_flip": lambda fastml, images, **kwargs: fastml.random_flip(images, **kwargs),
    "random_crop": lambda fastml, images, **kwargs: fastml.random_crop(images, **{"size": (5, 6)} | kwargs),
}
P = r"expected a number in \[0, 1\], got"
RNG = "rng: expected None, an integer of at least 0 or a numpy.random.Generator, got"
PADDING = r"padding: expected an integer, 2 or 4 of them, or \(\(top, bottom\), \(left, right\)\), got"
WHOLE = "an integer of at least"

BOTH = [
    ({"images": np.zeros((2, 2, 2), object)}, TypeError, "images: expected a dtype of a fixed size, got object"),
    ({"images": np.zeros((2, 2, 2), [("a", "O")])}, TypeError, "images: expected a dtype of a fixed size, got"),
    ({"images": np.zeros((2, 2, 2), np.dtypes.StringDType())}, TypeError, "images: expected a dtype of a fixed size"),
    ({"images": np.zeros((5, 6))}, ValueError, r"images: expected shape \(N, H, W\) or \(N, H, W, C\), got \(5, 6\)"),
    ({"images": np.zeros((1,) * 5)}, ValueError, r"images: expected shape .*, got \(1, 1, 1, 1, 1\)"),
    ({"images": 3}, ValueError, r"images: expected shape .*, got \(\)"),
    ({"images": [[[1, 2], [3]]]}, ValueError, "images: expected an array, got a list that makes none"),
    ({"images": np.ma.zeros((2, 5, 6))}, TypeError, "images: expected an array without a mask"),
    ({"rng": -1}, ValueError, f"{RNG} -1"),
    ({"rng": "seed"}, TypeError, f"{RNG} 'seed'"),
    ({"rng": -1, "params": np.zeros((4, 2), bool)}, (TypeError, ValueError), "(rng|params): expected"),
    ({"params": np.zeros((3, 2), int)}, ValueError, r"params: expected shape \(4, 2\), got \(3, 2\)"),
    ({"params": np.zeros((4, 2))}, TypeError, "params: expected (dtype bool|integers), got (dtype )?float64"),
    ({"out": np.zeros((4, 5, 6), "u1")}, ValueError, r"out: expected shape \(4, 5, 6, 3\), got \(4, 5, 6\)"),
    ({"out": np.zeros((4, 5, 6, 3), "i1")}, TypeError, "out: expected dtype uint8, got int8"),
    ({"out": [0]}, TypeError, "out: expected an ndarray, got list"),
    ({"out": np.broadcast_to(np.uint8(0), (4, 5, 6, 3))}, ValueError, "out: expected a writeable array"),
]
FLIPS = [
    ({"horizontal": 1.1}, ValueError, f"horizontal: {P} 1.1"),
    ({"vertical": -0.1}, ValueError, f"vertical: {P} -0.1"),
    ({"vertical": np.nan}, ValueError, f"vertical: {P} nan"),
    ({"horizontal": "1"}, TypeError, "horizontal: expected a real number, got str"),
    ({"horizontal": True}, TypeError, "horizontal: expected a real number, got bool"),
    ({"vertical": [0.5] * 4}, TypeError, r"vertical: expected a real number, got list of shape \(4,\)"),
    ({"vertical": 2, "params": np.zeros((4, 2), bool)}, ValueError, f"vertical: {P} 2"),
    ({"params": np.zeros((4, 2), int)}, TypeError, "params: expected dtype bool, got int64"),
]
CROPS = [
    ({"size": 6}, ValueError, r"size: expected at most \(5, 6\), the size of the padded images, got \(6, 6\)"),
    ({"size": (7, 9), "padding": 1}, ValueError, r"size: expected at most \(7, 8\), .*, got \(7, 9\)"),
    ({"size": 9, "images": np.zeros((0, 8, 8))}, ValueError, r"size: expected at most \(8, 8\)"),
    ({"size": 0}, ValueError, f"size: expected {WHOLE} 1, got 0"),
    ({"size": (3, -1)}, ValueError, f"size: expected {WHOLE} 1, got -1"),
    ({"size": 2.0}, TypeError, f"size: expected {WHOLE} 1, got float"),
    ({"size": True}, TypeError, f"size: expected {WHOLE} 1, got a bool"),
    ({"size": (1, 2, 3)}, ValueError, r"size: expected an integer or \(height, width\), got 3 items"),
    ({"padding": -1}, ValueError, f"padding: expected {WHOLE} 0, got -1"),
    ({"padding": (0, 0.5)}, TypeError, f"padding: expected {WHOLE} 0, got float"),
    ({"padding": "1"}, TypeError, f"padding: expected {WHOLE} 0, got str"),
    ({"padding": (1, 2, 3)}, ValueError, rf"{PADDING} \(1, 2, 3\)"),
    ({"padding": ((1, 2), 3)}, ValueError, rf"{PADDING} \(\(1, 2\), 3\)"),
    ({"padding": ((1, 2), (3,))}, ValueError, PADDING),
    ({"padding": 2**62}, ValueError, "padding: expected at most 2"),
    ({"padding": ((0, 2**64), (0, 0))}, ValueError, "padding: expected at most 2"),
    ({"mode": "wrap"}, ValueError, "mode: expected 'constant', 'edge' or 'reflect', got 'wrap'"),
    ({"mode": None}, ValueError, "mode: expected 'constant', 'edge' or 'reflect', got None"),
    ({"mode": np.ones(2)}, ValueError, r"mode: expected 'constant', 'edge' or 'reflect', got array\("),
    (
        {"images": np.zeros((2, 0, 4)), "size": 1, "padding": 2, "mode": "edge"},
        ValueError,
        "mode: expected 'constant' for images without pixels, got 'edge'",
    ),
    ({"fill": 256}, ValueError, "fill: expected a value of dtype uint8, got 256"),
    ({"fill": [0, 0, -1]}, ValueError, r"fill: expected a value of dtype uint8, got \[0, 0, -1\]"),
    ({"fill": 0.5}, ValueError, "fill: expected a value of dtype uint8, got 0.5"),
    ({"fill": np.nan}, ValueError, "fill: expected a value of dtype uint8, got nan"),
    ({"fill": "a"}, TypeError, "fill: expected a value of dtype uint8, got 'a'"),
    ({"fill": 2**70}, ValueError, "fill: expected a value of dtype uint8, got 1180591620717411303424"),
    ({"fill": 10**400, "images": np.zeros((1, 6, 6))}, ValueError, "fill: expected a value of dtype float64, got 1000"),
    ({"fill": 70_000, "images": np.zeros((1, 6, 6), "f2")}, ValueError, "fill: expected a value of dtype float16"),
    ({"fill": "abcd", "images": np.zeros((1, 6, 6), "U3")}, ValueError, "fill: expected a value of dtype <U3"),
    ({"fill": "a", "images": np.zeros((1, 6, 6), "u1,f4")}, ValueError, "fill: expected a value of dtype"),
    (
        {"fill": np.nan, "images": np.zeros((1, 6, 6, 0), "i2")},
        ValueError,
        "fill: expected a value of dtype int16, got nan",
    ),
    ({"fill": None}, TypeError, "fill: expected a value of dtype uint8, got None"),
    ({"fill": [1, 2]}, ValueError, r"fill: expected shape \(\) or \(3,\), got \(2,\)"),
    ({"fill": 1e6, "images": np.zeros((1, 6, 6), "f2")}, ValueError, "fill: expected a value of dtype float16"),
    ({"fill": 1j, "images": np.zeros((1, 6, 6))}, TypeError, "fill: expected a value of dtype float64"),
    ({"params": np.zeros((4, 2), bool)}, TypeError, "params: expected integers, got dtype bool"),
    (
        {"params": [[0, 0], [0, 0], [3, 0], [9, 9]], "size": 3},
        ValueError,
        r"params: expected \(top, left\) from \(0, 0\) to \(2, 3\), got \(3, 0\) for image 2",
    ),
    (
        {"params": [[0, 0], [0, -3], [0, 0], [0, 0]], "padding": 2},
        ValueError,
        r"params: expected \(top, left\) from \(-2, -2\) to \(2, 2\), got \(0, -3\) for image 1",
    ),
    (
        {"params": np.full((4, 2), 2**64 - 1, np.uint64), "padding": 2},
        ValueError,
        r"params: expected .*, got \(18446744073709551615, 18446744073709551615\) for image 0",
    ),
]
CASES = [(name, *case) for name in CALLS for case in BOTH]
CASES += [("random_flip", *case) for case in FLIPS] + [("random_crop", *case) for case in CROPS]


@pytest.mark.parametrize(("name", "kwargs", "error", "message"), CASES)
def test_bad_argument(fastml, name, kwargs, error, message):
    generator = np.random.default_rng(0)
    before = generator.bit_generator.state
    images = IMAGES.copy()
    arguments = {"images": images, "rng": generator, "out": np.full((4, 5, 6, 3), 7, "u1")} | kwargs
    if "images" in kwargs or "size" in kwargs or "padding" in kwargs:
        del arguments["out"]
    out = np.array(arguments.get("out"), copy=True)
    with pytest.raises(error, match=f"^{message}"):
        CALLS[name](fastml, **arguments)
    assert generator.bit_generator.state == before
    assert content(images) == content(IMAGES)
    np.testing.assert_array_equal(np.array(arguments.get("out")), out)


@pytest.mark.parametrize("name", CALLS)
def test_overlap(fastml, name):
    buffer = np.arange(300, dtype="u1")
    images = buffer[:120].reshape(4, 5, 6)
    for out in (images, buffer[1:121].reshape(4, 5, 6), images[::-1], buffer[119:239].reshape(4, 5, 6)):
        with pytest.raises(ValueError, match=r"^out: expected memory apart from images, got an overlap"):
            CALLS[name](fastml, images, out=out)
    assert (buffer == np.arange(300, dtype="u1")).all()
    CALLS[name](fastml, images, out=buffer[120:240].reshape(4, 5, 6))
    assert (buffer[:120] == np.arange(120)).all()


def test_fill_of_other_kinds(fastml):
    def filled_with(fill, dtype):
        return fastml.random_crop(np.zeros((1, 2, 2), dtype), 1, padding=1, fill=fill, params=[[-1, -1]])[0, 0, 0]

    assert filled_with(np.inf, "f2") == np.inf
    assert np.isnan(filled_with(np.nan, ">f4"))
    assert filled_with(2 - 3j, "c8") == 2 - 3j
    assert filled_with(True, "?")
    assert filled_with(b"abc", "S5") == b"abc"
    assert filled_with(np.datetime64("2001-01-01"), "M8[s]") == np.datetime64("2001-01-01")
    assert filled_with((3, 0.5), [("class", "u1"), ("score", ">f4")]).tolist() == (3, 0.5)
