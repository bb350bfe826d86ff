"""Random data for the softmax family and the losses, as ``tools/accuracy.py`` measures them.

A generator yields samples: what was computed, the exact result of ``tests/reference.py``, the terms whose unit counts
where the docstring says so, and what others make of the same data. Losses are measured without reduction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import accuracy_peers as peers
import numpy as np
from accuracy_oracle import reference, ulp
from accuracy_seen import Array

import fastml

WIDTHS = (2, 3, 5, 8, 10, 16, 17, 33, 64, 100, 257, 1000, 5000, 50_000)
SCALES = (0.1, 1.0, 5.0, 20.0, 60.0)
LOGITS, PROBABILITIES = "binary_cross_entropy_with_logits", "binary_cross_entropy"
ALONE = {"reduction": "none", "return_grad": True}
Results = dict[str, Array]


@dataclass
class Sample:
    """One array of results; `others` computes theirs."""

    what: str
    result: Array
    exact: Array
    terms: tuple[Any, ...] = ()  # the unit is that of the largest
    others: Callable[[], Results] = dict

    def errors(self, result: Array) -> Array:
        """Return the errors of results, of these or of others."""
        if not self.terms:
            error: Array = ulp.ulp_error(result, self.exact)
        else:
            error = ulp.in_unit_of(result, self.exact, *(np.broadcast_to(t, result.shape) for t in self.terms))
        return error


def rows(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield the results for rows of every width, about n elements of each."""
    for C in WIDTHS:
        for scale in SCALES:
            shape = (max(1, n // (C * len(SCALES))), C)
            x = (scale * rng.standard_normal(shape) + rng.uniform(-9, 9, (shape[0], 1))).astype(dtype)
            if name == "entropy":  # of probabilities
                x = reference.softmax(x).astype(dtype)
            exact = getattr(reference, name)(ulp.wide(x))
            terms: tuple[Any, ...] = ()
            if name == "logsumexp":  # where the maximum and the rest cancel, the unit is the larger one's
                top = ulp.wide(np.max(x, axis=-1))
                terms = (top, exact - top)
            others = partial(peers.results, name, (x,))
            yield Sample(f"C={C} scale={scale:g}", getattr(fastml, name)(x), exact, terms, others)


def _torch_loss(name: str, place: int, x: Array, t: Array) -> Results:
    """Return torch's losses (place 0) or, by autograd, their derivatives (1)."""
    both = peers.torch_loss(name, x, t)
    return {"torch": both[place]} if both else {}


def losses(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield losses and their derivatives, for numbers, or for labels of 0 and 1."""
    x = (rng.standard_normal(n) * rng.choice([0.01, 1, 5, 20, 60], n)).astype(dtype)
    t = rng.standard_normal(n).astype(dtype)
    if name == PROBABILITIES:
        x = np.where(rng.random(n) < 0.3, 10 ** rng.uniform(-9, 0, n), rng.random(n))
        x = np.clip(x, 1e-3 if dtype == "float16" else 1e-6, 0.999).astype(dtype)  # 1 / x within float16
    if name in (LOGITS, PROBABILITIES):
        t = (rng.random(n) < 0.4).astype(dtype)
    results = getattr(fastml, name)(x, t, **ALONE)
    exact, slope = getattr(reference, name)(ulp.wide(x), ulp.wide(t), **ALONE)
    if name == PROBABILITIES:  # the oracle's two terms cancel where this one does not
        p, q = ulp.wide(x), ulp.wide(t)
        slope = (p - q) / (p * (1 - p))
    yield Sample("loss", results[0], exact, (), partial(_torch_loss, name, 0, x, t))
    yield Sample("derivative", results[1], slope, (), partial(_torch_loss, name, 1, x, t))


def cross_entropy(name: str, dtype: str, rng: np.random.Generator, n: int) -> Iterator[Sample]:
    """Yield losses and gradients of rows of every width, for classes; the gradient's terms are p and 1 at the class."""
    for C in WIDTHS[:-2]:  # the oracle has a C x C matrix
        for scale in SCALES:
            shape = (max(1, n // (C * len(SCALES))), C)
            x = (scale * rng.standard_normal(shape) + rng.uniform(-9, 9, (shape[0], 1))).astype(dtype)
            t = rng.integers(0, C, shape[0])
            results = getattr(fastml, name)(x, t, **ALONE)
            exact, slope = getattr(reference, name)(ulp.wide(x), t, **ALONE)
            size = np.maximum(reference.softmax(ulp.wide(x)), np.arange(C) == t[:, None])
            yield Sample(f"C={C} scale={scale:g} loss", results[0], exact, (), partial(_torch_loss, name, 0, x, t))
            others = partial(_torch_loss, name, 1, x, t)
            yield Sample(f"C={C} scale={scale:g} gradient", results[1], slope, (size,), others)
