"""Strategies for the property tests: arrays of any shape, layout, byte order and subclass, and what is wrong with them.

Only what is worth shrinking is drawn: shapes, dtypes, the name of the layout. Numbers come out of a drawn seed.
"""

import numpy as np
from conftest import special_values
from hypothesis import strategies as st

FLOATS = ("f2", "f4", "f8")
WIDE = ("f4", "f8")
INTEGERS = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
LONG = (0, 1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 128, 129, 300, 513)
GARBAGE = 0xA5  # around the elements of an array


class Tagged(np.ndarray):
    """A subclass without meaning."""


@st.composite
def shapes(draw, least=0, most=4, empty=True):
    """0-d, empty, size 1, short and long, of up to `most` axes and about 600 elements."""
    ndim = draw(st.integers(least, most))
    lengths = [draw(st.sampled_from(LONG if ndim == 1 else (0, 1, 2, 3, 5, 8, 17)[: 9 - ndim])) for _ in range(ndim)]
    if ndim == 2 and draw(st.booleans()):
        lengths[draw(st.integers(0, 1))] = draw(st.sampled_from((10, 64, 65, 130)))
    return tuple(max(n, not empty) for n in lengths)


def dtypes(names=(*FLOATS, *INTEGERS)):
    """Of these, each in both byte orders."""
    return st.sampled_from(names).flatmap(
        lambda n: st.sampled_from([np.dtype(n), np.dtype(n), np.dtype(n).newbyteorder()])
    )


def numbers(rng, shape, dtype, kind="any"):
    """Numbers of a kind: "any" with NaN and infinities, "finite", "tame" of ordinary size, "unit" from 0 to 1."""
    dtype = np.dtype(dtype).newbyteorder("=")
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        low, high = (0, 2) if kind == "unit" else (-9 * (dtype.kind == "i"), 10)
        return rng.integers(low, high, shape).astype(dtype)
    if kind == "unit":
        x = np.where(rng.random(shape) < 0.5, rng.random(shape), 10 ** rng.uniform(-6, 0, shape))
        return np.where(rng.random(shape) < 0.1, rng.integers(0, 2, shape), x).astype(dtype)
    x = rng.standard_normal(shape) * rng.choice([0.01, 1.0, 5.0, 20.0])
    special = special_values(dtype)
    if kind == "finite":
        special = special[np.isfinite(special)]
    share = 0 if kind == "tame" else rng.choice([0.0, 0.0, 0.1, 0.6])
    return np.where(rng.random(shape) < share, rng.choice(special, shape), x.astype(dtype)).astype(dtype)


def spread(rng, x, *, order=None, steps=(1,), unaligned=False):
    """A writeable copy of x: axes in any order in memory, steps between elements, garbage around them."""
    order = rng.permutation(x.ndim) if order is None else order
    step = [int(rng.choice(steps)) for _ in range(x.ndim)]
    room = [x.shape[k] * abs(step[k]) + int(rng.integers(0, 2)) * (max(map(abs, steps)) > 1) for k in range(x.ndim)]
    offset = x.dtype.itemsize + (1 if unaligned else 0)
    memory = np.full(int(np.prod(room, dtype=int)) * x.dtype.itemsize + 2 * offset, GARBAGE, np.uint8)
    whole = np.ndarray([room[k] for k in order], x.dtype, memory, offset).transpose(np.argsort(order))
    picked = []
    for k, length in enumerate(x.shape):
        lowest = room[k] - length * abs(step[k])
        forward = slice(lowest, lowest + length * abs(step[k]), abs(step[k]))
        picked.append(forward)
    view = whole[(*picked, ...)][(*[slice(None, None, np.sign(s)) for s in step], ...)]
    view[...] = x
    return view


WRITEABLE = ("C", "C", "F", "axes", "strided", "negative", "unaligned")
WITHOUT_MATRIX = (*WRITEABLE, "read-only", "subclass", "broadcast", "overlapping")
READABLE = (*WITHOUT_MATRIX, "matrix")


def lay(rng, x, layout):
    """X in a layout; where elements share memory (broadcast, overlapping) they are no longer all those of x."""
    if layout == "broadcast":
        return np.broadcast_to(x[tuple(slice(0, 1) if rng.random() < 0.6 else slice(None) for _ in x.shape)], x.shape)
    if layout == "overlapping":
        memory = np.resize(x, max(sum(x.shape), 1))
        return np.lib.stride_tricks.as_strided(memory, x.shape, (x.dtype.itemsize,) * x.ndim, writeable=False)
    if layout in ("C", "F", "axes"):
        order = {"C": np.arange(x.ndim), "F": np.arange(x.ndim)[::-1], "axes": None}[layout]
        return spread(rng, x, order=order)
    if layout in ("strided", "negative", "unaligned"):
        return spread(rng, x, steps=(1, 2, 3) if layout == "strided" else (1, -1, -2), unaligned=layout == "unaligned")
    if layout in ("subclass", "matrix"):
        return x.copy().view(np.matrix if layout == "matrix" and x.ndim == 2 else Tagged)
    y = x.copy()
    y.flags.writeable = False
    return y


@st.composite
def arrays(draw, shape, dtype, kind="any", layouts=READABLE):
    """An array of a shape and dtype, its numbers of a kind, in one of the layouts."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = np.asarray(numbers(rng, shape, dtype, kind)).astype(dtype)
    return lay(rng, x, draw(st.sampled_from(layouts)))


def plain(value):
    """A fresh C-ordered array of the same numbers in native byte order; what is no array as it is."""
    if not isinstance(value, np.ndarray):
        return value
    return np.array(value, value.dtype.newbyteorder("="), order="C", copy=True, subok=False)


def memory_of(array):
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def around(array):
    """The bytes around the elements of an array."""
    memory = memory_of(array)
    copy = np.frombuffer(memory.tobytes("A"), np.uint8).copy()
    if array.size:
        start = array.ctypes.data - memory.ctypes.data
        np.ndarray(array.shape, array.dtype, copy, start, array.strides)[...] = np.zeros((), array.dtype)
    return copy.tobytes()
