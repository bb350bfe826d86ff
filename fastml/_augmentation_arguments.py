"""Checks of the arguments of flips and crops; messages name the argument, what was expected and what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
import numpy.typing as npt

from fastml._arguments import as_array, check_out, integer, overlap, real

FILL_BYTES = 4096  # of padding are copied at once
MOST_PADDING = 1 << 60  # so that places in padded images are 64-bit integers
MODES = ("constant", "edge", "reflect")  # in the order that the binding knows

Array = npt.NDArray[Any]
Padding = SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]]


def image_batch(images: npt.ArrayLike) -> Array:
    """Return the images as an array of 3 or 4 axes whose items can be moved as bytes."""
    batch = as_array("images", images)
    if batch.dtype.hasobject:
        raise TypeError(f"images: expected a dtype of a fixed size, got {batch.dtype}")
    if batch.ndim not in (3, 4):
        raise ValueError(f"images: expected shape (N, H, W) or (N, H, W, C), got {batch.shape}")
    return batch


def destination(out: object, batch: Array, shape: tuple[int, ...]) -> Array:
    """Return where the result goes: `out`, checked, or an array whose axes lie in memory as those of the images."""
    if out is None:
        return np.empty_like(batch, shape=shape)
    check_out(out, shape, batch.dtype)
    assert isinstance(out, np.ndarray)
    if overlap(out, batch):
        raise ValueError("out: expected memory apart from images, got an overlap")
    return out


def probability(name: str, p: SupportsFloat) -> float:
    """Return p, if it is a number in [0, 1]."""
    number = real(name, p)
    if not 0 <= number <= 1:
        raise ValueError(f"{name}: expected a number in [0, 1], got {p}")
    return number


def _items(value: object) -> list[Any] | None:
    """Return what a sequence or array holds, or None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim:
        return list(value)
    return list(value) if isinstance(value, (tuple, list)) else None


def window(size: SupportsIndex | Sequence[SupportsIndex]) -> tuple[int, int]:
    """Return height and width."""
    parts = _items(size)
    if parts is None:
        number = integer("size", size, 1)  # type: ignore[arg-type]
        return number, number
    if len(parts) != 2:
        raise ValueError(f"size: expected an integer or (height, width), got {len(parts)} items")
    return integer("size", parts[0], 1), integer("size", parts[1], 1)


def pad_widths(padding: Padding) -> tuple[int, int, int, int]:
    """Return how many rows and columns are added: top, bottom, left, right."""
    widths = _pad_widths(padding)
    if max(widths) > MOST_PADDING:
        raise ValueError(f"padding: expected at most 2**60, got {max(widths)}")
    return widths


def _pad_widths(padding: Padding) -> tuple[int, int, int, int]:
    parts = _items(padding)
    if parts is None:
        return (integer("padding", padding, 0),) * 4  # type: ignore[arg-type]
    pairs = [pair for pair in map(_items, parts) if pair is not None]
    if len(pairs) == len(parts) == 2 and [len(pair) for pair in pairs] == [2, 2]:
        top, bottom, left, right = (integer("padding", width, 0) for pair in pairs for width in pair)
        return top, bottom, left, right
    if pairs or len(parts) not in (2, 4):
        expected = "an integer, 2 or 4 of them, or ((top, bottom), (left, right))"
        raise ValueError(f"padding: expected {expected}, got {padding!r:.60}")
    left, top, right, bottom = (integer("padding", width, 0) for width in (*parts, *parts)[:4])
    return top, bottom, left, right


def fill_pixels(fill: npt.ArrayLike, batch: Array, most: int) -> Array:
    """Return a pixel of the images' dtype, repeated as often as it is copied at once."""
    pixel = _fill_pixel(fill, batch)
    pixels = np.empty((max(1, min(most, FILL_BYTES // max(1, pixel.nbytes))), *pixel.shape), pixel.dtype)
    pixels[...] = pixel
    return pixels


def _fill_values(fill: Any, dtype: np.dtype[Any]) -> Array:
    try:
        if dtype.fields or (isinstance(fill, int) and dtype.kind in "iu"):
            return np.array(fill, dtype)
        if isinstance(fill, int) and dtype.kind in "fc":
            return np.array(float(fill))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"fill: expected a value of dtype {dtype}, got {fill!r:.60}") from None
    return as_array("fill", fill)


def _fill_pixel(fill: npt.ArrayLike, batch: Array) -> Array:
    shape, dtype = batch.shape[3:], batch.dtype
    given: object = fill
    if isinstance(given, int) and given == 0:
        return np.zeros(shape, dtype)
    values = _fill_values(fill, dtype)
    if values.shape not in ((), shape):
        channels = f" or {shape}" if shape else ""
        raise ValueError(f"fill: expected shape (){channels}, got {values.shape}")
    numbers = "biufc" if dtype.kind == "c" else "biuf" if dtype.kind in "biuf" else dtype.kind
    if values.dtype.kind not in numbers:
        raise TypeError(f"fill: expected a value of dtype {dtype}, got {fill!r:.60}")
    fitted = np.empty(values.shape, dtype)  # looked at as given: a pixel of no channels holds nothing of it
    with np.errstate(all="ignore"):
        fitted[...] = values.astype(dtype, casting="unsafe") if values.dtype.kind in "iufc" else values
        kept = dtype.kind not in "biuSU" or bool((fitted == values).all())
        finite = dtype.kind not in "fc" or bool((np.isfinite(fitted) >= np.isfinite(values)).all())
    if not (kept and finite):
        raise ValueError(f"fill: expected a value of dtype {dtype}, got {fill!r:.60}")
    return np.broadcast_to(fitted, shape)


def flips_of(params: npt.ArrayLike, n: int) -> npt.NDArray[np.bool_]:
    """Return flips that a caller gave, C-ordered."""
    array = as_array("params", params)
    if array.shape != (n, 2):
        raise ValueError(f"params: expected shape {(n, 2)}, got {array.shape}")
    if array.dtype != np.bool_:
        raise TypeError(f"params: expected dtype bool, got {array.dtype}")
    return np.array(array, order="C")  # of its own: what is written to out must not change it


def corners_of(params: npt.ArrayLike, n: int, least: tuple[int, int], most: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return corners of crops that a caller gave, C-ordered, if all of them are in the padded images."""
    array = as_array("params", params)
    if array.shape != (n, 2):
        raise ValueError(f"params: expected shape {(n, 2)}, got {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"params: expected integers, got dtype {array.dtype}")
    wrong = ((array < least) | (array > most)).any(axis=1)
    if wrong.any():
        image = int(wrong.argmax())
        came = tuple(array[image].tolist())
        raise ValueError(f"params: expected (top, left) from {least} to {most}, got {came} for image {image}")
    return np.array(array, np.int64, order="C")  # of its own, or writing to out could change what was checked
