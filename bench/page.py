"""One self-contained HTML page: what was measured on what, plots where matplotlib is installed, and every case.

``python -m bench`` writes it; ``python -m bench.page RUN.json PAGE.html`` makes it again from what ``--json`` wrote.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from html import escape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.markdown import FAMILIES
from bench.report import FASTML, FLOOR, LEGEND, Cell, Line, heading, isa_lines, lines, others, standings, table

HERE = Path(__file__).parent
STYLE = (HERE / "page.css").read_text(encoding="utf-8")
SCRIPT = (HERE / "page.js").read_text(encoding="utf-8")

ROOFLINE = (
    "A dot is fastml in one case (red edge: some contender is faster); the roofs are what this run measured: copies "
    "in memory and in cache, NumPy's matrix product. Operations are counted nominally, as bench/roofline.py says, the "
    "same for everyone: a multiplication without an addition reaches half the peak, a division far less. Only cases "
    "of 64 KB and more: below, a call takes the time."
)
THREADS = "A dot is one case; the dashed line is what is ideal, the red one a gain of nothing."
ISA = (
    "fastml alone, in a process of its own for each instruction set, at the largest case of each function and dtype "
    "that stays in cache. Red: slower than the first."
)


def write(path: Path, result: dict[str, Any]) -> None:
    """Write the page to `path`."""
    rows = result["rows"]
    sections = [("standings", "Against each contender", standings_table(rows))]
    if find_spec("matplotlib"):
        sections += plots(result)
    sections.append(("cases", "All cases", cases_table(rows)))
    links = "".join(f"<a href='#{name}'>{escape(text)}</a>" for name, text, _ in sections)
    body = "".join(f"<h2 id={name}>{escape(text)}</h2>{content}" for name, text, content in sections)
    facts = paragraphs(heading(result["machine"], result["runs"]))
    path.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>fastml benchmarks</title><style>{STYLE}</style><h1>fastml benchmarks</h1>{facts}"
        f"{cards(rows)}<nav>{links}</nav>{body}<script>{SCRIPT}</script></html>\n",
        encoding="utf-8",
    )


def paragraphs(texts: Iterable[str]) -> str:
    """Set small print."""
    return "".join(f"<p class=small>{escape(text)}</p>" for text in texts)


def cards(rows: list[dict[str, Any]]) -> str:
    """Say in large figures how many cases there are, and where fastml loses."""
    cases = list(lines(rows))
    slower = sum(bool(line.slower_than) for line in cases)
    wrong = sum(FASTML in line.wrong for line in cases)
    texts = (
        (len(cases), "cases", False),
        (len(cases) - slower - wrong, "fastml as fast as anyone, or faster", False),
        (slower, "some contender is faster", slower > 0),
        (wrong, "fastml is wrong", wrong > 0),
    )
    each = (f"<div class=card><b{' class=bad' * bad}>{n:,}</b><span>{text}</span></div>" for n, text, bad in texts)
    return f"<div class=cards>{''.join(each)}</div>"


def html_table(headings: Iterable[str], body: Iterable[tuple[str, Iterable[Cell]]], kind: str = "") -> str:
    """Set a table; each row with its attributes."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headings)
    cells = "\n".join(f"<tr{attributes}>{''.join(map(_cell, row))}</tr>" for attributes, row in body)
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"


def _cell(cell: Cell) -> str:
    text, bad = cell
    return f"<td class=bad>{escape(text)}</td>" if bad else f"<td>{escape(text)}</td>"


def standings_table(rows: list[dict[str, Any]]) -> str:
    """Set a line for each contender: how many times fastml's time it takes, and how often less."""
    body = []
    for each in standings(rows):
        texts = [each.contender, str(each.threads), str(each.cases), f"{each.median:.2f}", str(each.faster)]
        bad = [False, False, False, each.median < 1, each.faster > 0]
        body.append(("", list(zip(texts, bad, strict=True))))
    return html_table(["contender", "threads", "cases", "median of its time / fastml's", "faster than fastml in"], body)


def cases_table(rows: list[dict[str, Any]]) -> str:
    """Set every case, with a form to choose from them."""
    headings, body = table(rows)
    family = {row["function"]: row["family"] for row in rows}
    attributes = [
        f" data-family='{family[line.function]}' data-dtype={line.dtype} data-threads={line.threads}"
        f" data-bad={line.bad:d}"
        for line in lines(rows)
    ]
    menus = "".join(
        menu(name, dict.fromkeys(values))
        for name, values in (
            ("family", family.values()),
            ("dtype", (row["dtype"] for row in rows)),
            ("threads", (str(row["threads"]) for row in rows)),
        )
    )
    return (
        f"{paragraphs([LEGEND])}<form class=filters hidden>"
        f"<input name=words placeholder='filter: softmax 1,000'>{menus}"
        "<label><input type=checkbox name=bad> only where fastml loses</label><span id=shown></span></form>"
        f"<div class=all>{html_table(headings, zip(attributes, body, strict=True), ' class=sortable')}</div>"
    )


def menu(name: str, values: Iterable[str]) -> str:
    """Set a choice of one of `values`, or all."""
    options = "".join(
        f"<option value='{escape(value)}'>{escape(FAMILIES.get(value, value))}</option>" for value in values
    )
    return f"<select name={name}><option value=''>{name}: all</option>{options}</select>"


def plots(result: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Draw everything that there are figures for: (id, title, HTML) for each section."""
    drawing: Any = import_module("bench.plots")
    machine: Any = import_module("bench.plots_machine")
    rows, runs, isa_rows = result["rows"], result["runs"], result["isa_rows"]
    cases = list(lines(rows))
    if others(rows):
        yield "speedup", "Speed-up", "".join(speedups(drawing, rows, cases))
    roofs = "".join(
        machine.roofline([row for row in rows if row["threads"] == run["threads"]], run, FAMILIES) for run in runs
    )
    yield "roofline", "Roofline", paragraphs([ROOFLINE]) + roofs
    near = [[line for line in cases if line.threads == run["threads"] and line.best["of_roofline"]] for run in runs]
    drawn = (f"<h3>{some[0].threads} thread(s)</h3>{machine.fractions(some)}" for some in near if some)
    yield "fractions", "How near to the roof", "".join(drawn)
    if len(runs) > 1:
        yield "threads", "Threads", paragraphs([THREADS]) + machine.threads(rows)
    if len(isa_rows) > 1:
        yield "isa", "Instruction sets", paragraphs([ISA, *isa_lines(isa_rows)]) + machine.instruction_sets(isa_rows)


def speedups(drawing: Any, rows: list[dict[str, Any]], cases: list[Line]) -> Iterator[str]:
    """Draw each family at each thread count."""
    family = {row["function"]: row["family"] for row in rows}
    compared = [line for line in cases if any(not name.startswith(FLOOR) for name in line.ratios)]
    for name in dict.fromkeys(family[line.function] for line in compared):
        for threads in sorted({line.threads for line in compared}):
            members = [line for line in compared if line.threads == threads and family[line.function] == name]
            if members:
                text = f"{FAMILIES.get(name, name)}, {threads} thread{'s'[: threads > 1]}"
                yield f"<h3>{escape(text)}</h3>{drawing.speedups(members, f'{name}-{threads}')}"


if __name__ == "__main__":
    write(Path(sys.argv[2]), json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
