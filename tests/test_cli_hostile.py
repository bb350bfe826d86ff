"""`python -m fastml`: damaged, forged and hostile .npy and .npz files, as data and as models."""

import zipfile

import numpy as np
import pytest
from cli_cases import archive_of, fails, make_model, npy

from fastml.cli.model import NAMES


@pytest.fixture
def model(here):
    """A good model in model.npz, as a dictionary that a test may spoil and write back."""
    return make_model()


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
    "2^60 elements": (npy(np.zeros((4, 2)), shape=(1 << 60,)), "declares"),
    "2^64 elements": (npy(np.zeros((4, 2)), shape=(1 << 62, 4)), "declares"),
    "shape of bools": (npy(np.zeros((4, 2)), shape=(True, 8)), "shape (True, 8)"),
    "shape of floats": (npy(np.zeros((4, 2)), shape=(4.0, 2)), "shape"),
    "order no bool": (npy(np.zeros((4, 2)), fortran_order="yes"), "fortran_order"),
    "complex": (npy(np.zeros((4, 2)), descr="<c8"), "dtype complex64"),
    "times": (npy(np.zeros((4, 2)), descr="<M8[s]"), "dtype datetime64"),
    "records": (npy(np.zeros((4, 2)), descr=[("a", "<f8")]), "dtype"),
    "arrays within": (npy(np.zeros((4, 2)), descr=("<f8", (2,))), "dtype"),
    "bytes": (npy(np.zeros((4, 2)), descr="|S8"), "dtype"),
    "wide text": (npy(np.zeros((4, 2)), descr="<U999999999", shape=(1,)), "not a readable"),
    "a program": (b"\x93NUMPY\x01\x00\x1c\x00" + b"open('pickled', 'w').close()", "not a readable"),
    "header of 1 GB": (b"\x93NUMPY\x02\x00" + (1 << 30).to_bytes(4, "little") + b"{" * 99, "header of 1,073,741,824"),
    "header of 4 GB": (b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b"{" * 99, "header of 4,294,967,295"),
    "header of blanks": (
        b"\x93NUMPY\x02\x00" + (1 << 24).to_bytes(4, "little") + b" " * (1 << 24),
        "header of 16,777,216",
    ),
    "version 3": (b"\x93NUMPY\x03\x00" + GOOD[8:10] + b"\0\0" + GOOD[10:], "version (3, 0)"),
    "an archive": (archive_of(("X.npy", GOOD)), "not a readable"),
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
