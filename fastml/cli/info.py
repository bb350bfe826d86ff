"""``python -m fastml info``."""

from contextlib import redirect_stdout
from typing import TextIO

import fastml

__all__ = ["info"]


def info(out: TextIO) -> None:
    """Print version, instruction set, threads and what else `fastml.show_config` knows.

    Parameters
    ----------
    out : text stream
        Where to print.

    Raises
    ------
    OSError
        When `out` cannot be written.
    """
    with redirect_stdout(out):
        fastml.show_config()
