"""Write fastml/data/digits.npz, the data that `python -m fastml train` uses when no file is given.

Needs scikit-learn, whose package carries the digits: ``python tools/make_digits.py [OUTPUT]``.
The result is the same to the byte on every run, so that git shows a change only when the data changed.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits  # type: ignore[import-untyped, import-not-found, unused-ignore]

DEFAULT_OUTPUT = Path(__file__).resolve().parent.parent / "fastml" / "data" / "digits.npz"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: numpy.savez would write the present one


def load() -> dict[str, NDArray[np.uint8]]:
    """Return X (1797, 64), values 0 to 16, and y (1797,), digits 0 to 9, both uint8.

    Raises
    ------
    ValueError
        When scikit-learn's copy is not the data expected here.
    """
    X, y = load_digits(return_X_y=True)
    arrays = {"X": X.astype(np.uint8), "y": y.astype(np.uint8)}
    if X.shape != (1797, 64) or not np.array_equal(arrays["X"], X) or X.max() != 16 or set(y) != set(range(10)):
        raise ValueError(f"digits: expected 1797 x 64 whole numbers up to 16 and ten classes, got {X.shape}")
    return arrays


def write(path: Path, arrays: dict[str, NDArray[np.uint8]]) -> None:
    """Write a compressed .npz without the time of day in it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, buffer.getvalue(), compresslevel=9)


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_OUTPUT
    write(output, load())
    print(f"{output}: {output.stat().st_size:,} bytes")
