"""One target of tools/fuzz_readers.py: `python tools/fuzz_readers_target.py csv <libFuzzer's flags> <corpus>`."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:
    sys.exit("tools/fuzz_readers.py: expected atheris, which is not installed (pip install atheris)")

os.environ.setdefault("FASTML_NUM_THREADS", "1")
with atheris.instrument_imports(include=["fastml", "csv", "zipfile", "numpy.lib"]):
    import csv  # noqa: F401

    import numpy as np

    import fastml
    from fastml.cli import main, predict, train  # noqa: F401
    from fastml.cli.model import NAMES

TESTS = Path(__file__).resolve().parents[1] / "tests"
MEMORY = 4 << 30  # bytes of address space
CSV = "a,b,answer\n" + "".join(f"{i},{i % 3},{'no' if i % 2 else 'yes'}\n" for i in range(12))
TRAIN = ["--max-iter", "2", "--threads", "1"]


def npy(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    """Return the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version=version, allow_pickle=True)
    return buffer.getvalue()


def archive(path: str, members: dict[str, bytes]) -> None:
    """Write a .npz file."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def run(*argv: str) -> None:
    """Run a command, and see that whatever is wrong is one sentence and exit status 2."""
    said, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint), warnings.catch_warnings():
        warnings.simplefilter("error")
        status = main(list(argv))
    lines = [line for line in complaint.getvalue().splitlines() if not line.startswith("Training: step")]
    if status == 0 and not lines:
        return
    if status != 2 or len(lines) != 1 or not lines[0].startswith("fastml: "):
        raise AssertionError(f"{argv}: status {status}, {lines}")


def fuzz_csv(data: bytes) -> None:
    """Train on a CSV file, and predict it with a model of another."""
    Path("data.csv").write_bytes(data)
    run("train", "data.csv", *TRAIN)
    run("predict", "model.npz", "data.csv")
    run("train", "good.csv", "--validation", "data.csv", *TRAIN)


def fuzz_npy(data: bytes) -> None:
    """Train on a .npy file, its last column the labels, and predict it."""
    Path("data.npy").write_bytes(data)
    run("train", "data.npy", *TRAIN)
    run("predict", "numbers.npz", "data.npy")


def fuzz_npz(data: bytes) -> None:
    """Train on an archive as it is, and on one whose members X and y are the bytes before and after a mark."""
    Path("data.npz").write_bytes(data)
    run("train", "data.npz", *TRAIN)
    before, _, after = data.partition(b"\0|\0")
    archive("two.npz", {"X": before, "y": after or npy(np.arange(8) % 2)})
    run("train", "two.npz", *TRAIN)


def fuzz_model(data: bytes) -> None:
    """Predict with bytes as a model, and with a model one of whose arrays they are."""
    Path("bad.npz").write_bytes(data)
    run("predict", "bad.npz", "good.csv")
    with zipfile.ZipFile("model.npz") as file:
        members = {name: file.read(f"{name}.npy") for name in NAMES}
    members[NAMES[data[0] % len(NAMES)] if data else "w"] = data[1:]
    archive("forged.npz", members)
    run("predict", "forged.npz", "good.csv")


def arguments() -> Callable[[bytes], None]:
    """Return the property tests of wrong arguments as one function of bytes; the first byte chooses."""
    sys.path.insert(0, str(TESTS))
    os.environ["FASTML_PROPERTIES"] = "fuzz"
    import hypothesis
    from hypothesis import strategies as st

    functions: list[Any] = []
    for path in sorted(TESTS.glob("test_properties_*.py")):
        module = __import__(path.stem)
        for test in (t for name, t in sorted(vars(module).items()) if name.startswith("test_") and "refuse" in name):
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.args[0] == "name"]
            for keywords in [{"name": n} for mark in marks for n in mark.args[1]] or [{}]:
                functions.append(as_bytes(hypothesis, st, test.hypothesis.inner_test, keywords))
    return lambda data: functions[data[0] % len(functions)](data[1:]) if data else None


def as_bytes(hypothesis: Any, st: Any, inner: Callable[..., None], keywords: dict[str, str]) -> Any:
    """Return a property test as a function of the bytes that its draws come from."""

    def one(data: Any) -> None:
        inner(fastml=fastml, data=data, **keywords)

    quiet = hypothesis.settings(database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    return quiet(hypothesis.given(data=st.data())(one)).hypothesis.fuzz_one_input


def seeds(corpus: Path) -> None:
    """Write what a target starts from, and the files beside it, into the current directory."""
    table = np.array([[i, i % 3, i % 2] for i in range(12)], float)
    Path("good.csv").write_text(CSV)
    np.save("good.npy", table)
    run("train", "good.csv", "--output", "model.npz", *TRAIN)
    run("train", "good.npy", "--output", "numbers.npz", *TRAIN)
    X, y, words = npy(table[:8, :2]), npy(np.arange(8) % 2), npy(np.array(["yes", "no"] * 4))
    archive("xy.npz", {"X": X, "y": words})
    files = {
        "csv": CSV.encode(),
        "quotes": b'"a ""b""",b\r\n"1","x\ny"\r\n2,z\r\n',
        "bom": b"\xef\xbb\xbfa,b\n1e400,1\n",
    }
    files |= {"npy": npy(table), "npy2": npy(table.astype(">f4"), (2, 0)), "npy3": npy(np.ones((2, 2), "u1"), (3, 0))}
    files |= {"npz": Path("xy.npz").read_bytes(), "marked": X + b"\0|\0" + y, "words": X + b"\0|\0" + words}
    files |= {"model": Path("model.npz").read_bytes(), "object": npy(np.array([[1, None]], object)), "none": b""}
    with zipfile.ZipFile("model.npz") as model:
        files |= {name: bytes([k]) + model.read(f"{name}.npy") for k, name in enumerate(NAMES)}
    for name, content in files.items():
        (corpus / name).write_bytes(content)


def start() -> None:
    """Fuzz the target that the first argument names."""
    target, flags = sys.argv[1], sys.argv[2:]
    os.chdir(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if target == "arguments":
        function = arguments()
    else:
        seeds(Path(flags[-1]))
        function = {"csv": fuzz_csv, "npy": fuzz_npy, "npz": fuzz_npz, "model": fuzz_model}[target]
    atheris.Setup([sys.argv[0], *flags], function)
    atheris.Fuzz()


if __name__ == "__main__":
    start()
