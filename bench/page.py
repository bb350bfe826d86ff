"""One self-contained HTML page: the heading, a plot of the ratios where matplotlib is installed, the table."""

from __future__ import annotations

from html import escape
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from bench.report import FLOOR, LEGEND, Cell, heading, lines, others, summary, table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; margin-bottom: .5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.small { color: #555; font-size: .85rem; margin: .1rem 0; max-width: 70rem; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: #fff; border-bottom: 2px solid #222; vertical-align: bottom; }
td, th { padding: .15rem .6rem; text-align: right; white-space: nowrap; }
td:nth-child(-n+3), th:nth-child(-n+3), td:last-child { text-align: left; }
tr:nth-child(even) td { background: #f6f7f9; }
td.bad { color: #c0182b; font-weight: 600; }
svg { max-width: 100%; height: auto; }
"""


def write(path: Path, machine: dict[str, Any], runs: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Write the page to `path`."""
    headings, body = table(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in headings)
    cells = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in body)
    facts = "".join(f"<p class=small>{escape(line)}</p>" for line in heading(machine, runs))
    plot = f"<h2>Speed-up</h2>{speedup_plot(rows)}" if find_spec("matplotlib") else ""
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>fastml benchmarks</title><style>{STYLE}</style>"
        f"<h1>fastml benchmarks</h1>{facts}<p>{escape(summary(rows))}</p>{plot}<h2>All cases</h2>"
        f"<p class=small>{escape(LEGEND)}</p><div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{cells}</tbody></table></div></html>\n",
        encoding="utf-8",
    )


def _cell(cell: Cell) -> str:
    text, bad = cell
    return f"<td class=bad>{escape(text)}</td>" if bad else f"<td>{escape(text)}</td>"


def speedup_plot(rows: list[dict[str, Any]]) -> str:
    """Draw an SVG with a line of dots per case: each contender's time divided by fastml's, on a logarithmic axis."""
    import_module("matplotlib").use("svg")
    pyplot: Any = import_module("matplotlib.pyplot")
    cases = list(lines(rows))
    figure, axes = pyplot.subplots(figsize=(11, 1.5 + 0.21 * len(cases)), layout="constrained")
    colors = [color for i, color in enumerate(pyplot.get_cmap("tab10").colors) if i != 3]  # red means slower
    names = [name for name in others(rows) if not name.startswith(FLOOR)]
    for color, name in zip(colors, names, strict=False):
        rows_of = [i for i, line in enumerate(cases) if name in line.ratios]
        axes.scatter(
            [cases[i].ratios[name] for i in rows_of],
            rows_of,
            s=26,
            color=color,
            label=name,
            alpha=0.85,
            linewidths=0,
            zorder=3,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.9), max(right, 1.1))
    axes.axvspan(min(left, 0.9), 1, color="#c0182b", alpha=0.07, linewidth=0)
    axes.axvline(1, color="#c0182b", linewidth=1)
    labels = [f"{line.function}  {line.size}  {line.dtype}  {line.threads} thr" for line in cases]
    axes.set_yticks(range(len(cases)), labels, fontsize=8)
    for tick, line in zip(axes.get_yticklabels(), cases, strict=True):
        tick.set_color("#c0182b" if line.bad else "#222")
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.grid(axis="both", color="#ddd", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time divided by fastml's (red: fastml is slower)")
    figure.legend(loc="outside upper center", ncols=len(names), frameon=False)
    text = StringIO()
    figure.savefig(text, format="svg")
    pyplot.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]  # without the XML prologue
