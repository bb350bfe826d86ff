"""``python -m bench.training [DATA.npz]``: a whole training beside scikit-learn's, by test accuracy and time.

fastml's side is ``python -m fastml train`` itself. scikit-learn gets the very same rows to train on and to test on, the
same standardized float32 features and the same penalty (C=1), with its default of 100 iterations and with 1,000.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ITERATIONS = (100, 1_000)
SEED, TEST_SIZE = 0, 0.2  # the defaults of train


def run_fastml(data: Path | None, model: Path) -> Any:
    """Train on the command line; return the model that it wrote."""
    command = [sys.executable, "-m", "fastml", "train", *([str(data)] if data else []), "--output", str(model)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    return import_module("fastml.cli.model").load(str(model))


def split(data: Path | None, model: Any) -> tuple[Any, ...]:
    """Return X and y to train on, X and y to test on, as train cuts and standardizes them."""
    preparing, table_module = import_module("fastml.cli.preparing"), import_module("fastml.cli.table")
    table = import_module("fastml.cli.reading").read_training(None if data is None else str(data), None)
    _, y = table_module.encode_labels(table)
    rows, held_out = preparing.stratified_split(y, TEST_SIZE, SEED)
    X, X_test = (preparing.standardize(table.X, part, model.mean, model.scale) for part in (rows, held_out))
    return X, y[rows], X_test, y[held_out]


def accuracy(probabilities: Any, y: Any) -> str:
    """Format the part of the rows whose likeliest class is right."""
    chosen = probabilities.argmax(axis=1) if probabilities.ndim == 2 else probabilities > 0.5
    return f"{100 * np.mean(chosen == y):.2f} % ({int(np.sum(chosen == y)):,} of {len(y):,})"


def main() -> None:
    """Train on both sides; print what each reaches."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    fastml, linear_model = import_module("fastml"), import_module("sklearn.linear_model")
    with TemporaryDirectory() as folder:
        model = run_fastml(data, Path(folder) / "model.npz")
    X, y, X_test, y_test = split(data, model)
    ours = accuracy(fastml.predict_logistic(X_test, model.w, model.b), y_test)
    print(f"fastml {fastml.__version__}: test accuracy {ours}")
    for iterations in ITERATIONS:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 100 iterations may not be enough
            fit = linear_model.LogisticRegression(max_iter=iterations).fit(X, y)
        seconds = time.perf_counter() - start
        print(
            f"scikit-learn, max_iter={iterations:,}: test accuracy {accuracy(fit.predict_proba(X_test), y_test)}, "
            f"{seconds:.2f} s for {int(fit.n_iter_[0]):,} iterations"
        )


if __name__ == "__main__":
    main()
