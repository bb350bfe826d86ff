"""Wrong arguments, by what an argument is: lists of values, each of which has to be refused."""

import numpy as np
from properties import Together
from property_arrays import plain

NO_ARRAY = (object(), {"a": 1}, "text", b"bytes", [[1.0], [1.0, 2.0]], 1j, [None])


def not_real(x):
    """The numbers of x as something that is no real number, and what is no array at all."""
    x = plain(np.asarray(x))
    kinds = ["c8", "c16", "O", "U3", "S3", "M8[s]", "V4"] + ["g", "G"] * (np.dtype(np.longdouble).itemsize > 8)
    with np.errstate(all="ignore"):
        other = [*(x.astype(kind) for kind in kinds), np.ma.array(x)]
    return [*other, *NO_ARRAY]


def other_shapes(x, keep=()):
    """The numbers of x in shapes that are not its own, nor one of `keep`."""
    x = plain(np.asarray(x))
    shapes = [(*x.shape, 1), (1, *x.shape), (), (0,), (7, 5, 3, 2, 1), *((n + 1, *x.shape[1:]) for n in x.shape[:1])]
    shapes += [(*x.shape[:-1], n + 1) for n in x.shape[-1:]] + [x.shape[:-1]]
    return [np.resize(x, s) if x.size else np.zeros(s, x.dtype) for s in shapes if s != x.shape and s not in keep]


def not_like(x):
    """What is not a real array of the shape of x."""
    return [*not_real(x), *other_shapes(x)]


def numbers(*wrong, text=True):
    """What is no number, and the numbers given, which are out of range."""
    return [*wrong, None, [1.0], np.ones(1), 1j, object(), *(["1", b"1"] if text else [])]


def not_finite(*wrong):
    return numbers(np.nan, np.inf, -np.inf, np.float32(np.inf), *wrong)


def axes(ndim, *wrong):
    """What is no axis of an array of `ndim`."""
    return [ndim, -ndim - 1, 2**31, 2**63, -(2**70), 1.0, "0", None, True, np.array([0, 1]), object(), *wrong]


def weights(shape, leading=True, optional=True):
    """What is no array of finite weights of this shape, or of its leading axes."""
    fine = np.ones(shape)
    bad = [-1.0, np.nan, np.inf, -np.inf, -np.float64(5e-324)]
    wrong = [*not_real(fine)]
    fits = [shape[:k] for k in range(len(shape) + 1)] if leading else [shape]
    wrong += [v for v in other_shapes(fine) if v.shape not in fits]
    if fine.size:
        place = np.unravel_index(fine.size // 2, shape)
        for value in bad:
            wrong.append(fine.copy())
            wrong[-1][place] = value
    return wrong if optional else [*wrong, None]


def outs(shape, dtype, apart=(), **beside):
    """What cannot take a result: another shape or dtype, read-only, no array, memory shared with an input."""
    fine = np.zeros(shape, dtype)
    frozen = fine.copy()
    frozen.flags.writeable = False
    other = [d for d in ("f2", "f4", "f8", "i4", "c8", "O") if np.dtype(d) != dtype]
    wrong = [np.zeros(s.shape, dtype) for s in other_shapes(fine)] + [np.zeros(shape, d) for d in other]
    wrong += [np.zeros(shape, np.dtype(dtype).newbyteorder()), frozen, fine.tolist(), object(), "out", 0.0]
    wrong = [Together(out=w, **beside) for w in wrong]
    for x, name in apart:
        if x.size > 1:
            wrong.append(Together(overlapping(shape, dtype, x, name), **beside))
    return wrong


def overlapping(shape, dtype, x, name):
    """An argument and an out that begins one element later in the same memory."""
    size = int(np.prod(shape))
    memory = np.zeros(max(x.nbytes + x.itemsize, (size + 1) * np.dtype(dtype).itemsize), np.uint8)
    own = np.ndarray(x.shape, x.dtype.newbyteorder("="), memory)
    own[...] = x
    return {name: own, "out": np.ndarray(shape, dtype, memory, np.dtype(dtype).itemsize)}


RNGS = [-1, 1.5, "seed", object(), [1, -2], {"a": 1}, 1j]
