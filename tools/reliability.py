"""Measure what docs/reliability.md says of memory and threads: ``python tools/reliability.py COMMAND``.

leaks             every call and every refusal of it 10,000 times (fits 200): nothing may grow
failures          every allocation of every call fails once; with --small those of Python's own objects too
peak              the most memory that a call takes beside its arguments and its result, of every function
huge              arrays of more than 2^31 elements, results checked; 10 GB of free memory, minutes
oversubscription  times beside OpenBLAS and, where torch is installed, torch, which compute in another thread

Needs Linux with glibc 2.33; `failures` a C compiler. Prints tables for docs/reliability.md; exit status 1 where
something is wrong. The first three go over the calls of tests/calls.py.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import reliability_huge as huge
import reliability_load as load
import reliability_peak as peak

TESTS = Path(__file__).resolve().parent.parent / "tests"


def run(script: str, *arguments: str, **variables: str) -> int:
    """Run a script of tests/ in a process of its own, with the output here; return its exit status."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"} | variables
    return subprocess.run([sys.executable, str(TESTS / script), *arguments], env=environment, check=False).returncode


def failures(small: bool) -> int:
    """Compile the malloc that fails and run the calls under it; with small objects, each in a process of its own.

    Then Python and NumPy crash themselves in some places: such a call is a line with the signal.
    """
    compiler = shlex.split(os.environ.get("CC") or "cc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "failing_malloc.so"
        source = TESTS / "c" / "failing_malloc.c"
        command = [*compiler, "-std=gnu11", "-O2", "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"]
        subprocess.run(command, check=True)
        if not small:
            return run("failing_calls.py", "20000", LD_PRELOAD=str(library))
        sys.path.insert(0, str(TESTS))
        calls: Any = importlib.import_module("calls")
        bad = 0
        for name in calls.names():
            status = run("failing_calls.py", "2000", name, LD_PRELOAD=str(library), PYTHONMALLOC="malloc")
            bad += status != 0
            if status < 0:
                print(f"{name}: signal {-status}", flush=True)
        return bad


def main() -> None:
    """Run the command that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("leaks").add_argument("--count", type=int, default=10_000, help="repetitions")
    commands.add_parser("failures").add_argument("--small", action="store_true", help="small objects too")
    commands.add_parser("peak").add_argument("--elements", type=int, default=4_000_000, help="of the first argument")
    commands.add_parser("huge").add_argument("names", nargs="*", help="some of the cases only")
    commands.add_parser("oversubscription").add_argument("--rounds", type=int, default=7, help="of each measurement")
    arguments = parser.parse_args()
    if arguments.command == "leaks":
        sys.exit(run("leaking_calls.py", str(arguments.count)))
    elif arguments.command == "failures":
        sys.exit(failures(arguments.small))
    elif arguments.command == "peak":
        sys.exit(peak.main(arguments.elements))
    elif arguments.command == "huge":
        sys.exit(huge.main(arguments.names))
    else:
        sys.exit(load.main(arguments.rounds))


if __name__ == "__main__":
    main()
