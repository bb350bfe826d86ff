"""A case, the check that comes before any timing, and the race of all contenders through it."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module
from itertools import count, repeat
from math import isfinite
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from bench.roofline import compute_dtype, copy_bandwidth, operations, peak

SEED = 0
SAMPLE_SECONDS = 200e-6  # a sample is a loop this long: far above the clock's resolution
WARM_BELOW_SECONDS = 10e-3
REST_SECONDS = 5e-3  # idle OpenMP workers spin for 3 ms
MIN_ROUNDS = 5
ROOFLINE_FROM = 1 << 16  # bytes; below this a call, not memory, is what takes the time
TOLERANCE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-12}

SUBJECT = "fastml"

Run = Callable[[], Any]


@dataclass
class Inputs:
    """Arguments in the order in which fastml takes them, and the shape of `out` where the function has one."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    out: tuple[int, ...] | None = None

    def buffers(self) -> dict[str, Any]:
        """Allocate a fresh ``out=``, or nothing."""
        return {} if self.out is None else {"out": np.empty(self.out, self.args[0].dtype)}


Builders = Mapping[str, Callable[[Inputs], Run | None]]


@dataclass(frozen=True)
class Case:
    """One function at one size and dtype.

    `elements` is what times are divided by; `nbytes` the least traffic: every input read once, every result written
    once (None where a call makes an unknown number of passes); `operations` for an element, by default as counted in
    `bench.roofline`. `expected` maps the inputs to what is right, by default the oracle's function of that name.
    """

    function: str
    size: str
    dtype: str
    make: Callable[[np.random.Generator], Inputs]
    elements: int
    nbytes: int | None
    quick: bool = True
    tolerance: float = 1.0  # times that of the dtype
    expected: Callable[[Inputs], Any] | None = None
    operations: int | None = None

    @property
    def id(self) -> str:
        """Name the case in one word that pytest -k takes."""
        size = self.size.translate(str.maketrans("", "", " ,="))
        return f"{self.function}-{size}-{self.dtype}"

    def inputs(self) -> Inputs:
        """Make the inputs, the same every time."""
        return self.make(np.random.default_rng(SEED))

    def right_answer(self, inputs: Inputs) -> Any:
        """Ask the oracle, in float64."""
        if self.expected is not None:
            return self.expected(inputs)
        wide = [a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in inputs.args]
        return getattr(oracle(), self.function)(*wide, **inputs.kwargs)

    def error(self, got: Any, right: Any) -> float:
        """Return the largest difference, relative to the largest value; inf where shapes differ or a NaN came out."""
        worst = 0.0
        for a, b in zip(as_arrays(got), as_arrays(right), strict=True):
            if a.shape != b.shape:
                return float("inf")
            scale = float(np.max(np.abs(b), initial=np.finfo(np.float64).tiny))
            difference = float(np.max(np.abs(np.subtract(a, b, dtype=np.float64)), initial=0.0)) / scale
            worst = max(worst, difference if difference == difference else float("inf"))
        return worst

    def agrees(self, error: float) -> bool:
        """Tell whether an error is only rounding."""
        return error <= self.tolerance * TOLERANCE[self.dtype]


@dataclass
class Row:
    """One contender in one case; times are None where its answer was wrong, or none (`note`), and it was not timed.

    `of_copy` and `of_peak` are fractions of what memory and arithmetic can do, `of_roofline` is the larger one.
    """

    function: str
    size: str
    dtype: str
    threads: int
    contender: str
    error: float | None = None
    agrees: bool = True
    note: str = ""
    seconds: float | None = None
    median: float | None = None
    rounds: int = 0
    loops: int = 0
    ns_per_element: float | None = None
    gb_per_second: float | None = None
    gflop_per_second: float | None = None
    of_copy: float | None = None
    of_peak: float | None = None
    of_roofline: float | None = None


@lru_cache(maxsize=1)
def oracle() -> ModuleType:
    """Import ``tests/reference.py``, which the tests measure against too; its parts are top-level modules as well."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    try:
        return import_module("reference")
    finally:
        del sys.path[0]


def as_arrays(result: Any) -> list[Any]:
    """Return any library's result as a list of NumPy arrays."""
    parts = result if isinstance(result, tuple | list) else [result]
    return [np.asarray(part.detach() if hasattr(part, "detach") else part) for part in parts]


def sample(run: Run, loops: int) -> float:
    """Return the seconds per call over `loops` calls in a row."""
    start = time.perf_counter()
    for _ in repeat(None, loops):
        run()
    return (time.perf_counter() - start) / loops


def loops_for(run: Run) -> int:
    """Find how many calls make a sample that is long enough."""
    loops = 1
    while (seconds := sample(run, loops)) * loops < SAMPLE_SECONDS / 4:
        loops *= 4
    return max(1, round(SAMPLE_SECONDS / seconds))


def race(runs: Mapping[str, Run], seconds: float, threads: int) -> dict[str, tuple[int, list[float]]]:
    """Time all runs in turns, in a new random order each round, for about `seconds`; {name: (loops, samples)}.

    A sample of a short run begins with a call that isn't timed: who came before, and what that left in the caches, must
    not matter (with a fixed order and no such call, the same function entered twice differed by up to 30 %).
    """
    loops = {name: loops_for(run) for name, run in runs.items()}
    samples: dict[str, list[float]] = {name: [] for name in runs}
    order = np.random.default_rng(SEED)
    stop = time.perf_counter() + seconds
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in count():
            if not runs or (turn >= MIN_ROUNDS and time.perf_counter() > stop):
                break
            for name in order.permutation(list(runs)):
                if threads > 1:
                    time.sleep(REST_SECONDS)
                if min(samples[name], default=0.0) < WARM_BELOW_SECONDS:
                    runs[name]()
                samples[name].append(sample(runs[name], loops[name]))
    finally:
        if collecting:
            gc.enable()
    return {name: (loops[name], samples[name]) for name in runs}


def first_answer(
    case: Case, name: str, builder: Any, inputs: Inputs, right: Any, threads: int
) -> tuple[Row, Run] | None:
    """Build a contender and check it; None where it doesn't apply. A peer that raises is a row with a note."""
    row = Row(case.function, case.size, case.dtype, threads, name)
    try:
        run = builder(inputs)
        if run is None:
            return None
        answer = run()
    except Exception as exception:  # another version of a peer may lack or refuse anything
        if name == SUBJECT:
            raise
        row.note = f"{type(exception).__name__}: {exception}"
        return row, builder
    if right is not None:
        error = case.error(answer, right)
        row.agrees = case.agrees(error)
        row.error = error if isfinite(error) else None  # JSON has no infinity
    return row, run


def run_case(case: Case, builders: Builders, floors: Builders, threads: int, seconds: float) -> list[Row]:
    """Check, then race, every contender and floor that applies to `case`; one row each, fastml's first.

    A contender whose answer is wrong stays in the rows, marked, and isn't timed. A floor does only part of the work
    (one read of X, say), so there is nothing to check.
    """
    inputs = case.inputs()
    right = case.right_answer(inputs)
    first = [first_answer(case, name, builder, inputs, right, threads) for name, builder in builders.items()]
    first += [first_answer(case, name, builder, inputs, None, threads) for name, builder in floors.items()]
    rows = {row.contender: (row, run) for row, run in filter(None, first)}
    times = race({name: run for name, (row, run) in rows.items() if row.agrees and not row.note}, seconds, threads)
    for name, (loops, samples) in times.items():
        row = rows[name][0]
        row.loops, row.rounds, row.median = loops, len(samples), median(samples)
        measure(row, case, min(samples))
    return [row for row, _ in rows.values()]


def measure(row: Row, case: Case, seconds: float) -> None:
    """Fill in what follows from the best time."""
    row.seconds = seconds
    row.ns_per_element = seconds / case.elements * 1e9
    each = case.operations or operations(case.function, case.dtype)
    row.gflop_per_second = each and each / row.ns_per_element
    if case.nbytes is not None:
        row.gb_per_second = case.nbytes / seconds / 1e9
        if case.nbytes >= ROOFLINE_FROM:
            row.of_copy = row.gb_per_second / copy_bandwidth(case.nbytes, row.threads)
            row.of_peak = row.gflop_per_second and row.gflop_per_second / peak(compute_dtype(case.dtype))
            row.of_roofline = max(row.of_copy, row.of_peak or 0.0)


def as_dicts(rows: list[Row]) -> list[dict[str, Any]]:
    """Make the rows plain dictionaries."""
    return [asdict(row) for row in rows]
