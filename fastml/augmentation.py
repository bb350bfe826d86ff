"""Augmentation of image batches: random flips and crops, an independent draw for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, SupportsFloat, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from fastml._arguments import generator
from fastml._augmentation_arguments import (
    MODES,
    Array,
    Padding,
    corners_of,
    destination,
    fill_pixels,
    flips_of,
    image_batch,
    pad_widths,
    probability,
    window,
)
from fastml._random import crop_images, flip_images

__all__ = ["random_crop", "random_flip"]

DRAWN_AT_ONCE = 8192  # images: so that draws need no memory beside the result

if TYPE_CHECKING:  # importing numpy.random takes a fifth of what importing NumPy does
    _Rng = SupportsIndex | np.random.Generator | None
_Flips = npt.NDArray[np.bool_]
_Corners = npt.NDArray[np.int64]


@overload
def random_flip(
    images: npt.ArrayLike,
    *,
    horizontal: SupportsFloat = 0.5,
    vertical: SupportsFloat = 0.0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: Literal[False] = False,
) -> Array: ...
@overload
def random_flip(
    images: npt.ArrayLike,
    *,
    horizontal: SupportsFloat = 0.5,
    vertical: SupportsFloat = 0.0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: Literal[True],
) -> tuple[Array, _Flips]: ...
def random_flip(
    images: npt.ArrayLike,
    *,
    horizontal: SupportsFloat = 0.5,
    vertical: SupportsFloat = 0.0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: bool = False,
) -> Array | tuple[Array, _Flips]:
    """Return images, each of them flipped left to right and upside down by draws of its own.

    Parameters
    ----------
    images : array_like of any dtype but object, shape (N, H, W, C) or (N, H, W)
        Any layout and byte order. Items are only moved, never converted.
    horizontal, vertical : float, default 0.5 and 0.0
        The probabilities, in [0, 1], that an image's columns are reversed, and its rows.
    rng : None, int or numpy.random.Generator
        Where the draws come from: the operating system, a seed, or a Generator.
    params : array_like of bool, shape (N, 2), optional
        What a call with ``return_params=True`` returned: its flips are repeated, on masks or on other views of the same
        images. Nothing is drawn then; the probabilities and `rng` are only checked.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `images`, in memory apart from them.
    return_params : bool, default False
        Return the draws as well.

    Returns
    -------
    flipped : ndarray
        The shape and dtype of `images`.
    params : ndarray of bool, shape (N, 2)
        Only if `return_params`: whether each image is flipped left to right, and whether upside down.

    Raises
    ------
    TypeError
        `images` has a dtype of objects or strings without a fixed size, a probability is no number, `rng` none of
        those, `params` not of bool, or `out` has another dtype.
    ValueError
        `images` has not 3 or 4 axes, a probability is not in [0, 1], `rng` is negative, `params` or `out` has another
        shape, or `out` overlaps `images`.

    Notes
    -----
    What is drawn are ``numpy.random.default_rng(rng).random((N, 2))``, in C order; image ``i`` is flipped left to right
    where ``[i, 0]`` is less than `horizontal`, and upside down where ``[i, 1]`` is less than `vertical`. So what a
    small probability flips, a larger one flips too, and memory layout and number of threads do not matter.

    A box (x0, y0, x1, y1) in an image that is flipped left to right becomes (W - x1, y0, W - x0, y1).

    Examples
    --------
    >>> import numpy as np, fastml
    >>> images = np.arange(12).reshape(3, 2, 2)
    >>> flipped, params = fastml.random_flip(images, rng=0, return_params=True)
    >>> flipped[0].tolist(), flipped[1].tolist()
    ([[0, 1], [2, 3]], [[5, 4], [7, 6]])
    >>> params.tolist()
    [[False, False], [True, False], [False, False]]
    >>> masks = fastml.random_flip(images > 6, params=params)
    >>> bool((masks == (flipped > 6)).all())
    True
    """
    batch = image_batch(images)
    rates = np.array([probability("horizontal", horizontal), probability("vertical", vertical)])
    flips = None if params is None else flips_of(params, len(batch))
    source = generator(rng)
    result = destination(out, batch, batch.shape)
    if flips is None:
        flips = np.empty((len(batch), 2), np.bool_)
        for start in range(0, len(batch), DRAWN_AT_ONCE):
            some = flips[start : start + DRAWN_AT_ONCE]
            np.less(source.random(some.shape), rates, out=some)
    flip_images(batch, flips, result)
    return (result, flips) if return_params else result


@overload
def random_crop(
    images: npt.ArrayLike,
    size: SupportsIndex | Sequence[SupportsIndex],
    *,
    padding: Padding = 0,
    mode: Literal["constant", "edge", "reflect"] = "constant",
    fill: npt.ArrayLike = 0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: Literal[False] = False,
) -> Array: ...
@overload
def random_crop(
    images: npt.ArrayLike,
    size: SupportsIndex | Sequence[SupportsIndex],
    *,
    padding: Padding = 0,
    mode: Literal["constant", "edge", "reflect"] = "constant",
    fill: npt.ArrayLike = 0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: Literal[True],
) -> tuple[Array, _Corners]: ...
def random_crop(
    images: npt.ArrayLike,
    size: SupportsIndex | Sequence[SupportsIndex],
    *,
    padding: Padding = 0,
    mode: Literal["constant", "edge", "reflect"] = "constant",
    fill: npt.ArrayLike = 0,
    rng: _Rng = None,
    params: npt.ArrayLike | None = None,
    out: Array | None = None,
    return_params: bool = False,
) -> Array | tuple[Array, _Corners]:
    """Return a window of each image, at a place of its own, drawn evenly from all that fit into the padded image.

    Parameters
    ----------
    images : array_like of any dtype but object, shape (N, H, W, C) or (N, H, W)
        Any layout and byte order. Items are only moved, never converted.
    size : int or (int, int)
        The height and width of the result.
    padding : int, sequence of 2 or 4 ints, or ((int, int), (int, int)), default 0
        How far the windows may reach beyond an image. One number is for all sides. Flat sequences are those of
        torchvision: (left and right, top and bottom), or (left, top, right, bottom). A pair of pairs is that of
        `numpy.pad`: ((top, bottom), (left, right)).
    mode : {"constant", "edge", "reflect"}, default "constant"
        What is there, as `numpy.pad` has it: `fill`, the nearest pixel, or the image reflected at its outermost pixels.
        No padded image is made.
    fill : scalar or array_like of shape (C,), default 0
        The pixel of constant padding; 0 is what `numpy.zeros` has, in any dtype.
    rng : None, int or numpy.random.Generator
        Where the draws come from: the operating system, a seed, or a Generator.
    params : array_like of int, shape (N, 2), optional
        What a call with ``return_params=True`` returned: its windows are taken again, of masks or of other views of the
        same images. Nothing is drawn then; `rng` is only checked.
    out : ndarray, optional
        Where the result goes: its shape, the dtype of `images`, in memory apart from them.
    return_params : bool, default False
        Return the draws as well.

    Returns
    -------
    crops : ndarray, shape (N, height, width, C) or (N, height, width)
        The dtype of `images`.
    params : ndarray of int64, shape (N, 2)
        Only if `return_params`: (top, left), the row and column of each image at which its window begins; negative in
        the padding.

    Raises
    ------
    TypeError
        `images` has a dtype of objects or strings without a fixed size, `size` or `padding` no integers, `fill` another
        dtype's value, `rng` is none of those, `params` has no integers, or `out` has another dtype.
    ValueError
        `images` has not 3 or 4 axes, `size` is not positive or larger than the padded image, `padding` negative, `mode`
        unknown or in need of a pixel where there is none, `fill` not of shape () or (C,) or beyond the dtype, `rng`
        negative, `params` of another shape or outside the padded image, or `out` of another shape, or it overlaps
        `images`.

    Notes
    -----
    What is drawn, from ``g = numpy.random.default_rng(rng)``, are N rows and then N columns of the padded images: with
    it H' by W' large, ``g.integers(H' - height + 1, size=N)`` and ``g.integers(W' - width + 1, size=N)``. Memory layout
    and number of threads do not matter.

    A box (x0, y0, x1, y1) in an image becomes (x0 - left, y0 - top, x1 - left, y1 - top) in its crop.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> images = np.arange(1, 10).reshape(1, 3, 3)
    >>> crops, params = fastml.random_crop(images, 3, padding=1, rng=2, return_params=True)
    >>> crops[0]
    array([[0, 4, 5],
           [0, 7, 8],
           [0, 0, 0]])
    >>> params
    array([[ 1, -1]])
    >>> fastml.random_crop(images, 3, padding=1, mode="reflect", params=params)[0]
    array([[5, 4, 5],
           [8, 7, 8],
           [5, 4, 5]])
    """
    batch = image_batch(images)
    height, width = window(size)
    top, bottom, left, right = pad_widths(padding)
    rows, columns = (batch.shape[1] + top + bottom - height, batch.shape[2] + left + right - width)
    if rows < 0 or columns < 0:
        inside = (height + rows, width + columns)
        raise ValueError(f"size: expected at most {inside}, the size of the padded images, got {(height, width)}")
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode: expected 'constant', 'edge' or 'reflect', got {mode!r:.60}")
    if mode != "constant" and 0 in batch.shape[1:3]:
        raise ValueError(f"mode: expected 'constant' for images without pixels, got {mode!r}")
    pixels = fill_pixels(fill, batch, width)
    corners = None if params is None else corners_of(params, len(batch), (-top, -left), (rows - top, columns - left))
    source = generator(rng)
    result = destination(out, batch, (len(batch), height, width, *batch.shape[3:]))
    if corners is None:
        corners = np.empty((len(batch), 2), np.int64)
        for k, (start, places) in enumerate(((-top, rows + 1), (-left, columns + 1))):
            for first in range(0, len(batch), DRAWN_AT_ONCE):
                some = corners[first : first + DRAWN_AT_ONCE, k]
                np.add(source.integers(places, size=len(some)), start, out=some)
    crop_images(batch, corners, MODES.index(mode), pixels, result)
    return (result, corners) if return_params else result
