"""Plots beside the speed-ups: the roofline, more threads, other instruction sets."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan, degrees
from typing import Any

from bench.plots import BAD, INK, SOFT, SUBJECT_COLOR, WIDTH, Series, logarithmic, panels, pyplot, svg
from bench.report import FASTML, Line, duration, isa_ratios, lines
from bench.roofline import EXP, compute_dtype

PALETTE = ("#1f77d0", "#e07b00", "#2a9d5c", "#8e5bd0", "#b08d00", "#3fb8af", "#d6569b", "#8d99a6", "#7a5c3e", "#5566aa")
INTENSITIES, LEAST_RATE = (0.05, 60.0), 0.4  # where the roofline's axes begin and end
PEERS_COLOR = "#a9b2bb"
Rows = list[dict[str, Any]]


def roofline(rows: Rows, run: dict[str, Any], titles: dict[str, str]) -> str:
    """Draw GFLOP/s over operations a byte, and the roofs, for the two dtypes that are computed in."""
    figure, both = pyplot().subplots(1, 2, figsize=(WIDTH, 4.6), sharey=True, layout="constrained")
    tips: dict[str, list[str]] = {}
    families = list(dict.fromkeys(row["family"] for row in rows))
    slower = {(line.function, line.size, line.dtype): line.bad for line in lines(rows)}
    mine = [row for row in rows if row["contender"] == FASTML and row["of_roofline"] and row["gflop_per_second"]]
    for axes, dtype in zip(both, EXP, strict=True):
        members = [row for row in mine if compute_dtype(row["dtype"]) == dtype]
        roofs(axes, members, run, dtype)
        for number, family in enumerate(families):
            dots = [row for row in members if row["family"] == family]
            if not dots:
                continue
            bad = [slower[row["function"], row["size"], row["dtype"]] for row in dots]
            color = PALETTE[number % len(PALETTE)]
            marks = axes.scatter(
                [intensity(row) for row in dots],
                [row["gflop_per_second"] for row in dots],
                s=30,
                color=color,
                edgecolors=[BAD if each else color for each in bad],
                linewidths=1.3,
                alpha=0.85,
                label=titles.get(family, family),
                zorder=3,
            )
            group = f"roof-{run['threads']}-{dtype}-{number}"
            marks.set_gid(group)
            tips[group] = [
                f"{row['function']}, {row['size']}, {row['dtype']}: {row['gflop_per_second']:.1f} GFLOP/s, "
                f"{row['of_roofline']:.0%} of its roof" for row in dots
            ]  # fmt: skip
        axes.set_title(f"{dtype}{' and float16' if dtype == 'float32' else ''}, {run['threads']} thread(s)")
        axes.set_xlabel("operations for a byte of the least traffic (nominal)")
    both[0].set_ylabel("GFLOP/s")
    handles = {text: mark for axes in both for mark, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper left", ncols=len(handles), frameon=False, fontsize=9)
    return svg(figure, tips)


def intensity(row: dict[str, Any]) -> float:
    """Return the operations for a byte."""
    return float(row["gflop_per_second"] / row["gb_per_second"])


def roofs(axes: Any, rows: Rows, run: dict[str, Any], dtype: str) -> None:
    """Draw the bandwidth of memory and of cache as slopes, the peak as a level."""
    peak, memory = run["peak_gflop_per_second"][dtype], run["copy_gb_per_second"]
    cache = max((row["gb_per_second"] / row["of_copy"] for row in rows), default=memory)
    x = [INTENSITIES[0], *sorted((peak / memory, peak / cache)), INTENSITIES[1]]
    top = 2 * max(run["peak_gflop_per_second"].values())
    for rate, name, dashes in ((memory, "copy in memory", "--"), (cache, "copy in cache", "-")):
        axes.plot(x, [min(rate * each, peak) for each in x], color=SOFT, linewidth=1.1, linestyle=dashes, zorder=2)
        axes.text(
            INTENSITIES[0] * 1.15,
            rate * INTENSITIES[0] * 1.15,
            f" {name} {rate:.0f} GB/s",
            rotation=degrees(atan(rate)),
            rotation_mode="anchor",
            transform_rotates_text=True,
            va="bottom",
            fontsize=7.5,
            color=SOFT,
        )
    text = f"matrix product {peak:.0f} GFLOP/s"
    axes.text(INTENSITIES[1], 1.07 * peak, text, ha="right", fontsize=7.5, color=SOFT)
    axes.set(xscale="log", yscale="log", xlim=INTENSITIES, ylim=(LEAST_RATE, top))
    logarithmic(axes.xaxis, *INTENSITIES)
    logarithmic(axes.yaxis, LEAST_RATE, top)
    axes.grid()


def threads(rows: Rows) -> str:
    """Draw how many times as fast more threads are, over the time that one takes; the smallest count counts as one."""
    by_count: dict[int, dict[tuple[str, ...], float]] = {}
    for row in rows:
        if row["seconds"]:
            key = (row["function"], row["size"], row["dtype"], row["contender"])
            by_count.setdefault(row["threads"], {})[key] = row["seconds"]
    first, *more = sorted(by_count)
    figure, grid = pyplot().subplots(
        1, len(more), figsize=(min(WIDTH, 7.0 * len(more)), 4.2), squeeze=False, sharey=True, layout="constrained"
    )
    tips: dict[str, list[str]] = {}
    for axes, count in zip(grid[0], more, strict=True):
        both = [key for key in by_count[first] if key in by_count[count] and not key[3].startswith("floor")]
        sides = (("contenders", PEERS_COLOR, False), ("fastml", SUBJECT_COLOR, True))
        for name, color, mine in sides:
            keys = [key for key in both if (key[3] == FASTML) == mine]
            speedup = [by_count[first][key] / by_count[count][key] for key in keys]
            marks = axes.scatter([by_count[first][key] * 1e6 for key in keys], speedup, s=16 + 10 * mine, color=color,
                                 alpha=0.5 + 0.4 * mine, linewidths=0, label=name, zorder=2 + mine)  # fmt: skip
            marks.set_gid(f"threads-{count}-{name}")
            tips[f"threads-{count}-{name}"] = [
                f"{key[3]}, {', '.join(key[:3])}: {duration(by_count[first][key])} and {duration(by_count[count][key])}"
                for key in keys
            ]
        axes.axhline(count / first, color=SOFT, linestyle="--", linewidth=1)
        axes.axhline(1, color=BAD, linewidth=1)
        axes.set(xscale="log", title=f"{count} threads", xlabel=f"microseconds on {first} thread(s)", ylim=(0, None))
        logarithmic(axes.xaxis, 1, 1e6)
        axes.grid()
    grid[0][0].set_ylabel(f"times as fast as on {first} thread(s)")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return svg(figure, tips)


def instruction_sets(isa_rows: dict[str, Rows]) -> str:
    """Draw how many times as fast fastml is with each instruction set, beside the first; a panel for each dtype."""
    first = next(iter(isa_rows))
    groups: dict[str, list[Series]] = {}
    for (function, size, dtype), ratios in isa_ratios(isa_rows).items():
        values = {isa: ratio for isa, ratio in ratios.items() if isa != first}
        tips = {isa: f"{isa}: {ratio:.2f} times as fast as {first} ({size})" for isa, ratio in values.items()}
        groups.setdefault(dtype, []).append(Series(function, values, min(values.values(), default=1.0) < 0.995, tips))
    markers = zip(("#e07b00", SUBJECT_COLOR, "#2a9d5c"), "oDs", strict=True)
    styles = dict(zip([isa for isa in isa_rows if isa != first], markers, strict=False))
    return panels(dict(sorted(groups.items())), styles, "isa", f"times as fast as {first}")


def fractions(cases: Sequence[Line]) -> str:
    """Draw how near each function comes to its roof: a line of dots, a dot for each size and dtype."""
    functions = list(dict.fromkeys(line.function for line in cases if line.best["of_roofline"]))
    figure, axes = pyplot().subplots(figsize=(WIDTH, 0.9 + 0.17 * len(functions)), layout="constrained")
    tips: dict[str, list[str]] = {}
    for roof, color in (("copy", "#1f77d0"), ("peak", "#e07b00")):
        members = [line for line in cases if line.best["of_roofline"]
                   and (line.best["of_roofline"] == line.best["of_copy"]) == (roof == "copy")]  # fmt: skip
        if not members:
            continue
        marks = axes.scatter(
            [line.best["of_roofline"] for line in members],
            [functions.index(line.function) for line in members],
            s=24,
            color=color,
            alpha=0.8,
            linewidths=0,
            label={"copy": "of a copy as large", "peak": "of peak arithmetic"}[roof],
        )
        group = f"fraction-{cases[0].threads}-{roof}"
        marks.set_gid(group)
        tips[group] = [
            f"{line.function}, {line.size}, {line.dtype}: {line.best['of_roofline']:.0%}" for line in members
        ]
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_yticks(range(len(functions)), functions, fontsize=7.5)
    axes.set(ylim=(len(functions) - 0.5, -0.5), xlim=(0, None))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.grid()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return svg(figure, tips)
