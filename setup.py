"""Extension modules; everything else is in pyproject.toml."""

import os
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

# Named one by one and never -ffast-math: NaN and inf are data. Fused multiply-adds are written out, so the compiler
# must not contract others. The levels come after the user's CFLAGS: loops are vectorised as at -O3, but unrolled and
# inlined as at -O2, which is half the code (HOT in macros.h has the exceptions).
FLAGS = ["-std=gnu11", "-fno-fast-math", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
FLAGS += ["-fvisibility=hidden", "-Wno-psabi", "-fno-asynchronous-unwind-tables"]
SMALL, QUICK = ["-Os"], ["-O2"]
LOOPS = ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic"]
if sys.platform == "win32":
    FLAGS = ["/O2", "/fp:precise", "/std:c11"]
elif not os.environ.get("FASTML_DEBUG"):
    FLAGS += ["-g0"]


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
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")],
        extra_compile_args=FLAGS if sys.platform == "win32" else [*level, *FLAGS],
        extra_link_args=link,
    )


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

if __name__ == "__main__":
    directives = {"language_level": 3, "freethreading_compatible": True, "embedsignature": False, "binding": True}
    directives["auto_pickle"] = False
    setup(ext_modules=cythonize(EXTENSIONS, nthreads=0, compiler_directives=directives, build_dir="build/cython"))
