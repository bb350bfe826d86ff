"""What flips and crops are, in NumPy, and batches of every dtype and layout to try them on."""

import numpy as np
from hypothesis import strategies as st

DTYPES = [
    "?",
    "i1",
    "u1",
    "<i2",
    ">i2",
    "f2",
    "<f4",
    ">f4",
    "f8",
    "c8",
    "c16",
    "g",
    "G",
    "S5",
    "U3",
    "<M8[s]",
    ">m8[us]",
]
DTYPES += ["V3", "V7", "V12", "V33", [("class", "u1"), ("score", ">f4")], [("box", "i2", (4,))]]
MODES = ("constant", "edge", "reflect")


def flip(images, params):
    """Each image alone, by slices."""
    steps = {False: 1, True: -1}
    pairs = zip(images, params, strict=True)
    return stack([image[:: steps[bool(down)], :: steps[bool(across)]] for image, (across, down) in pairs], images)


def crop(images, size, padding, mode, fill, params):
    """Each image alone, by numpy.pad and slices; `padding` is ((top, bottom), (left, right))."""
    (top, bottom), (left, right) = padding
    crops = []
    for image, (i, j) in zip(images, params, strict=True):
        height, width = image.shape[:2]
        if mode == "constant":  # numpy.pad knows neither a fill for each channel nor one for every dtype
            padded = np.empty((height + top + bottom, width + left + right, *image.shape[2:]), image.dtype)
            padded[...] = fill
            padded[top : top + height, left : left + width] = image
        else:
            padded = np.pad(image, [*padding, *[(0, 0)] * (image.ndim - 2)], mode=mode)
        crops.append(padded[top + i : top + i + size[0], left + j : left + j + size[1]])
    return stack(crops, images, size)


def stack(results, images, size=None):
    """Make a batch of the results, an empty one too."""
    shape = (len(images), *(size or images.shape[1:3]), *images.shape[3:])
    return np.array(results, images.dtype).reshape(shape) if results else np.empty(shape, images.dtype)


def content(array):
    """The bytes of an array, in C order."""
    return array.shape, array.dtype, array.tobytes()


def unaligned_copy(x):
    buffer = np.zeros(x.nbytes + 1, np.uint8)[1:]
    y = np.ndarray(x.shape, x.dtype, buffer) if x.nbytes else x.copy()
    y[...] = x
    return y


def read_only_copy(x):
    y = x.copy()
    y.flags.writeable = False
    return y


LAYOUTS = {
    "C": lambda x: x,
    "F": np.asfortranarray,
    "backwards": lambda x: x[::-1, ::-1, ::-1],
    "every other": lambda x: np.repeat(np.repeat(x, 2, 1), 2, 2)[:, ::2, ::2],
    "columns first": lambda x: x.swapaxes(1, 2).copy().swapaxes(1, 2),
    "channels first": lambda x: np.moveaxis(np.moveaxis(x, -1, 1).copy(), 1, -1),
    "inside": lambda x: np.pad(x, [(1, 1)] * x.ndim, mode="edge")[(slice(1, -1),) * x.ndim] if x.size else x,
    "one for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "unaligned": unaligned_copy,
    "read-only": read_only_copy,
}


def filled(shape, dtype, seed):
    """Draw items that are all valid, and for most dtypes all different."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "SU":
        return rng.integers(0, 1000, shape).astype(str).astype(dtype)
    if dtype.kind == "V":
        return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
    return (rng.integers(-100, 100, shape) % (256 if dtype.kind == "u" else 1000)).astype(dtype)


@st.composite
def batches(draw):
    """Batches of images, up to 5 of them, of any dtype and layout."""
    shape = tuple(draw(st.integers(least, most)) for least, most in ((0, 5), (1, 9), (1, 40), (0, 6)))
    shape = shape[: draw(st.sampled_from([3, 4, 4]))]
    x = filled(shape, draw(st.sampled_from(DTYPES)), draw(st.integers(0, 9)))
    return LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](x)


@st.composite
def crops(draw):
    """A batch, a padding and a size that fits."""
    images = draw(batches())
    padding = tuple(tuple(draw(st.sampled_from([0, 0, 1, 3, 20])) for _ in range(2)) for _ in range(2))
    size = tuple(
        draw(st.integers(1, length + sum(pair))) for length, pair in zip(images.shape[1:3], padding, strict=True)
    )
    return images, size, padding
