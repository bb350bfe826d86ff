"""Run the tests under a sanitizer or Valgrind: ``python tools/sanitize.py address`` (or ``thread``, ``memcheck``).

address   A build with AddressSanitizer and UndefinedBehaviorSanitizer: the calls of tests/guard_cases.py, and all tests
          but those that measure the build itself; other arguments are pytest's, and then there are no such calls:
          ``address -k softmax``. With --quick, the calls alone.
thread    The thread pool's stress driver by GCC and Clang, where they are, and a build with ThreadSanitizer: the tests
          of threads. With --quick, the driver alone.
memcheck  Some calls of tests/guard_cases.py, with the base and AVX2 kernels, under Valgrind, which knows no AVX-512.

The build goes to build/sanitize, from the files that git knows, into an environment of its own. Needs Linux, GCC with
its sanitizers, a package index, and for memcheck Valgrind. Any report is an error, and so is any test that fails.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scratch import ROOT, files

BUILD = ROOT / "build" / "sanitize"
FLAGS = {
    "address": "-g -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow",
    "thread": "-g -fno-omit-frame-pointer -fsanitize=thread",
    "memcheck": "-g",
}
RUNTIMES = {"address": ("libasan.so", "libubsan.so", "libstdc++.so"), "thread": ("libtsan.so",), "memcheck": ()}
# They read the assembly, the size or the memory of a build as it is released, or run mypy; they count what malloc has
# given, preload another one, or die on purpose.
OF_THE_BUILD = ("test_vectorized.py", "test_size.py", "test_memory.py", "test_types.py", "test_leaks.py",
                "test_allocation_failure.py", "test_guard_pages.py", "test_cli_archives.py")  # fmt: skip
# One reads the assembly too; the other takes so much memory away that the sanitizer's own runtime ends.
LEFT_OUT = [
    "--deselect=tests/test_random_bits.py::test_the_loop_is_vectorized",
    "--deselect=tests/test_threadpool.py::test_stress",
]
OF_THREADS = ("test_threads.py", "test_threads_environment.py", "test_concurrency.py", "test_random_bits.py")
DRIVER = ("tests/c/threadpool_stress.c", "fastml/c/threadpool.c", "fastml/c/cpu_count.c")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--capture=sys")  # what C writes is seen
DRIVER_OPTIONS = "die_after_fork=0 atexit_sleep_ms=50"  # it forks, and starts threads in the children
VALGRIND = (
    "valgrind",
    "--quiet",
    "--error-exitcode=9",
    "--track-origins=yes",
    f"--suppressions={ROOT}/tools/memcheck.txt",
)


def build(kind: str) -> Path:
    """Build fastml with a sanitizer in a folder of its own; return the folder, in which src and venv are."""
    folder = BUILD / kind
    source, python = folder / "src", folder / "venv" / "bin" / "python"
    stale = not (folder / "built").exists()
    for name in files():
        new, old = source / name, ROOT / name
        if not (new.exists() and new.stat().st_mtime == old.stat().st_mtime):
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old, new)
            stale = stale or name.endswith((".c", ".h", ".pyx", ".pxi", ".pxd", ".toml", "setup.py"))
    if not stale:
        return folder
    (folder / "built").unlink(missing_ok=True)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    sanitizer = [flag for flag in FLAGS[kind].split() if flag.startswith("-fsanitize")]
    environment = os.environ | {"CC": "gcc", "CFLAGS": FLAGS[kind], "LDFLAGS": " ".join(sanitizer), "FASTML_DEBUG": "1"}
    install = [str(python), "-m", "pip", "install", "--quiet", "--editable", ".[test]", "scipy"]
    subprocess.run(install, cwd=source, env=environment, check=True)
    (folder / "built").touch()
    return folder


def runtime_of(kind: str) -> str:
    """Return what to preload: CPython is not linked with the sanitizer."""
    found = []
    for name in RUNTIMES[kind]:
        path = subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout
        if not Path(path.strip()).is_absolute():
            sys.exit(f"GCC has no {name}")
        found.append(path.strip())
    return " ".join(found)


def environment_of(kind: str, folder: Path) -> dict[str, str]:
    """Return the environment of what runs under a sanitizer; the reports go to files, those of child processes too."""
    reports = folder / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    address = "detect_leaks=0:allocator_may_return_null=1"  # CPython leaves memory to the end of the process
    undefined = "print_stacktrace=1:halt_on_error=1"  # beside ASan it writes to stderr whatever log_path says
    thread = f"suppressions={ROOT}/tools/tsan.txt:{DRIVER_OPTIONS.replace(' ', ':')}"
    return os.environ | {
        "LD_PRELOAD": runtime_of(kind),
        "OPENBLAS_NUM_THREADS": "1",  # NumPy's own threads are not ours to watch
        "PYTHONMALLOC": "malloc",  # no arenas, in which one block too far is the next one
        "ASAN_OPTIONS": f"{address}:log_path={reports}/address",
        "UBSAN_OPTIONS": undefined,
        "TSAN_OPTIONS": f"{thread}:log_path={reports}/thread",
    }


def watched(kind: str, command: Sequence[str], place: str, prefix: Sequence[str] = ()) -> bool:
    """Run Python with a command in a folder of the build; print all reports. Returns whether all is well."""
    folder = build(kind)
    environment = environment_of(kind, folder)
    whole = [*prefix, str(folder / "venv/bin/python"), *command]
    print(shlex.join(whole), flush=True)
    status = subprocess.run(whole, cwd=folder / "src" / place, env=environment).returncode
    reports = sorted((folder / "reports").iterdir())
    for report in reports:
        print(f"\n{report.name}\n{report.read_text(errors='replace')[:6000]}")
    print(f"{kind}: {len(reports)} reports, exit status {status}", flush=True)
    return status == 0 and not reports


def calls(kind: str, families: Sequence[str], *one_in: str, prefix: Sequence[str] = ()) -> bool:
    """Make the calls of tests/guard_cases.py."""
    named = re.search(r"^FAMILIES = {$.*?^}", (ROOT / "tests/test_guard_pages.py").read_text(), re.M | re.S)
    assert named
    every = families or re.findall(r'^    "(\w+)":', named[0], re.M)
    log = build(kind) / "last_case"
    good = watched(kind, ["guard_pages.py", "heap", ",".join(every), str(log), *one_in], "tests", prefix)
    if not good:
        print(f"the last case: {log.read_text().strip()}")
    return good


def address(quick: bool, arguments: Sequence[str]) -> bool:
    """Run all tests, those of the arguments, or the calls, under ASan and UBSan."""
    if quick:
        return calls("address", arguments)
    if arguments:
        return watched("address", [*PYTEST, *arguments], ".")
    good = calls("address", [])
    ignored = [f"--ignore=tests/{name}" for name in OF_THE_BUILD]
    return watched("address", [*PYTEST, "tests", *ignored, *LEFT_OUT], ".") and good


def same_layout() -> list[str]:
    """Return what gives a program a layout of memory that the thread runtimes of older compilers know."""
    command = ["setarch", "-R"]
    if shutil.which("setarch") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
        return command
    print("setarch -R is refused here (a container may forbid it): with the layout as it is", flush=True)
    return []


def links(compiler: str) -> bool:
    """Return whether a compiler has ThreadSanitizer; say so where not."""
    if shutil.which(compiler) is None:
        return False
    program = BUILD / f"probe-{compiler}"
    command = [compiler, "-fsanitize=thread", "-x", "c", "-", "-o", str(program)]
    done = subprocess.run(command, input="int main(void) { return 0; }", text=True, capture_output=True)
    if done.returncode != 0:
        print(f"{compiler}: left out, it does not link with -fsanitize=thread\n{done.stderr[-500:]}", flush=True)
    return done.returncode == 0


def driver(compiler: str, prefix: Sequence[str]) -> bool:
    """Build and run the stress driver of the thread pool under ThreadSanitizer."""
    program = BUILD / f"threadpool_stress-{compiler}"
    flags = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-fsanitize=thread", "-Ifastml/c", "-pthread"]
    subprocess.run([compiler, *flags, *DRIVER, "-o", program], cwd=ROOT, check=True)
    status = subprocess.run([*prefix, program], env=os.environ | {"TSAN_OPTIONS": DRIVER_OPTIONS}).returncode
    print(f"{compiler}: exit status {status}", flush=True)
    return status == 0


def thread(quick: bool, arguments: Sequence[str]) -> bool:
    """Run the driver by each compiler, and the tests of threads."""
    BUILD.mkdir(parents=True, exist_ok=True)
    prefix = same_layout()
    good = [driver(compiler, prefix) for compiler in ("gcc", "clang") if links(compiler)]
    if not quick:
        tests = arguments or [*(f"tests/{name}" for name in OF_THREADS), *LEFT_OUT]
        good.append(watched("thread", [*PYTEST, *tests], ".", prefix))
    return bool(good) and all(good)


def memcheck(quick: bool, arguments: Sequence[str]) -> bool:
    """Run some calls of every family under Valgrind."""
    if shutil.which("valgrind") is None:
        sys.exit("there is no valgrind")
    return calls("memcheck", arguments or (["losses", "sparse"] if quick else []), "41", prefix=VALGRIND)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=list(FLAGS))
    parser.add_argument("--quick", action="store_true", help="what takes less than three minutes")
    known, others = parser.parse_known_args()
    good = {"address": address, "thread": thread, "memcheck": memcheck}[known.kind](known.quick, others)
    sys.exit(not good)


if __name__ == "__main__":
    main()
