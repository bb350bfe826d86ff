"""Coverage-guided fuzzing of all that reads: `python tools/fuzz_readers.py --minutes 10 csv npy npz model arguments`.

csv, npy, npz and model feed files to `python -m fastml train` and `predict`, in one process: whatever the bytes, the
exit status is 0 or 2, with 2 one sentence goes to the standard error, and nothing else escapes, a warning included.
arguments mutates the bytes behind the property tests of wrong arguments (tests/test_properties_*.py). cgroup runs the C
that reads the files of /proc and /sys (tests/c/fuzz_cpu_count.c) under the address and undefined sanitizers.

Each target has the minutes to itself, 2 GB of memory, and 20 s an input. Prints what libFuzzer counted; exits with 1
where a target failed, whose input is then in the folder that is named. Needs `pip install -e '.[test]' atheris`, and
for cgroup Clang with its runtime (Debian: clang-19, libclang-rt-19-dev; --clang chooses another).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scratch import ROOT

TARGETS = ("csv", "npy", "npz", "model", "arguments", "cgroup")
STATISTICS = re.compile(r"stat::number_of_executed_units: *(\d+)|cov: (\d+)")
CLANGS = ("clang", "clang-19")
SANITIZERS = "-fsanitize=fuzzer,address,undefined"


def command_of(target: str, folder: Path, clang: str | None) -> list[str]:
    """Return the command that fuzzes a target: this Python with atheris, or the C that was compiled here."""
    if target != "cgroup":
        return [sys.executable, str(ROOT / "tools" / "fuzz_readers_target.py"), target]
    compiler = clang or next(filter(shutil.which, CLANGS), None)
    if compiler is None:
        sys.exit("cgroup: there is no Clang (Debian: clang-19, libclang-rt-19-dev)")
    program = folder / "fuzz_cpu_count"
    sources = [str(ROOT / "tests" / "c" / "fuzz_cpu_count.c"), str(ROOT / "fastml" / "c" / "cpu_count.c")]
    flags = ["-g", "-O1", SANITIZERS, "-fno-sanitize-recover=all", f"-I{ROOT / 'fastml' / 'c'}"]
    subprocess.run([compiler, *flags, *sources, "-o", str(program)], check=True)
    return [str(program)]


def fuzz(target: str, minutes: float, clang: str | None) -> bool:
    """Fuzz one target, print what came of it and return whether all was well."""
    folder = Path(tempfile.mkdtemp(prefix=f"fastml-fuzz-{target}-"))
    (folder / "corpus").mkdir()
    limits = [f"-max_total_time={round(60 * minutes)}", "-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1"]
    limits += [f"-artifact_prefix={folder}/", "-max_len=4096", "-verbosity=1", str(folder / "corpus")]
    run = subprocess.run(
        [*command_of(target, folder, clang), *limits], capture_output=True, text=True, check=False, cwd=folder
    )
    said = run.stdout + run.stderr
    runs = [int(found[1]) for found in STATISTICS.finditer(said) if found[1]]
    edges = [int(found[2]) for found in STATISTICS.finditer(said) if found[2]]
    kept = len(list((folder / "corpus").iterdir()))
    print(
        f"{target}: {sum(runs)} inputs, coverage {max(edges, default=0)}, corpus {kept}, exit {run.returncode}",
        flush=True,
    )
    if run.returncode or not runs:
        print(said[-6000:], f"the input is in {folder}", sep="\n", flush=True)
        return False
    shutil.rmtree(folder)
    return True


def main() -> int:
    """Fuzz the targets that were named, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("targets", nargs="+", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clang", help="for cgroup (default: the first of clang and clang-19 that is found)")
    options = parser.parse_args()
    failed = [target for target in options.targets if not fuzz(target, options.minutes, options.clang)]
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
