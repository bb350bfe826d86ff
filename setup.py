"""Extension modules; everything else is in pyproject.toml."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import PlatformError

# Named one by one and never -ffast-math: NaN and inf are data. Fused multiply-adds are written out, so the compiler
# must not contract others. The levels come after the user's CFLAGS: loops are vectorised as at -O3, but unrolled and
# inlined as at -O2, which is half the code (HOT in macros.h has the exceptions).
FLAGS = ["-std=gnu11", "-fno-fast-math", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
FLAGS += ["-fvisibility=hidden", "-Wno-psabi"]
SMALL, QUICK = ["-Os"], ["-O2"]
GCC_ONLY = ["-fvect-cost-model=dynamic"]  # Clang refuses it, and vectorises at -O2 as if it had it
CLANG_ONLY = ["-fno-inline-functions"]  # what is to be inlined is marked; the rest is no faster, and 13 % larger
LOOPS = ["-O2", "-ftree-vectorize", *GCC_ONLY, *CLANG_ONLY]
if sys.platform != "win32":  # where the tables are how a debugger or an exception finds its way
    FLAGS += ["-fno-asynchronous-unwind-tables"]
if not os.environ.get("FASTML_DEBUG"):
    FLAGS += ["-g0"]
if sys.platform == "linux":
    FLAGS += ["-fno-plt"]  # calls into Python go through one table instead of two: 1 kB less of each wheel a module

# The wheel is compressed as a whole: strings that Cython has compressed before take 3 kB more of it a module.
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]
MACROS += [("CYTHON_COMPRESS_STRINGS", "0")]


def extension(name: str, level: list[str], c_sources: list[str]) -> Extension:
    """Describe fastml.name, built from name.pyx and C files, what only drives the loops for size.

    The kernels keep their names: the tests look them up in the binary.
    """
    link = [] if sys.platform == "win32" else ["-pthread", "-lm"]
    if sys.platform == "linux" and not c_sources and not os.environ.get("FASTML_DEBUG"):
        link += ["-Wl,-s"]
    return Extension(
        f"fastml.{name}",
        [f"fastml/{name}.pyx", *c_sources],
        depends=[str(path) for path in Path("fastml/c").iterdir()],
        include_dirs=["fastml/c", numpy.get_include()],
        define_macros=MACROS,
        extra_compile_args=[*level, *FLAGS],
        extra_link_args=link,
    )


DIRECTIVES = {"language_level": 3, "freethreading_compatible": True, "embedsignature": False, "binding": True}
DIRECTIVES["auto_pickle"] = False
EXTENSIONS = [
    extension("_fastml_runtime", LOOPS, sorted(str(path) for path in Path("fastml/c").glob("*.c"))),
    extension("_elementwise", QUICK, []),
    extension("_activations", QUICK, []),
    extension("_softmax", QUICK, []),
    extension("_cross_entropy", SMALL, []),
    extension("_losses", SMALL, []),
    extension("_norm", SMALL, []),
    extension("_optimizers", SMALL, []),
    extension("_random", SMALL, []),
    extension("_logistic", LOOPS, []),
    extension("_lbfgs", LOOPS, []),
]


def use_clang_cl(compiler, plat_name: str) -> None:
    """Put clang-cl, from PATH or from Visual Studio, in the place of Microsoft's compiler, which lacks vector types."""
    folders = ["ARM64/bin", "x64/bin"] if platform.machine() == "ARM64" else ["x64/bin"]
    tools = [parent / "Llvm" for parent in Path(compiler.cc).parents if parent.name == "Tools"]
    inside = os.pathsep.join(str(tool / folder) for tool in tools for folder in folders)
    found = shutil.which("clang-cl") or shutil.which("clang-cl", path=inside)
    if not found:
        raise PlatformError("clang-cl not found: install LLVM, or Visual Studio's 'C++ Clang compiler for Windows'")
    compiler.cc = found
    target = {"win-amd64": "x86_64", "win-arm64": "arm64"}.get(plat_name)
    if target is None:
        raise PlatformError(f"expected 64-bit Windows, win-amd64 or win-arm64, got {plat_name}")
    for options in (compiler.compile_options, compiler.compile_options_debug):
        options[:] = [*(option for option in options if option != "/GL"), f"--target={target}-pc-windows-msvc"]
    # Visual Studio's headers come after clang-cl's own (stdatomic.h), as in a developer's prompt.
    os.environ["INCLUDE"] = os.pathsep.join(type(compiler).include_dirs)
    type(compiler).include_dirs = []


def is_clang(compiler) -> bool:
    """Ask the compiler, whatever its name: macOS calls it gcc too."""
    if compiler.compiler_type == "msvc":
        return True
    command = [*compiler.compiler_so, "-dM", "-E", "-x", "c", os.devnull]
    return b"__clang__" in subprocess.run(command, capture_output=True).stdout


class BuildExt(build_ext):
    """Compile with clang-cl on Windows, and leave out the flags of the other compiler."""

    def build_extensions(self) -> None:
        """Change compiler and flags before anything is built."""
        windows = self.compiler.compiler_type == "msvc"
        if windows:
            if not self.compiler.initialized:
                self.compiler.initialize(self.plat_name)
            use_clang_cl(self.compiler, self.plat_name)
        others, prefix = GCC_ONLY if is_clang(self.compiler) else CLANG_ONLY, "/clang:" if windows else ""
        for module in self.extensions:
            module.extra_compile_args = [prefix + flag for flag in module.extra_compile_args if flag not in others]
        super().build_extensions()


if __name__ == "__main__":
    modules = cythonize(EXTENSIONS, nthreads=0, compiler_directives=DIRECTIVES, build_dir="build/cython")
    setup(ext_modules=modules, cmdclass={"build_ext": BuildExt})
