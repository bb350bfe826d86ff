"""`python -m fastml`: damaged, forged and hostile .npy and .npz files, as data and as models."""

import io
import zipfile

import numpy as np
import pytest
from cli_cases import fails, make_model

from fastml.cli import main
from fastml.cli.model import NAMES


@pytest.fixture
def model(here):
    """A good model in model.npz, as a dictionary that a test may spoil and write back."""
    return make_model()


def npy(array, **header):
    """The bytes of a .npy file, with another header if one is given."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    if header:
        body = buffer.getvalue()[-array.nbytes :]
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, np.lib.format.header_data_from_array_1_0(array) | header)
        buffer.write(body)
    return buffer.getvalue()


class Touch:
    """Unpickling it makes a file."""

    def __reduce__(self):
        return open, ("pickled", "w")


GOOD = npy(np.arange(8.0).reshape(4, 2))
HOSTILE = {
    "pickle": (npy(np.array([[Touch(), 1]], object)), "pickles"),
    "huge shape": (npy(np.zeros((4, 2)), shape=(10**12, 10**6)), "declares"),
    "negative shape": (npy(np.zeros((4, 2)), shape=(-4, -2)), "shape"),
    "no item size": (npy(np.zeros((4, 2)), shape=(10**12,), descr="<U0"), "dtype"),
    "header no dictionary": (b"\x93NUMPY\x01\x00\x08\x00print(1)", "not a readable"),
    "nested header": (b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000, "not a readable"),
    "version 9": (b"\x93NUMPY\x09\x00" + GOOD[8:], "version"),
    "cut in the header": (GOOD[:40], "not a readable"),
    "cut": (GOOD[:-9], "declares"),
    "too long": (GOOD + b"more", "declares"),
    "no Unicode": (npy(np.full((4, 2), 0x7FFFFFFF, "<u4"), descr="<U1"), "Unicode"),
    "noise": (np.random.default_rng(0).bytes(200), "not a readable"),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_arrays(here, capsys, kind):
    content, words = HOSTILE[kind]
    (here / "bad.npy").write_bytes(content)
    fails(capsys, ["train", "bad.npy"], "bad.npy", words)
    with zipfile.ZipFile("bad.npz", "w") as archive:
        archive.writestr("X.npy", content)
        archive.writestr("y.npy", npy(np.array([0, 1, 0, 1])))
    fails(capsys, ["train", "bad.npz"], "bad.npz", words)
    with zipfile.ZipFile("model.npz", "w") as archive:
        for name in NAMES:
            archive.writestr(f"{name}.npy", content)
    fails(capsys, ["predict", "model.npz", "bad.npz"], "model.npz", words)
    assert not (here / "pickled").exists()


def test_bomb(here, capsys):
    with zipfile.ZipFile("bad.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("X.npy", npy(np.zeros((10_000_000, 1))))
        archive.writestr("y.npy", npy(np.zeros(10_000_000, np.int8)))
    fails(capsys, ["train", "bad.npz"], "bad.npz", "declares", "plausible")


def test_damaged_archives(here, capsys, model):
    good = (here / "model.npz").read_bytes()
    for content in (
        good[:-30],
        good[: len(good) // 2],
        b"PK\x03\x04",
        b"noise" * 100,
        b"",
        good.replace(b"\x93", b"?"),
    ):
        (here / "model.npz").write_bytes(content)
        fails(capsys, ["predict", "model.npz", "good.csv"], "model.npz")
    rng = np.random.default_rng(0)
    for position in rng.integers(len(good), size=300):  # any single damaged byte: an error or an answer, no traceback
        (here / "model.npz").write_bytes(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1 :])
        assert main(["predict", "model.npz", "good.csv"]) in (0, 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("format_version", 2, ["format version 1, got 2"]),
        ("format_version", "1", ["format version"]),
        ("w", np.zeros(3, np.float32), ["w: expected shape (2,), got (3,)"]),
        ("w", np.zeros((2, 2), np.float32), ["w: expected shape (2,)"]),
        ("w", np.zeros(2), ["w: expected dtype float32, got float64"]),
        ("w", np.full(2, np.nan, np.float32), ["w: expected finite"]),
        ("b", np.zeros(2, np.float32), ["b: expected shape ()"]),
        ("mean", np.zeros(0), ["w: expected shape (0,)"]),
        ("scale", np.zeros(2), ["positive scales"]),
        ("scale", np.zeros((2, 1)), ["scale: expected shape"]),
        ("classes", ["a", "b", "c"], ["w: expected shape (2, 3)"]),
        ("classes", ["a", "a"], ["named twice"]),
        ("classes", ["a", "\x1b[2J"], ["control characters"]),
        ("classes", [0, 1], ["classes: expected dtype str"]),
        ("features", ["a"], ["features: expected shape (2,)"]),
        ("target", ["answer"], ["target: expected shape ()"]),
        ("spare", 1, ["once each"]),
    ],
)
def test_spoiled_models(here, capsys, model, name, value, words):
    np.savez("model.npz", **(model | {name: np.array(value)}))
    fails(capsys, ["predict", "model.npz", "good.csv"], "model.npz", *words)


@pytest.mark.parametrize("name", NAMES)
def test_models_with_an_array_missing(here, capsys, model, name):
    del model[name]
    np.savez("model.npz", **model)
    fails(capsys, ["predict", "model.npz", "good.csv"], f"expected an array {name!r}")
