"""Test the installed fastml on x86-64 processors below this one: ``python tools/tiers.py [arguments for pytest]``.

Under QEMU's emulation of a processor the dispatch takes the table that this processor runs, as it would on a machine of
that kind. For each: the import chooses the table expected; FASTML_ISA that asks for a higher one is refused with the
documented error; the tests pass. Without arguments the tests are those of DEFAULT. What a test starts as a process of
its own runs on the real processor.

Needs Linux on x86-64, ``pip install '.[test]'`` into the Python that runs this, and, unless ``--native`` is given,
``qemu-x86_64`` 7.2 or later, the first with AVX (Debian: qemu-user). With ``--native`` the tables are asked for by
FASTML_ISA on the real processor instead. The last lines are a table for docs/platforms.md.
"""

import argparse
import dataclasses
import os
import platform
import shutil
import subprocess
import sys
import time

from scratch import ROOT

FAMILIES = ("elementwise", "softmax", "norms", "losses", "cross_entropy", "optimizers", "logistic", "random_bits")
CHOSEN = """(test_parity and (special or strided or 17)) or (test_logistic and test_parity) or offset_and_length
    or exact_points or published or every_lane or (promised_accuracy and not float16 and not every_layout)
    or every_width or edges_exactly or the_tail or number_of_threads or test_adam or test_sgd or constant_rows
    or (test_threads and not two_python and not multiprocessing)"""
DEFAULT = ["-k", " ".join(CHOSEN.split()), *(f"tests/test_{name}.py" for name in (*FAMILIES, "threads"))]
HEAD = "| processor | has | table | refused | tests | s |\n| --- | --- | --- | --- | --- | --- |"
PROBE = "import fastml; from fastml import _fastml_runtime as r; print(r.isa(), *r.available_isas())"


@dataclasses.dataclass(frozen=True)
class Tier:
    """A processor, what it has, the table that it must get, and the tables that it cannot run."""

    name: str
    has: str
    isa: str
    refused: tuple[str, ...]
    cpu: str = ""  # as QEMU names it, less the features that its emulation lacks and would warn of
    deselected: str = ""  # what another tier has tested

    def command(self) -> list[str]:
        """Return what stands before the interpreter's arguments."""
        return ["qemu-x86_64", "-cpu", self.cpu, sys.executable] if self.cpu else [sys.executable]

    def environment(self, isa: str = "") -> dict[str, str]:
        """Return the environment of a run; natively the instruction set is asked for."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FASTML_", "PYTEST_"))}
        chosen = isa or ("" if self.cpu else self.isa)
        return kept | ({"FASTML_ISA": chosen} if chosen else {})


HIGHER = ("avx2", "avx512")
EMULATED = [
    Tier("Nehalem", "SSE4.2", "base", HIGHER, "Nehalem"),
    Tier("SandyBridge", "AVX", "base", HIGHER, "SandyBridge,-x2apic,-tsc-deadline"),
    Tier("Haswell", "AVX2", "avx2", ("avx512",), "Haswell-noTSX,-x2apic,-tsc-deadline,-pcid,-invpcid", "base"),
]
NATIVE = [
    Tier("native", "FASTML_ISA=base", "base", ()),
    Tier("native", "FASTML_ISA=avx2", "avx2", ()),
]


def native() -> list[Tier]:
    """Return those of NATIVE that this processor runs."""
    done = python(Tier("native", "", "", ()), "-c", PROBE)
    if done.returncode != 0:
        sys.exit(f"fastml cannot be imported:\n{done.stdout}")
    return [tier for tier in NATIVE if tier.isa in done.stdout.split()[1:]]


def python(tier: Tier, *arguments: str, isa: str = "") -> subprocess.CompletedProcess[str]:
    """Run this interpreter on the tier's processor, away from the checkout's own package."""
    command = [*tier.command(), "-P", *arguments]
    both = subprocess.STDOUT
    return subprocess.run(command, cwd=ROOT, env=tier.environment(isa), text=True, stdout=subprocess.PIPE, stderr=both)


def check_dispatch(tier: Tier) -> None:
    """End the program unless the import chooses the table expected, and refuses those that the processor lacks."""
    done = python(tier, "-c", PROBE)
    isa, *available = done.stdout.split() or [""]
    if done.returncode != 0 or isa != tier.isa or set(available) & set(tier.refused):
        sys.exit(f"{tier.name}: expected the table {tier.isa}, without {tier.refused}, got:\n{done.stdout}")
    for name in tier.refused:
        done = python(tier, "-c", PROBE, isa=name)
        expected = f"ImportError: FASTML_ISA: expected one of {', '.join(available)}, got {name!r} (this machine cannot"
        if done.returncode == 0 or not (done.stdout.splitlines() or [""])[-1].startswith(expected):
            sys.exit(f"{tier.name}: FASTML_ISA={name}: expected {expected} ..., got:\n{done.stdout}")


def test(tier: Tier, arguments: list[str]) -> tuple[bool, str]:
    """Run the tests; return whether they passed, and a row of the table."""
    chosen = list(arguments)
    if tier.deselected and "-k" in chosen:
        where = chosen.index("-k") + 1
        chosen[where] = f"({chosen[where]}) and not {tier.deselected}"
    start = time.perf_counter()
    done = python(tier, "-m", "pytest", "-q", "-r", "fE", "-p", "no:cacheprovider", *chosen)
    seconds = time.perf_counter() - start
    lines = done.stdout.strip().splitlines() or ["nothing came out"]
    if done.returncode != 0:
        print("\n".join(lines[-60:]), flush=True)
    refused = ", ".join(tier.refused) or "-"
    return done.returncode == 0, (
        f"| {tier.name} | {tier.has} | {tier.isa} | {refused} | {lines[-1].strip('= ')} | {seconds:.0f} |"
    )


def main() -> None:
    """Check the dispatch and test on each processor; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--native", action="store_true", help="FASTML_ISA on the real processor, no emulator")
    parser.add_argument("--cpu", help="one processor only")
    parser.add_argument("--dispatch", action="store_true", help="no tests: only which table is chosen and refused")
    arguments, tests = parser.parse_known_args()
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        sys.exit(f"tools/tiers.py needs Linux on x86-64, this is {platform.system()} on {platform.machine()}")
    if not arguments.native and shutil.which("qemu-x86_64") is None:
        sys.exit("tools/tiers.py needs qemu-x86_64 (Debian: qemu-user)")
    every = native() if arguments.native else EMULATED
    tiers = [tier for tier in every if arguments.cpu in (None, tier.name)]
    if not tiers:
        sys.exit(f"--cpu: expected one of {', '.join(sorted({tier.name for tier in every}))}, got {arguments.cpu!r}")
    rows, good = [HEAD], True
    for tier in tiers:
        check_dispatch(tier)
        print(f"{tier.name}: the import takes {tier.isa}, and refuses {tier.refused}", flush=True)
        if not arguments.dispatch:
            passed, row = test(tier, tests or DEFAULT)
            good &= passed
            rows.append(row)
            print(row, flush=True)
    if not arguments.dispatch:
        print("", *rows, sep="\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
