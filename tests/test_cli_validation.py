"""`python -m fastml train --validation`: when it stops, which weights it writes, and what it refuses."""

import os

import numpy as np
import pytest
from cli_cases import GOOD_CSV, fails

import fastml
from fastml.cli import main
from fastml.cli.arguments import parse
from fastml.cli.model import load
from fastml.cli.reading import read_training, read_validation
from fastml.cli.task import PATIENCE

NAMES = ("no", "yes")


def noisy(n, d=20, seed=0):
    """Return rows whose classes overlap, few enough of them to be learned by heart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(np.int64)


def write_csv(path, X, labels, order=None):
    """Write columns c0, c1, ... in the order given, then the labels, in a column named answer."""
    order = range(X.shape[1]) if order is None else order
    lines = [",".join([*(f"c{index}" for index in order), "answer"])]
    for row, label in zip(X.tolist(), labels, strict=True):
        lines.append(",".join([*(repr(row[index]) for index in order), label]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def files(here):
    """train.npz and watched.npz; returns the rows of the second and their classes."""
    X, y = noisy(50)
    np.savez(here / "train.npz", X=X, y=y)
    X, y = noisy(400, seed=1)
    np.savez(here / "watched.npz", X=X, y=y)
    return X, y


def validation_loss(model, X, y):
    return fastml.logistic_loss(((X - model.mean) / model.scale).astype(np.float32), y, model.w, model.b)


def number_after(text, words):
    return float(text.split(words)[1].replace(",", " ").split()[0])


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize(
    ("patience", "max_iter", "end"), [(1, 200, "stopped early"), (4, 200, "stopped early"), (15, 15, "a larger")]
)
def test_the_best_weights_are_written(files, capsys, solver, patience, max_iter, end):
    options = ["train.npz", "--solver", solver, "--l2", "0"]
    stop = ["--validation", "watched.npz", "--patience", str(patience), "--max-iter", str(max_iter)]
    assert main(["train", *options, *stop, "--output", "best.npz"]) == 0
    out = capsys.readouterr().out
    assert f"Early stopping: by the loss of the 400 rows of watched.npz, patience {patience}\n" in out
    assert end in out
    kept, steps = int(number_after(out, "Kept: step ")), int(number_after(out, "s for "))
    assert kept < steps == min(kept + patience, max_iter)
    best = validation_loss(load("best.npz"), *files)
    assert number_after(out, "Validation: loss ") == pytest.approx(best, abs=6e-5)
    losses = []
    for step in range(1, steps + 1):
        assert main(["train", *options, "--max-iter", str(step), "--output", "step.npz"]) == 0
        losses.append(validation_loss(load("step.npz"), *files))
    assert (np.argmin(losses) + 1, min(losses)) == (kept, best)


def test_without_patience(files, capsys):
    assert fastml.EarlyStopping().patience == PATIENCE
    assert main(["train", "train.npz", "--validation", "watched.npz"]) == 0
    assert f"patience {PATIENCE}\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        parse(["train", "--help"])
    assert f"(default {PATIENCE})" in capsys.readouterr().out


def test_the_digits_with_rows_of_ones_own(here, capsys):
    table = read_training(None, None)
    np.savez("own.npz", X=table.X[:300], y=table.labels[:300])
    assert main(["train", "--validation", "own.npz"]) == 0
    assert "the 300 rows of own.npz" in capsys.readouterr().out


def test_a_validation_file_that_converges_first(here, capsys):
    X, y = noisy(400, d=3)
    np.savez("train.npz", X=X, y=y)
    np.savez("watched.npz", X=X, y=y)
    assert main(["train", "train.npz", "--validation", "watched.npz", "--patience", "50"]) == 0
    assert "(converged)" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["same.csv", "shuffled.csv", "watched.npz", "watched.npy"])
def test_columns_of_every_kind_of_file(here, kind):
    X, y = noisy(40, d=3)
    watched, watched_y = noisy(30, d=3, seed=1)
    write_csv(here / "train.csv", X, [NAMES[label] for label in y])
    labels = np.array(NAMES)[watched_y]
    write_csv(here / "same.csv", watched, labels)
    write_csv(here / "shuffled.csv", watched, labels, order=[2, 0, 1])
    np.savez("watched.npz", X=watched, y=labels)
    trained = read_training("train.csv", None)
    if kind == "watched.npy":  # holds numbers alone: its labels are in the last column, as in training
        np.save("train.npy", np.column_stack([y, X]))
        np.save("watched.npy", np.column_stack([watched_y, watched]))
        trained, labels = read_training("train.npy", "0"), watched_y
    table = read_validation(kind, trained)
    np.testing.assert_array_equal(table.X, watched)
    np.testing.assert_array_equal(table.labels, labels)
    assert (table.source, table.features, table.target) == (kind, trained.features, trained.target)


def test_names_do_not_matter_where_training_has_none(here):
    X, y = noisy(30, d=3)
    np.save("train.npy", np.column_stack([X[:, :1], y, X[:, 1:]]))
    write_csv(here / "named.csv", X, y.astype(str))
    (here / "unusual.csv").write_text("a,b,c,d\n1,0,2,3\n")
    trained = read_training("train.npy", "1")
    table = read_validation("unusual.csv", trained)
    assert (table.X.tolist(), table.labels) == ([[1, 2, 3]], ["0"])
    (here / "usual.csv").write_text("a,b,c,Label\n1,2,3,0\n")
    assert read_validation("usual.csv", trained).labels == ["0"]


def test_labels_are_the_numbers_trained_on(here, capsys):
    X, y = noisy(30, d=3)
    write_csv(here / "train.csv", X, [("9", "10")[label] for label in y])
    write_csv(here / "watched.csv", X, [("9.0", "1e1")[label] for label in y])
    np.savez("watched.npz", X=X, y=np.where(y, 10, 9))
    shown = []
    for name in ("watched.csv", "watched.npz"):
        assert main(["train", "train.csv", "--validation", name]) == 0
        shown.append(capsys.readouterr().out.split("Kept")[1])
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, ["missing.csv: no such file"]),
        ("bad.csv", "a,b,answer\n1,2,no\n1,2,maybe\n", ["row 1 (from 0)", "'answer'", "('no', 'yes')", "got 'maybe'"]),
        ("bad.csv", "a,b,answer\n1,2,1\n", ["row 0", "got '1'"]),
        ("bad.csv", "a,b\n1,2\n", ["expected a column 'answer' with the labels as in good.csv, found none"]),
        ("bad.csv", "a,answer\n1,no\n", ["expected a column 'b' as in good.csv, found none"]),
        ("bad.csv", "a,b,c,answer\n1,2,3,no\n", ["column 'c' is unknown to good.csv"]),
        ("bad.csv", "answer\nno\n", ["expected 2 feature columns as in good.csv, got 0"]),
        ("bad.csv", "a,b,answer\n1,two,no\n", ["line 2, column 'b': expected a finite number, got 'two'"]),
        ("bad.csv", "a,b,answer\n", ["header but no rows"]),
        ("bad.csv", "a,b,answer\n1,2,no\n1,1e300,no\n", ["row 1, feature 1 (from 0): 1e+300 is too far"]),
        ("bad.npz", {"X": np.zeros((2, 3)), "y": ["no", "no"]}, ["expected 2 feature columns as in good.csv, got 3"]),
        ("bad.npz", {"X": np.zeros((2, 2)), "y": ["no"]}, ["y: expected shape (2,)"]),
        ("bad.npz", {"X": np.zeros((2, 2)), "y": [0, 1]}, ["row 0 (from 0), 'answer'", "got '0'"]),
        ("bad.npz", {"X": np.zeros((2, 2))}, ["expected an array 'y'"]),
        ("bad.npy", np.zeros((2, 2)), ["expected 2 feature columns as in good.csv, got 1"]),
        ("bad.npy", np.zeros((2, 3)), ["row 0 (from 0), 'answer'", "got '0.0'"]),
    ],
)
def test_wrong_files(here, capsys, name, content, words):
    (here / "good.csv").write_text(GOOD_CSV)
    if isinstance(content, str):
        (here / name).write_text(content)
    elif isinstance(content, dict):
        np.savez(name, **content)
    elif content is not None:
        np.save(name, content)
    fails(capsys, ["train", "good.csv", "--validation", name, "--output", "model.npz"], name, *words)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--patience", "3"], ["--patience: expected --validation FILE beside it, got none"]),
        (["--validation", "good.csv", "--patience", "0"], ["--patience", "whole number of 1 or more", "'0'"]),
        (["--validation", "good.csv", "--patience", "2.5"], ["--patience", "'2.5'"]),
        (["--validation", "./train.csv"], ["--validation: ./train.csv is the data file, whose rows are trained on"]),
        (["--validation", "good.csv", "--output", "./good.csv"], ["--output: ./good.csv is the validation file"]),
        (["--validation", "good.csv", "--compare"], ["--compare", "--validation"]),
    ],
)
def test_wrong_flags(here, capsys, argv, words):
    for name in ("good.csv", "train.csv"):
        (here / name).write_text(GOOD_CSV)
    fails(capsys, ["train", "train.csv", *argv], *words)
    assert (here / "good.csv").read_text() == GOOD_CSV


def test_a_loss_that_is_never_finite(here, capsys):
    X = np.where(np.arange(20)[:, None] % 2, 1.0, -1.0) * np.ones(8)
    np.savez("train.npz", X=X, y=X[:, 0] > 0)
    np.savez("far.npz", X=3e38 * X, y=X[:, 0] < 0)
    argv = ["train", "train.npz", "--validation", "far.npz", "--output", "model.npz"]
    fails(capsys, argv, "far.npz: the loss was not finite after any step")


def test_mistakes_come_before_any_output(here, capsys):
    (here / "good.csv").write_text(GOOD_CSV)
    assert main(["train", "good.csv", "--validation", "missing.npz", "--output", "model.npz"]) == 2
    assert capsys.readouterr().out == ""
    assert os.listdir() == ["good.csv"]
