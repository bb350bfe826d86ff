"""Run the tests on arm64 under an emulator: ``python tools/arm64.py WHEEL [FILES | -- PYTEST'S ARGUMENTS]``.

WHEEL is one for Debian's Python and aarch64, such as tools/zig_wheels.py makes. Debian's packages of Python and its
libraries are unpacked into a folder, NumPy and the tests' dependencies come from PyPI, and all of it runs under
``qemu-aarch64``: real NEON code, every instruction emulated. Each file of tests, all or those that are named, is a
process of its own, a few at a time, those that take longest at last; each one's output lies in the folder, and the
last lines are a table for docs/platforms.md. With other arguments there is one process.

Needs Debian 12 on another processor, with ``apt-get install qemu-user``. apt has its configuration and its lists in
the folder; the system's stay as they are.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scratch import ROOT, UNWANTED, output

SUITE, VERSION = "bookworm", "3.11"
PACKAGES = [f"python{VERSION}", "libstdc++6"]
PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in (36, 28, 27, 17)] + ["manylinux2014_aarch64", "linux_aarch64"]
PROCESSOR = "neoverse-n1"  # armv8.2-a: NEON and half precision, no SVE
CONFIGURATION = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
"""
# It counts seconds, and expects progress in a tenth of one.
UNABLE = ["--ignore=tests/test_interrupt.py"]
# A child forked where there are threads: the emulator's own locks stay as they were; it hangs or ends itself.
UNABLE += [
    "--deselect=tests/test_processes.py::test_fork_while_another_thread_computes",
    "--deselect=tests/test_processes.py::test_every_function_in_a_child_after_use[fork]",
    "--deselect=tests/test_threads_environment.py::test_fork_after_use",
]
# Less than 2 MB: what the emulator makes of the code of a first call takes more.
UNABLE += [
    "--deselect=tests/test_memory.py::test_memory_beside_the_result[cross_entropy to out]",
    "--deselect=tests/test_memory.py::test_memory_beside_the_result"
    "[cross_entropy in place, of probabilities along columns]",
]
LAST = ("vectorized", "isa_bits", "ulp", "accuracy", "random_bits", "mlp", "memory", "types", "bench", "interrupt")


def unpack_packages(folder: Path, root: Path) -> None:
    """Download Debian's packages for arm64 with all that they need, and unpack them."""
    apt = folder / "apt"
    for name in ("lists/partial", "archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (apt / "sources.list").write_text(f"deb [signed-by={keys}] http://deb.debian.org/debian {SUITE} main\n")
    (apt / "apt.conf").write_text(CONFIGURATION.format(folder=apt))
    configured = {"APT_CONFIG": str(apt / "apt.conf")}
    output("apt-get", "update", variables=configured)
    download = ["install", "--yes", "--download-only", "--no-install-recommends", *PACKAGES]
    output("apt-get", *download, variables=configured)
    root.mkdir()
    for package in sorted((apt / "archives").glob("*.deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            # a link of the root to a folder stays one: dpkg -x would put a folder in its place
            into: list[str | Path] = ["tar", "--extract", "--keep-directory-symlink", "--directory", root]
            subprocess.run(into, stdin=archive.stdout, check=True)
        if archive.returncode:
            sys.exit(f"dpkg-deb failed on {package}")


def emulated_python(folder: Path) -> Path:
    """Return a command that runs arm64's Python, and that this Python takes for itself in sys.executable."""
    root = folder / "root"
    if not (root / "usr/bin/arm64-python").exists():
        shutil.rmtree(root, ignore_errors=True)
        unpack_packages(folder, root)
    command = root / "usr/bin/arm64-python"
    emulator = f'{shutil.which("qemu-aarch64")} -cpu {PROCESSOR} -L "{root}" -0 "{command}"'
    command.write_text(f'#!/bin/sh\nexec {emulator} "{root}/usr/bin/python{VERSION}" "$@"\n')
    command.chmod(0o755)
    return command


def install(wheel: Path, root: Path) -> None:
    """Install the wheel, NumPy and what the tests need where arm64's Python looks for packages."""
    packages = root / f"usr/local/lib/python{VERSION}/dist-packages"
    shutil.rmtree(packages, ignore_errors=True)
    abi = f"cp{VERSION.replace('.', '')}"
    wanted = ["--python-version", VERSION, "--implementation", "cp", "--only-binary=:all:", "--no-compile"]
    wanted += [word for name in PLATFORMS for word in ("--platform", name)]
    wanted += [word for name in (abi, "abi3", "none") for word in ("--abi", name)]
    output(sys.executable, "-m", "pip", "install", "--quiet", "--target", packages, *wanted, f"{wheel.resolve()}[test]")


def pytest(python: Path, checkout: Path, arguments: list[str], log: Path, minutes: float) -> tuple[str, bool, float]:
    """Run pytest in a process of its own; return what it says at last, whether all is well, and how long it took."""
    start = time.monotonic()
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *UNABLE, *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    with log.open("w") as output:
        try:
            done = subprocess.run(command, cwd=checkout, env=kept, stdout=output, stderr=output, timeout=60 * minutes)
        except subprocess.TimeoutExpired:
            return f"stopped after {minutes:g} minutes", False, time.monotonic() - start
    lines = log.read_text().strip().splitlines()
    well = done.returncode in (0, 5)  # 5: there was none to run
    return lines[-1].strip("= ") if lines else "no output", well, time.monotonic() - start


def run_files(python: Path, checkout: Path, folder: Path, files: list[str], processes: int, minutes: float) -> bool:
    """Run files of tests; print a row for each and the sums; return whether all is well."""
    counts: dict[str, int] = {}
    wrong = 0

    def one(name: str) -> tuple[str, bool, float]:
        return pytest(python, checkout, [name], folder / f"{Path(name).stem}.log", minutes)

    print("| file | tests | seconds |\n| --- | --- | --- |", flush=True)
    with ThreadPoolExecutor(processes) as pool:
        for name, (line, well, seconds) in zip(files, pool.map(one, files), strict=True):
            wrong += not well
            for number, what in re.findall(r"(\d+) (passed|failed|skipped|error|xfailed)", line):
                counts[what] = counts.get(what, 0) + int(number)
            print(f"| {Path(name).name} | {line.partition(' in ')[0]} | {seconds:.0f} |", flush=True)
    print(", ".join(f"{number} {what}" for what, number in counts.items()) + f"; {wrong} files failed or were stopped")
    return wrong == 0


def every_file() -> list[str]:
    """Return all files of tests, those last that take longest."""
    names = sorted(path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py"))
    names.sort(key=lambda name: LAST.index(name) if name in LAST else -1)
    return [f"tests/test_{name}.py" for name in names]


def main() -> None:
    """Unpack, install, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("arguments", nargs="*", help="files of tests, or arguments of pytest behind --")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "arm64", help="Debian's packages stay there")
    parser.add_argument("--installed", action="store_true", help="install nothing, clone nothing: go on from before")
    parser.add_argument("--minutes", type=float, default=60, help="for a process, before it is stopped")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--python", action="store_true", help="the arguments are Python's, not pytest's")
    arguments = parser.parse_args()
    for program, package in (("qemu-aarch64", "qemu-user"), ("dpkg-deb", "dpkg"), ("apt-get", "apt")):
        if shutil.which(program) is None:
            sys.exit(f"there is no {program}: apt-get install {package}")
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    python, checkout = emulated_python(folder), folder / "checkout"
    if not arguments.installed:
        install(arguments.wheel, folder / "root")
        shutil.rmtree(checkout, ignore_errors=True)
        output("git", "clone", "--quiet", "--no-local", ROOT, checkout)
    print(output(python, "-m", "fastml", "info", cwd=checkout), flush=True)
    given, log = arguments.arguments, folder / "selection.log"
    if arguments.python:
        sys.exit(subprocess.run([python, *given], cwd=checkout).returncode)
    if all((ROOT / name).is_file() for name in given):
        files = given or every_file()
        sys.exit(not run_files(python, checkout, folder, files, arguments.processes, arguments.minutes))
    line, well, seconds = pytest(python, checkout, given, log, arguments.minutes)
    print(log.read_text()[-6000:], f"{line}: {seconds:.0f} s")
    sys.exit(not well)


if __name__ == "__main__":
    main()
