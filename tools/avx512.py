"""Run the AVX-512 kernels in an emulator, for machines without AVX-512: ``python tools/avx512.py``.

Bochs emulates a Skylake-X. It boots Debian's kernel for virtual machines from an ISO image, with an initramfs that
holds this interpreter, a wheel of the checkout, NumPy, pytest and the tests, which run there with FASTML_ISA=avx512:
by default those that compare AVX2 with AVX-512, bit by bit. Arguments after ``--`` are pytest's instead.

Needs Debian or Ubuntu and ``apt-get install bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso cpio``.
``--out`` is the folder that it works in and that is kept. The last lines are what pytest printed inside. An emulator
says nothing about speed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from scratch import ROOT, output

KERNEL = "linux-image-cloud-amd64"
TESTS = ["tests/test_isa_bits.py"]
TESTS += [
    f"tests/test_{test}"
    for test in (
        "activations.py::test_accuracy",
        "elementwise.py::test_every_float16",
        "elementwise.py::test_accuracy_of_the_backward_functions",
        "elementwise.py::test_same_bits_at_every_stride",
        "losses.py::test_promised_accuracy",
        "norms.py::test_every_layout_has_the_bits_of_the_row_and_the_promised_accuracy",
        "optimizers.py::test_threads_and_positions_have_the_same_bits",
        "softmax.py::test_every_layout_has_the_bits_of_the_row_and_the_promised_accuracy",
    )
]
# Bochs 2.7 rounds float32 that is halfway between two numbers of float16 wrongly (vcvtps2ph), and x87's logarithm, with
# which the oracle of float64 is made, is off by some ULP of float64.
WRONG_THERE = ["every_float16 and tanh", "float16 and every_layout and (log_softmax or 1000-softmax)"]
LOGARITHMS = ("log_sigmoid", "softplus", "binary_cross", "every_layout and log_softmax")
WRONG_THERE += [f"float64 and {name}" for name in LOGARITHMS]
TESTS += ["-k", f"isa_bits or (avx512 and not ({' or '.join(f'({one})' for one in WRONG_THERE)}))"]
PACKAGES = ["numpy", "pytest>=8", "hypothesis>=6.100", "mpmath>=1.3"]
UNUSED = ("test", "tests", "site-packages", "idlelib", "ensurepip", "lib2to3", "tkinter", "turtledemo", "config-*")
DONE = "emulated run ended with"
LIMIT = 3600  # seconds for the whole emulation

# clearcpuid: Bochs 2.7 has XSAVEC and XSAVES, but not as Linux wants them. The rest spares waiting for clocks.
BOOT = """
default linux
label linux
  kernel /vmlinuz
  initrd /initrd
  append console=ttyS0 clearcpuid=321,323 noxsaves nosmp noapic lpj=4000000 tsc=reliable random.trust_cpu=on quiet
"""
BOCHS = """
cpu: model=corei7_skylake_x, count=1, ips=50000000
memory: guest=1536, host=1536
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file={vga}
display_library: term
ata0-master: type=cdrom, path={folder}/image.iso, status=inserted
boot: cdrom
clock: sync=none
com1: enabled=1, mode=file, dev={folder}/serial
log: {folder}/bochs.log
panic: action=fatal
error: action=ignore
"""
INIT = """#!{python} -I
import ctypes, os, subprocess, sys, termios, traceback
libc = ctypes.CDLL(None)
for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
    libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
console = os.open("/dev/ttyS0", os.O_RDWR)
for number in range(3):
    os.dup2(console, number)
code = 1
try:
    os.chdir("/checkout")
    os.environ.update(PYTHONPATH="/packages", FASTML_ISA="avx512", HOME="/tmp", PATH="/usr/bin")
    for command in {commands!r}:
        code = subprocess.run([sys.executable, *command], stdin=subprocess.DEVNULL).returncode
        print({done!r}, code, "from", *command, flush=True)
except BaseException:
    traceback.print_exc()
finally:
    termios.tcdrain(1)
    libc.reboot(0x4321FEDC)
"""


def add_interpreter(root: Path) -> Path:
    """Copy the running interpreter and its library, to where they are here; return its path."""
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}").resolve()
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    shutil.copytree(library, inside(root, library), ignore=shutil.ignore_patterns(*UNUSED))
    inside(root, python).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(python, inside(root, python))
    return python


def add_shared_libraries(root: Path, python: Path) -> None:
    """Copy the shared libraries that the interpreter and the modules need."""
    for line in output("ldd", python, *root.rglob("*.so"), cwd=root).splitlines():
        match = re.search(r"(/\S+) \(0x", line)
        if match and not match[1].startswith(str(root)):
            place = inside(root, Path(match[1]))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(match[1], place)


def inside(root: Path, path: Path) -> Path:
    """Return where a file of this machine is to be in the initramfs."""
    return root / path.relative_to("/")


def add_packages(root: Path, wheel: Path | None, out: Path) -> None:
    """Install fastml, NumPy and what the tests import; and copy the tests."""
    if wheel is None:
        shutil.rmtree(out / "wheel", ignore_errors=True)
        options: list[str | Path] = ["--quiet", "--no-deps", "--wheel-dir", out / "wheel"]
        output(sys.executable, "-m", "pip", "wheel", *options, ROOT, cwd=out)
        (wheel,) = (out / "wheel").glob("*.whl")
    output(sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--target", root / "packages",
        wheel.resolve(), *PACKAGES, cwd=out)  # fmt: skip
    for tests in (root / "packages").rglob("tests"):
        shutil.rmtree(tests, ignore_errors=True)
    for name in ("tests", "tools"):
        shutil.copytree(ROOT / name, root / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / "checkout" / name)


def initramfs(out: Path, wheel: Path | None, commands: list[list[str]]) -> None:
    """Write the archive that the kernel unpacks into memory and starts /init of."""
    root = out / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "sys", "dev", "tmp", "checkout"):
        (root / name).mkdir(parents=True)
    python = add_interpreter(root)
    add_packages(root, wheel, out)
    add_shared_libraries(root, python)
    (root / "init").write_text(INIT.format(python=python, commands=commands, done=DONE))
    (root / "init").chmod(0o755)
    (out / "image").mkdir(exist_ok=True)
    output("sh", "-c", "find . | cpio --quiet -o -H newc -R 0:0 > ../image/initrd", cwd=root)


def image(out: Path) -> None:
    """Make the ISO of kernel, initramfs and boot loader."""
    if not (out / "image" / "vmlinuz").exists():
        name = re.search(r"Depends: (linux-image-\S+)", output("apt-cache", "depends", KERNEL, cwd=out))
        output("apt-get", "download", name[1] if name else KERNEL, cwd=out)
        (package,) = out.glob("linux-image-*.deb")
        output("dpkg", "-x", package, out / "kernel", cwd=out)
        (kernel,) = (out / "kernel" / "boot").glob("vmlinuz-*")
        shutil.copy(kernel, out / "image" / "vmlinuz")
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", out / "image")
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", out / "image")
    (out / "image" / "isolinux.cfg").write_text(BOOT)
    output("xorriso", "-as", "mkisofs", "-quiet", "-o", out / "image.iso", "-b", "isolinux.bin", "-c", "boot.cat",
        "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", out / "image", cwd=out)  # fmt: skip


def emulate(out: Path) -> str:
    """Boot the image; return what came out of the serial port."""
    (vga,) = [path for path in (Path("/usr/share/vgabios/vgabios.bin"),
                                Path("/usr/share/bochs/VGABIOS-lgpl-latest")) if path.exists()][:1]  # fmt: skip
    (out / "bochsrc").write_text(BOCHS.format(folder=out, vga=vga))
    (out / "debugger").write_text("c\n")  # Debian's build stops in its debugger first: continue
    serial = out / "serial"
    serial.unlink(missing_ok=True)
    command = f"bochs -q -f {out}/bochsrc -rc {out}/debugger"
    with subprocess.Popen(["script", "-qc", command, "/dev/null"], cwd=out, env=os.environ | {"TERM": "vt100"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as bochs:  # fmt: skip
        start, shown = time.monotonic(), 0
        while bochs.poll() is None and time.monotonic() - start < LIMIT:
            time.sleep(2)
            text = serial.read_text(errors="replace") if serial.exists() else ""
            print(text[shown:], end="", flush=True)
            shown = len(text)
        bochs.terminate()
    return serial.read_text(errors="replace") if serial.exists() else ""


def main() -> None:
    """Make the image, boot it, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "avx512", help="default: build/avx512")
    parser.add_argument("--wheel", type=Path, help="a wheel of the checkout (default: one is built)")
    parser.add_argument("pytest", nargs="*", default=TESTS, help="arguments for pytest, after --")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    commands = [["-m", "pytest", "-q", "-p", "no:cacheprovider", *options.pytest]]
    initramfs(out, options.wheel, commands)
    image(out)
    text = emulate(out)
    ended = re.findall(rf"{DONE} (-?\d+)", text)
    if ended != ["0"] * len(commands):
        sys.exit(f"failed: {ended or 'it has not ended'}")


if __name__ == "__main__":
    main()
