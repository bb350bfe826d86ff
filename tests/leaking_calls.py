"""Repeat every call and look for what it leaves behind; a line for each, and exit status 1 if one leaks.

``python leaking_calls.py COUNT [NAME ...]``: each call COUNT times (fits and texts a 50th), and its refusals, of wrong
arguments of many kinds, as often together; on arrays of 100 elements. Afterwards as many bytes are allocated, as many
objects of Python's exist, and None, True, the dtypes and all arguments have as many references as before. Needs glibc,
whose malloc counts; the first and the last line are the resident set.
"""

import ctypes
import gc
import os
import sys
from pathlib import Path

import numpy as np
from calls import build, names

import fastml

SIZE, WARM_UP = 100, 30
SLOW = ("fit_logistic", "synonym_replace")
MOST, SHARE, ROUNDS = 15, 0.25, 8  # a leak is one at each call


MALLINFO2 = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class Mallinfo2(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in MALLINFO2.split()]


libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo2


def resident():
    """Return the resident set in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wrong_calls(call):
    """Yield variants of a call that are refused, or are not: one argument of another kind, shape, dtype or order."""
    ragged, complex_, texts = [[1.0], [1.0, 2.0]], np.ones((2, 3, 4, 5), "c8"), np.array(["a"])
    strange = [object(), "text", None, complex_, texts, np.ones(7, "f4"), ragged, -1.5]
    for value in strange:
        for k in range(len(call.arguments)):
            yield call._replace(arguments=(*call.arguments[:k], value, *call.arguments[k + 1 :]))
        for name in call.keywords:
            yield call._replace(keywords=call.keywords | {name: value})
        yield call._replace(keywords=call.keywords | {"out": value})
    for name in call.changed:
        if isinstance(call.keywords[name], np.ndarray):
            locked = call.keywords[name].copy()
            locked.flags.writeable = False
            yield call._replace(keywords=call.keywords | {name: locked})
    yield call._replace(keywords=call.keywords | {"unknown": 1})
    yield call._replace(arguments=(*call.arguments, *call.arguments))
    yield call._replace(arguments=())


def attempt(call):
    try:
        call()
    except Exception:
        return True
    return False


def watched(call):
    """Return objects whose references are counted: not float64's dtype, of which NumPy 2.4's np.empty(3) keeps one."""
    dtypes = [np.dtype(kind) for kind in ("f2", "f4", "i8", "u1", "?", "c8")]
    singletons = [None, True, False, (), "", NotImplemented, np.float32, np.float64, fastml, float, int, ValueError]
    return [
        *singletons,
        *dtypes,
        call.function,
        call.arguments,
        call.keywords,
        *call.arguments,
        *call.keywords.values(),
    ]


def growth(calls, count):
    """Return by how many bytes, objects and references `count` repetitions have grown, those of the most grown object.

    Caches grow too, but not for ever: what grows is looked at again, and the last of ROUNDS counts.
    """
    objects = [thing for call in calls for thing in watched(call)]
    references, counts, grown = np.zeros((2, len(objects)), int), np.zeros((2, 2), int), (0, 0, 0)
    info = Mallinfo2()
    for turn in range(ROUNDS):
        for _ in range(count if turn else WARM_UP):
            for call in calls:
                attempt(call)
        gc.collect()
        info = libc.mallinfo2()
        counts[turn % 2] = info.uordblks + info.hblkhd, sys.getallocatedblocks()
        for k in range(len(objects)):
            references[turn % 2, k] = sys.getrefcount(objects[k])
        sign = 1 if turn % 2 else -1
        grown = *(sign * (counts[1] - counts[0])).tolist(), int((sign * (references[1] - references[0])).max())
        if turn > 1 and not leaks(grown, count):  # the first time, measuring allocates too
            break
    return grown


def leaks(grown, count):
    """Whether that is one reference, or one object, for each call, or for each refusal of one kind."""
    return grown[0] > 32 * count * SHARE + 4096 or max(grown[1:]) > MOST + count * SHARE


def main(count, *chosen):
    leaking = 0
    print(f"resident {resident()}")
    for name in chosen or names():
        call = build(name, SIZE).apart()
        repetitions = max(count // 50, 40) if name.startswith(SLOW) else count
        wrong = [variant for variant in wrong_calls(call) if attempt(variant)]
        for calls, times in (([call], repetitions), (wrong, max(repetitions // len(wrong), 40))):
            grown = growth(calls, times)
            leaking += leaks(grown, times)
            what = f"{name}{' refused' * (calls is wrong)}: {times} x {len(calls)}, grown by {grown}"
            print(what, "LEAK" * leaks(grown, times), flush=True)
    print(f"resident {resident()}")
    sys.exit(leaking > 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
