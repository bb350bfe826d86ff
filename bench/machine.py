"""The machine: equal thread counts for everyone, and what ran."""

from __future__ import annotations

import os
import platform
from collections.abc import Container
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = (
    "fastml-kernels",
    "numpy",
    "scipy",
    "torch",
    "jax",
    "numexpr",
    "scikit-learn",
    "simd-ml-kernels",
    "threadpoolctl",
)
LISTENING = ("fastml", "torch", "numexpr", "simd_ml_kernels")  # to set_num_threads


def usable_cpus() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_environment(threads: int) -> dict[str, str]:
    """Return variables that give every library `threads` threads; only read when a library is first imported.

    JAX can't be told later. On its CPU back end NPROC sizes the pool; the XLA flag alone left two threads running.
    Idle OpenBLAS workers spin for 2**26 cycles, 36 ms in which whoever runs next has one core less: 2**20 are enough
    between calls in a row.
    """
    stems = ("FASTML_NUM", "OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "NUMEXPR_MAX", "VECLIB_MAXIMUM")
    variables = {f"{stem}_THREADS": str(threads) for stem in stems}
    flag = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}"
    variables["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    return variables | {"NPROC": str(threads), "OPENBLAS_THREAD_TIMEOUT": "20"}


def set_threads(threads: int, packages: Container[str] = LISTENING) -> dict[str, int]:
    """Give those of `packages` that listen at run time `threads` threads; return what they then report."""
    reported = {}
    for package in LISTENING:
        if package in packages and find_spec(package):
            library: Any = import_module(package)
            library.set_num_threads(threads)
            reported[package] = library.get_num_threads()
    if find_spec("threadpoolctl"):
        pools = import_module("threadpoolctl")
        pools.threadpool_limits(threads)
        reported |= {pool["prefix"]: pool["num_threads"] for pool in pools.threadpool_info()}
    return reported


def describe() -> dict[str, Any]:
    """Collect processor, system and versions."""
    return {
        "cpu": _cpu_model(),
        "cpus": usable_cpus(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def isa() -> str:
    """Name the instruction set of fastml's kernels in this process."""
    name: str = import_module("fastml._fastml_runtime").isa()
    return name


def load() -> float | None:
    """Return how many processors others keep busy: the load average before anything here runs."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
