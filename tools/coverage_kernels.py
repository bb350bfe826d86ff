"""Measure which lines of the C kernels the tests run, for each instruction set: ``python tools/coverage_kernels.py``.

A copy of the checkout is built with ``--coverage -O1``, the tests of the kernels run there, and gcov says of every
object what was run: a line that is included into three objects has a count in each. A line counts as run where it was
in any dtype; ``functions`` counts the instances of the kernels, one for each dtype. The exit status is 1 if fewer than
95 % of the lines were run for an instruction set, or if a test fails. What is not compiled for each (threads, dispatch)
is listed beside it; of the pool, what a forked child runs is not counted, since it ends without writing its counts.

Needs GCC, its gcov, git, and an environment with the extra ``test``, Cython and setuptools 77 or later. Only the
instruction sets of this machine can be measured; the copy in ``build/coverage-kernels`` is kept, and ``--again`` reads
its counts once more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import scratch

FOLDER = scratch.ROOT / "build" / "coverage-kernels"
LIMIT = 95.0
# They read the assembly, the size or the memory of a build as it is shipped, or use no kernel of their own.
UNSUITABLE = """vectorized size memory bench types accuracy_page manifest doctest reference reference_edges
    reference_losses reference_torch lexicon ulp dask dask_arguments interrupt text_augmentation text_arguments
    cli cli_errors cli_hostile cli_archives cli_crash cli_validation"""
IGNORED = [f"--ignore=tests/test_{name}.py" for name in UNSUITABLE.split()]
OBJECTS = ("isa_base", "isa_avx2", "isa_avx512", "convert", "cpu_count", "dispatch", "logistic_sparse", "threadpool")


@dataclass
class Table:
    """What was run of one object."""

    lines: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    branches: dict[tuple[str, int, int], int] = field(default_factory=lambda: defaultdict(int))
    functions: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, file: dict[str, Any]) -> None:
        """Take up the counts of one file."""
        name = file["file"]
        for line in file["lines"]:
            self.lines[name, line["line_number"]] += line["count"]
            for index, branch in enumerate(line["branches"]):
                self.branches[name, line["line_number"], index] += branch["count"]
        for function in file["functions"]:
            self.functions[function["name"]] += function["execution_count"]

    def missing(self) -> dict[str, list[int]]:
        """Return the lines that were not run, by file."""
        result = defaultdict(list)
        for (name, line), count in sorted(self.lines.items()):
            if not count:
                result[name].append(line)
        return result


def share(counts: dict[Any, int]) -> float:
    """Return how many of the counts are not 0, in percent."""
    return 100.0 * sum(count > 0 for count in counts.values()) / max(len(counts), 1)


def measured(name: str) -> Table | None:
    """Return the counts of an object, None where nothing of it was run."""
    table = Table()
    found = sorted((FOLDER / "build" / "temp").rglob(f"{name}.gcda"))
    if not found:
        return None
    command = ["gcov", "--json-format", "--stdout", "--branch-counts", "--branch-probabilities", str(found[0])]
    text = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        for file in json.loads(line)["files"]:
            if file["file"].startswith("fastml/c/"):
                table.add(file)
    return table


def build_and_test(arguments: list[str]) -> int:
    """Make the copy, run the tests there; return their exit status."""
    scratch.copy(FOLDER)
    scratch.build(FOLDER, "all")
    # atomic: several threads count; -O1: a line that is hoisted or merged keeps its count
    flags = ["--coverage", "-fprofile-update=atomic", "-O1", "-fno-tree-vectorize"]
    scratch.build(FOLDER, "_fastml_runtime", flags=flags, link=["--coverage"], force=True)
    done = scratch.pytest(FOLDER, "-k", "not vectorized", *IGNORED, *arguments)
    print(done.stdout[-3000:], flush=True)
    return done.returncode


def report() -> bool:
    """Print the table and the lines that are missing; return whether all are at the limit or above."""
    good = True
    print("| object | lines | branches | functions |\n| --- | --- | --- | --- |")
    gaps = []
    for name in OBJECTS:
        table = measured(name)
        if table is None:
            print(f"| {name} | not run | | |")
            continue
        lines, rest = share(table.lines), (share(table.branches), share(table.functions))
        print(f"| {name} | {lines:.1f} % of {len(table.lines):,} | {rest[0]:.1f} % of {len(table.branches):,} | "
              f"{rest[1]:.1f} % of {len(table.functions):,} |")  # fmt: skip
        good = good and (lines >= LIMIT or not name.startswith("isa_"))
        gaps += [f"{name}: {file}: {', '.join(map(str, rows))}" for file, rows in table.missing().items()]
        gaps += [f"{name}: never called: {each}" for each, count in table.functions.items() if not count]
    print("", *gaps, sep="\n")
    return good


def main() -> None:
    """Build, test, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="report what the last run has counted")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    status = 0 if arguments.again else build_and_test(arguments.pytest)
    sys.exit(0 if report() and status == 0 else 1)


if __name__ == "__main__":
    main()
