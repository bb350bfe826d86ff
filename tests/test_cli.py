"""`python -m fastml`: the main job, end to end on real and small data."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml.cli import main
from fastml.cli.model import load
from fastml.cli.numpy_solver import fit_lbfgs, make_objective
from fastml.cli.preparing import column_statistics, stratified_split
from fastml.cli.reading import DIGITS

FASTML = (sys.executable, "-m", "fastml")


def two_blobs(n=60, d=3, seed=0):
    """Rows of two classes, 3 apart in every feature."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, d)) + 3 * y[:, None], y


def write_csv(path: Path, names, columns):
    lines = [",".join(names), *(",".join(map(str, row)) for row in zip(*columns, strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def flowers(tmp_path):
    """A CSV file with words as labels in its second column, and the same rows as arrays."""
    X, y = two_blobs()
    labels = np.array(["setosa", "virginica"])[y]
    path = write_csv(tmp_path / "flowers.csv", ["a", "species", "b", "c"], [X[:, 0], labels, X[:, 1], X[:, 2]])
    return path, X, labels


@pytest.fixture
def trained(flowers, tmp_path):
    """The model of the flowers."""
    model = str(tmp_path / "model.npz")
    assert main(["train", flowers[0], "--target", "species", "--output", model]) == 0
    return model


def predictions(capsys, *argv):
    capsys.readouterr()
    assert main(["predict", *argv]) == 0
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_digits_from_train_to_predict(tmp_path):
    model = tmp_path / "digits model.npz"
    done = subprocess.run([*FASTML, "train", "--output", model, "--threads", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1,797 rows, 64 features, 10 classes" in done.stdout
    assert "1,438 rows to train, 359 to test" in done.stdout
    assert "Training: step 20 of at most 200" in done.stderr  # plain lines: stderr is no terminal
    accuracy = float(done.stdout.split("Test: ")[1].split("accuracy ")[1].split(" %")[0])
    assert accuracy >= 95.0
    done = subprocess.run([*FASTML, "predict", model, DIGITS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    classes, p = zip(*(line.split("\t") for line in done.stdout.splitlines()), strict=True)
    with np.load(DIGITS) as data:
        assert np.mean(np.array(classes, int) == data["y"]) > 0.98
    assert all(0.1 <= float(value) <= 1 for value in p)


def test_digits_as_good_as_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    with np.load(DIGITS) as data:
        X, y = data["X"], data["y"].astype(np.int64)
    for seed in range(3):
        rows, held_out = stratified_split(y, 0.2, seed)
        mean, scale = column_statistics(X, rows)
        X32 = ((X - mean) / scale).astype(np.float32)
        theirs = linear_model.LogisticRegression().fit(X32[rows], y[rows]).score(X32[held_out], y[held_out])
        fit = fastml.fit_logistic(X32[rows], y[rows], l2=1 / (2 * len(rows)), solver="lbfgs", tol=1e-4)
        ours = np.mean(fastml.predict_logistic(X32[held_out], fit.w, fit.b).argmax(axis=1) == y[held_out])
        assert abs(ours - theirs) <= 0.002


def test_same_seed_same_file(tmp_path):
    for name in "one.npz", "two.npz":
        assert main(["train", "--max-iter", "5", "--seed", "3", "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_csv_with_words_as_labels(flowers, trained, capsys):
    path, _, labels = flowers
    model = load(trained)
    assert (model.classes, model.features, model.target) == (("setosa", "virginica"), ("a", "b", "c"), "species")
    assert (model.w.shape, model.b.shape) == ((3,), ())
    found = predictions(capsys, trained, path)
    assert np.mean([name for name, _ in found] == labels) > 0.95
    assert all(0.5 <= float(p) <= 1 for _, p in found)


def test_predict_finds_columns_by_name(flowers, trained, tmp_path, capsys):
    path, X, _ = flowers
    shuffled = write_csv(tmp_path / "shuffled.csv", ["c", "a", "b"], [X[:, 2], X[:, 0], X[:, 1]])
    np.save(tmp_path / "X.npy", X)
    expected = predictions(capsys, trained, path)
    assert predictions(capsys, trained, shuffled) == expected
    assert predictions(capsys, trained, str(tmp_path / "X.npy")) == expected


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("column", [0, 3])
def test_npy_with_labels_in_any_column(tmp_path, capsys, solver, column):
    X, y = two_blobs()
    data, model = str(tmp_path / "data.npy"), str(tmp_path / "model.npz")
    np.save(data, np.insert(X, column, y, axis=1))
    assert main(["train", data, "--target", str(column), "--solver", solver, "--output", model]) == 0
    np.save(tmp_path / "X.npy", X)
    found = predictions(capsys, model, data)
    assert found == predictions(capsys, model, str(tmp_path / "X.npy"))
    assert found == predictions(capsys, model, write_csv(tmp_path / "X.csv", "abc", X.T))
    for names, place in (("abcd", column), (["a", "b", "class", "c"], 2)):  # a usual name counts more than the place
        columns = np.insert(X, place, y, axis=1).T
        assert found == predictions(capsys, model, write_csv(tmp_path / "all.csv", names, columns))
    assert np.mean([int(name) for name, _ in found] == y) > 0.95


def test_arrays_are_read_in_blocks(tmp_path, capsys, monkeypatch):
    X, y = two_blobs()
    np.savez(tmp_path / "data.npz", X=X, y=y)
    models = []
    for block in (1 << 24, 1000, 7):
        monkeypatch.setattr("fastml.cli.arrays.BLOCK", block)
        assert main(["train", str(tmp_path / "data.npz"), "--output", str(tmp_path / "model.npz")]) == 0
        models.append((tmp_path / "model.npz").read_bytes())
    assert models[0] == models[1] == models[2]


@pytest.mark.parametrize("dtype", ["?", "i1", "<u8", ">i4", "f2", ">f4", "f8"])
@pytest.mark.parametrize("order", "CF")
def test_npz_of_any_dtype(tmp_path, capsys, dtype, order):
    X, y = two_blobs(d=5)
    data, model = str(tmp_path / "data.npz"), str(tmp_path / "model.npz")
    np.savez_compressed(data, X=np.asarray(np.abs(X).round() // 2, dtype, order=order), y=np.where(y, "hot", "cold"))
    assert main(["train", data, "--output", model]) == 0
    assert np.mean([name == "hot" for name, _ in predictions(capsys, model, data)] == y) > 0.9


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
def test_usual_target_names(tmp_path, name):
    X, y = two_blobs()
    data = write_csv(tmp_path / "data.csv", ["a", name, "c"], [X[:, 0], y, X[:, 1]])
    assert main(["train", data, "--output", str(tmp_path / "model.npz")]) == 0
    assert load(str(tmp_path / "model.npz")).target == name


def test_numbers_as_labels_are_ordered_as_numbers(tmp_path, capsys):
    labels = ["10", "9", "9.0", "-1", "1e1", " 09"] * 5
    data = write_csv(tmp_path / "data.csv", ["a", "number"], [range(30), labels])
    assert main(["train", data]) == 0
    assert "Classes (rows): -1 (5), 9 (15), 10 (10)" in capsys.readouterr().out


def test_statistics_come_from_the_rows_trained_on():
    X = np.array([[1.0, 7, 0.1], [3, 7, 0.1], [1e6, 8, 0.1]])
    mean, scale = column_statistics(X, np.array([0, 1]))
    np.testing.assert_array_equal(mean, [2, 7, 0.1])
    np.testing.assert_array_equal(scale, [1, 1, 1])


@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5, 0.9])
def test_split_is_stratified(test_size):
    y = np.repeat([0, 1, 2], [100, 40, 2])
    train, test = stratified_split(y, test_size, 0)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert abs(len(test) - test_size * len(y)) <= 1
    held_out = np.bincount(y[test], minlength=3)
    assert np.all(np.abs(held_out - test_size * np.array([100, 40, 2])) <= 1)
    assert np.bincount(y[train]).min() >= 1
    assert not np.array_equal(stratified_split(y, test_size, 1)[1], test)


def test_compare_prints_both_sides(flowers, capsys):
    for data in ([], [flowers[0], "--target", "species"]):
        assert main(["train", *data, "--compare"]) == 0
        out = capsys.readouterr().out
        assert "Plain NumPy" in out
        accuracies = out.split("test accuracy")[1].split("%")[:2]
        assert abs(float(accuracies[0]) - float(accuracies[1])) <= 0.3
        for line in ("loss + gradient, once", "training"):
            times = re.findall(r"([0-9.]+) m?s\b", out.split(f"\n{line}")[1].split("\n")[0])
            assert 0 <= float(times[0]) < 600
            assert 0 <= float(times[1]) < 600
            assert line == "training" or "0.000" not in times


@pytest.mark.parametrize("classes", [2, 4])
def test_plain_numpy_gradient_by_finite_differences(classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)).astype(np.float32), rng.integers(classes, size=50)
    objective = make_objective(X, y, classes, 0.01)
    theta = rng.normal(size=4 if classes == 2 else 4 * classes)
    _, gradient = objective(theta)
    for index in range(len(theta)):
        step = np.zeros(len(theta))
        step[index] = 1e-2
        slope = (objective(theta + step)[0] - objective(theta - step)[0]) / 2e-2
        assert slope == pytest.approx(gradient[index], abs=1e-4)
    best, *_, converged = fit_lbfgs(objective, theta, 200, 1e-5, lambda *_: None)
    assert converged
    # within tol, or where float32 hides what another step would gain: sqrt(2 * curvature * PRECISION * loss)
    assert np.abs(objective(best)[1]).max() <= 5e-5


def test_info(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert fastml.__version__ in out
    assert "threads" in out


def test_help_and_version(capsys):
    for argv in (["--help"], ["train", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as end:
            main(argv)
        assert end.value.code == 0
    assert fastml.__version__ in capsys.readouterr().out
