"""The rows as people read them: one line per case, the contenders' ratios beside fastml's time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any

FASTML = "fastml"
FLOOR = "floor"
Cell = tuple[str, bool]  # text, bad: shown in red


@dataclass
class Line:
    """One case at one thread count. `ratios` are a contender's time divided by fastml's: above 1, fastml is faster."""

    function: str
    size: str
    dtype: str
    threads: int
    best: dict[str, Any]
    ratios: dict[str, float]
    wrong: list[str]
    failed: list[str]

    @property
    def slower_than(self) -> list[str]:
        """Name the contenders that are faster."""
        return [name for name, ratio in self.ratios.items() if round(ratio, 2) < 1 and not name.startswith(FLOOR)]

    @property
    def bad(self) -> bool:
        """Tell whether fastml loses here, or is wrong."""
        return bool(self.slower_than) or FASTML in self.wrong

    @property
    def verdict(self) -> str:
        """Say what is bad, or nothing."""
        slower = [f"slower than {', '.join(self.slower_than)}"] if self.slower_than else []
        wrong = [f"wrong: {', '.join(self.wrong)}"] if self.wrong else []
        failed = [f"failed: {', '.join(self.failed)}"] if self.failed else []
        return "; ".join(slower + wrong + failed)


def lines(rows: Iterable[dict[str, Any]]) -> Iterator[Line]:
    """Group the rows of each case."""
    groups: dict[tuple[str, str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["function"], row["size"], row["dtype"], row["threads"]), []).append(row)
    for key, members in groups.items():
        best = next(row for row in members if row["contender"] == FASTML)
        ratios = {
            row["contender"]: row["seconds"] / best["seconds"]
            for row in members
            if row is not best and row["seconds"] and best["seconds"]
        }
        wrong = [row["contender"] for row in members if not row["agrees"]]
        yield Line(*key, best, ratios, wrong, [row["contender"] for row in members if row["note"]])


def duration(seconds: float | None) -> str:
    """Format a time."""
    if seconds is None:
        return "-"
    for unit, scale in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def number(value: float | None, form: str) -> str:
    """Format a number that may be missing."""
    return "-" if value is None else format(value, form)


def of_roof(row: dict[str, Any]) -> str:
    """Format the fraction of the roof, and which one it is."""
    fraction = row["of_roofline"]
    if fraction is None:
        return "-"
    return f"{fraction:.0%} {'copy' if fraction == row['of_copy'] else 'peak'}"


def others(rows: Iterable[dict[str, Any]]) -> list[str]:
    """List all contenders but fastml, in order of appearance, the floors last."""
    names = dict.fromkeys(row["contender"] for row in rows if row["contender"] != FASTML)
    return sorted(names, key=lambda name: name.startswith(FLOOR))


def table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[Cell]]]:
    """Lay out headings and cells."""
    names = others(rows)
    headings = ["function", "size", "dtype", "thr", "fastml", "ns/el", "GB/s", "of roof", *names, ""]
    body = []
    for line in lines(rows):
        best = line.best
        texts = [
            line.function,
            line.size,
            line.dtype,
            str(line.threads),
            duration(best["seconds"]),
            number(best["ns_per_element"], ".3g"),
            number(best["gb_per_second"], ".1f"),
            of_roof(best),
        ]
        cells = [(text, line.bad) for text in texts]
        for name in names:
            ratio = line.ratios.get(name)
            wrong = "wrong" if name in line.wrong else "-"
            cells.append((wrong if ratio is None else f"{ratio:.2f}", name in line.slower_than))
        body.append([*cells, (line.verdict, bool(line.verdict))])
    return headings, body


def summary(rows: list[dict[str, Any]]) -> str:
    """Say in one sentence where fastml loses."""
    all_lines = list(lines(rows))
    slower = sum(bool(line.slower_than) for line in all_lines)
    wrong = sum(FASTML in line.wrong for line in all_lines)
    return f"{len(all_lines)} cases; fastml slower than some contender in {slower}, wrong in {wrong}."


LEGEND = (
    "fastml, ns/el (per element of the input) and GB/s (least traffic: inputs read once, results written once): best "
    "of many. Of roof: of the bandwidth of a copy as large, measured in this run on as many threads (a copy writes, "
    "and fetches what it overwrites: what reads alone, or works in place, may pass it), or, where that is the larger "
    "part, of the peak of arithmetic, NumPy's matrix product in this run, by a nominal count of operations. The other "
    "columns are times divided by fastml's: above 1, fastml is faster. A floor does only a part of the work."
)


@dataclass
class Standing:
    """How one contender stands against fastml at one thread count."""

    contender: str
    threads: int
    cases: int
    median: float
    faster: int


def standings(rows: list[dict[str, Any]]) -> Iterator[Standing]:
    """Sum up each contender."""
    all_lines = list(lines(rows))
    for name in others(rows):
        for threads in sorted({line.threads for line in all_lines}):
            ratios = [line.ratios[name] for line in all_lines if line.threads == threads and name in line.ratios]
            if ratios and not name.startswith(FLOOR):
                faster = sum(round(ratio, 2) < 1 for ratio in ratios)
                yield Standing(name, threads, len(ratios), median(ratios), faster)


def isa_ratios(isa_rows: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str, str], dict[str, float]]:
    """Return, for each function, size and dtype, how many times as fast as the first instruction set each one is."""
    first, ratios = next(iter(isa_rows)), {}
    seconds = {
        isa: {(row["function"], row["size"], row["dtype"]): row["seconds"] for row in rows if row["seconds"]}
        for isa, rows in isa_rows.items()
    }
    for key, slowest in seconds[first].items():
        ratios[key] = {isa: slowest / seconds[isa][key] for isa in isa_rows if key in seconds[isa]}
    return ratios


def isa_lines(isa_rows: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Say how fast fastml is with each instruction set but the first."""
    first, *more = isa_rows
    by_case = isa_ratios(isa_rows).values()
    for isa in more:
        ratios = [each[isa] for each in by_case if isa in each]
        if ratios:
            times = f"{median(ratios):.2f} times as fast as with {first}"
            yield f"fastml with {isa}: {times}, the median of {len(ratios)} cases"


def heading(machine: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    """Say what the figures were measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    first = f"{machine['cpu']}, {machine['cpus']} usable CPUs; {machine['system']}; {machine['python']}"
    return [first, versions, *(run_line(run) for run in runs)]


def run_line(run: dict[str, Any]) -> str:
    """Describe one process."""
    reported = ", ".join(f"{name} {count}" for name, count in run["threads_reported"].items())
    load = "" if run["load_before"] is None else f"; load before: {run['load_before']:.1f}"
    peaks = "".join(f", {dtype} peak {peak:.0f} GFLOP/s" for dtype, peak in run["peak_gflop_per_second"].items())
    copy = f"copy {run['copy_gb_per_second']:.1f} GB/s{peaks}{load}"
    return f"{run['threads']} thread(s) ({reported}), kernels {run['isa']}: {copy}"


def show(machine: dict[str, Any], runs: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Print heading, table and summary: with rich on a terminal, else plain."""
    print(*heading(machine, runs), sep="\n")
    headings, body = table(rows)
    if sys.stdout.isatty() and find_spec("rich"):
        _show_rich(headings, body)
    else:
        _show_plain(headings, body)
    print(summary(rows), LEGEND, sep="\n")


def _show_rich(headings: list[str], body: list[list[Cell]]) -> None:
    rich: Any = import_module("rich.table")
    text: Any = import_module("rich.text").Text
    grid = rich.Table(box=None, header_style="bold", pad_edge=False)
    for i, name in enumerate(headings):
        grid.add_column(name, justify="left" if i < 3 or not name else "right", overflow="fold")
    for cells in body:
        grid.add_row(*(text(cell, style="red" if bad else "") for cell, bad in cells))
    import_module("rich.console").Console().print(grid)


def _show_plain(headings: list[str], body: list[list[Cell]]) -> None:
    texts = [headings, *([cell for cell, _ in cells] for cells in body)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(headings))]
    for row in texts:
        left = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)]
        right = [cell.rjust(width) for cell, width in zip(row[3:-1], widths[3:], strict=False)]
        print("  ".join([*left, *right, row[-1]]).rstrip())
