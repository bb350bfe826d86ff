"""The one exception that the command line turns into one sentence and exit status 2."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["CommandError", "naming"]


class CommandError(Exception):
    """Something is wrong with what the user gave; the message is one clear sentence without a final period."""


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Name the file in an OSError of the block that names none: opening names it, reading does not.

    Examples
    --------
    >>> from fastml.cli.errors import naming
    >>> with naming("a.csv"):
    ...     raise OSError(5, "Input/output error")
    Traceback (most recent call last):
    OSError: [Errno 5] Input/output error: 'a.csv'
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise
