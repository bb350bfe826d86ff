"""Measure every error that a docstring promises, in ULP: ``python tools/accuracy.py``.

Functions of one argument: every float16, every float32, millions of float64 (against longdouble), tens of thousands
near the edges (against mpmath), NumPy's own validation sets; pairs for their gradients; random data for everything
else. Each line names the input with the worst error, in hexadecimal. The exit status is 1 if a promise is broken.

``--markdown docs/accuracy.md`` writes the page, with NumPy, SciPy and torch on the same inputs. A sweep may be done in
pieces: ``--function tanh --dtype float32 --part 3/8 --beside --json FILE`` for each, and then
``--markdown docs/accuracy.md FILE...``. ``--quick`` takes every 4,099th float32 and smaller samples: seconds instead of
minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import accuracy_page as page
import accuracy_peers as peers
import accuracy_samples as samples
import accuracy_sweeps as sweeps
from accuracy_oracle import ALL_INPUTS, cases, ulp
from accuracy_page import Line
from accuracy_seen import Seen

import fastml
from fastml import _fastml_runtime as runtime

FAMILIES = {
    "Functions of one argument": ALL_INPUTS,
    "Their gradients": cases.BACKWARD,
    **samples.FAMILIES,
}
FUNCTIONS = tuple(name for family in FAMILIES.values() for name in family)
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
    part: tuple[int, int] = (1, 1)  # the k-th of n pieces of the float32 patterns
    beside: bool = False  # measure NumPy, SciPy and torch as well


QUICK = Effort(stride=QUICK_STRIDE, random=1 << 18, edges=500, row_elements=1 << 14)


def sweep_float32(name: str, isa: str, effort: Effort) -> Seen:
    """Measure every stride-th float32, in several processes and with a progress line where there is much to do."""
    piece, pieces = effort.part
    spans = [(start, start + TASK) for start in range(0, 1 << 32, TASK)][piece - 1 :: pieces]
    task = partial(sweeps.sweep_patterns, name, "float32", isa, stride=effort.stride, beside=effort.beside)
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


def patterns(name: str, dtype: str, isa: str, effort: Effort) -> tuple[str, Seen]:
    """Measure every float16, or every stride-th float32."""
    if dtype == "float16":
        return "all", sweeps.sweep_patterns(name, dtype, isa, (0, 1 << 16), 1, effort.beside)
    return "all" if effort.stride == 1 else f"1/{effort.stride}", sweep_float32(name, isa, effort)


def lines(name: str, dtype: str, isa: str, effort: Effort) -> Iterator[Line]:
    """Measure one function on one dtype and one instruction set."""
    if name in samples.WITHOUT_HALF and dtype == "float16":
        return
    bound = ulp.bound_from_docstring(getattr(fastml, name), dtype)
    line = partial(Line, name, dtype, isa, bound)
    precise = dtype != "float64" or ulp.LONGDOUBLE_IS_WIDER  # the oracle
    if name in ALL_INPUTS and dtype != "float64":
        inputs, seen = patterns(name, dtype, isa, effort)
        sweeps.confirm(name, dtype, isa, seen)
        yield line(inputs, seen, part=effort.part)
    if effort.part[0] > 1:
        return  # the first has the rest
    if name in samples.SAMPLES:
        if precise:
            yield line("samples", samples.sweep(name, dtype, isa, effort.row_elements, effort.beside))
        return
    if precise and (name not in ALL_INPUTS or dtype == "float64"):
        yield line("random", sweeps.sweep_random(name, dtype, isa, effort.random, effort.beside))
    if precise and sweeps.has_parameter(name):
        yield line("any parameter", sweeps.sweep_random(name, dtype, isa, effort.random, own=True))
    with sweeps.kernels(isa):
        if dtype == "float64" and (points := sweeps.mpmath_points(name, effort.edges)):
            yield line("edges", sweeps.measure(name, points[:1], points[1], beside=effort.beside))
        if points := sweeps.numpy_points(name, dtype):
            # rounded results: half a ULP away from exact ones, and whole ULPs from ours
            seen = sweeps.measure(name, points[:1], points[1])
            yield replace(line("NumPy's", seen), bound=math.floor(bound + 0.5))


def show(line: Line) -> None:
    """Print one line of the table."""
    seen = line.seen
    notes = [f"{seen.misrounded} not nearest"] if line.dtype == "float16" and line.inputs != "samples" else []
    if line.function in sweeps.MONOTONE and line.inputs != "NumPy's":
        notes.append(f"{seen.backward} steps back" + (f" (<= {seen.deepest} ULP)" if seen.backward else ""))
    head = f"{line.function:33}{line.dtype:8} {line.isa:7}{line.inputs:14}{seen.points:>11}"
    verdict = " " if line.kept else "!"
    measured = f"{seen.error:9.4f} {verdict}{line.bound:6g}  {seen.witness:45}"
    print(head, measured, ", ".join(notes), flush=True)


def part(text: str) -> tuple[int, int]:
    """Read "3/8"."""
    piece, pieces = map(int, text.split("/"))
    if not 1 <= piece <= pieces:
        raise ValueError
    return piece, pieces


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="accuracy", description="Measure errors in ULP against the docstrings.")
    isas = runtime.available_isas()
    parser.add_argument("--function", nargs="+", choices=FUNCTIONS, default=FUNCTIONS, help="default: all")
    parser.add_argument("--dtype", nargs="+", choices=sweeps.DTYPES, default=sweeps.DTYPES, help="default: all")
    parser.add_argument("--isa", nargs="+", choices=isas, default=isas, help="default: all of this machine")
    parser.add_argument("--quick", action="store_true", help="samples: seconds")
    parser.add_argument("--stride", type=int, default=1, help="every n-th float32 (default: 1)")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="a piece of every float32 sweep")
    parser.add_argument("--jobs", type=int, default=fastml.get_num_threads(), help="processes (default: usable CPUs)")
    parser.add_argument("--beside", action="store_true", help="NumPy, SciPy and torch on the same inputs")
    parser.add_argument("--json", type=Path, help="write every line there")
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="write the page there; implies --beside")
    parser.add_argument("parts", nargs="*", type=Path, metavar="FILE", help="JSON to make the page of, not measuring")
    options = parser.parse_args(arguments)
    for name in ("stride", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"argument --{name}: expected at least 1, got {getattr(options, name)}")
    if options.parts and not options.markdown:
        parser.error(f"argument FILE: expected --markdown with it, got {options.parts[0]} alone")
    return options


def measure(options: argparse.Namespace) -> Iterator[Line]:
    """Measure and print what the command line asks for; the others beside the first instruction set alone."""
    effort = QUICK
    if not options.quick:
        effort = Effort(options.stride, random=1 << 22, edges=4000, row_elements=1 << 18, jobs=options.jobs)
    effort = replace(effort, part=options.part, beside=options.beside or options.markdown is not None)
    print(f"{'function':33}{'dtype':8} {'isa':7}{'inputs':14}{'points':>11} {'worst ULP':>9} {'bound':>7}  worst at")
    for name in options.function:
        for dtype in options.dtype:
            for isa in options.isa:
                for line in lines(name, dtype, isa, replace(effort, beside=effort.beside and isa == options.isa[0])):
                    show(line)
                    yield line


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write, and return 1 if a promise is broken."""
    options = parse(arguments)
    if options.parts:
        contents = [json.loads(file.read_text()) for file in options.parts]
        measured = [Line.unpacked(line) for content in contents for line in content["lines"]]
        versions = contents[0]["versions"]
    else:
        measured = list(measure(options))
        versions = peers.versions()
    if options.json:
        table = [line.packed() for line in measured]
        options.json.write_text(json.dumps({"versions": versions, "lines": table}) + "\n")
    if options.markdown:
        options.markdown.write_text(page.markdown(measured, versions, FAMILIES))
    broken = [line for line in measured if not line.kept]
    print(f"{len(measured)} sweeps, {len(broken)} beyond the bound of the docstring")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
