"""Random data for norms, dropout, penalties and optimizer steps, as ``tools/accuracy.py`` measures them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import accuracy_peers as peers
import numpy as np
from accuracy_oracle import reference, ulp
from accuracy_rows import Sample
from accuracy_seen import Array

import fastml

WIDTHS = (2, 3, 10, 16, 17, 64, 128, 513, 2049, 5000)
LR, MOMENTUM, L1, L2 = 0.125, 0.875, 0.5, 0.25  # exact in binary, so that the oracle means the same
ADAM = {"lr": 2.0**-7, "beta1": 0.875, "beta2": 1 - 2.0**-8, "eps": 2.0**-20, "weight_decay": 0.25}


def _rows(rng: np.random.Generator, dtype: str, C: int, n: int) -> Array:
    """Return rows of several sizes, whose means are zero or not."""
    count = max(4, n // C)
    scale = np.resize([1.0, 2.0, 0.01, 30.0], count)[:, None]
    x = rng.standard_normal((count, C)) * scale + np.resize([0.0, 3.0, -7.0], count)[:, None]
    rows: Array = x.astype(dtype)
    return rows


def norms(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield layer_norm, rms_norm, or batch_norm in training, of rows (columns) of every width, with weight and bias."""
    for C in WIDTHS:
        x = _rows(rng, dtype, C, n)
        over, channels = (-1, C) if name != "batch_norm" else (0, len(x))
        x = x if name != "batch_norm" else np.ascontiguousarray(x.T)
        w, b = rng.standard_normal((2, channels)).astype(dtype)
        call = {"layer_norm": (w, b), "rms_norm": (w,), "batch_norm": (None, None, w, b)}[name]
        options = {"training": True} if name == "batch_norm" else {}
        result = getattr(fastml, name)(x, *call, **options)
        near = ulp.wide(x)
        if name != "rms_norm":  # exact where the mean is large: longdouble itself would lose there
            near = near - np.take(near, [0], axis=over)
        exact = getattr(reference, name)(near, *(None if v is None else ulp.wide(v) for v in call), **options)
        terms: tuple[Any, ...] = ()
        if name != "rms_norm":
            plain = getattr(reference, name)(near, **options)
            terms = (np.max(np.abs(plain), axis=over, keepdims=True) * np.abs(ulp.wide(w)), ulp.wide(b))
        yield Sample(f"C={C}", result, exact, terms, partial(peers.norm, name, x, w, b))


def norms_backward(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield the gradients; the unit is that of the sum of the absolute values of what is added up."""
    forward = name.removesuffix("_backward")
    kind = ulp.wide(np.zeros(0, dtype)).dtype
    for C in WIDTHS:
        x = _rows(rng, dtype, C, n)
        batch = forward == "batch_norm"
        x = np.ascontiguousarray(x.T) if batch else x
        dy, w = rng.standard_normal(x.shape).astype(dtype), rng.standard_normal(x.shape[1:]).astype(dtype)
        options = {"training": True} if batch else {}
        stats = getattr(fastml, forward)(x, **options, return_stats=True)[1:]
        results = getattr(fastml, name)(dy, x, *stats, w)
        wide = [np.asarray(a).astype(kind) for a in (dy, x, *stats, w)]
        exact = getattr(reference, name)(*wide)
        rstd, mean = wide[-2], wide[2] if len(stats) == 2 else 0.0
        over = 0 if batch else -1
        h, g = (wide[1] - mean) * rstd, np.abs(wide[0] * wide[-1])
        sizes = g + np.abs(h) * np.mean(np.abs(g * h), axis=over, keepdims=True)
        if len(stats) == 2:
            sizes = sizes + np.mean(g, axis=over, keepdims=True)
        units = [rstd * sizes, np.sum(np.abs(wide[0] * h), axis=0), np.sum(np.abs(wide[0]), axis=0)]
        theirs = partial(peers.norm_backward, name, dy, x, stats, w)
        for place, what in enumerate(("dx", "dweight", "dbias")[: len(results)]):
            others = partial(lambda theirs, k: {peer: r[k] for peer, r in theirs().items()}, theirs, place)
            yield Sample(f"C={C} {what}", results[place], exact[place], (units[place],), others)


def dropout(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield what is kept of numbers of every size, for several rates."""
    for p in (0.1, 0.25, 0.5, 0.9):
        x = (rng.standard_normal(n) * rng.choice([1e-6, 0.01, 1, 50], n)).astype(dtype)
        y, key = fastml.dropout(x, p, rng=7, return_key=True)
        result = y if name == "dropout" else fastml.dropout_backward(x, p, key)
        one = ulp.wide(x).dtype.type(1)
        exact = np.where(fastml.dropout_backward(np.ones(n), p, key) > 0, ulp.wide(x) / (one - one * p), 0)
        yield Sample(f"p={p}", result, exact)


def soft_threshold(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield differences of numbers of every size."""
    x = (rng.standard_normal(n) * rng.choice([1e-6, 0.01, 1, 50], n)).astype(dtype)
    t = np.abs(rng.standard_normal(n) * rng.choice([1e-6, 0.01, 1, 50], n)).astype(dtype)
    yield Sample("", fastml.soft_threshold(x, t), reference.soft_threshold(ulp.wide(x), ulp.wide(t)))


def penalties(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield the gradients."""
    w = (rng.standard_normal(n) * rng.choice([0, 1e-3, 1, 50], n)).astype(dtype)
    result = getattr(fastml, name)(w, 0.34375, return_grad=True)[1]
    yield Sample("gradient", result, getattr(reference, name)(ulp.wide(w), 0.34375, return_grad=True)[1])


def _state(rng: np.random.Generator, dtype: str, n: int) -> list[Array]:
    """Return param, grad and two state arrays, the second not negative."""
    arrays = [(rng.standard_normal(n) * rng.choice([1e-6, 0.01, 1, 50], n)).astype(dtype) for _ in range(4)]
    return [*arrays[:3], np.abs(arrays[3])]


def sgd_step(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield the new velocity, and the new param given it, with momentum and both penalties."""
    param, grad, velocity, _ = _state(rng, dtype, n)
    p, v = param.copy(), velocity.copy()
    fastml.sgd_step(p, grad, LR, momentum=MOMENTUM, velocity=v, l1=L1, l2=L2)
    w, g, old = map(ulp.wide, (param, grad, velocity))
    added = (g, MOMENTUM * old, L1 * np.sign(w), 2 * L2 * w)
    exact = reference.sgd_step(w, g, LR, momentum=MOMENTUM, velocity=old, l1=L1, l2=L2)[1]
    yield Sample("velocity", v, exact, added)
    yield Sample("param", p, w - LR * ulp.wide(v), (w, LR * ulp.wide(v), *(LR * term for term in added)))


def adam_step(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield the new m and v."""
    arrays = _state(rng, dtype, n)
    p, m, v = (arrays[k].copy() for k in (0, 2, 3))
    fastml.adam_step(p, arrays[1], m, v, 3, **ADAM)
    w, g, old_m, old_v = map(ulp.wide, arrays)
    exact = reference.adam_step(w, g, old_m, old_v, 3, **ADAM)
    for what, new, right, old, power, beta in (
        ("m", m, exact[1], old_m, g, ADAM["beta1"]),
        ("v", v, exact[2], old_v, g * g, ADAM["beta2"]),
    ):
        yield Sample(what, new, right, (beta * old, (1 - beta) * power))
