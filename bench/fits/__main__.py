"""``python -m bench.fits [--data NAME ...] [--threads N] [--json FILE]``: seconds and objective of whole fits.

Every estimator minimises scikit-learn's objective with C=1, intercept not penalised, at its own default tolerance
(1e-4) and with iterations enough. They take turns; the time is the best. The objective, per row, is computed in float64
from the coefficients; whoever ends more than 1e-6 (relative) above the lowest is marked by a star.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bench.fits.data import DATA
from bench.machine import describe, isa, set_threads, thread_environment, usable_cpus

ROUNDS, PATIENCE = 5, 3.0  # turns, and the seconds after which there is no further turn for a fit
SLOW = 120.0  # seconds: an estimator beyond them sits out the larger data
EXCESS = 1e-6
CHUNK = 1 << 22  # elements


def sklearn(solver: str) -> Callable[..., Any]:
    """Make scikit-learn's estimator."""
    return lambda n, threads: import_module("sklearn.linear_model").LogisticRegression(solver=solver, max_iter=1000)


def intelex(n: int, threads: int) -> Any:
    """Make that of scikit-learn-intelex."""
    return import_module("sklearnex.linear_model").LogisticRegression(max_iter=1000)


def glum(n: int, threads: int) -> Any:
    """Make glum's, for two classes."""
    return import_module("glum").GeneralizedLinearRegressor(family="binomial", alpha=1 / n, l1_ratio=0, max_iter=1000)


def snapml(n: int, threads: int) -> Any:
    """Make snapml's, whose intercept is penalised like a coefficient."""
    make = import_module("snapml").LogisticRegression
    return make(regularizer=1.0, fit_intercept=True, tol=1e-4, max_iter=1000, n_jobs=threads)


def fastml(n: int, threads: int) -> Any:
    """Make ours."""
    return import_module("fastml.sklearn").LogisticRegression(max_iter=1000)


ESTIMATORS: dict[str, tuple[str, Callable[..., Any]]] = {  # name: the package, and what makes it
    "fastml": ("sklearn", fastml),
    "sklearn lbfgs": ("sklearn", sklearn("lbfgs")),
    "sklearn newton-cholesky": ("sklearn", sklearn("newton-cholesky")),
    "sklearn newton-cg": ("sklearn", sklearn("newton-cg")),
    "sklearn saga": ("sklearn", sklearn("saga")),
    "intelex lbfgs": ("sklearnex", intelex),
    "glum": ("glum", glum),
    "snapml": ("snapml", snapml),
}


def objective(X: Any, y: Any, coef: Any, intercept: Any, scale: float) -> float:
    """Return the mean loss plus the penalty over the number of rows, in float64."""
    coef = np.atleast_2d(np.asarray(coef, np.float64))
    intercept, total, step = np.ravel(np.asarray(intercept, np.float64)), 0.0, max(1, CHUNK // X.shape[1])
    for start in range(0, X.shape[0], step):
        rows, target = X[start : start + step].astype(np.float64), y[start : start + step]
        z = np.asarray(rows @ coef.T) * scale + intercept
        if z.shape[1] == 1:
            total += np.logaddexp(0, np.where(target == 1, -z[:, 0], z[:, 0])).sum()
        else:
            top = z.max(axis=1)
            total += (top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(z)), target]).sum()
    return float((total + 0.5 * (coef**2).sum()) / X.shape[0])


def fit(make: Callable[..., Any], X: Any, y: Any, threads: int, scale: float) -> tuple[float, float, int]:
    """Fit once; return seconds, objective and iterations."""
    model = make(X.shape[0], threads)
    if scale != 1:
        model.set_params(scale=scale)
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    iterations = int(np.max(getattr(model, "n_iter_", 0)))
    return seconds, objective(X, y, model.coef_, model.intercept_, scale), iterations


def race(X: Any, y: Any, threads: int, skipped: set[str]) -> dict[str, dict[str, Any]]:
    """Let all fit by turns; whoever takes long, once."""
    results: dict[str, dict[str, Any]] = {}
    raw = X.dtype == np.uint8
    wide = (X / np.float32(256)).astype(np.float32) if raw else X  # what peers get of bytes
    for turn in range(ROUNDS):
        for name, (package, make) in ESTIMATORS.items():
            row = results.setdefault(name, {"seconds": float("inf")})
            if not find_spec(package) or name in skipped or "note" in row or (turn and row["seconds"] > PATIENCE):
                continue
            ours = name == "fastml"
            try:
                seconds, value, iterations = fit(make, X if ours else wide, y, threads, 1 / 256 if raw and ours else 1)
            except Exception as error:  # a peer may refuse this data, or need another version
                if ours:
                    raise
                row["note"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]:.100}"
                continue
            row |= {"seconds": min(seconds, row["seconds"]), "objective": value, "iterations": iterations}
            if seconds > SLOW:
                skipped.add(name)
    return {name: row for name, row in results.items() if "note" in row or "objective" in row}


def show(name: str, shape: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print the table of one data set."""
    lowest = min(row["objective"] for row in rows.values() if "objective" in row)
    ours = rows["fastml"]["seconds"]
    print(f"\n{name}, {shape}")
    for estimator, row in rows.items():
        if "note" in row:
            print(f"  {estimator:24} {row['note']}")
            continue
        star = "*" if row["objective"] > lowest * (1 + EXCESS) else " "
        timing = f"{row['seconds'] * 1e3:10.1f} ms{row['seconds'] / ours:8.2f} x"
        print(f"  {estimator:24}{timing}  objective {row['objective']:.9f}{star} {row['iterations']:5d} iterations")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Race on every data set that is there."""
    parser = argparse.ArgumentParser(prog="python -m bench.fits", description=__doc__)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--skip", nargs="+", choices=ESTIMATORS, default=[], help="estimators to leave out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    wanted = thread_environment(options.threads)
    if os.environ.get("FASTML_NUM_THREADS") != wanted["FASTML_NUM_THREADS"]:  # some libraries can't be told later
        command = [sys.executable, "-m", "bench.fits", *(sys.argv[1:] if arguments is None else arguments)]
        return subprocess.run(command, check=False, env=os.environ | wanted).returncode
    set_threads(options.threads)
    warnings.simplefilter("ignore")
    machine, results = describe(), dict[str, Any]()
    print(f"{machine['cpu']}; {options.threads} threads; kernels {isa()}; {machine['versions']}")
    skipped = set(options.skip)
    for name in options.data:
        found = DATA[name]()
        if found is None:
            print(f"\n{name}: its package is not installed")
            continue
        X, y = found
        shape = f"{X.shape[0]:,} x {X.shape[1]:,} {X.dtype}"
        rows = race(X, y, options.threads, skipped)
        results[name] = {"shape": shape, "rows": rows}
        show(name, shape, rows)
        if options.json:
            text = json.dumps({"machine": machine, "threads": options.threads, "results": results}, indent=1)
            options.json.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
