"""A trained model, and the .npz file that keeps it."""

import os
import secrets
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

import fastml
from fastml.cli.arrays import read_npz
from fastml.cli.errors import CommandError
from fastml.cli.preparing import standardize
from fastml.cli.table import is_printable

__all__ = ["Model", "check_writable", "is_same_file", "load", "save"]

FORMAT_VERSION = 1
NAMES = ("format_version", "w", "b", "mean", "scale", "classes", "features", "target")


@dataclass(frozen=True)
class Model:
    """A logistic (two classes) or softmax regression on standardized features.

    Attributes
    ----------
    w : ndarray of float32, shape (d,) for two classes, else (d, K)
    b : ndarray of float32, shape () for two classes, else (K,)
    mean, scale : ndarray of float64, shape (d,)
        What was subtracted from the features, and what they were divided by.
    classes : tuple of str
        The K names; for two classes the probability is that of the second.
    features : tuple of str
        The d names; empty when the data had none.
    target : str
        The name of the column or array that held the labels.
    """

    w: NDArray[np.float32]
    b: NDArray[np.float32]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    target: str

    def predict(self, X: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the index of the likeliest class of each row of unscaled features, and its probability.

        Raises
        ------
        CommandError
            When a value is too large.
        """
        return classify(standardize(X, np.arange(len(X)), self.mean, self.scale), self.w, self.b)


def classify(
    X: NDArray[np.float32], w: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the index of the likeliest class of each row of standardized features, and its probability.

    Raises
    ------
    CommandError
        When the features are so large that a probability is not a number.
    """
    p = np.asarray(fastml.predict_logistic(X, w, b))
    if not np.isfinite(p).all():
        row = int(np.argmin(np.isfinite(p).reshape(len(p), -1).all(axis=1)))
        raise CommandError(f"row {row} (from 0): the values are too far from those trained on")
    if p.ndim == 1:
        return (p > 0.5).astype(np.intp), np.maximum(p, 1 - p)
    return p.argmax(axis=1), p.max(axis=1)


def check_writable(path: str, data: str | None, validation: str | None = None) -> None:
    """Check, before hours of training, that a model can be written to `path`.

    Raises
    ------
    CommandError
        When the directory is missing or not writable, or `path` is a directory, a device, or a file with data.
    """
    directory = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(directory):
        raise CommandError(f"--output: the directory {directory} does not exist")
    if os.path.exists(path) and not os.path.isfile(path):
        raise CommandError(f"--output: {path} is not a file")
    for kind, read in (("data", data), ("validation", validation)):
        if is_same_file(path, read):
            raise CommandError(f"--output: {path} is the {kind} file, which would be lost")
    beside = _name_beside(path)
    try:  # permission bits do not tell: read-only file systems, quotas, root
        _create(beside).close()
        os.unlink(beside)
    except OSError as error:
        raise CommandError(f"--output: cannot write in {directory} ({error.strerror})") from error


def is_same_file(path: str, other: str | None) -> bool:
    """Tell whether both names are there and name one file."""
    return other is not None and os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)


def save(path: str, model: Model) -> None:
    """Write a model so that `path` holds a whole model or what was there before, even if the power fails.

    Raises
    ------
    CommandError
        When it cannot be written; nothing is left behind.
    """
    try:
        _replace(os.path.realpath(path), model)  # a link stays a link
    except OSError as error:
        raise CommandError(f"--output: cannot write {path} ({error.strerror})") from error


def load(path: str) -> Model:
    """Read a model and check all of it.

    Raises
    ------
    CommandError
        When the file is not a model, is damaged or was tampered with.
    OSError
        When it cannot be read.
    """
    arrays = read_npz(path, NAMES, others=False)
    complaint = _complaint(arrays)
    if complaint:
        raise CommandError(f"{path}: not a valid model: {complaint}")
    classes, features = tuple(arrays["classes"].tolist()), tuple(arrays["features"].tolist())
    target = str(arrays["target"])
    if len(set(classes)) != len(classes) or len(set(features)) != len(features):
        raise CommandError(f"{path}: not a valid model: a class or a feature is named twice")
    if not all(map(is_printable, (*classes, *features, target))):
        raise CommandError(f"{path}: not a valid model: a name holds control characters")
    w, b = (np.require(arrays[name], np.float32, "C") for name in ("w", "b"))
    mean, scale = (np.require(arrays[name], np.float64, "C") for name in ("mean", "scale"))
    return Model(w, b, mean, scale, classes, features, target)


def _replace(path: str, model: Model) -> None:
    beside = _name_beside(path)
    try:
        with _create(beside) as stream:
            _write(stream, _arrays(model))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    with suppress(OSError):  # Windows has no directories to open
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _arrays(model: Model) -> dict[str, NDArray[Any]]:
    return {
        "format_version": np.array(FORMAT_VERSION, np.int64),
        "w": model.w, "b": model.b, "mean": model.mean, "scale": model.scale,
        "classes": np.array(model.classes, np.str_), "features": np.array(model.features, np.str_),
        "target": np.array(model.target, np.str_),
    }  # fmt: skip


def _write(stream: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what numpy.savez would, but without the time of day: the same training gives the same file."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _complaint(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Return what is wrong with the version, a shape, a dtype or a value, None when nothing is."""
    version = arrays["format_version"]
    if version.shape != () or version.dtype.kind not in "iu" or int(version) != FORMAT_VERSION:
        return f"expected format version {FORMAT_VERSION}, got {version if version.shape == () else version.shape}"
    d, K = arrays["mean"].size, arrays["classes"].size
    w_shape, b_shape = ((d,), ()) if K == 2 else ((d, K), (K,))
    named = (d,) if arrays["features"].size else (0,)
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "w": (w_shape, "<f4"), "b": (b_shape, "<f4"), "mean": ((d,), "<f8"), "scale": ((d,), "<f8"),
        "classes": ((K,), "U"), "features": (named, "U"), "target": ((), "U"),
    }  # fmt: skip
    for name, (shape, kind) in expected.items():
        array = arrays[name]
        if array.shape != shape:
            return f"{name}: expected shape {shape}, got {array.shape}"
        if kind not in (array.dtype.newbyteorder("<").str, array.dtype.kind):
            return f"{name}: expected dtype {np.dtype(kind).name}, got {array.dtype.name}"
        if kind != "U" and not np.isfinite(array).all():
            return f"{name}: expected finite numbers"
    if d == 0 or K < 2 or not (arrays["scale"] > 0).all():
        return "expected at least one feature, two classes, and positive scales"
    return None


def _name_beside(path: str) -> str:
    return os.path.join(os.path.dirname(os.path.realpath(path)), f".fastml-{secrets.token_hex(8)}.tmp")


def _create(path: str) -> IO[bytes]:
    """Open a new file for writing, with the permissions that the user's umask gives any file."""
    return open(path, "xb")
