"""What all plots share, and the speed-ups: small panels, one a function, with a line of dots for each case.

The plots are SVG within the page: their colours are the page's own, so that they follow light and dark, and every dot
says what it is when pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from io import StringIO
from itertools import groupby
from typing import Any

from bench.report import FLOOR, Line

# Colours that the page defines, by stand-ins that matplotlib takes.
INK, SOFT, GRID, BAD = "#010101", "#020202", "#030303", "#040404"
VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--line)", BAD: "var(--bad)"}
SUBJECT_COLOR = "#1f77d0"
STYLES = {  # of contenders: colour and marker; red is kept for losing
    "numpy": ("#8d99a6", "o"),
    "numpy out=": ("#3c8dbc", "s"),
    "scipy": ("#3fb8af", "^"),
    "torch": ("#e07b00", "D"),
    "torch by hand": ("#f0b35a", "d"),
    "jax": ("#8e5bd0", "v"),
    "numexpr": ("#2a9d5c", "P"),
    "sklearn": ("#b08d00", "X"),
    "simd-ml-kernels": ("#d6569b", "*"),
    "albumentations": ("#7a5c3e", "h"),
}
OTHER_STYLE = ("#777777", "p")
PANELS = 3  # side by side
WIDTH, ROW_HEIGHT, PANEL_HEIGHT = 13.0, 0.165, 0.55  # inches; the latter for a panel's title and scale
SHORT = {"float16": "f16", "float32": "f32", "float64": "f64"}


@dataclass
class Series:
    """One line of a panel: a value for each name, and whether its label is red."""

    label: str
    values: dict[str, float]
    bad: bool = False
    tips: dict[str, str] = field(default_factory=dict)


def pyplot() -> Any:
    """Import matplotlib, and set what all plots share."""
    import_module("matplotlib").use("svg")
    module: Any = import_module("matplotlib.pyplot")
    module.rcParams.update(
        {
            "svg.fonttype": "none",
            "font.size": 8.5,
            "axes.titlesize": 9.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.edgecolor": SOFT,
            "axes.labelcolor": SOFT,
            "axes.facecolor": "none",
            "figure.facecolor": "none",
            "text.color": INK,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
        }
    )
    return module


def svg(figure: Any, tips: dict[str, list[str]]) -> str:
    """Draw a figure for the page; `tips` are what the marks of a group, by its id, say when pointed at."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot().close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]  # without the XML prologue
    for name, variable in VARIABLES.items():
        text = text.replace(name, variable)
    for group, texts in tips.items():
        start = text.index(f'id="{group}"')
        end = text.find('<g id="', start)
        marks = iter(texts)
        part = re.sub(r"<use ([^>]*)/>", lambda use: f"<use {use[1]}>{title(next(marks))}</use>", text[start:end])  # noqa: B023
        text = text[:start] + part + text[end:]
    return text


def title(text: str) -> str:
    """Return what a browser shows beside the pointer."""
    return f"<title>{escape(text)}</title>"


def logarithmic(axis: Any, low: float, high: float) -> None:
    """Label a logarithmic axis with plain numbers, as many as there is room for."""
    ticker: Any = import_module("matplotlib.ticker")
    axis.set_major_locator(
        ticker.LogLocator(subs=(1, 2, 5) if high / low < 60 else (1, 3) if high / low < 300 else (1,))
    )
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def panel(axes: Any, series: Sequence[Series], styles: dict[str, tuple[str, str]], group: str) -> dict[str, list[str]]:
    """Draw one line of dots for each of `series`, those below 1 with a red edge; return what they say."""
    tips: dict[str, list[str]] = {}
    for name, (color, marker) in styles.items():
        at = [(each.values[name], i) for i, each in enumerate(series) if name in each.values]
        if not at:
            continue
        edges = [BAD if round(value, 2) < 1 else color for value, _ in at]
        x, y = zip(*at, strict=True)
        dots = axes.scatter(x, y, s=24, color=color, marker=marker, edgecolors=edges, linewidths=1.2, alpha=0.9)
        dots.set_gid(f"{group}-{len(tips)}")
        tips[f"{group}-{len(tips)}"] = [series[i].tips.get(name, f"{name} {value:.3g}") for value, i in at]
    axes.set_xscale("log")
    axes.axvline(1, color=BAD, linewidth=1)
    axes.set_yticks(range(len(series)), [each.label for each in series])
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.tick_params(axis="x", labelsize=7.5)
    for tick, each in zip(axes.get_yticklabels(), series, strict=True):
        tick.set_color(BAD if each.bad else SOFT)
    axes.grid(axis="both")
    axes.spines["left"].set_visible(False)
    return tips


def panels(
    groups: dict[str, list[Series]], styles: dict[str, tuple[str, str]], prefix: str, label: str, across: int = PANELS
) -> str:
    """Draw a panel for each group, `across` side by side on the same scale, with the names above."""
    across = min(across, len(groups))
    members_of = list(groups.items())
    rows = [members_of[i : i + across] for i in range(0, len(members_of), across)]
    heights = [max(len(series) for _, series in row) for row in rows]
    size = (
        WIDTH * (0.35 + 0.65 * across / PANELS),
        0.5 + sum(PANEL_HEIGHT + ROW_HEIGHT * height for height in heights),
    )
    plot = pyplot()
    figure, grid = plot.subplots(
        len(rows), across, figsize=size, height_ratios=heights, sharex=True, squeeze=False, layout="constrained"
    )
    tips: dict[str, list[str]] = {}
    values = [value for series in groups.values() for each in series for value in each.values.values()] or [1.0]
    low, high = min(0.85, 0.92 * min(values)), max(1.2, 1.1 * max(values))
    for i, (members, height) in enumerate(zip(rows, heights, strict=True)):
        for axes, member in zip_panels(grid[i], members):
            if member is None:
                axes.axis("off")
                continue
            name, series = member
            tips |= panel(axes, series, styles, f"{prefix}-{name}")
            axes.set(title=name, ylim=(height - 0.4, -0.6), xlim=(low, high))
            axes.axvspan(low, 1, color=BAD, alpha=0.06, linewidth=0)
            axes.tick_params(axis="x", labelbottom=True)
            logarithmic(axes.xaxis, low, high)
    figure.supxlabel(label, fontsize=8.5, color=SOFT)
    legend(figure, {name: styles[name] for name in styles if any(name in s.values for g in groups.values() for s in g)})
    return svg(figure, tips)


def zip_panels(axes: Iterable[Any], members: Sequence[tuple[str, list[Series]]]) -> Iterator[tuple[Any, Any]]:
    """Pair axes with what they show: None for those left over."""
    yield from zip(axes, [*members, *[None] * PANELS], strict=False)


def legend(figure: Any, styles: dict[str, tuple[str, str]]) -> None:
    """Name colours and markers above a figure."""
    line: Any = import_module("matplotlib.lines").Line2D
    marks = [
        line([], [], color=color, marker=marker, linestyle="", label=name) for name, (color, marker) in styles.items()
    ]
    figure.legend(handles=marks, loc="outside upper left", ncols=len(marks), frameon=False, fontsize=9)


def speedups(cases: Iterable[Line], prefix: str) -> str:
    """Draw a family: every contender's time divided by fastml's."""
    groups: dict[str, list[Series]] = {}
    names: dict[str, None] = {}
    for function, members in groupby(cases, lambda line: line.function):
        for line in members:
            ratios = {name: ratio for name, ratio in line.ratios.items() if not name.startswith(FLOOR)}
            names |= dict.fromkeys(ratios)
            tips = {name: f"{name}: {ratio:.2f} times fastml's time ({function}, {line.size}, {line.dtype})"
                    for name, ratio in ratios.items()}  # fmt: skip
            label = f"{line.size.removeprefix('n=')} {SHORT.get(line.dtype, line.dtype)}"
            groups.setdefault(function, []).append(Series(label, ratios, line.bad, tips))
    styles = {name: STYLES.get(name, OTHER_STYLE) for name in [*STYLES, *names] if name in names}
    return panels(groups, styles, prefix, "time divided by fastml's: left of 1, in red, fastml is slower")
