"""One process of the benchmark: one thread count and instruction set, in the environment before anything is imported.

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

from bench.contenders import FLOORS, PACKAGES, contenders
from bench.harness import SUBJECT, Case, as_dicts, run_case
from bench.machine import describe, isa, load, set_threads
from bench.roofline import EXP, copy_bandwidth, peak

SECONDS, QUICK_SECONDS = 1.5, 0.15  # for each case, all contenders together
ALONE_SECONDS, ALONE_QUICK_SECONDS = 0.2, 0.05  # for each case, fastml alone
IN_CACHE = 1 << 20  # elements


Chosen = tuple[str, Case]  # family, case


def choose(families: list[str], quick: bool, alone: bool) -> list[Chosen]:
    """List the cases; with `alone`, for each function and dtype the largest that stays in cache."""
    chosen = [
        (family, case)
        for family in families
        for case in import_module(f"bench.test_{family}").CASES
        if case.quick or not quick
    ]
    if not alone:
        return chosen
    largest: dict[tuple[str, str], Chosen] = {}
    for family, case in sorted(chosen, key=lambda pair: -pair[1].elements):
        if case.elements <= IN_CACHE:
            largest.setdefault((case.function, case.dtype), (family, case))
    return [pair for pair in chosen if pair in largest.values()]


def race_case(case: Case, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Race those who were asked for, or time fastml alone."""
    builders = {name: each for name, each in contenders(case.function).items() if name in options.contenders}
    floors = {} if options.alone else FLOORS.get(case.function, {})
    times = (ALONE_SECONDS, ALONE_QUICK_SECONDS) if options.alone else (SECONDS, QUICK_SECONDS)
    return as_dicts(run_case(case, builders, floors, options.threads, times[options.quick]))


def with_progress(cases: list[Chosen], label: str) -> Iterator[Chosen]:
    """Yield the cases, with a live bar where rich is installed and the output a terminal, else a line for each."""
    if sys.stdout.isatty() and find_spec("rich"):
        rich: Any = import_module("rich.progress")
        columns = (*rich.Progress.get_default_columns(), rich.TimeElapsedColumn())
        with rich.Progress(*columns, transient=True) as progress:
            task = progress.add_task(label, total=len(cases))
            for family, case in cases:
                progress.update(task, description=f"{label}: {case.function} {case.size} {case.dtype}")
                yield family, case
                progress.advance(task)
        return
    for i, (family, case) in enumerate(cases, 1):
        start = time.perf_counter()
        yield family, case
        print(f"[{i}/{len(cases)}] {label}: {case.id} {time.perf_counter() - start:.1f} s", flush=True)


def main() -> None:
    """Race every case; write the rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.worker", description=__doc__)
    parser.add_argument("--families", nargs="+", required=True)
    parser.add_argument("--contenders", nargs="+", default=list(PACKAGES))
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.contenders = [SUBJECT] if options.alone else [SUBJECT, *options.contenders]

    load_before = load()
    warnings.simplefilter("ignore")  # naive contenders overflow, and say so in the middle of the table
    reported = set_threads(options.threads, {PACKAGES[name] for name in options.contenders})
    label = f"threads={options.threads}" + (f" {isa()}" if options.alone else "")
    rows = []
    for family, case in with_progress(choose(options.families, options.quick, options.alone), label):
        rows += [row | {"family": family} for row in race_case(case, options)]
    result = {
        "machine": describe(),
        "run": {
            "threads": options.threads,
            "isa": isa(),
            "threads_reported": reported,
            "load_before": load_before,
            "copy_gb_per_second": copy_bandwidth(threads=options.threads),
            "peak_gflop_per_second": {dtype: peak(dtype) for dtype in EXP},
        },
        "rows": rows,
    }
    options.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
