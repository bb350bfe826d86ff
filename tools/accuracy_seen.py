"""What a sweep has seen: the worst error and its input, the distribution, and the worst of others on the same inputs.

Partial sweeps add up, and go to JSON and back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Bins of the histogram: 64 to an octave, an error in (low, high]; the first and the last one are open.
LOWEST, HIGHEST, MANTISSA_BITS = -8, 16, 6
SHIFT = np.finfo(np.float32).nmant - MANTISSA_BITS
BINS = (HIGHEST - LOWEST << MANTISSA_BITS) + 1


def bins_of(error: Array) -> Array:
    """Return the bin of every error: the leading bits of its float32, less one so that powers of two end a bin."""
    leading = (error.astype(np.float32).view(np.int32) - 1) >> SHIFT
    first = (int(np.float32(2.0**LOWEST).view(np.int32)) - 1) >> SHIFT
    inside: Array = np.clip(leading - first, 0, BINS - 1)
    return inside


def upper_ends() -> Array:
    """Return the largest error of every bin but the last."""
    steps = np.arange(BINS - 1)
    ends: Array = 2.0 ** (LOWEST + (steps >> MANTISSA_BITS)) * (1 + (steps % 2**MANTISSA_BITS) / 2**MANTISSA_BITS)
    return ends


@dataclass
class Histogram:
    """How many errors were how large."""

    counts: Array = field(default_factory=lambda: np.zeros(BINS, np.int64))
    total: float = 0.0  # of the errors

    def count(self, error: Array) -> None:
        """Count an array of errors."""
        self.counts += np.bincount(bins_of(error.ravel()), minlength=BINS)
        self.total += float(np.sum(error))

    def add(self, other: Histogram) -> None:
        """Take in another one."""
        self.counts = self.counts + other.counts
        self.total += other.total

    @property
    def points(self) -> int:
        """How many errors were counted."""
        return int(np.sum(self.counts))

    def mean(self) -> float:
        """Return the mean of the errors."""
        return self.total / self.points

    def quantile(self, share: float) -> float:
        """Return what that share of the errors does not exceed: the end of a bin, up to 1.6 % too much."""
        place = int(np.searchsorted(np.cumsum(self.counts), share * self.points))
        return float(upper_ends()[place]) if place < BINS - 1 else float("inf")

    def above(self, limit: float) -> float:
        """Return the share of errors that exceed a limit, which must be the end of a bin."""
        last = int(np.flatnonzero(upper_ends() == limit)[0])
        return float(np.sum(self.counts[last + 1 :]) / self.points)

    def packed(self) -> dict[str, Any]:
        """Return the bins that are not empty."""
        filled = np.flatnonzero(self.counts)
        return {"bins": filled.tolist(), "counts": self.counts[filled].tolist(), "total": self.total}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Histogram:
        """Undo `packed`."""
        histogram = cls(total=packed["total"])
        histogram.counts[packed["bins"]] = packed["counts"]
        return histogram


@dataclass
class Worst:
    """An error in ULP and the input that has it."""

    error: float = -1.0
    witness: str = ""

    def meet(self, error: float, witness: str) -> None:
        """Remember the larger one."""
        if error > self.error:
            self.error, self.witness = error, witness


@dataclass
class Peer(Worst):
    """The worst of another library, and that of the inputs which the histogram counts."""

    central: float = -1.0

    def add(self, other: Peer) -> None:
        """Take in what another sweep saw."""
        self.meet(other.error, other.witness)
        self.central = max(self.central, other.central)


@dataclass
class Seen(Worst):
    """The worst of a sweep, and what else was counted."""

    points: int = 0
    misrounded: int = 0  # results that are not the nearest number
    backward: int = 0  # decreases from one input to the next
    deepest: int = 0  # the largest of them, in ULP
    histogram: Histogram = field(default_factory=Histogram)
    others: dict[str, Peer] = field(default_factory=dict)  # of NumPy, SciPy, torch

    def add(self, other: Seen) -> None:
        """Take in what another sweep saw."""
        self.meet(other.error, other.witness)
        self.points += other.points
        self.misrounded += other.misrounded
        self.backward += other.backward
        self.deepest = max(self.deepest, other.deepest)
        self.histogram.add(other.histogram)
        for name, peer in other.others.items():
            self.others.setdefault(name, Peer()).add(peer)

    def packed(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        others = {name: vars(peer).copy() for name, peer in self.others.items()}
        return vars(self) | {"histogram": self.histogram.packed(), "others": others}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Seen:
        """Undo `packed`."""
        others = {name: Peer(**peer) for name, peer in packed["others"].items()}
        return cls(**packed | {"histogram": Histogram.unpacked(packed["histogram"]), "others": others})


def hexadecimal(x: float) -> str:
    """Return x as C writes it, without idle zeros."""
    return re.sub(r"\.?0+p", "p", float(x).hex()) if np.isfinite(x) and x else str(float(x))


def worst_of(error: Array, inputs: tuple[Array, ...]) -> Worst:
    """Return the largest error; its witness is one hexadecimal number for each input."""
    place = int(np.argmax(error))
    return Worst(float(error[place]), ", ".join(hexadecimal(x[place]) for x in inputs))
