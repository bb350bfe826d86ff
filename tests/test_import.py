"""`import fastml` takes little more than `import numpy`: it imports nothing else that is slow, and no other package."""

import importlib.util
import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
import numpy
before = set(sys.modules)
import fastml
print(json.dumps(sorted(set(sys.modules) - before)))
"""
SLOW = {"numpy.random", "pathlib", "gzip", "unittest", "urllib.parse", "tempfile", "subprocess"}
CYTHON = ("cython_runtime", "_cython_")  # what compiled modules share


@pytest.fixture(scope="module")
def imported(fastml):
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def test_no_other_package(imported):
    packages = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    packages = {name for name in packages if not name.startswith(CYTHON)}
    assert packages - {"numpy", "threadpoolctl"} == {"fastml"}


def test_threadpoolctl_only_where_it_is_installed(imported):
    assert ("threadpoolctl" in imported) == (importlib.util.find_spec("threadpoolctl") is not None)


def test_nothing_slow(imported):
    assert "fastml.fitting" in imported
    theirs = {"subprocess"} if "threadpoolctl" in imported and sys.platform == "win32" else set()  # of ctypes.util
    assert imported & SLOW <= theirs
    assert not [
        name for name in imported if name.startswith("fastml.") and name.split(".")[1] in ("cli", "sklearn", "dask")
    ]
