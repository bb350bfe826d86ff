"""What the tools share: commands in a clean environment; a copy of the checkout, built in place with other flags."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UNWANTED = ("PYTHON", "FASTML_", "CFLAGS", "LDFLAGS", "CPPFLAGS")  # what would change a build or a test

# What builds some extensions in the current directory, with flags after those of setup.py.
BUILD = """
import sys
sys.path.insert(0, "")
import setup
wanted, flags, link = sys.argv[1].split(","), sys.argv[2].split(), sys.argv[3].split()
chosen = [each for each in setup.EXTENSIONS if each.name.removeprefix("fastml.") in wanted or wanted == ["all"]]
for each in chosen:
    each.depends = []  # every extension depends on every header: here the caller knows what to build
    each.extra_compile_args += flags
    each.extra_link_args += link
modules = setup.cythonize(chosen, compiler_directives=setup.DIRECTIVES, build_dir="build/cython")
sys.argv = ["setup.py", "build_ext", "--inplace", "--build-temp", "build/temp", *sys.argv[4:]]
setup.setup(ext_modules=modules, cmdclass={"build_ext": setup.BuildExt})
"""


def clean_environment() -> dict[str, str]:
    """Return the environment without what is unwanted, in which what is installed beside this Python is found first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return kept | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), *filter(None, [kept.get("PATH")])])}


def output(
    *command: str | Path, cwd: Path = ROOT, shown: bool = False, variables: Mapping[str, str] | None = None
) -> str:
    """Run a command in a clean environment, with these variables; return what it prints, or show it as it comes.

    A command that fails ends the program, with the end of its output.
    """
    line = [str(part) for part in command]
    if shown:
        print("+", *line, flush=True)
    both: dict[str, Any] = {} if shown else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(line, cwd=cwd, env=clean_environment() | dict(variables or {}), text=True, **both)
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)}\nfailed with {done.returncode}:\n{(done.stdout or '')[-6000:]}")
    return str(done.stdout or "")


def files() -> list[str]:
    """Return the names of the files that git knows or does not ignore, of those that are there."""
    listing = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def copy(folder: Path) -> None:
    """Copy the files of the checkout, changes that are not committed included, to an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def build(folder: Path, *wanted: str, flags: Sequence[str] = (), link: Sequence[str] = (), force: bool = False) -> str:
    """Build extensions, "all" or by name, in place; return the compiler's command lines. A failure raises."""
    command = [sys.executable, "-c", BUILD, ",".join(wanted), " ".join(flags), " ".join(link)]
    done = subprocess.run(
        [*command, *(["--force"] if force else [])],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(wanted)} cannot be built:\n{done.stdout[-4000:]}")
    return done.stdout


def run(command: Sequence[str], timeout: float | None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own, return what it printed; what takes longer is ended, with status 124.

    And with it what it has started: a test's processes would go on computing.
    """
    both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, start_new_session=True, **both, **options) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException as late:  # Ctrl-C does not reach the session either
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(late, subprocess.TimeoutExpired):
                raise
            output, _ = process.communicate()
            return subprocess.CompletedProcess(command, 124, f"{output}\nended after {timeout} s")
    return subprocess.CompletedProcess(command, process.returncode, output)


def pytest(folder: Path, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest in the copy, whose fastml is found before any that is installed; also by processes that tests start.

    A test process that takes longer than the timeout counts as failed, with status 124.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return run(command, timeout, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)})
