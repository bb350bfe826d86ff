"""The command line: ``python -m fastml train | predict | info``.

The commands are imported when they are asked for, so that ``--help`` and a mistyped flag answer at once.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from fastml.cli.arguments import parse
from fastml.cli.errors import CommandError

__all__ = ["main"]

USAGE = 2  # what argparse exits with, used for every mistake in what was given
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE: what `cat` reports when `head` has seen enough


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process when left out.

    Returns
    -------
    int
        The exit status: 0, or 2 with one sentence on stderr when something given was wrong, 130 when interrupted.

    Raises
    ------
    SystemExit
        With status 0, after ``--help`` and ``--version``.

    Examples
    --------
    >>> from fastml.cli import main
    >>> main(["train", "--test-size", "2"])
    2
    """
    try:
        _run(argv)
        _stdout().flush()  # inside the try: a reader that has left is noticed here, not at the interpreter's exit
    except BrokenPipeError:
        _leave_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt as stop:
        return _fail(f"interrupted, {stop.args[0] if stop.args else 'no file was written'}", INTERRUPTED)
    except CommandError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("not enough memory for data of this size")
    except OSError as error:
        return _fail(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
    return 0


def _run(argv: Sequence[str] | None) -> None:
    arguments = parse(argv)
    if arguments.command == "train":
        from fastml.cli.train import train

        train(arguments, _stdout())
    elif arguments.command == "predict":
        from fastml.cli.predict import predict

        predict(arguments.model, arguments.data, _stdout())
    else:
        from fastml.cli.info import info

        info(_stdout())


def _stdout() -> TextIO:
    """Return stdout, set so that a label the terminal cannot show is escaped instead of ending the run."""
    if sys.stdout is None:  # closed before the start
        raise CommandError("the standard output is closed")
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return sys.stdout


def _fail(message: str, status: int = USAGE) -> int:
    sentence = " ".join(message.split())  # names taken from a file may hold line breaks: still one line
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"fastml: {sentence}", file=sys.stderr)
    return status


def _leave_stdout() -> None:
    """Point stdout at nothing, or Python reports the broken pipe once more when it flushes at exit."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
