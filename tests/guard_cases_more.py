"""The rest of guard_cases.py: what walks over parameters, rows of data, and images."""

from types import SimpleNamespace

import numpy as np
from augmentation_cases import DTYPES, MODES, filled
from guard_cases import FEW, FLOATS, LENGTHS, SHARED, floats, laid_out, shares, whole

COMPUTED = ("f4", "f8")
STORED = ("f2", "f4", "f8", "i1", "u1", "i2", "u4")


def steps(f):
    for dtype in COMPUTED:
        for n in (*LENGTHS, SHARED):
            if (yield dtype, n):
                continue
            p, g, m, v = (shares(dtype, n) for _ in range(4))
            f.sgd_step(p, g, 0.1)
            f.sgd_step(p, g, 0.1, velocity=v, momentum=0.9, nesterov=True, l1=0.1, l2=0.1)
            f.adam_step(p, g, m, v, 1, weight_decay=0.1)
        for n in FEW[1:]:
            if (yield dtype, n, "layouts"):
                continue
            for p, g, m, v in zip(*(laid_out(shares(dtype, 2, n)) for _ in range(4)), strict=True):
                if p.dtype.isnative:
                    f.sgd_step(p, shares("f2", 2, n), 0.1, velocity=v, momentum=0.9)
                    f.adam_step(p, g, m, v, 1)


def penalties_and_noise(f):
    for dtype in FLOATS:
        for n in LENGTHS + (SHARED,) * (dtype == "f4"):
            if (yield dtype, n):
                continue
            x, out = floats(dtype, n), floats(dtype, n)
            for penalty in (f.l1_penalty, f.l2_penalty):
                penalty(x, 0.1)
                penalty(x, 0.1, return_grad=True, accumulate=True, out=out)
            f.dropout(x, 0.3, rng=1, out=out)
            f.dropout_backward(x, 0.3, 1, out=x)
            f.gaussian_noise(x, 0.1, rng=1, out=x)
        for n in FEW:
            if (yield dtype, n, "layouts"):
                continue
            for x in laid_out(floats(dtype, 3, n)):
                out = floats(dtype, 3, n)
                f.l2_penalty(x, 0.1, return_grad=True, out=out)
                f.dropout(x, 0.3, rng=1, out=out)
                f.dropout_backward(x, 0.3, 1)
                f.gaussian_noise(x, 0.1, rng=1)


def dense(f):
    sizes = [(n, 3) for n in (*range(1, 18), 31, 33, 64, 65, 129, 257)] + [(5, d) for d in (*LENGTHS[1:71], 129, 785)]
    for x_dtype, dtype in [("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("u1", "f4"), ("i1", "f8"), ("f2", "f8")]:
        for n, d in sizes:
            for K in (1, 3) if n != 5 else (1, 4, 9, 17) if d in (1, 7, 16, 33) else (1, 4) if d < 40 else (1,):
                if (yield x_dtype, dtype, n, d, K):
                    continue
                passes(f, whole(x_dtype, 9, n, d) if x_dtype[0] in "iu" else floats(x_dtype, n, d), dtype, K)
    for x_dtype in STORED:
        for n, d in ((7, 5), (33, 17), (9, 65)):
            for view in laid_out(whole(x_dtype, 9, n, d)):
                if (yield x_dtype, n, d, view.strides):
                    continue
                passes(f, view, "f4", 1)
                passes(f, view, "f8", 3)
                passes(f, view[::-1], "f4", 3)


def passes(f, X, dtype, K):
    """Make each kind of pass over X; the numbers of w, y and the weights end where their memory does."""
    n, d = X.shape
    w, b = (floats(dtype, d) / 9, floats(dtype, 1)) if K == 1 else (floats(dtype, d, K) / 9, floats(dtype, K))
    y = whole(("i8", "u1", "i4")[n % 3] if K > 1 else ("i8", "u1", dtype)[n % 3], max(K, 2), n)
    f.predict_logistic(X, w, b)
    f.logistic_loss(X, y, w, b, sample_weight=shares("f4", n), return_grad=True)
    f.logistic_step(X, y, w, b, 0.01, l2=0.1)
    if K > 1:
        f.logistic_loss(X, whole("u1", 2, n, K), w, b, return_grad=True)
        f.predict_logistic(X, w)


def csr(X_dtype, index, counts, d):
    """Return rows of `counts` entries, the last one in the last column."""
    indptr = np.array([0, *np.cumsum(counts)], index)
    indices = np.array(sorted(whole(index, d, indptr[-1]), reverse=True), index)  # NumPy's sort ends Valgrind 3.19
    indices[-1:] = d - 1
    data = whole(X_dtype, 9, indptr[-1]) if X_dtype[0] in "iu" else floats(X_dtype, indptr[-1])
    keywords = {"data": data, "indices": indices, "indptr": indptr, "shape": (len(counts), d)}
    return SimpleNamespace(format="csr", tocsr=print, **keywords)


def sparse(f):
    rows = [*([k] for k in (*range(10), 15, 16, 17, 31, 33)), [8, 0, 3], [0] * 5, list(range(30)), [3, 700, 1]]
    types = [("f4", "i4", "f4"), ("f4", "i8", "f4"), ("f8", "i4", "f8"), ("f2", "i8", "f4"), ("u1", "i4", "f8")]
    for x_dtype, index, dtype in types:
        for counts in rows:
            for d, K in [(1, 1), (7, 1), (7, 2), (16, 3), (5, 9), (3, 17), (40, 35)]:
                if (yield x_dtype, index, dtype, counts, d, K):
                    continue
                passes(f, csr(x_dtype, index, counts, d), dtype, K)


def fits(f):
    problems = [(solver, n, d, K) for solver in ("lbfgs", "newton-cholesky", "proximal-newton", "sgd")
                for n, d, K in ((5, 1, 1), (17, 3, 1), (33, 17, 1), (40, 7, 3), (66, 65, 2))]  # fmt: skip
    for solver, n, d, K in problems:
        for x_dtype in ("f4", "u1", "f2"):
            if (yield solver, n, d, K, x_dtype):
                continue
            X, y = whole(x_dtype, 9, n, d), np.arange(n) % max(K, 2)
            keywords = {"solver": solver, "max_iter": 3, "l2": 0.1, "rng": 0, "sample_weight": shares("f8", n)}
            keywords |= {"l1": 0.05 * (solver == "proximal-newton")}
            shape = (d,) if K == 1 else (d, K)
            given = {"w": floats("f4", *shape), "b": floats("f4", *shape[1:])} if K > 1 else {}
            held_out = whole(x_dtype, 9, 5, d), np.arange(5) % max(K, 2)
            f.fit_logistic(X, y, validation_data=held_out, **given, **keywords)
            f.fit_logistic(np.asfortranarray(X), y, **keywords)
            f.fit_logistic(csr(x_dtype, "i4", [3] * n, d), y, **keywords)


def images(f):
    flips = np.array([[True, False], [True, True]])
    for dtype in DTYPES:
        often = dtype in ("u1", "<i2", "V3", "<f4", "V12")
        for width in (*range(1, 18), 31, 33, 65) if often else (1, 2, 3, 5, 17):
            for channels in ((), (3,), (4,)) if often else ((), (2,)):
                if (yield dtype, width, channels):
                    continue
                x = filled((2, 3, width, *channels), dtype, 0)
                f.random_flip(x, params=flips, out=np.empty_like(x))
                f.random_crop(x, (2, max(width - 1, 1)), rng=0)
                for mode in MODES:
                    padding = (1, min(width - 1, 3)) if mode == "reflect" else (1, 3)
                    f.random_crop(x, (4, width + 1), padding=padding, mode=mode, rng=0) if padding[1] else None
        for view in laid_out(filled((2, 3, 5, 7), "f4" if np.dtype(dtype).kind in "VSUb" else dtype, 0)):
            if (yield view.dtype, view.strides):
                continue
            f.random_flip(view, params=flips)
            f.random_crop(view, 3, rng=1, out=np.empty((2, 3, 3, 7), view.dtype))
