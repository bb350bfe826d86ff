"""Flips and crops of image batches: how each library makes an independent draw for each image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from bench.builders import Builder
from bench.harness import SEED, Inputs, Run

Array = Any


def seeded(name: str) -> Builder:
    """Call `name` with a generator that goes on, and a buffer for its result."""

    def build(inputs: Inputs) -> Run:
        buffers = {"rng": np.random.default_rng(SEED)} | inputs.buffers()
        return partial(resolve_name(name), *inputs.args, **inputs.kwargs, **buffers)

    return build


def corners(x: Array, size: int, padding: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw where the windows begin in the padded images."""
    rows, columns = (length + 2 * padding - size + 1 for length in x.shape[1:3])
    return rng.integers(rows, size=len(x)), rng.integers(columns, size=len(x))


def padded(x: Array, padding: int) -> Array:
    """Make the padded images."""
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0))) if padding else x


def flip_loop(x: Array, rng: np.random.Generator, out: Array) -> Array:
    """Flip as one writes it down: image by image."""
    for i, flipped in enumerate(rng.random(len(x)) < 0.5):
        out[i] = x[i, :, ::-1] if flipped else x[i]
    return out


def flip_indexed(x: Array, rng: np.random.Generator, out: Array) -> Array:
    """Flip all at once: copy, then index."""
    flipped = rng.random(len(x)) < 0.5
    np.copyto(out, x)
    out[flipped] = x[flipped, :, ::-1]
    return out


def crop_loop(x: Array, size: int, rng: np.random.Generator, out: Array, padding: int = 0) -> Array:
    """Crop as one writes it down: image by image."""
    images = padded(x, padding)
    for i, (top, left) in enumerate(zip(*corners(x, size, padding, rng), strict=True)):
        out[i] = images[i, top : top + size, left : left + size]
    return out


def crop_indexed(x: Array, size: int, rng: np.random.Generator, out: Array, padding: int = 0) -> Array:
    """Crop all at once: choose from all windows."""
    images = padded(x, padding)
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    top, left = corners(x, size, padding, rng)
    np.copyto(out, windows[np.arange(len(x)), top, left].transpose(0, 2, 3, 1))
    return out


def torch_flip(inputs: Inputs) -> Run:
    """Flip all at once and choose."""
    torch = import_module("torch")
    x, out = torch.from_numpy(inputs.args[0]), torch.from_numpy(inputs.buffers()["out"])

    def run() -> Array:
        flipped = torch.rand(len(x), 1, 1, 1) < 0.5
        return torch.where(flipped, x.flip(2), x, out=out)

    return run


def torch_crop(inputs: Inputs) -> Run:
    """Crop by indices of images, rows and columns."""
    torch = import_module("torch")
    x, size, padding = torch.from_numpy(inputs.args[0]), inputs.args[1], inputs.kwargs.get("padding", 0)
    n, window = torch.arange(len(x))[:, None, None], torch.arange(size)

    def run() -> Array:
        images = torch.nn.functional.pad(x, (0, 0, padding, padding, padding, padding)) if padding else x
        top = torch.randint(images.shape[1] - size + 1, (len(x), 1)) + window
        left = torch.randint(images.shape[2] - size + 1, (len(x), 1)) + window
        return images[n, top[:, :, None], left[:, None, :]]

    return run


def albumentations(inputs: Inputs) -> Run:
    """Call it image by image: for a batch it would draw once."""
    library: Any = import_module("albumentations")
    x, out = inputs.args[0], inputs.buffers()["out"]
    if len(inputs.args) == 1:
        transform = library.HorizontalFlip(p=0.5)
    else:
        crop = library.RandomCrop(inputs.args[1], inputs.args[1])
        padding = inputs.kwargs.get("padding", 0)
        transform = library.Compose([library.Pad(padding), crop]) if padding else crop

    def run() -> Array:
        for i, image in enumerate(x):
            out[i] = transform(image=image)["image"]
        return out

    return run


def copy(inputs: Inputs) -> Run:
    """Copy as many bytes as the result has, on as many threads as fastml."""
    out = inputs.buffers()["out"]
    source, threads = np.ones_like(out), import_module("fastml").get_num_threads()
    if threads == 1:
        return partial(np.copyto, out, source)
    parts = [np.array_split(array, threads) for array in (out, source)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(np.copyto, *parts))


CONTENDERS: dict[str, dict[str, Builder]] = {
    "random_flip": {
        "fastml": seeded("fastml:random_flip"),
        "numpy": seeded("bench.builders_augmentation:flip_loop"),
        "numpy out=": seeded("bench.builders_augmentation:flip_indexed"),
        "torch": torch_flip,
        "albumentations": albumentations,
    },
    "random_crop": {
        "fastml": seeded("fastml:random_crop"),
        "numpy": seeded("bench.builders_augmentation:crop_loop"),
        "numpy out=": seeded("bench.builders_augmentation:crop_indexed"),
        "torch": torch_crop,
        "albumentations": albumentations,
    },
}
