"""``python -m bench.markdown RUN.json ...``: the tables of docs/, from what ``python -m bench --json`` wrote.

Where several runs hold the same row, the best time counts: they differ by what else the machine did.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.report import FASTML, FLOOR, heading, others, standings

FAMILIES = {
    "elementwise": "Element-wise functions",
    "softmax": "Softmax and kin",
    "losses": "Losses",
    "optimizers": "Optimizer steps and penalties",
    "noise": "Dropout and noise",
    "norms": "Normalization",
    "augmentation": "Image augmentation",
    "logistic": "Logistic and softmax regression",
}
TIE = 0.95  # between this and 1, a ratio is within what two runs differ by

Row = dict[str, Any]
Key = tuple[str, str, str]  # function, size, dtype


def merge(runs: Iterable[dict[str, Any]]) -> list[Row]:
    """Return one row for every case, thread count and contender: the fastest."""
    best: dict[tuple[Any, ...], Row] = {}
    for run in runs:
        for row in run["rows"]:
            key = (row["function"], row["size"], row["dtype"], row["threads"], row["contender"])
            if row["seconds"] and (key not in best or row["seconds"] < best[key]["seconds"]):
                best[key] = row
    return list(best.values())


def cases(rows: Iterable[Row]) -> dict[Key, dict[int, dict[str, Row]]]:
    """Group rows: case, then thread count, then contender."""
    grouped: dict[Key, dict[int, dict[str, Row]]] = {}
    for row in rows:
        case = grouped.setdefault((row["function"], row["size"], row["dtype"]), {})
        case.setdefault(row["threads"], {})[row["contender"]] = row
    return grouped


def ratio(members: dict[str, Row], name: str) -> float | None:
    """Return a contender's time divided by fastml's."""
    return members[name]["seconds"] / members[FASTML]["seconds"] if name in members else None


def cell(value: float | None) -> str:
    """Format a ratio, bold where the contender is faster."""
    if value is None:
        return "-"
    return f"**{value:.2f}**" if round(value, 2) < 1 else f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def table(rows: list[Row]) -> Iterator[str]:
    """Lay out one family: a line for each case, with the thread counts side by side."""
    names = others(rows)
    threads = sorted({row["threads"] for row in rows})
    yield f"| function | size | dtype | ns/element | {' | '.join(names)} |"
    yield "| --- " * 3 + "| --: " * (1 + len(names)) + "|"
    for (function, size, dtype), by_threads in cases(rows).items():
        members = [by_threads[count] for count in threads if count in by_threads]
        times = " / ".join(f"{each[FASTML]['ns_per_element']:.3g}" for each in members)
        ratios = [[cell(ratio(each, name)) for each in members] for name in names]
        texts = ["-" if set(each) == {"-"} else " / ".join(each) for each in ratios]
        yield f"| `{function}` | {size} | {dtype} | {times} | {' | '.join(texts)} |"


def summary(rows: list[Row]) -> Iterator[str]:
    """List each contender's median ratio, and in how many cases it is faster."""
    yield "| contender | threads | cases | median ratio | faster than fastml in |"
    yield "| --- " + "| --: " * 4 + "|"
    for each in standings(rows):
        yield f"| {each.contender} | {each.threads} | {each.cases} | {each.median:.2f} | {each.faster} |"


def errors(rows: list[Row]) -> Iterator[str]:
    """List each function's largest error in float32: against float64, in parts of the largest value of the result."""
    names = [FASTML, *(name for name in others(rows) if not name.startswith(FLOOR))]
    worst: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["dtype"] == "float32" and row["error"] is not None:
            errors_of = worst.setdefault(row["function"], {})
            errors_of[row["contender"]] = max(row["error"], errors_of.get(row["contender"], 0.0))
    yield f"| function | {' | '.join(names)} |"
    yield "| --- " + "| --: " * len(names) + "|"
    for function, by_name in worst.items():
        texts = [f"{by_name[name]:.1e}" if name in by_name else "-" for name in names]
        yield f"| `{function}` | {' | '.join(texts)} |"


def slower(rows: list[Row]) -> Iterator[str]:
    """List every case in which a contender is faster."""
    for (function, size, dtype), by_threads in cases(rows).items():
        for threads, members in sorted(by_threads.items()):
            ratios = {name: ratio(members, name) for name in members if not name.startswith((FASTML, FLOOR))}
            lost = {name: value for name, value in ratios.items() if value and round(value, 2) < 1}
            if lost:
                texts = ", ".join(f"{name} {value:.2f}" for name, value in lost.items())
                mark = "" if min(lost.values()) < TIE else " (a tie)"
                yield f"* `{function}` {size} {dtype}, {threads} thread{'s' * (threads > 1)}: {texts}{mark}"


def main() -> None:
    """Print the page."""
    runs = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    rows = merge(runs)
    print(*heading(runs[0]["machine"], [part for run in runs for part in run["runs"]]), sep="\n\n")
    print("\n## All together\n", *summary(rows), sep="\n")
    for family, title in FAMILIES.items():
        functions = {case.function for case in import_module(f"bench.test_{family}").CASES}
        members = [row for row in rows if row["function"] in functions]
        if members:
            print(f"\n## {title}\n", *table(members), sep="\n")
    print("\n## Largest errors in float32, in parts of the largest value\n", *errors(rows), sep="\n")
    print("\n## Where a contender is faster\n", *slower(rows), sep="\n")


if __name__ == "__main__":
    main()
