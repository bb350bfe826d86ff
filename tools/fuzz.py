"""Run a family's property tests with random examples for some minutes: `python tools/fuzz.py --minutes 10 losses`.

Rounds of pytest with hypothesis's fuzz profile (60 random examples of each property), each with a seed of its own that
is printed, and on each of the machine's instruction sets in turn. Prints how many examples there were and how much
CPU time they took; exits with 1 where one failed, after hypothesis has printed the smallest it found. To see it again:

    FASTML_PROPERTIES=fuzz FASTML_ISA=<isa> python -m pytest --hypothesis-seed=<seed> tests/test_properties_<family>.py

Needs `pip install -e '.[test]'`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import resource
import secrets
import sys
import time

import scratch

TESTS = scratch.ROOT / "tests"
PASSED = re.compile(r"(\d+) passing")
FAILED = re.compile(r"^(\d+) failed|, (\d+) error", re.M)
GRACE = 120  # seconds beyond the minutes for the round that is running


def families() -> list[str]:
    """Return the names of the families that have properties."""
    return sorted(path.stem.removeprefix("test_properties_") for path in TESTS.glob("test_properties_*.py"))


def isas() -> tuple[str, ...]:
    """Return the instruction sets of this machine."""
    from fastml._fastml_runtime import available_isas

    return available_isas()


def fuzz_round(family: str, isa: str, seed: int, seconds: float) -> tuple[int, int, str]:
    """Run all properties of a family; return how many examples passed, how many properties failed, what pytest said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-show-statistics"]
    command += [f"--hypothesis-seed={seed}", str(TESTS / f"test_properties_{family}.py")]
    environment = {**os.environ, "FASTML_PROPERTIES": "fuzz", "FASTML_ISA": isa}
    run = scratch.run(command, seconds, env=environment)
    if run.returncode == 124:
        return 0, 0, ""  # out of time in the middle of a round: its examples are not counted
    found = FAILED.search(run.stdout)
    failed = int(found[1] or found[2]) if found else int(run.returncode != 0)  # without a summary: a crash
    return sum(map(int, PASSED.findall(run.stdout))), failed, run.stdout if run.returncode else ""


def main() -> int:
    """Fuzz one family and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("family", choices=families())
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    passed = failed = rounds = 0
    for isa in itertools.cycle(isas()):
        seed = secrets.randbits(32)
        good, bad, output = fuzz_round(options.family, isa, seed, max(end - time.monotonic(), 0) + GRACE)
        passed, failed, rounds = passed + good, failed + bad, rounds + 1
        print(f"{options.family} {isa} seed {seed}: {good} examples, {bad} failed", flush=True)
        if bad:
            print(output, flush=True)
        if time.monotonic() >= end:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    minutes = (used.ru_utime + used.ru_stime) / 60
    print(f"{options.family}: {passed} examples in {rounds} rounds and {minutes:.1f} CPU minutes, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
