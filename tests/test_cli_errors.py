"""`python -m fastml`: every mistake ends in one sentence on stderr, status 2, and no file."""

import os
import subprocess
import sys

import cli_cases
import numpy as np
import pytest
from cli_cases import fails

import fastml
from fastml.cli import main


@pytest.fixture
def model(here):
    """A model in model.npz, trained on good.csv."""
    return cli_cases.make_model()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["required"]),
        (["teach"], ["teach"]),
        (["train", "--test-size", "0"], ["--test-size", "between 0 and 1", "'0'"]),
        (["train", "--test-size", "1"], ["--test-size"]),
        (["train", "--test-size", "nan"], ["--test-size"]),
        (["train", "--test-size", "half"], ["--test-size", "'half'"]),
        (["train", "--test-size", "1e-9"], ["--test-size", "no row to test"]),
        (["train", "--threads", "0"], ["--threads"]),
        (["train", "--threads", "257"], ["--threads", "from 1 to 256"]),
        (["train", "--l2", "-1"], ["--l2"]),
        (["train", "--l2", "inf"], ["--l2"]),
        (["train", "--max-iter", "0"], ["--max-iter"]),
        (["train", "--seed", "-1"], ["--seed"]),
        (["train", "--solver", "newton"], ["--solver"]),
        (["train", "--solver", "sgd", "--compare"], ["--compare"]),
        (["train", "--outp", "x.npz"], ["--outp"]),
        (["train", "--target", "x"], ["--target", "digits"]),
        (["train", "missing.csv"], ["missing.csv", "no such file"]),
        (["train", "missing.npy"], ["missing.npy", "no such file"]),
        (["train", "missing.npz"], ["missing.npz", "no such file"]),
        (["train", "."], ["is a directory"]),
        (["train", "--output", "missing/model.npz"], ["--output", "does not exist"]),
        (["train", "--output", "."], ["--output", "not a file"]),
        (["train", "--output", os.devnull], ["--output", "not a file"]),
        (["predict", "missing.npz", "x.csv"], ["missing.npz", "no such file"]),
        (["predict", "model.npz"], ["DATA"]),
    ],
)
def test_arguments(here, capsys, argv, words):
    fails(capsys, argv, *words)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a directory that even root cannot write in")
def test_output_directory_not_writable(here, capsys):
    fails(capsys, ["train", "--output", "/proc/model.npz"], "--output", "cannot write")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that opens and cannot be read")
def test_reading_fails(here, capsys, model):
    for name in "mem.csv", "mem":
        os.symlink("/proc/self/mem", name)
        fails(capsys, ["train", name], f"fastml: {name}: input/output error")
        fails(capsys, ["predict", "model.npz", name], f"fastml: {name}: input/output error")


@pytest.mark.parametrize("reader", ["read_npy", "read_npz"])
def test_reading_an_array_fails(here, monkeypatch, reader):
    from fastml.cli import arrays

    def broken(*_):
        raise OSError(5, "Input/output error")

    np.save("data.npy", np.ones(3))
    np.savez("data.npz", X=np.ones(3))
    monkeypatch.setattr(arrays, "_read", broken)
    path = f"data.{reader[-3:]}"
    with pytest.raises(OSError, match=path) as caught:
        getattr(arrays, reader)(path, *[("X",)][: reader == "read_npz"])
    assert caught.value.filename == path


def run(redirection, *argv, **variables):
    """Run the command in a shell, with standard streams closed."""
    command = ["sh", "-c", f'exec "$0" -m fastml "$@" {redirection}', sys.executable, *argv]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_closed_streams(here):
    for command in ("train", "info"):
        done = run(">&-", command)
        assert (done.returncode, done.stderr) == (2, "fastml: the standard output is closed\n")
    done = run("2>&-", "train", "--max-iter", "20", "--output", "model.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Training: step" not in done.stdout
    assert os.path.isfile("model.npz")
    assert (run("2>&-", "teach").returncode, run(">&- 2>&-", "teach").returncode) == (2, 2)


def test_output_would_replace_the_data(here, capsys):
    (here / "good.csv").write_text(cli_cases.GOOD_CSV)
    fails(capsys, ["train", "good.csv", "--output", "./good.csv"], "--output", "data file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        ("a,b\n", ["header but no rows"]),
        ("a,b\n1,x\n1,2,y\n", ["line 3", "expected 2 cells", "got 3"]),
        ("a,b\n\n1,x\n1\n", ["line 4", "got 1"]),
        ("a,b\n1,x\ntwo,y\n", ["line 3", "column 'a'", "'two'"]),
        ('a,b\n"1",x\n"2\n3",y\n', ["line 4", "column 'a'"]),
        ("a,b\n1,x\nNaN,y\n", ["line 3", "column 'a'", "nan"]),
        ("a,b\n1,x\n-inf,y\n", ["line 3", "column 'a'", "-inf"]),
        ("a,b\n1,x\n,y\n", ["line 3", "column 'a'", "empty cell"]),
        ("a,b\n1_0,x\n1,y\n", ["line 2", "'1_0'"]),
        ("a,b\n1,x\n2, \n", ["line 3", "column 'b'", "empty cell"]),
        ("a,b\n1,x\n2,nan\n", ["line 3", "column 'b'", "'nan'"]),
        ('a,b\n1,x\n2,"y\nz"\n', ["column 'b'", "label"]),
        ("a,a,b\n1,2,x\n", ["line 1", "two columns are named 'a'"]),
        (",a,b\n1,2,x\n", ["line 1", "column 1"]),
        ("1.5,2.5,0\n2,3,1\n", ["line 1", "expected a header"]),
        ("a;b\n1;2\n", ["commas"]),
        ("b\nx\ny\n", ["only column"]),
        ("a,b\n1,x\n2,x\n", ["at least two classes", "'x'"]),
        ("a,b\n" + "".join(f"{i},{i}.5\n" for i in range(30)), ["30 different values in 30 rows"]),
        ("a,b\n1e300,x\n-1e300,y\n3,x\n4,y\n-2e300,x\n1e300,y\n", ["column 'a'", "too large"]),
        ("a,b\n" + "1" * 200_000 + ",x\n", ["line 2", "field larger"]),
        ("a,b\n1,caf\xe9\n".encode("latin-1"), ["UTF-8"]),
        (bytes(range(128, 256)), ["UTF-8"]),
    ],
)
def test_csv(here, capsys, text, words):
    (here / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    fails(capsys, ["train", "bad.csv", "--output", "model.npz"], "bad.csv", *words)


def test_missing_column(here, capsys):
    (here / "good.csv").write_text(cli_cases.GOOD_CSV)
    fails(capsys, ["train", "good.csv", "--target", "Answer"], "'Answer'", "a, b, answer")


@pytest.mark.parametrize(
    ("array", "target", "words"),
    [
        (np.zeros(5), "0", ["2 dimensions"]),
        (np.zeros((2, 2, 2)), "0", ["2 dimensions"]),
        (np.zeros((0, 3)), "0", ["shape (0, 3)"]),
        (np.zeros((5, 1)), "0", ["1 column"]),
        (np.zeros((5, 3)), "0", ["at least two classes"]),
        (np.zeros((5, 3)), "3", ["--target", "columns 0 to 2"]),
        (np.zeros((5, 3)), "a", ["--target", "'a'"]),
        (np.array([[1, 0], [np.nan, 1]]), "1", ["row 1, column 0", "nan"]),
        (np.array([["1", "x"]]), "1", ["expected numbers"]),
        (np.zeros((5, 3), complex), "0", ["complex"]),
        (np.zeros((5, 3), "M8[s]"), "0", ["datetime"]),
        (np.zeros((5, 3), [("a", "f4")]), "0", ["expected numbers"]),
    ],
)
def test_npy(here, capsys, array, target, words):
    np.save("bad.npy", array)
    fails(capsys, ["train", "bad.npy", "--target", target, "--output", "model.npz"], "bad.npy", *words)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": np.zeros((4, 2))}, ["'y'"]),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4)}, ["'X'"]),
        ({"X": np.zeros((4, 2)), "y": np.arange(3)}, ["expected shape (4,)", "(3,)"]),
        ({"X": np.zeros((4, 2)), "y": np.zeros(4)}, ["at least two classes"]),
        ({"X": np.zeros((4, 2)), "y": np.array([0, 1, np.nan, 0])}, ["row 2", "nan"]),
        ({"X": np.zeros((4, 2)), "y": np.array(["a", "b", "\x1b[2J", "a"])}, ["printable"]),
    ],
)
def test_npz(here, capsys, arrays, words):
    np.savez("bad.npz", **arrays)
    fails(capsys, ["train", "bad.npz"], "bad.npz", *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,answer\n1,yes\n", ["column 'b'", "found none"]),
        ("a,b,c\n1,2,3\n", ["column 'c' is unknown"]),
        ("a,b\n1,1e300\n", ["row 0", "too far"]),
        ("a,b\n1,x\n", ["line 2", "column 'b'", "'x'"]),
        ("a,b\n", ["no rows"]),
    ],
)
def test_predict_with_other_columns(here, capsys, model, text, words):
    (here / "bad.csv").write_text(text)
    fails(capsys, ["predict", "model.npz", "bad.csv"], "bad.csv", *words)


def test_predict_with_wrong_width(here, capsys, model):
    np.save("bad.npy", np.zeros((4, 3)))
    np.savez("bad.npz", X=np.zeros((4, 1)))
    fails(capsys, ["predict", "model.npz", "bad.npy"], "expected 2 feature columns", "got 3")
    fails(capsys, ["predict", "model.npz", "bad.npz"], "expected 2 feature columns", "got 1")


def test_interrupted_training_leaves_no_model(here, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fastml, "fit_logistic", interrupted)
    assert main(["train", "--output", "model.npz"]) == 130
    assert capsys.readouterr().err == "fastml: interrupted, no file was written\n"
    assert os.listdir() == []


def test_interrupted_comparison_leaves_the_model(here, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastml.cli.compare.compare", interrupted)
    assert main(["train", "--max-iter", "3", "--compare", "--output", "model.npz"]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "fastml: interrupted, after the model was written to model.npz"
    assert os.listdir() == ["model.npz"]
    assert main(["train", "--max-iter", "3", "--compare"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "fastml: interrupted, no file was written"


def test_failed_write_keeps_the_old_model(here, capsys, model, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    before = (here / "model.npz").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    fails(capsys, ["train", "--output", "model.npz"], "No space left")
    assert (here / "model.npz").read_bytes() == before


def test_all_of_it_is_written_before_it_is_synchronized(here, model, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    assert main(["train", "--output", "model.npz"]) == 0
    assert sizes[0] == (here / "model.npz").stat().st_size


def test_reader_that_leaves_early(here, model):
    np.save("many.npy", np.zeros((200_000, 2)))
    command = [sys.executable, "-m", "fastml", "predict", "model.npz", "many.npy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"\t" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
