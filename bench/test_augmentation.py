"""Random flips and crops of image batches; `out=` is given where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf, prod, sqrt
from typing import Any

import numpy as np

from bench.harness import Case, Inputs, as_arrays

ERRORS = 6  # standard errors


@dataclass(frozen=True)
class RandomCase(Case):
    """Every contender has draws of its own: its results must be flips or windows of the images, evenly drawn."""

    def error(self, got: Any, right: Any) -> float:
        """Return 0, or inf where an image is wrong or the draws are not fair."""
        (y,), x = as_arrays(got), right
        n, size = y.shape[:2]
        if self.function == "random_flip":
            flipped = (y[:, 0, 0] != x[:, 0, 0]).any(-1)
            same = (y == np.where(flipped[:, None, None, None], x[:, :, ::-1], x)).all()
            return 0.0 if same and abs(np.count_nonzero(flipped) - n / 2) < ERRORS * sqrt(n / 4) else inf
        padding = self.padding(x)
        images = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        places = y[:, size // 2, size // 2, :2].astype(int) - 1 - size // 2 + padding  # pixels say where they are
        most = images.shape[1] - size
        if places.min() < 0 or places.max() > most:
            return inf
        same = all(
            (y[i] == images[i, top : top + size, left : left + size]).all() for i, (top, left) in enumerate(places)
        )
        fair = abs(places.mean() - most / 2) < ERRORS * sqrt(most * (most + 2) / 12 / (2 * n))
        return 0.0 if same and fair else inf

    def padding(self, x: Any) -> int:
        """Return how far the windows reach beyond the images."""
        return int(self.make(np.random.default_rng(0)).kwargs.get("padding", 0)) if x.size else 0

    def agrees(self, error: float) -> bool:
        """Tell whether an error is none."""
        return error == 0


def make(shape: tuple[int, ...], dtype: str, size: int | None, padding: int, rng: np.random.Generator) -> Inputs:
    """Make images whose pixels say where they are: row and column, from 1, and a number of the image."""
    images = np.stack(np.broadcast_arrays(*np.ogrid[1 : shape[1] + 1, 1 : shape[2] + 1], 0), -1).astype(dtype)
    x = np.repeat(images[None], shape[0], 0)
    x[..., 2] = rng.integers(256, size=(shape[0], 1, 1))
    if size is None:
        return Inputs((x,), out=shape)
    return Inputs((x, size), {"padding": padding} if padding else {}, out=(shape[0], size, size, shape[3]))


def case(shape: tuple[int, ...], dtype: str, size: int | None = None, padding: int = 0, *, quick: bool = False) -> Case:
    """Describe one case: flips, or crops to `size`."""
    elements = prod(shape) if size is None else shape[0] * size * size * shape[3]
    text = "x".join(map(str, shape)) + (f", pad {padding}" if padding else "") + (f" to {size}" if size else "")
    return RandomCase(
        "random_crop" if size else "random_flip",
        text,
        dtype,
        partial(make, shape, dtype, size, padding),
        elements=elements,
        nbytes=2 * elements * np.dtype(dtype).itemsize,
        quick=quick,
        expected=lambda inputs: inputs.args[0],
    )


BIG, SMALL, FEW = (256, 224, 224, 3), (1024, 32, 32, 3), (64, 32, 32, 3)
CASES = [
    case(BIG, "uint8"),
    case(SMALL, "float32"),
    case(FEW, "uint8", quick=True),
    case(BIG, "uint8", 192),
    case(BIG, "uint8", 224, 16),
    case(SMALL, "float32", 28),
    case(SMALL, "float32", 32, 4),
    case(FEW, "uint8", 32, 4, quick=True),
]


def test_augmentation(timed_row: Any) -> None:
    """Check and time one contender."""
    timed_row()
