"""The promise of a small wheel."""

import io
import platform
import sys
import zipfile
from pathlib import Path

import pytest

LIMIT = 1_500_000
CODE = 1_240_000


def zipped(folder, files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in files:
            wheel.write(path, path.relative_to(folder))
    return buffer.tell()


def test_what_a_wheel_holds_is_small(fastml):
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("measured for GCC on x86-64, with its three instruction sets")
    folder = Path(sys.modules["fastml._fastml_runtime"].__file__).parent
    kinds = (".so", ".py", ".pyi", ".npz", ".gz", ".typed")
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in kinds]
    assert zipped(folder, [path for path in files if path.suffix == ".so"]) < CODE
    assert zipped(folder, files) < LIMIT
