"""One process of the benchmark: one thread count, set in the environment before anything was imported.

``python -m bench`` starts it; it shows its progress and writes a JSON file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.contenders import FLOORS, contenders
from bench.harness import Case, as_dicts, run_case
from bench.machine import copy_bandwidth, describe, isa, load, set_threads

SECONDS, QUICK_SECONDS = 1.5, 0.15  # for each case, all contenders together


def with_progress(cases: list[Case], label: str) -> Iterator[Case]:
    """Yield the cases, with a live bar where rich is installed and the output a terminal, else a line for each."""
    if sys.stdout.isatty() and find_spec("rich"):
        rich: Any = import_module("rich.progress")
        columns = (*rich.Progress.get_default_columns(), rich.TimeElapsedColumn())
        with rich.Progress(*columns, transient=True) as progress:
            task = progress.add_task(label, total=len(cases))
            for case in cases:
                progress.update(task, description=f"{label}: {case.function} {case.size} {case.dtype}")
                yield case
                progress.advance(task)
        return
    for i, case in enumerate(cases, 1):
        start = time.perf_counter()
        yield case
        print(f"[{i}/{len(cases)}] {label}: {case.id} {time.perf_counter() - start:.1f} s", flush=True)


def main() -> None:
    """Race every case; write the rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.worker", description=__doc__)
    parser.add_argument("--families", nargs="+", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    load_before = load()
    warnings.simplefilter("ignore")  # naive contenders overflow, and say so in the middle of the table
    cases = [
        case
        for family in options.families
        for case in import_module(f"bench.test_{family}").CASES
        if case.quick or not options.quick
    ]
    reported = set_threads(options.threads)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    rows = []
    for case in with_progress(cases, f"threads={options.threads}"):
        rows += run_case(case, contenders(case.function), FLOORS.get(case.function, {}), options.threads, seconds)
    result = {
        "machine": describe(),
        "run": {
            "threads": options.threads,
            "isa": isa(),
            "threads_reported": reported,
            "load_before": load_before,
            "copy_gb_per_second": copy_bandwidth(threads=options.threads),
        },
        "rows": as_dicts(rows),
    }
    options.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
