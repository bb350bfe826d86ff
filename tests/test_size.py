"""The promise of a small wheel."""

import io
import platform
import sys
import zipfile
from pathlib import Path

import pytest

LIMIT = 1_500_000


def test_what_a_wheel_holds_is_small(fastml):
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("measured for GCC on x86-64, with its three instruction sets")
    folder = Path(sys.modules["fastml._fastml_runtime"].__file__).parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".so", ".py", ".pyi", ".npz", ".gz", ".typed"):
                wheel.write(path, path.relative_to(folder))
    assert buffer.tell() < LIMIT, f"{buffer.tell():,} bytes"
