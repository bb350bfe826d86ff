"""Compile and link every extension module for Windows and macOS, on any machine: ``python tools/cross.py``.

The compiler is Clang as `zig cc`, which brings the C libraries of all systems. NumPy's headers come from its wheel for
the target, Python's from the interpreter that runs this, with a pyconfig.h that says what they ask of the target. A
symbol that is neither declared in Python's headers nor in the target's C library is the linker's error and ends it.
What is built for Windows loads into a CPython of the same version (tools/wine.py runs the tests so).

Needs ``pip install ziglang 'Cython>=3.1' setuptools numpy`` and pip's access to a package index.
"""

import argparse
import importlib
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
from scratch import ROOT, output

OUT = ROOT / "build" / "cross"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
DLL = f"python{sys.version_info.major}{sys.version_info.minor}"

COMMON = {"SIZEOF_INT": 4, "SIZEOF_LONG_LONG": 8, "SIZEOF_SIZE_T": 8, "SIZEOF_VOID_P": 8, "SIZEOF_TIME_T": 8}
COMMON |= {"SIZEOF_PID_T": 4, "SIZEOF__BOOL": 1, "WITH_DOC_STRINGS": 1, "HAVE_WCHAR_H": 1, "HAVE_LONG_LONG": 1}
WINDOWS = {"SIZEOF_LONG": 4, "SIZEOF_WCHAR_T": 2, "MS_WINDOWS": 1, "MS_WIN32": 1, "MS_WIN64": 1, "NT_THREADS": 1}
WINDOWS |= {"Py_ENABLE_SHARED": 1, "HAVE_DECLSPEC_DLL": 1}
MACOS = {"SIZEOF_LONG": 8, "SIZEOF_WCHAR_T": 4, "HAVE_PTHREAD_H": 1, "SIZEOF_PTHREAD_T": 8, "HAVE_SSIZE_T": 1}
MACOS |= {"HAVE_SYS_TIME_H": 1, "HAVE_CLOCK_GETTIME": 1}


@dataclass(frozen=True)
class Target:
    """A system and a processor: how zig and pip call it, and the end of a module's name."""

    zig: str
    pip: str
    suffix: str

    @property
    def windows(self) -> bool:
        """Whether it is Windows; else it is macOS."""
        return "windows" in self.zig

    @property
    def folder(self) -> Path:
        """Where everything of it is built."""
        return OUT / self.zig


TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
TARGETS = [
    Target("x86_64-windows-gnu", "win_amd64", f".{TAG}-win_amd64.pyd"),
    Target("aarch64-windows-gnu", "win_arm64", f".{TAG}-win_arm64.pyd"),
    Target("aarch64-macos", "macosx_14_0_arm64", f".{TAG.replace('cp', 'cpython-')}-darwin.so"),
    Target("x86_64-macos", "macosx_14_0_x86_64", f".{TAG.replace('cp', 'cpython-')}-darwin.so"),
]


def zig(*arguments: str | Path) -> None:
    """Run zig, from the package ziglang."""
    output(sys.executable, "-m", "ziglang", *arguments)


def extensions() -> list[Any]:
    """Return setup.py's extensions, their Cython translated to C."""
    spec = importlib.util.spec_from_file_location("setup_of_fastml", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    setup: ModuleType = importlib.util.module_from_spec(spec)
    os.chdir(ROOT)
    spec.loader.exec_module(setup)
    translated: list[Any] = importlib.import_module("Cython.Build").cythonize(
        setup.EXTENSIONS, quiet=True, compiler_directives=setup.DIRECTIVES, build_dir="build/cross/cython"
    )
    return translated


def python_headers(target: Target) -> Path:
    """Copy Python's headers and put the target's pyconfig.h beside them."""
    folder = target.folder / "python"
    shutil.copytree(sysconfig.get_path("include"), folder, ignore=shutil.ignore_patterns("pyconfig.h"))
    settings = COMMON | (WINDOWS if target.windows else MACOS)
    (folder / "pyconfig.h").write_text("".join(f"#define {name} {value}\n" for name, value in settings.items()))
    return folder


def numpy_headers(target: Target) -> Path:
    """Fetch NumPy's wheel for the target, of the version that is installed here; return the folder of its headers."""
    where = target.folder / "numpy"
    wanted = ["--only-binary=:all:", "--no-deps", "--python-version", VERSION, "--platform", target.pip]
    output(sys.executable, "-m", "pip", "install", "-q", "--target", where, *wanted, f"numpy=={numpy.__version__}")
    return where / "numpy" / "_core" / "include"


def python_library(target: Target, headers: Path) -> Path:
    """Make a library to link with, which promises the symbols that Python's headers declare, and no others."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in headers.rglob("*.h"))
    functions = set(re.findall(r"PyAPI_FUNC\([^;{]*?\)[\w\s]*?(\w+)\s*\(", text))
    data = set(re.findall(r"PyAPI_DATA\([^;{]*?\)\s*(\w+)", text))
    if target.windows:
        lines = [f"LIBRARY {DLL}.dll", "EXPORTS", *sorted(functions), *(f"{name} DATA" for name in sorted(data))]
        definition, library = target.folder / f"{DLL}.def", target.folder / f"lib{DLL}.a"
        definition.write_text("\n".join(lines) + "\n")
        machine = "arm64" if "aarch64" in target.zig else "i386:x86-64"
        zig("dlltool", "-d", definition, "-D", f"{DLL}.dll", "-l", library, "-m", machine)
        return library
    library = target.folder / "libpython.tbd"
    arch = "arm64-macos" if "aarch64" in target.zig else "x86_64-macos"
    symbols = ", ".join(f"_{name}" for name in sorted(functions | data))
    library.write_text(
        f"--- !tapi-tbd\ntbd-version: 4\ntargets: [ {arch} ]\ninstall-name: '@rpath/libpython{VERSION}.dylib'\n"
        f"exports:\n  - targets: [ {arch} ]\n    symbols: [ {symbols} ]\n...\n"
    )
    return library


def compiled(target: Target, extension: Any, includes: list[Path]) -> list[Path]:
    """Compile the C of one module; return the objects."""
    objects = []
    unknown = ("-fvect-cost-model", "-fno-plt")  # GCC's alone, and Linux' alone
    flags = [flag for flag in extension.extra_compile_args if not flag.startswith(unknown)]
    flags += [f"-I{folder}" for folder in includes]
    flags += [f"-D{name}={value}" for name, value in extension.define_macros]
    flags += ["-fasynchronous-unwind-tables"] if target.windows else []
    for source in extension.sources:
        objects.append(target.folder / f"{Path(source).stem}.o")
        zig("cc", "-target", target.zig, "-c", source, "-o", objects[-1], *flags)
    return objects


def build(target: Target, modules: list[Any], jobs: int) -> str:
    """Build all modules for one target; return its row of the table."""
    start = time.monotonic()
    shutil.rmtree(target.folder, ignore_errors=True)
    headers = python_headers(target)
    includes = [ROOT / "fastml" / "c", headers, numpy_headers(target)]
    library = python_library(target, headers)
    with ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(lambda module: compiled(target, module, includes), modules))
    sizes = []
    for module, parts in zip(modules, objects, strict=True):
        product = target.folder.joinpath(*module.name.split("."))
        product = product.with_name(product.name + target.suffix)
        product.parent.mkdir(exist_ok=True)
        zig("cc", "-target", target.zig, "-shared", "-s", "-o", product, *parts, library)
        sizes.append(product.stat().st_size)
    return f"| {target.zig} | {len(sizes)} | {sum(sizes):,} | {time.monotonic() - start:.0f} |"


def main() -> None:
    """Build for the targets that are asked for; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at a time")
    parser.add_argument("target", nargs="*", help=f"some of {', '.join(target.zig for target in TARGETS)}; else all")
    arguments = parser.parse_args()
    known = {target.zig: target for target in TARGETS}
    if unknown := [name for name in arguments.target if name not in known]:
        sys.exit(f"unknown target {unknown[0]}: expected one of {', '.join(known)}")
    modules = extensions()
    print("| target | modules | bytes | seconds |\n| --- | --- | --- | --- |", flush=True)
    for name in arguments.target or known:
        print(build(known[name], modules, arguments.jobs), flush=True)


if __name__ == "__main__":
    main()
