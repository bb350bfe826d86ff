"""What was measured, as text for the terminal and as a page with plots."""

from __future__ import annotations

from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.page import STYLE
from bench.plots import pyplot, svg

COLORS = {
    "fastml": "#0b6bcb",
    "numpy": "#7a7a7a",
    "torch": "#e07b00",
    "torch compiled": "#b5179e",
    "sklearn": "#2a9d5c",
}
HEADINGS = ["", "s / epoch", "of fastml's", "epochs", "train loss", "validation loss", "test accuracy"]


def title(result: dict[str, Any], threads: int) -> str:
    """Name a race."""
    s = result["settings"]
    optimizer = "AdamW" if s["optimizer"] == "adamw" else "SGD with momentum"
    return f"{'-'.join(map(str, s['sizes']))}, {s['norm']} norm, {optimizer}, {threads} thread{'s'[: threads > 1]}"


def table(result: dict[str, Any]) -> list[list[str]]:
    """Lay out a row for each contender: its best epoch, and where its training ended."""
    fastest = min(epoch["seconds"] for epoch in result["runs"]["fastml"]["epochs"])
    rows = []
    for name, run in result["runs"].items():
        epochs = run["epochs"]
        if not epochs:
            rows.append([name, "-", "-", "0", "-", "-", run["note"]])
            continue
        best = min(epoch["seconds"] for epoch in epochs)
        kept = min(epochs, key=lambda epoch: epoch["validation_loss"])
        losses = [f"{epochs[-1]['loss']:.4f}", f"{kept['validation_loss']:.4f}"]
        row = [name, f"{best:.2f}", f"{best / fastest:.2f}", str(len(epochs)), *losses]
        rows.append([*row, f"{100 * run['test_accuracy']:.2f} %"])
    return rows


def parts(profile: dict[str, float]) -> dict[str, float]:
    """Divide an epoch's seconds into matrix products, functions and what is left: Python, and NumPy's small change."""
    functions = sum(seconds for name, seconds in profile.items() if name not in ("matmul", "total"))
    return {"matmul": profile["matmul"], "functions": functions,
            "rest": profile["total"] - profile["matmul"] - functions}  # fmt: skip


def where(result: dict[str, Any]) -> list[str]:
    """Say where fastml's and NumPy's time goes."""
    lines, other = [], {}
    for name, profile in result["profiles"].items():
        shares = parts(profile)
        other[name] = shares["functions"] + shares["rest"]
        text = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in shares.items())
        longest = sorted((set(profile) - {"matmul", "total"}), key=lambda key: -profile[key])[:6]
        lines.append(f"{name}: {text} ({', '.join(f'{key} {profile[key]:.3f}' for key in longest)})")
    return [
        *lines,
        f"outside the matrix products NumPy takes {other['numpy'] / other['fastml']:.1f} times fastml's time",
    ]


def heading(process: dict[str, Any]) -> list[str]:
    """Say what it was measured on."""
    machine, run = process["machine"], process["run"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [f"{machine['cpu']}, {machine['cpus']} usable CPUs; {machine['python']}; kernels {run['isa']}", versions]


def text(process: dict[str, Any]) -> str:
    """Return the tables of one process."""
    lines = [*heading(process), f"Data: {process['data']}"]
    for result in process["results"]:
        grid = [HEADINGS, *table(result)]
        widths = [max(len(row[i]) for row in grid) for i in range(len(HEADINGS))]
        lines += ["", title(result, process["run"]["threads"])]
        lines += ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in grid]
        lines += where(result)
    return "\n".join(lines)


def write(path: Path, processes: list[dict[str, Any]]) -> None:
    """Write a self-contained page."""
    body = "".join(f"<p class=small>{escape(line)}</p>" for line in heading(processes[0]))
    for process in processes:
        for result in process["results"]:
            body += f"<h2>{escape(title(result, process['run']['threads']))}</h2>"
            body += plot(result) if find_spec("matplotlib") else ""
            rows = (HEADINGS, *table(result))
            cells = ["".join(f"<t{'h' if row is HEADINGS else 'd'}>{escape(cell)}" for cell in row) for row in rows]
            body += f"<table><tr>{'<tr>'.join(cells)}</table>"
            body += "".join(f"<p class=small>{escape(line)}</p>" for line in where(result))
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>fastml: an MLP</title><style>{STYLE}</style>"
        f"<h1>The same MLP with everyone, on {escape(processes[0]['data'])}</h1>{body}</html>\n",
        encoding="utf-8",
    )


def plot(result: dict[str, Any]) -> str:
    """Draw the loss curves, the seconds of an epoch, and where they go."""
    figure, (curves, times, shares) = pyplot().subplots(1, 3, figsize=(13, 3.4), layout="constrained")
    runs = {name: run for name, run in result["runs"].items() if run["epochs"]}
    for name, run in runs.items():
        losses = [epoch["validation_loss"] for epoch in run["epochs"]]
        curves.plot(range(1, len(losses) + 1), losses, marker="o", markersize=3, color=COLORS[name], label=name)
    curves.set(xlabel="epoch", title="validation loss", yscale="log")
    curves.legend(frameon=False)
    best = [min(epoch["seconds"] for epoch in run["epochs"]) for run in runs.values()]
    bars = times.barh(list(runs), best, color=[COLORS[name] for name in runs])
    times.bar_label(bars, fmt="%.2f s", padding=3)
    times.set(title="seconds of the best epoch", xlim=(0, 1.2 * max(best)))
    times.invert_yaxis()
    start = dict.fromkeys(result["profiles"], 0.0)
    for part, color in (("matmul", "#bbbbbb"), ("functions", "#0b6bcb"), ("rest", "#f0b429")):
        values = {name: parts(profile)[part] for name, profile in result["profiles"].items()}
        shares.barh(list(values), list(values.values()), left=list(start.values()), color=color, label=part)
        start = {name: start[name] + values[name] for name in start}
    shares.set(title="where the seconds go")
    shares.invert_yaxis()
    shares.legend(frameon=False)
    return svg(figure, {})
