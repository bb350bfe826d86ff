"""Reading .npy and .npz files that may be corrupt or hostile.

Nothing is unpickled, and nothing is allocated before the sizes that a file declares were held against its real size.
"""

import io
import math
import os
import sys
import warnings
import zipfile
from collections.abc import Collection
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fastml.cli.errors import CommandError, naming

__all__ = ["read_npy", "read_npz"]

Array = NDArray[Any]

# Deflate reaches 1032:1 on constant bytes, one-hot data stored as float64 some 100:1. A small total is never a threat.
MAX_RATIO = 200
ALWAYS_ALLOWED = 1 << 26  # bytes
BLOCK = 1 << 24  # bytes per read: the archive's own buffers stay this small
HEADERS = {(1, 0): (2, np.lib.format.read_array_header_1_0), (2, 0): (4, np.lib.format.read_array_header_2_0)}
MAX_HEADER = 10_000  # bytes, as NumPy has it; those of numbers and text take 118
SCALAR_KINDS = "biufU"  # bool, integers, floats, text: no objects, no records, no times


def read_npy(path: str) -> Array:
    """Read a .npy file.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray
        Numbers, bools or text, with at most two dimensions.

    Raises
    ------
    CommandError
        When the file is no .npy file, holds Python objects, or is shorter or longer than it says.
    OSError
        When it cannot be read.
    """
    with naming(path), open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            raise CommandError(f"{path}: the file is empty")
        return _read(stream, size, path)


def read_npz(path: str, required: Collection[str], *, others: bool = True) -> dict[str, Array]:
    """Read named arrays of a .npz file.

    Parameters
    ----------
    path : str
        The file.
    required : collection of str
        The arrays to read; all must be there.
    others : bool
        Whether the file may hold more; they are not looked at.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    CommandError
        When the file is no .npz file, lacks an array, or any array is damaged, an object array or absurdly large.
    OSError
        When it cannot be read.
    """
    if os.path.getsize(path) == 0:
        raise CommandError(f"{path}: the file is empty")
    try:
        with naming(path), zipfile.ZipFile(path) as archive:
            members = _members(path, archive, required, others)
            return {name: _read_member(path, archive, members[name]) for name in required}
    except (CommandError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib and struct raise a dozen kinds on damaged archives
        raise CommandError(f"{path}: not a readable .npz file ({error})") from error


def _members(
    path: str, archive: zipfile.ZipFile, required: Collection[str], others: bool
) -> dict[str, zipfile.ZipInfo]:
    """Return the archive's entries by array name, after checking the names and the declared sizes."""
    entries = archive.infolist()
    members = {entry.filename.removesuffix(".npy"): entry for entry in entries}
    for name in required:
        if name not in members:
            raise CommandError(f"{path}: expected an array {name!r}, found {_listing(members)}")
    if len(members) != len(entries) or not (others or len(members) == len(required)):
        raise CommandError(f"{path}: expected the arrays {', '.join(required)} once each, found {_listing(members)}")
    limit = max(ALWAYS_ALLOWED, MAX_RATIO * os.path.getsize(path))
    total = sum(members[name].file_size for name in required)
    if total > limit:
        raise CommandError(f"{path}: declares {total:,} bytes of arrays, more than the {limit:,} that are plausible")
    return members


def _listing(names: Collection[str]) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:8])
    return (shown + (", ..." if len(names) > 8 else "")) or "none"


def _read_member(path: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
        raise CommandError(f"{path}: {entry.filename} is encrypted or compressed in a way NumPy does not write")
    with archive.open(entry) as stream:
        return _read(stream, entry.file_size, f"{path}: {entry.filename}")


def _read(stream: IO[bytes], size: int, name: str) -> Array:
    """Read one array of exactly `size` bytes, header included."""
    shape, fortran_order, dtype = _read_header(stream, name)
    expected = math.prod(shape) * dtype.itemsize
    if expected != size - stream.tell():
        raise CommandError(f"{name}: declares {expected:,} bytes of data, holds {max(0, size - stream.tell()):,}")
    array = np.empty(math.prod(shape), dtype)
    if expected:
        octets = array.view(np.uint8)
        for start in range(0, expected, BLOCK):
            block = stream.read(min(BLOCK, expected - start))
            if len(block) != min(BLOCK, expected - start):
                raise CommandError(f"{name}: ends early, the file was cut")
            octets[start : start + len(block)] = np.frombuffer(block, np.uint8)
    stream.read(1)  # to the end of the member, where zipfile compares the checksum
    if dtype.kind == "U" and (array.view(dtype.byteorder + "u4") > sys.maxunicode).any():
        raise CommandError(f"{name}: holds text that is not Unicode")
    return array.reshape(shape, order="F" if fortran_order else "C")


def _read_header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # headers of Python 2 and the like: damaged, as far as we are concerned
            version = np.lib.format.read_magic(stream)
            if version not in HEADERS:
                raise ValueError(f"format version {version}")
            size, read = HEADERS[version]
            prefix = stream.read(size)
            length = int.from_bytes(prefix, "little")
            if length > MAX_HEADER:
                raise ValueError(f"a header of {length:,} bytes")
            shape, fortran_order, dtype = read(io.BytesIO(prefix + stream.read(length)))
    except OSError:
        raise
    except Exception as error:  # a hostile header can raise nearly anything from the literal parser
        raise CommandError(f"{name}: not a readable .npy file ({error})") from error
    if dtype.hasobject:
        raise CommandError(f"{name}: holds Python objects (pickles), which are never loaded")
    if dtype.kind not in SCALAR_KINDS or dtype.itemsize == 0 or (dtype.kind == "f" and dtype.itemsize > 8):
        raise CommandError(f"{name}: expected numbers or text, got dtype {dtype}")
    if len(shape) > 2 or any(type(n) is not int or n < 0 for n in shape) or (0 in shape and len(shape) != 1):
        raise CommandError(f"{name}: expected a filled array of at most 2 dimensions, got shape {shape}")
    return shape, fortran_order, dtype
