"""What the tests of the command line share."""

import os

import numpy as np

from fastml.cli import main

GOOD_CSV = "a,b,answer\n" + "".join(f"{i},{i % 3},{'no' if i % 2 else 'yes'}\n" for i in range(12))


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
