"""Extension modules; everything else is in pyproject.toml."""

import os
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

# Named one by one and never -ffast-math: NaN and inf are data. They come after the user's CFLAGS, since GCC vectorises
# the kernels at -O3 alone. Fused multiply-adds are written out, so the compiler must not contract others.
FLAGS = ["-std=gnu11", "-fno-fast-math", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
FLAGS += ["-fvisibility=hidden", "-Wno-psabi", "-fno-asynchronous-unwind-tables"]
if sys.platform == "win32":
    FLAGS = ["/O2", "/fp:precise", "/std:c11"]
elif not os.environ.get("FASTML_DEBUG"):
    FLAGS += ["-g0"]


def extension(name: str, level: str, c_sources: list[str]) -> Extension:
    """Describe fastml.name, built from name.pyx and C files: loops at -O3, what only drives them small.

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
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")],
        extra_compile_args=FLAGS if sys.platform == "win32" else [level, *FLAGS],
        extra_link_args=link,
    )


EXTENSIONS = [
    extension("_fastml_runtime", "-O3", sorted(str(path) for path in Path("fastml/c").glob("*.c"))),
    extension("_elementwise", "-O2", []),
    extension("_activations", "-O2", []),
    extension("_softmax", "-O2", []),
    extension("_cross_entropy", "-Os", []),
    extension("_losses", "-Os", []),
    extension("_norm", "-Os", []),
    extension("_optimizers", "-Os", []),
    extension("_random", "-Os", []),
    extension("_logistic", "-O2", []),
    extension("_lbfgs", "-O3", []),
]

if __name__ == "__main__":
    directives = {"language_level": 3, "freethreading_compatible": True, "embedsignature": False, "binding": True}
    setup(ext_modules=cythonize(EXTENSIONS, nthreads=0, compiler_directives=directives, build_dir="build/cython"))
