"""``python -m fastml info``."""

import platform
from typing import TextIO

import numpy as np

import fastml
from fastml import _fastml_runtime

__all__ = ["info"]


def info(out: TextIO) -> None:
    """Print version, instruction set and threads.

    Parameters
    ----------
    out : text stream
        Where to print.

    Raises
    ------
    OSError
        When `out` cannot be written.
    """
    print(f"fastml {fastml.__version__} (NumPy {np.__version__}, Python {platform.python_version()})", file=out)
    print(f"instruction set: {_fastml_runtime.isa()} (of {', '.join(_fastml_runtime.available_isas())})", file=out)
    print(f"threads: {fastml.get_num_threads()}", file=out)
