"""Measure every error that a docstring promises, in ULP: ``python tools/accuracy.py``.

Element-wise functions: every float16, every float32, millions of float64 (against longdouble), tens of thousands near
the edges (against mpmath), NumPy's own validation sets, pairs for the backward functions. Softmax family: random rows.
Each line names the input with the worst error as hexadecimal numbers. The exit status is 1 if a promise is broken.

``--quick`` takes every 4,099th float32 and smaller samples: seconds instead of minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import accuracy_sweeps as sweeps
import numpy as np
from accuracy_sweeps import Seen, ulp

import fastml
from fastml import _fastml_runtime as runtime

FUNCTIONS = (*sweeps.UNARY, *sweeps.WITH_PARAMETER, *sweeps.BACKWARD, *sweeps.ROWS)
QUICK_STRIDE = 4099
TASK = 1 << 24  # float32 patterns: a second or less


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    stride: int  # of float32 patterns
    random: int  # arguments or pairs
    edges: int  # a tenth of the arguments for mpmath
    row_elements: int  # of each width
    jobs: int = 1  # processes


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    function: str
    dtype: str
    isa: str
    inputs: str
    bound: float
    seen: Seen

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.seen.error <= self.bound


QUICK = Effort(stride=QUICK_STRIDE, random=1 << 18, edges=500, row_elements=1 << 14)


def sweep_float32(name: str, isa: str, effort: Effort) -> Seen:
    """Measure every stride-th float32, in several processes and with a progress line where there is much to do."""
    spans = [(start, start + TASK) for start in range(0, 1 << 32, TASK)]
    task = partial(sweeps.sweep_patterns, name, "float32", isa, stride=effort.stride)
    if effort.jobs == 1 or effort.stride >= QUICK_STRIDE:
        return gather(map(task, spans), len(spans), f"{name} float32 {isa}")
    with ProcessPoolExecutor(effort.jobs, mp_context=get_context("spawn")) as pool:
        return gather(pool.map(task, spans), len(spans), f"{name} float32 {isa}")


def gather(parts: Iterator[Seen], count: int, what: str) -> Seen:
    """Put partial sweeps together; on a terminal, say how far they are."""
    seen = Seen()
    for done, part in enumerate(parts, 1):
        seen.add(part)
        if sys.stderr.isatty():
            end = "\r\033[K" if done == count else ""
            print(f"\r{what}: {100 * done // count} %, {seen.error:.3f} ULP{end}", end="", file=sys.stderr, flush=True)
    return seen


def lines(name: str, dtype: str, isa: str, effort: Effort) -> Iterator[Line]:
    """Measure one function on one dtype and one instruction set."""
    bound = ulp.bound_from_docstring(getattr(fastml, name), dtype)
    line = partial(Line, name, dtype, isa)
    if name in sweeps.ROWS:
        if dtype != "float64" or ulp.LONGDOUBLE_IS_WIDER:
            yield line("rows", bound, sweeps.sweep_rows(name, dtype, isa, effort.row_elements))
        return
    if name in sweeps.UNARY and dtype == "float16":
        yield line("all", bound, sweeps.sweep_patterns(name, dtype, isa, (0, 1 << 16), 1))
    elif name in sweeps.UNARY and dtype == "float32":
        yield line("all" if effort.stride == 1 else f"1/{effort.stride}", bound, sweep_float32(name, isa, effort))
    elif dtype != "float64" or ulp.LONGDOUBLE_IS_WIDER:
        yield line("random", bound, sweeps.sweep_random(name, dtype, isa, effort.random))
    with sweeps.kernels(isa):
        if dtype == "float64" and (points := sweeps.mpmath_points(name, effort.edges)):
            yield line("edges", bound, sweeps.measure(name, points[:1], points[1]))
        if points := sweeps.numpy_points(name, dtype):
            # rounded results: half a ULP away from exact ones, and whole ULPs from ours
            seen = sweeps.measure(name, points[:1], points[1])
            yield line("NumPy's", math.floor(bound + 0.5), seen)


def show(line: Line) -> None:
    """Print one line of the table."""
    seen = line.seen
    notes = [f"{seen.misrounded} not nearest"] if line.dtype == "float16" and line.inputs != "rows" else []
    if line.function in sweeps.MONOTONE and line.inputs != "NumPy's":
        notes.append(f"{seen.backward} steps back" + (f" (<= {seen.deepest} ULP)" if seen.backward else ""))
    head = f"{line.function:17}{line.dtype:8} {line.isa:7}{line.inputs:8}{seen.points:>11}"
    verdict = " " if line.kept else "!"
    measured = f"{seen.error:9.4f} {verdict}{line.bound:6g}  {seen.witness:45}"
    print(head, measured, ", ".join(notes), flush=True)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="accuracy", description="Measure errors in ULP against the docstrings.")
    isas = runtime.available_isas()
    parser.add_argument("--function", nargs="+", choices=FUNCTIONS, default=FUNCTIONS, help="default: all")
    parser.add_argument("--dtype", nargs="+", choices=sweeps.DTYPES, default=sweeps.DTYPES, help="default: all")
    parser.add_argument("--isa", nargs="+", choices=isas, default=isas, help="default: all of this machine")
    parser.add_argument("--quick", action="store_true", help="samples: seconds")
    parser.add_argument("--stride", type=int, default=1, help="every n-th float32 (default: 1)")
    parser.add_argument("--jobs", type=int, default=fastml.get_num_threads(), help="processes (default: usable CPUs)")
    parser.add_argument("--json", type=Path, help="write every line there")
    options = parser.parse_args(arguments)
    for name in ("stride", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"argument --{name}: expected at least 1, got {getattr(options, name)}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return 1 if a promise is broken."""
    options = parse(arguments)
    effort = QUICK
    if not options.quick:
        effort = Effort(options.stride, random=1 << 22, edges=4000, row_elements=1 << 18, jobs=options.jobs)
    print(f"{'function':17}{'dtype':8} {'isa':7}{'inputs':8}{'points':>11} {'worst ULP':>9} {'bound':>7}  worst at")
    measured = []
    for name in options.function:
        for dtype in options.dtype:
            for isa in options.isa:
                for line in lines(name, dtype, isa, effort):
                    show(line)
                    measured.append(line)
    if options.json:
        table = [{**asdict(line), "kept": line.kept} for line in measured]
        options.json.write_text(json.dumps({"numpy": np.__version__, "lines": table}, indent=1) + "\n")
    broken = [line for line in measured if not line.kept]
    print(f"{len(measured)} sweeps, {len(broken)} beyond the bound of the docstring")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
