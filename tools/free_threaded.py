"""Run the tests without the GIL, then in eight threads at once: ``python tools/free_threaded.py``.

Builds CPython 3.13t from Debian's source package, which takes five minutes, unless ``--python`` names a free-threaded
interpreter. What git knows of the checkout is cloned, built and installed there with NumPy, SciPy and scikit-learn.
Importing every module must leave the GIL off. Then come all tests, as always, and once more with each in eight threads
(pytest-run-parallel), but for those marked ``thread_unsafe`` and the kernels of lesser instruction sets. That takes
some 30 minutes of CPU; ``--every 8`` takes one test of eight. Arguments after ``--`` go to both runs of pytest.

The build needs Debian or Ubuntu with the keys of Debian's archive, and
``apt-get install build-essential debian-archive-keyring libffi-dev libssl-dev xz-utils zlib1g-dev``; as root or not:
apt keeps its lists in the folder ``--out``, the system's stay as they are. What was built stays there for the next run.
"""

import argparse
import os
import shutil
from pathlib import Path

from scratch import ROOT, output

PLUGIN = "pytest-run-parallel==0.10.0"
SUITE = "forky"  # the Debian release with python3.13, whose sources are upstream's
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT = """
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "";
"""
SAMPLE = """
import zlib
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if zlib.crc32(item.nodeid.encode()) % {every} == 0]
"""
LESSER = "from fastml._fastml_runtime import available_isas; print(' or '.join(available_isas()[:-1]))"
IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error")  # what turns the GIL on is a warning
assert not sys._is_gil_enabled(), "the interpreter starts with the GIL"
import fastml
names = [module.name for module in pkgutil.walk_packages(fastml.__path__, "fastml.")]
names = [name for name in names if not name.startswith("fastml.dask") and not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
assert not sys._is_gil_enabled(), "importing fastml has turned the GIL on"
import numpy, platform
print(f"{len(names)} modules imported, the GIL is off: CPython {platform.python_version()}t, NumPy {numpy.__version__}")
"""


def source(out: Path) -> Path:
    """Fetch and unpack Debian's sources of CPython 3.13, by an apt configuration of their own."""
    folder = out / "apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb-src [signed-by={KEYS}] http://deb.debian.org/debian {SUITE} main\n")
    (folder / "state" / "status").touch()
    (folder / "apt.conf").write_text(APT.format(folder=folder))
    configured = {"APT_CONFIG": str(folder / "apt.conf")}
    output("apt-get", "update", "-qq", cwd=folder, variables=configured)
    output("apt-get", "source", "-qq", "--download-only", "python3.13", cwd=folder, variables=configured)
    (archive,) = folder.glob("python3.13_*.orig.tar.xz")
    shutil.rmtree(out / "cpython", ignore_errors=True)
    (out / "cpython").mkdir()
    output("tar", "-xf", archive, "--strip-components=1", cwd=out / "cpython")
    return out / "cpython"


def interpreter(out: Path) -> Path:
    """Build CPython without the GIL, quickly rather than fast; return its path."""
    python = out / "python" / "bin" / "python3.13t"
    if python.exists():
        return python
    folder = source(out)
    output("./configure", "--quiet", "--disable-gil", "--disable-test-modules", "--without-ensurepip",
        f"--prefix={out / 'python'}", "OPT=-O1 -g0", cwd=folder)  # fmt: skip
    output("make", "--silent", f"--jobs={os.cpu_count() or 1}", cwd=folder)
    output("make", "--silent", "install", cwd=folder)
    return python


def environment(python: Path, out: Path) -> tuple[Path, Path]:
    """Clone the checkout and install it into a new environment; return its interpreter and the clone."""
    folder = out / "environment"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    output("git", "clone", "--quiet", "--no-local", ROOT, folder / "fastml", cwd=out)
    output(python, "-m", "venv", folder / "venv", cwd=out)
    inside = folder / "venv" / "bin" / "python"
    # wheels alone for what is compiled: newer versions may have none for this interpreter
    binary = "--only-binary=numpy,scipy,scikit-learn,hypothesis"
    output(inside, "-m", "pip", "install", "--quiet", binary, "-e", ".[test,sklearn]", PLUGIN, cwd=folder / "fastml")
    return inside, folder / "fastml"


def in_threads(python: Path, clone: Path, threads: int, every: int, arguments: list[str]) -> None:
    """Run tests, or a sample of them, each in several threads at once."""
    plugin = clone.parent / "plugin"  # a folder of its own: beside the clone Python would take that for a package
    plugin.mkdir(exist_ok=True)
    (plugin / "sample_of_tests.py").write_text(SAMPLE.format(every=every))
    lesser = output(python, "-c", LESSER, cwd=clone).strip()
    chosen = ["-p", "sample_of_tests", *(["-k", f"not ({lesser})"] if lesser else [])]
    # Before CPython 3.14 warnings are the process's, and a test that catches them cannot run beside itself. Hypothesis
    # can, but takes minutes to draw its first example then.
    options = [f"--parallel-threads={threads}", "--mark-warnings-as-unsafe", "--mark-hypothesis-as-unsafe"]
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *chosen, *arguments]
    output(python, *command, cwd=clone, shown=True, variables={"PYTHONPATH": str(plugin)})


def main() -> None:
    """Build, install, check, test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "free-threaded", help="default: build/free-threaded"
    )
    parser.add_argument("--python", type=Path, help="a free-threaded interpreter (default: one is built)")
    parser.add_argument("--threads", type=int, default=8, help="for each test at once (default: 8)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="in threads, one test of N (default: all)")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    python, clone = environment(options.python.absolute() if options.python else interpreter(out), out)
    output(python, "-c", IMPORT_ALL, cwd=clone, shown=True)
    output(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options.pytest, cwd=clone, shown=True)
    in_threads(python, clone, options.threads, options.every, options.pytest)


if __name__ == "__main__":
    main()
