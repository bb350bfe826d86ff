"""Break the kernels on purpose and see that the tests notice: ``python tools/kernel_mutants.py``.

Each mutant of ``kernel_mutants_list.py`` is one small mistake in C or Cython. It is made in a copy of the checkout,
what it touches is built again, and the tests named beside it run until one fails. Mutants of families that have nothing
to do with each other are built together. Those in C are built for AVX2 alone, and the tests run there. A mutant that no
test notices, or that no longer applies, is an error: exit status 1.

Needs an x86-64 CPU with AVX2, GCC or Clang, git, and an environment with the extra ``test``, Cython and setuptools
77 or later. Names after the command choose mutants; the copy in ``build/kernel-mutants`` is kept for ``--again``.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import scratch
from kernel_mutants_list import MUTANTS, Mutant

FOLDER = scratch.ROOT / "build" / "kernel-mutants"
LOG = FOLDER / "build" / "commands.txt"
STALE = FOLDER / "build" / "stale.txt"  # what was built with a mutant in it, also by a run that was broken off
OBJECT = "isa_avx2"
RUNTIME = "_fastml_runtime"
QUICK = ["-O1", "-fno-tree-vectorize"]  # after -O2: compiles in a fraction of the time
TIMEOUT = 600.0


def prepare() -> None:
    """Make the copy, build it, and keep the compiler's command lines."""
    scratch.copy(FOLDER)
    scratch.build(FOLDER, "all")
    output = scratch.build(FOLDER, RUNTIME, flags=QUICK, force=True)
    LOG.write_text(output)
    STALE.write_text("")


def command_with(*words: str) -> list[str]:
    """Return the last command line that holds all words."""
    for line in reversed(LOG.read_text().splitlines()):
        if all(word in line for word in words):
            return shlex.split(line)
    raise RuntimeError(f"no command with {' '.join(words)} in {LOG}")


def build_c() -> None:
    """Compile the kernels of one instruction set, link the runtime and put it in place."""
    link = command_with("-shared", RUNTIME)
    for command in (command_with(" -c ", f"{OBJECT}.c"), link):
        done = subprocess.run(command, cwd=FOLDER, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError(f"cannot be built:\n{done.stdout[-4000:]}")
    library = Path(link[link.index("-o") + 1])
    if library.parent != Path("fastml"):
        shutil.copy2(FOLDER / library, FOLDER / "fastml" / library.name)


def targets(mutant: Mutant) -> set[str]:
    """Return what a mutant is part of: the kernels, or the extensions that have the file."""
    path = FOLDER / mutant.file
    if path.parent.name == "c":
        return {OBJECT}
    including = {each.stem for each in path.parent.glob("_*.pyx") if f'include "{path.name}"' in each.read_text()}
    return including or {path.stem}


def build(wanted: set[str]) -> None:
    """Build the kernels, or extensions."""
    for name in sorted(wanted):
        if name == OBJECT:
            build_c()
        else:
            (FOLDER / "fastml" / f"{name}.pyx").touch()  # or Cython sees no change in what it includes
            scratch.build(FOLDER, name, flags=["-O1"], force=True)


def test(mutant: Mutant) -> str:
    """Run the tests of a mutant; return what noticed it, "" where nothing did."""
    chosen = [f"tests/test_{name}.py" for name in mutant.tests.split()]
    only = "not base and not avx512 and not vectorized" + (f" and ({mutant.only})" if mutant.only else "")
    os.environ["FASTML_ISA"] = OBJECT.removeprefix("isa_")
    done = scratch.pytest(FOLDER, "-x", "-k", only, *chosen, timeout=TIMEOUT)
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0] if failed else f"status {done.returncode}: {done.stdout.splitlines()[-1]}"


def batches(chosen: list[Mutant]) -> list[list[Mutant]]:
    """Put mutants together that lie in different files and touch different tests: building takes longest."""
    result: list[list[Mutant]] = []
    for mutant in chosen:
        for batch in result:
            if not any(each.file == mutant.file or each.subjects() & mutant.subjects() for each in batch):
                batch.append(mutant)
                break
        else:
            result.append([mutant])
    return result


def judge(batch: list[Mutant]) -> list[str]:
    """Make the mutants of a batch, test one after the other, undo them; return the names of those not noticed."""
    texts = {mutant.file: (FOLDER / mutant.file).read_text() for mutant in batch}
    survivors = []
    try:
        for mutant in batch:
            if texts[mutant.file].count(mutant.old) != 1:
                raise RuntimeError(
                    f"{mutant.name}: stands {texts[mutant.file].count(mutant.old)} times in {mutant.file}"
                )
            (FOLDER / mutant.file).write_text(texts[mutant.file].replace(mutant.old, mutant.new))
        touched = set[str]().union(*map(targets, batch))
        stale = set(STALE.read_text().split())
        STALE.write_text(" ".join(stale | touched))
        build(stale | touched)
        STALE.write_text(" ".join(touched))
        for mutant in batch:
            start = time.monotonic()
            noticed = test(mutant)
            seconds = time.monotonic() - start
            print(f"| {mutant.name} | {mutant.file} | {noticed or 'SURVIVED'} | {seconds:.0f} s |", flush=True)
            survivors += [] if noticed else [mutant.name]
    finally:
        for file, text in texts.items():
            (FOLDER / file).write_text(text)
    return survivors


def main() -> None:
    """Judge the mutants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="take the copy of the last run")
    parser.add_argument("names", nargs="*", help="parts of names of mutants; all without any")
    arguments = parser.parse_args()
    if not arguments.again:
        prepare()
    chosen = [each for each in MUTANTS if not arguments.names or any(part in each.name for part in arguments.names)]
    survivors = [name for batch in batches(chosen) for name in judge(batch)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} noticed", *survivors, sep="\n")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
