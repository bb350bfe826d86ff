"""``python -m fastml train``."""

import argparse
import time
from contextlib import nullcontext
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

import fastml
from fastml.cli.errors import CommandError
from fastml.cli.model import Model, check_writable, is_same_file, save
from fastml.cli.preparing import column_statistics, standardize, stratified_split
from fastml.cli.progress import progress
from fastml.cli.reading import read_training, read_validation
from fastml.cli.table import Table, encode_known_labels, encode_labels
from fastml.cli.task import PATIENCE, TOLERANCE, Fit, Task, percent, quality

__all__ = ["train"]

SHOWN_CLASSES = 12


def train(arguments: argparse.Namespace, out: TextIO) -> None:
    """Read, split, standardize, fit, report and save.

    Parameters
    ----------
    arguments : argparse.Namespace
        See ``train --help``.
    out : text stream
        Where to print.

    Raises
    ------
    CommandError
        When the data or the output file are not what is expected.
    OSError
        When the data cannot be read or the model cannot be written.
    """
    _check(arguments)
    with nullcontext() if arguments.threads is None else fastml.num_threads(arguments.threads):
        table = read_training(arguments.data, arguments.target)
        classes, y = encode_labels(table)
        watched = _read_validation(arguments.validation, table, classes)
        _print_table(table, classes, y, out)
        rows, test_rows = stratified_split(y, arguments.test_size, arguments.seed)
        print(f"Split: {len(rows):,} rows to train, {len(test_rows):,} to test "
              f"(stratified, seed {arguments.seed})", file=out)  # fmt: skip
        mean, scale = _statistics(table, rows)
        strength = 1 / (2 * len(rows)) if arguments.l2 is None else arguments.l2
        X, X_test = (_standardize(table, part, mean, scale) for part in (rows, test_rows))
        validation = watched and (_standardize(watched[0], np.arange(len(watched[1])), mean, scale), watched[1])
        patience = arguments.patience or PATIENCE
        task = Task(X, y[rows], X_test, y[test_rows], len(classes), strength, validation, patience)
        _print_task(task, arguments, out)
        fit = _fit(task, arguments)
        _print_fit(task, fit, out)
        if arguments.output is not None:
            save(arguments.output, Model(fit.w, fit.b, mean, scale, classes, table.features, table.target))
            print(f"Model: written to {arguments.output}", file=out, flush=True)
        if arguments.compare:
            _compare(task, fit, arguments, out)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse flags that contradict each other, before anything is read."""
    if arguments.compare and arguments.solver == "sgd":
        raise CommandError("--compare: works with --solver lbfgs, got sgd")
    if arguments.compare and arguments.validation is not None:
        raise CommandError("--compare: runs a whole training, which --validation would stop early")
    if arguments.patience is not None and arguments.validation is None:
        raise CommandError("--patience: expected --validation FILE beside it, got none")
    if arguments.validation is not None and is_same_file(arguments.validation, arguments.data):
        raise CommandError(f"--validation: {arguments.validation} is the data file, whose rows are trained on")
    if arguments.output is not None:
        check_writable(arguments.output, arguments.data, arguments.validation)


def _read_validation(
    path: str | None, table: Table, classes: tuple[str, ...]
) -> tuple[Table, NDArray[np.int64]] | None:
    if path is None:
        return None
    watched = read_validation(path, table)
    return watched, encode_known_labels(watched, classes)


def _statistics(table: Table, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        return column_statistics(table.X, rows, table.features)
    except CommandError as error:
        raise CommandError(f"{table.source}, {error}") from error


def _standardize(
    table: Table, rows: NDArray[np.intp], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    try:
        return standardize(table.X, rows, mean, scale)
    except CommandError as error:
        raise CommandError(f"{table.source}, {error}") from error


def _fit(task: Task, arguments: argparse.Namespace) -> Fit:
    """Train, with progress on stderr."""
    # Both sides of a comparison must run the same algorithm.
    solver = "lbfgs" if arguments.compare and arguments.solver == "auto" else arguments.solver
    with progress("Training", arguments.max_iter) as report:

        def callback(step: Any) -> None:
            report(step.iteration, step.loss, step.validation_loss)

        stopping = None if task.validation is None else fastml.EarlyStopping(task.patience)
        start = time.perf_counter()
        result = fastml.fit_logistic(
            task.X, task.y, l2=task.l2, solver=solver, max_iter=arguments.max_iter, tol=TOLERANCE,
            validation_data=task.validation, early_stopping=stopping, rng=arguments.seed, callback=callback,
        )  # fmt: skip
        seconds = time.perf_counter() - start
    if not (np.isfinite(result.w).all() and np.isfinite(result.b).all()):
        raise CommandError("the training ran away to infinite weights: try --solver lbfgs or a larger --l2")
    if stopping is not None and stopping.best_step is None:
        raise CommandError(f"{arguments.validation}: the loss was not finite after any step: the values are too far "
                           "from those trained on")  # fmt: skip
    w = np.require(result.w, np.float32, "C").reshape(task.w_shape)
    b = np.require(result.b, np.float32).reshape(task.w_shape[1:])
    kept = None if stopping is None or stopping.best_step is None else stopping.best_step + 1
    return Fit(w, b, int(result.n_iter), bool(result.converged), seconds, kept)


def _compare(task: Task, fit: Fit, arguments: argparse.Namespace, out: TextIO) -> None:
    from fastml.cli.compare import compare

    try:
        compare(task, fit, arguments.max_iter, out)
    except KeyboardInterrupt:
        if arguments.output is None:
            raise
        raise KeyboardInterrupt(f"after the model was written to {arguments.output}") from None


def _print_table(table: Table, classes: tuple[str, ...], y: NDArray[np.int64], out: TextIO) -> None:
    rows, columns = table.X.shape
    print(f"Data: {table.source}: {rows:,} rows, {columns:,} features, {len(classes):,} classes "
          f"in {table.target!r}", file=out)  # fmt: skip
    counts = [f"{name} ({count:,})" for name, count in zip(classes, np.bincount(y).tolist(), strict=True)]
    hidden = len(counts) - SHOWN_CLASSES
    shown = counts[:SHOWN_CLASSES] + ([f"and {hidden:,} more"] if hidden > 0 else [])
    print(f"Classes (rows): {', '.join(shown)}", file=out)


def _print_task(task: Task, arguments: argparse.Namespace, out: TextIO) -> None:
    kind = "logistic" if task.classes == 2 else "softmax"
    why = f" = 1 / (2 * {len(task.X)}), as scikit-learn's C=1" if arguments.l2 is None else ""
    print(f"Fit: {kind} regression, float32, l2 {task.l2:.4g}{why}; solver {arguments.solver}, "
          f"{fastml.get_num_threads()} threads", file=out, flush=True)  # fmt: skip
    if task.validation is not None:
        print(f"Early stopping: by the loss of the {len(task.validation[1]):,} rows of {arguments.validation}, "
              f"patience {task.patience:,}", file=out, flush=True)  # fmt: skip


def _print_fit(task: Task, fit: Fit, out: TextIO) -> None:
    print(f"Time: {fit.seconds:.2f} s for {fit.n_iter:,} steps ({_end(task, fit)})", file=out)
    if fit.kept is not None:
        print(f"Kept: step {fit.kept:,} of {fit.n_iter:,}, where the validation loss was smallest", file=out)
    rows = {"Train": (task.X, task.y), "Validation": task.validation, "Test": (task.X_test, task.y_test)}
    for name, data in rows.items():
        if data is not None:
            loss, accuracy = quality(*data, fit)
            print(f"{name}: loss {loss:.4f}, accuracy {percent(accuracy)}", file=out, flush=True)


def _end(task: Task, fit: Fit) -> str:
    if fit.converged:
        return "converged"
    if fit.kept is not None and fit.n_iter - fit.kept >= task.patience:
        return "stopped early"
    return "stopped before it converged: a larger --max-iter may help"
