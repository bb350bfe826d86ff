"""`python -m fastml`: forged and damaged .npz archives, and bombs, which must not take memory."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from cli_cases import archive_of, fails, make_model, npy
from test_cli_hostile import GOOD, HOSTILE

from fastml.cli import main


@pytest.fixture
def model(here):
    """A good model in model.npz."""
    return make_model()


def test_bomb(here, capsys):
    with zipfile.ZipFile("bad.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("X.npy", npy(np.zeros((10_000_000, 1))))
        archive.writestr("y.npy", npy(np.zeros(10_000_000, np.int8)))
    fails(capsys, ["train", "bad.npz"], "bad.npz", "declares", "plausible")


LABELS = npy(np.array([0, 1, 0, 1]))
ARCHIVES = {
    "twice": (archive_of(("X.npy", GOOD), ("X.npy", GOOD), ("y.npy", LABELS)), "once each"),
    "twice, once without a suffix": (archive_of(("X.npy", GOOD), ("X", GOOD), ("y.npy", LABELS)), "once each"),
    "out of the directory": (archive_of(("../X.npy", GOOD), ("/y.npy", LABELS)), "'../X'"),
    "in a folder": (archive_of(("a/X.npy", GOOD), ("a/y.npy", LABELS)), "'a/X'"),
    "an archive within": (archive_of(("all.npz", archive_of(("X.npy", GOOD), ("y.npy", LABELS)))), "found 'all.npz'"),
    "LZMA": (archive_of(("X.npy", GOOD), ("y.npy", LABELS), compression=zipfile.ZIP_LZMA), "NumPy does not write"),
    "empty": (archive_of(), "found none"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_hostile_archives(here, capsys, kind):
    content, words = ARCHIVES[kind]
    (here / "bad.npz").write_bytes(content)
    fails(capsys, ["train", "bad.npz"], "bad.npz", words)
    assert not (here.parent / "X.npy").exists()


def test_forged_archives(here, capsys):
    good = archive_of(("X.npy", GOOD), ("y.npy", LABELS), compression=zipfile.ZIP_DEFLATED)
    central = good.index(b"PK\x01\x02")
    size = len(GOOD).to_bytes(4, "little")
    assert good[central + 24 : central + 28] == size
    encrypted = good[:6] + b"\x01" + good[7 : central + 8] + b"\x01" + good[central + 9 :]
    longer = good[: central + 24] + (len(GOOD) + 8).to_bytes(4, "little") + good[central + 28 :]
    shorter = good[: central + 24] + (len(GOOD) - 8).to_bytes(4, "little") + good[central + 28 :]
    other = good.replace(good[14:18], b"\0\0\0\0")  # the checksum
    for content, words in ((encrypted, "encrypted"), (longer, "declares"), (shorter, "CRC"), (other, "CRC")):
        assert content != good
        (here / "bad.npz").write_bytes(content)
        fails(capsys, ["train", "bad.npz"], "bad.npz", words)
    (here / "bad.npz").write_bytes(good)
    assert main(["train", "bad.npz"]) in (0, 2)  # four rows are too few, or not
    assert "CRC" not in capsys.readouterr().err


# Reads each file, says how; the most memory it has had at any time is that of a reader of small files.
FRUGAL = """
import sys
from fastml.cli import main

def peak():  # in kB; ru_maxrss would begin at the peak of the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

assert [main(["train", "small.npz"]), main(["train", "small.npy"])] == [2, 2]  # what reading imports
before = peak()
statuses = {main(["train", path]) for path in sys.argv[1:]}
grown = peak() - before
assert statuses == {2}, statuses
print(grown >> 10)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_bombs_take_no_memory(here):
    """A few kB that inflate to gigabytes, and headers that ask for them: refused within 4 MB."""
    for name in ("small.npz", "small.npy"):
        (here / name).write_bytes(
            GOOD[:-9] if name.endswith("y") else archive_of(("X.npy", GOOD[:-9]), ("y.npy", LABELS))
        )
    zeros = b"\0" * (1 << 24)
    header = npy(np.zeros((1, 2)), shape=(1 << 26, 2))[:-16]
    with zipfile.ZipFile("zeros.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("X.npy", "w", force_zip64=True) as member:  # 1 GB
            member.write(header)
            for _ in range(64):
                member.write(zeros)
        archive.writestr("y.npy", LABELS)
    within = archive_of(
        ("X.npy", (here / "zeros.npz").read_bytes()), ("y.npy", LABELS), compression=zipfile.ZIP_DEFLATED
    )
    (here / "within.npz").write_bytes(within)
    assert (here / "zeros.npz").stat().st_size < 1_100_000
    assert len(within) < 10_000
    for kind in ("huge shape", "2^60 elements", "header of 1 GB", "header of 4 GB", "wide text", "header of blanks"):
        (here / f"{kind}.npy").write_bytes(HOSTILE[kind][0])
        deflated = archive_of(("X.npy", HOSTILE[kind][0]), ("y.npy", LABELS), compression=zipfile.ZIP_DEFLATED)
        (here / f"{kind}.npz").write_bytes(deflated)
    files = [name for name in os.listdir() if not name.startswith("small")]
    done = subprocess.run(
        [sys.executable, "-c", FRUGAL, *files], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(done.stdout.split()[-1]) < 4, done.stderr
    assert len(done.stderr.splitlines()) == 2 + len(files)


def test_columns_first(here, capsys):
    """Arrays in Fortran order are nothing hostile."""
    X = np.asfortranarray(np.arange(24.0).reshape(12, 2))
    np.savez("columns.npz", X=X, y=np.arange(12) % 2)
    np.savez("rows.npz", X=np.ascontiguousarray(X), y=np.arange(12) % 2)
    results = []
    for name in ("columns", "rows"):
        assert main(["train", f"{name}.npz", "--output", f"{name}-model.npz"]) == 0
        results.append((here / f"{name}-model.npz").read_bytes())
    assert results[0] == results[1]


def test_damaged_archives(here, capsys, model):
    good = (here / "model.npz").read_bytes()
    for content in (
        good[:-30],
        good[: len(good) // 2],
        b"PK\x03\x04",
        b"noise" * 100,
        b"",
        good.replace(b"\x93", b"?"),
    ):
        (here / "model.npz").write_bytes(content)
        fails(capsys, ["predict", "model.npz", "good.csv"], "model.npz")
    rng = np.random.default_rng(0)
    for position in rng.integers(len(good), size=300):  # any single damaged byte: an error or an answer, no traceback
        (here / "model.npz").write_bytes(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1 :])
        assert main(["predict", "model.npz", "good.csv"]) in (0, 2)
