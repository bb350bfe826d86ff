"""Calls of every function that takes arrays, of all lengths and layouts: what guard_pages.py makes."""

import contextlib
import itertools
import math
import os

import numpy as np
from elementwise_cases import EVERY, WITH_PARAMETER, count_inputs
from losses_cases import LOGITS, LOSSES

FLOATS = ("f2", "f4", "f8")
LENGTHS = (*range(71), 127, 128, 129, 255, 256, 257, 511, 512, 513, 1025)
FEW = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65, 129, 513)  # lengths where much else varies
SHARED = 100_003  # enough for two threads
SHAPES = (*((3, c) for c in LENGTHS), *((r, c) for r in (1, 2, 7, 8, 9, 64, 65) for c in (1, 2, 3, 4, 7, 10, 17, 33)),
          (2, 4097), (70, 64), (70, 65), (9, 129), (1, 0), (0, 3))  # fmt: skip
FEW_SHAPES = ((1, 1), (3, 1), (2, 3), (9, 4), (65, 7), (3, 8), (2, 16), (5, 17), (3, 65), (2, 129), (2, 513), (0, 3))

NUMBERS = np.random.default_rng(3).standard_normal(400_000)


def floats(dtype, *shape):
    """Return new memory, that many numbers in it."""
    return NUMBERS[: math.prod(shape)].reshape(shape).astype(dtype)


def shares(dtype, *shape):
    """Return numbers between 0 and 1."""
    return (0.5 + NUMBERS[: math.prod(shape)].reshape(shape) / 12).astype(dtype)


def whole(dtype, limit, *shape):
    """Return integers from 0 on."""
    return (np.abs(NUMBERS[: math.prod(shape)].reshape(shape)) * 1000 // 1 % max(limit, 1)).astype(dtype)


def laid_out(x):
    """Yield the array in other layouts; all end, forwards or backwards, with the memory they have."""
    wide = np.zeros((*x.shape[:-1], max(2 * x.shape[-1] - 1, 0)), x.dtype)[..., ::2]
    backwards = np.zeros(x.shape, x.dtype)[..., ::-1]
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)
    later = np.ndarray(x.shape, x.dtype, bytes_, 1)
    earlier = np.ndarray(x.shape, x.dtype, bytes_, 0)
    columns = np.zeros(x.shape, x.dtype, "F")
    swapped = np.zeros(x.shape, x.dtype.newbyteorder())
    for array in (wide, backwards, later, earlier, columns, swapped):
        array[...] = x
        yield array


def elementwise(f):
    for name in EVERY:
        function, count = getattr(f, name), count_inputs(name)
        for dtype in FLOATS:
            for n in LENGTHS + (SHARED,) * (dtype == "f4"):
                if (yield name, dtype, n):
                    continue
                inputs = [floats(dtype, n) for _ in range(count)]
                function(*inputs)
                function(*inputs, out=inputs[0])
            for n in FEW:
                if (yield name, dtype, n, "layouts"):
                    continue
                for views in zip(*(laid_out(floats(dtype, n)) for _ in range(count)), strict=True):
                    function(*views, out=views[0])
                function(*(floats(dtype, n) for _ in range(count)), where=whole("?", 2, n), out=floats(dtype, n))
                if name in (*WITH_PARAMETER, "soft_threshold"):
                    function(floats(dtype, n), 0.5)


def softmax(f):
    for dtype in FLOATS:
        for shape in SHAPES:
            for axis in (1, 0):
                if shape[axis] == 0:
                    continue
                if (yield dtype, shape, axis):
                    continue
                x, dy, out = floats(dtype, *shape), floats(dtype, *shape), np.empty(shape, dtype)
                f.softmax(x, axis, out=out)
                f.softmax_backward(dy, out, axis, out=dy)
                f.log_softmax(x, axis, out=x)
                f.log_softmax_backward(out, x, axis, out=x)
                f.logsumexp(dy, axis)
                f.entropy(out, axis)
                if shape in FEW_SHAPES:
                    softmax_layouts(f, dtype, shape, axis)
    f.softmax(floats("f4", SHARED, 3))


def softmax_layouts(f, dtype, shape, axis):
    masks = *laid_out(whole("?", 2, *shape)), whole("?", 2, shape[1])
    for x, dy, where in zip(laid_out(floats(dtype, *shape)), laid_out(floats(dtype, *shape)), masks, strict=False):
        for keywords in ({}, {"where": where}):
            f.logsumexp(x, axis, **keywords)
            f.softmax(x, axis, out=np.empty(shape, dtype), **keywords)
            f.log_softmax(x, axis, **keywords)
        f.entropy(x, axis)
        f.softmax_backward(dy, x, axis, out=dy if dy.dtype == dtype else None)
        f.log_softmax_backward(dy, x, axis)
    f.softmax(x, axis, where=masks[-1])
    f.softmax(x, axis, where=whole("?", 2, shape[0], 1))


def losses(f):
    for name in LOSSES:
        function = getattr(f, name)
        other = {"pos_weight": 2.5, "label_smoothing": 0.1} if name == LOGITS else {}
        for dtype in FLOATS:
            for n in LENGTHS + (SHARED,) * (dtype == "f4"):
                if (yield name, dtype, n):
                    continue
                x, t = shares(dtype, n), whole(dtype, 2, n)
                function(x, t)
                function(x, t, return_grad=True, sample_weight=shares(dtype, n), out=np.empty(n, dtype), **other)
            for n in FEW:
                if (yield name, dtype, n, "layouts"):
                    continue
                x, weights = shares(dtype, 3, n), laid_out(shares("f8", 3, n))
                targets = (whole(kind, 2, 3, n) for kind in ("i1", "u1", "i2", "i4", "u8", "f2"))
                for view, target, weight in zip(laid_out(x), targets, weights, strict=True):
                    function(view, target, sample_weight=weight, return_grad=True)
                    function(x, view, sample_weight=weight[..., 0] if n else None, return_grad=True, out=x)
                    if name != "rmse_loss":
                        function(view, target, reduction="none", return_grad=True)
                if name == LOGITS:
                    function(x, view, pos_weight=shares("f4", n), return_grad=True)


def cross_entropy(f):
    for dtype in FLOATS:
        for shape in SHAPES:
            for axis in (1, 0):
                C, n = shape[axis], shape[1 - axis]
                if C == 0:
                    continue
                if (yield dtype, shape, axis):
                    continue
                x = shares(dtype, *shape)
                options = {"axis": axis, "return_grad": True, "from_logits": n % 2 == 0}
                f.cross_entropy(x, whole("i8", C, n), axis=axis)
                f.cross_entropy(x, whole("i8", C, n), out=np.empty(shape, dtype), **options)
                f.cross_entropy(x, shares(dtype, *shape), out=x, **options)
                if shape in FEW_SHAPES:
                    cross_entropy_layouts(f, dtype, shape, axis)
    f.cross_entropy(floats("f4", SHARED, 3), whole("i1", 3, SHARED), return_grad=True)


def cross_entropy_layouts(f, dtype, shape, axis):
    C, n = shape[axis], shape[1 - axis]
    kinds = ("i1", "u1", "i2", "i4", "u8", "i8")
    for x, q, kind in zip(laid_out(shares(dtype, *shape)), laid_out(shares("f4", *shape)), kinds, strict=True):
        options = {"axis": axis, "return_grad": True, "label_smoothing": 0.1, "class_weight": shares(dtype, C)}
        for from_logits in (True, False):
            for target in (whole(kind, C, n), whole("i8", C, 2 * n)[1::2], q):
                options |= {"from_logits": from_logits, "sample_weight": shares("f4", n)}
                f.cross_entropy(x, target, **options)
                f.cross_entropy(x, target, reduction="none", **options)
        f.cross_entropy(x, whole(kind, C, n), axis=axis, ignore_index=0, reduction="none")


def norms(f):
    for dtype in FLOATS:
        for shape in SHAPES:
            for axis in (1, 0):
                if (yield dtype, shape, axis):
                    continue
                x, dy, size = floats(dtype, *shape), floats(dtype, *shape), shape[axis]
                w, b = floats(dtype, size), floats(dtype, size)
                if size:
                    _, mean, rstd = f.layer_norm(x, w, b, axis=axis, out=np.empty(shape, dtype), return_stats=True)
                    f.layer_norm_backward(dy, x, mean, rstd, w, axis=axis)
                    _, root = f.rms_norm(x, w, axis=axis, return_stats=True)
                    f.rms_norm_backward(dy, x, root, w, axis=axis)
                batch_norms(f, x, dy, w, b, axis)
                if shape in FEW_SHAPES and min(shape):
                    for view, other in zip(laid_out(x), laid_out(dy), strict=True):
                        f.layer_norm(view, axis=axis, return_stats=True)
                        f.layer_norm_backward(other, view, mean, rstd, axis=axis)
                        f.rms_norm_backward(other, view, root, axis=axis)
                        batch_norms(f, view, other, w, b, axis)
        images = floats(dtype, 3, 5, 7, 3)
        for axis in range(4):
            if (yield dtype, images.shape, axis):
                continue
            C = images.shape[axis]
            batch_norms(f, images, floats(dtype, *images.shape), floats("f4", C), floats("f8", C), axis)
            f.layer_norm(images, axis=(0, axis) if axis else 0)
    f.layer_norm(floats("f4", SHARED, 3), axis=0)


def batch_norms(f, x, dy, w, b, axis):
    if x.size < 2 * w.size:  # a channel of one value has no variance
        return
    running = np.zeros_like(w), np.ones_like(w)
    _, mean, rstd = f.batch_norm(x, *running, w, b, training=True, axis=axis, return_stats=True)
    f.batch_norm(x, *running, w, b, axis=axis, out=np.empty(x.shape, x.dtype.newbyteorder("=")))
    f.batch_norm_backward(dy, x, mean, rstd, w, axis=axis)
    f.batch_norm_backward(dy, x, mean, rstd, training=False, axis=axis)


class Used:
    """fastml, and the names of it that were asked for."""

    def __init__(self, fastml):
        self.fastml, self.names = fastml, set()

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(self.fastml, name)


def run(families, log, one_in=1):
    """Make the calls of families with each instruction set, or of some cases; say how many, and what was called.

    Each case is written to the file `log` before it begins. The families are generators of cases: each makes its calls
    when it goes on, unless it is sent that it shall not.
    """
    import guard_cases_more

    import fastml
    from fastml import _fastml_runtime as runtime

    used, count, note = Used(fastml), 0, os.open(log, os.O_WRONLY | os.O_CREAT)
    for isa, family in itertools.product(runtime.available_isas(), families):
        runtime.use_isa(isa)
        calls = (getattr(guard_cases_more, family, None) or globals()[family])(used)
        with np.errstate(all="ignore"), contextlib.suppress(StopIteration):
            case = next(calls)
            while True:
                count += 1
                os.pwrite(note, f"{isa}, {family}, {case!r}".ljust(200).encode(), 0)
                case = calls.send(count % one_in != 0)
    return " ".join([str(count // one_in), *sorted(used.names)])
