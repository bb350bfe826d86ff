"""How many threads the library uses, and what it runs on.

The number is one for the process. Until it is set, it is ``FASTML_NUM_THREADS``, else the first item of
``OMP_NUM_THREADS``, else the CPUs that this process may use: its affinity, or its container's quota where that is less.
`threadpoolctl <https://github.com/joblib/threadpoolctl>`_, where installed, sees and limits it too.
"""

import os
import platform
from _thread import RLock  # threading, which has it from there, takes a millisecond to import
from types import TracebackType
from typing import Any, Literal, SupportsIndex, overload

import numpy as np

from fastml import _fastml_runtime, _threadpoolctl
from fastml._arguments import integer
from fastml.version import __version__

__all__ = ["get_num_threads", "num_threads", "set_num_threads", "show_config"]

C_INT_MAX = 2**31 - 1  # the pool has its own, lower maximum

_open_blocks: list[tuple[object, int]] = []  # those of num_threads, in the order they began; the number before each
_lock = RLock()  # of that list, and held across a fork, so that the child finds neither half changed
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)

_threadpoolctl.register()


def _checked(n: SupportsIndex) -> int:
    return min(integer("n", n, least=1), C_INT_MAX)


def get_num_threads() -> int:
    """Return how many threads a call may use, the calling one included.

    Returns
    -------
    int
        At least 1. Small arrays are computed by the calling thread alone, whatever this says.

    Examples
    --------
    >>> import fastml
    >>> fastml.get_num_threads() >= 1
    True
    """
    return _fastml_runtime.get_num_threads()


def set_num_threads(n: SupportsIndex) -> None:
    """Set how many threads a call may use, the calling one included, in the whole process.

    Results do not depend on it, to the last bit.

    Parameters
    ----------
    n : int
        At least 1; the pool uses 256 threads at most.

    Raises
    ------
    TypeError
        `n` is not an integer.
    ValueError
        `n` is less than 1.

    See Also
    --------
    num_threads : The same for a ``with`` block.

    Examples
    --------
    >>> import fastml
    >>> before = fastml.get_num_threads()
    >>> fastml.set_num_threads(2)
    >>> fastml.get_num_threads()
    2
    >>> fastml.set_num_threads(before)
    """
    _fastml_runtime.set_num_threads(_checked(n))


class num_threads:
    """Use `n` threads inside a ``with`` block, and afterwards as many as before it.

    One object may be entered several times, also nested. The number is one for the process: blocks that overlap in two
    Python threads see each other's, that of the last one to begin, and when all have ended it is what it was before.

    Parameters
    ----------
    n : int
        At least 1; the pool uses 256 threads at most.

    Raises
    ------
    TypeError
        `n` is not an integer.
    ValueError
        `n` is less than 1.

    Examples
    --------
    >>> import fastml
    >>> with fastml.num_threads(1):
    ...     fastml.get_num_threads()
    1
    """

    def __init__(self, n: SupportsIndex) -> None:
        self._n = _checked(n)

    def __enter__(self) -> None:
        with _lock:
            before = get_num_threads()
            _fastml_runtime.set_num_threads(self._n)
            _open_blocks.append((self, before))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _lock:
            place = max(i for i, (block, _) in enumerate(_open_blocks) if block is self)
            before = _open_blocks.pop(place)[1]
            if place == len(_open_blocks):
                _fastml_runtime.set_num_threads(before)
            else:  # the next one began in this one and has not ended: it is the one to bring back what was before
                _open_blocks[place] = (_open_blocks[place][0], before)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Print what the library is and runs on, for bug reports.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default "stdout"
        Print, or return the same as a dict.

    Returns
    -------
    dict or None
        With ``mode="dicts"``: `version`; `isa`, the instruction set in use, and `isas`, all that this machine and this
        build have, the least first; `threads`; `cpus`, those that this process may use; `compiler`, the C compiler of
        this build; `numpy` and `python`, their versions; `platform`.

    Raises
    ------
    ValueError
        `mode` is neither of the two.

    Notes
    -----
    The environment variable ``FASTML_ISA`` chooses the instruction set at import: ``base``, ``avx2`` or ``avx512``.

    Examples
    --------
    >>> import fastml
    >>> config = fastml.show_config(mode="dicts")
    >>> config["isa"] in config["isas"]
    True
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"mode: expected 'stdout' or 'dicts', got {mode!r}")
    config = {
        "version": __version__,
        "isa": _fastml_runtime.isa(),
        "isas": _fastml_runtime.available_isas(),
        "threads": get_num_threads(),
        "cpus": _usable_cpus(),
        "compiler": _fastml_runtime.compiler(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if mode == "dicts":
        return config
    for name, value in config.items():
        print(f"{name}: {', '.join(value) if isinstance(value, tuple) else value}")
    return None
