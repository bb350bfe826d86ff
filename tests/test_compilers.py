"""Clang takes the flags of setup.py and the C, as GCC does; wheels for macOS are made with it."""

import importlib.util
import platform
import shutil
import subprocess
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "fastml/c").glob("*.c"))

pytestmark = [
    pytest.mark.skipif(platform.system() == "Windows", reason="setup.py's flags are those of GCC"),
    pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="no checkout"),
]


def compiler(name):
    return shutil.which(name) or pytest.skip(f"no {name}")


@pytest.fixture
def setup(monkeypatch):
    """setup.py as a module, which builds nothing."""
    for needed in ("Cython", "setuptools"):
        pytest.importorskip(needed)
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("fastml_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_every_flag_is_known(setup, name):
    path = compiler(name)
    clang = setup.is_clang(types.SimpleNamespace(compiler_type="unix", compiler_so=[path]))
    assert clang or name == "gcc"
    others = setup.GCC_ONLY if clang else setup.CLANG_ONLY
    for level in (setup.SMALL, setup.QUICK, setup.LOOPS):
        flags = [flag for flag in [*level, *setup.FLAGS] if flag not in others]
        command = [path, *flags, "-fsyntax-only", "-x", "c", "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_clang_understands(source):
    command = [compiler("clang"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-psabi", "-fsyntax-only", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
