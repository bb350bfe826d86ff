"""One table of calls: every public function and its main ways through the code, at any size.

`build(name, n)` returns a `Call` over some n elements. The tests of threads, leaks and failing allocations and
`tools/reliability.py` go over this table; a new public function needs a line in calls_of_arrays.py or
calls_of_training.py.
"""

import calls_of_arrays  # noqa: F401
import calls_of_training  # noqa: F401
from calls_made import CALLS, Call, leaves

__all__ = ["Call", "build", "leaves", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all calls: that of the function, and in what it differs from the others."""
    return tuple(CALLS)


def build(name: str, n: int) -> Call:
    """Return the call of that name over some n elements."""
    return CALLS[name](n)
