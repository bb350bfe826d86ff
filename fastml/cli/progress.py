"""A progress bar on stderr where rich is installed and a person watches, plain lines otherwise."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

__all__ = ["Report", "progress"]

LINES = 10  # at most, in plain text


class Report(Protocol):
    """What is called after every finished step."""

    def __call__(self, iteration: int, loss: float, validation_loss: float | None = None) -> None:
        """Show that `iteration` steps are done."""


@contextmanager
def progress(title: str, total: int) -> Iterator[Report]:
    """Show progress while the block runs.

    Parameters
    ----------
    title : str
        What is going on, in a word or two.
    total : int
        The largest number of steps; fewer may do.

    Yields
    ------
    Report
        To be called after every step.
    """
    if sys.stderr is None:  # closed before the start; print would take stdout instead
        yield _nothing
        return
    bar = _rich_bar() if sys.stderr.isatty() else None
    if bar is None:
        yield _plain_lines(title, total)
        return
    with bar:
        task = bar.add_task(title, total=total, note="")

        def report(iteration: int, loss: float, validation_loss: float | None = None) -> None:
            bar.update(task, completed=iteration, note=_losses(loss, validation_loss))

        yield report


def _plain_lines(title: str, total: int) -> Report:
    every = max(1, -(-total // LINES))

    def report(iteration: int, loss: float, validation_loss: float | None = None) -> None:
        if iteration % every == 0:
            print(f"{title}: step {iteration} of at most {total}, {_losses(loss, validation_loss)}", file=sys.stderr)

    return report


def _nothing(iteration: int, loss: float, validation_loss: float | None = None) -> None:
    """Report to nobody."""


def _losses(loss: float, validation_loss: float | None) -> str:
    return f"loss {loss:.4f}" + ("" if validation_loss is None else f", validation {validation_loss:.4f}")


def _rich_bar() -> Any:
    """Return rich's progress bar, None where rich is not installed."""
    try:
        rich = import_module("rich.progress")
        console = import_module("rich.console").Console(stderr=True)
    except ImportError:
        return None
    note = rich.TextColumn("{task.fields[note]}")
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn(), note)
    return rich.Progress(*columns, rich.TimeElapsedColumn(), console=console, transient=True)
