"""``python -m fastml info``."""

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
    for name, value in fastml.show_config("dicts").items():
        print(f"{name}: {', '.join(value) if isinstance(value, tuple) else value}", file=out)
