"""What the tests of the command line share."""

import io
import os
import warnings
import zipfile

import numpy as np

from fastml.cli import main

GOOD_CSV = "a,b,answer\n" + "".join(f"{i},{i % 3},{'no' if i % 2 else 'yes'}\n" for i in range(12))


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


def archive_of(*members, compression=zipfile.ZIP_STORED):
    """The bytes of a zip archive."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def make_model():
    """Train on good.csv, write model.npz, both in the current directory; return the model's arrays."""
    with open("good.csv", "w", encoding="utf-8") as file:
        file.write(GOOD_CSV)
    assert main(["train", "good.csv", "--output", "model.npz", "--max-iter", "3"]) == 0
    with np.load("model.npz") as arrays:
        return dict(arrays)


def fails(capsys, argv, *words):
    """Check status 2, one sentence on stderr with the words given, no traceback, and no file made."""
    capsys.readouterr()
    before = sorted(os.listdir())
    assert main(argv) == 2
    *before_it, sentence = capsys.readouterr().err.splitlines()
    assert sentence.startswith("fastml: ")
    assert all(line.startswith("Training: step") for line in before_it)
    for word in words:
        assert word in sentence
    assert sorted(os.listdir()) == before
