"""What ``tools/accuracy.py`` runs: inputs, exact results, and the worst error in ULP that was seen.

Exact results are those of ``tests/reference.py``. For float16 and float32 it computes in float64 NumPy, whose functions
are wrong by at most a few ULP of float64: that moves an error in ULP of float32 by less than 1e-7. For float64 it
computes in longdouble, where that is wider, and mpmath has the last word near the edges. Needs mpmath.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

import fastml
from fastml import _fastml_runtime as runtime

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
cases: Any = importlib.import_module("elementwise_cases")
reference: Any = importlib.import_module("reference")
ulp: Any = importlib.import_module("ulp")

Array = npt.NDArray[Any]

UNARY = tuple(name for name in fastml.ufuncs.__all__ if getattr(fastml.ufuncs, name).nin == 1)
BACKWARD = tuple(name for name in fastml.ufuncs.__all__ if name.endswith("_backward"))
WITH_PARAMETER = cases.WITH_PARAMETER
ROWS = ("softmax", "log_softmax", "logsumexp", "entropy")
MONOTONE = ("sigmoid", "tanh", "relu")
MPMATH = cases.MPMATH
DTYPES = ("float16", "float32", "float64")

BLOCK = 1 << 15  # elements: temporaries stay in the second-level cache
WIDTHS = (2, 3, 5, 8, 10, 16, 17, 33, 64, 100, 257, 1000, 5000, 50_000)
SCALES = (0.1, 1.0, 5.0, 20.0, 60.0)
FLOAT64_EXPONENT = 0x7FF0000000000000


@dataclass
class Seen:
    """The worst of a sweep."""

    points: int = 0
    error: float = -1.0  # in ULP
    witness: str = ""
    misrounded: int = 0  # results that are not the nearest number
    backward: int = 0  # decreases from one input to the next
    deepest: int = 0  # the largest of them, in ULP

    def add(self, other: Seen) -> None:
        """Take in what another sweep saw."""
        if other.error > self.error:
            self.error, self.witness = other.error, other.witness
        self.points += other.points
        self.misrounded += other.misrounded
        self.backward += other.backward
        self.deepest = max(self.deepest, other.deepest)


@contextlib.contextmanager
def kernels(isa: str) -> Iterator[None]:
    """Compute with the kernels of one instruction set, in one thread."""
    before = runtime.isa()
    runtime.use_isa(isa)
    try:
        with fastml.num_threads(1):
            yield
    finally:
        runtime.use_isa(before)


def narrow_errors(result: Array, exact: Array) -> Array:
    """Return what ``ulp.ulp_error`` does, for float16 and float32 against float64, at a tenth of its time."""
    info = np.finfo(result.dtype)
    binade = (exact.view(np.int64) & FLOAT64_EXPONENT).view(np.float64)
    binade = np.clip(binade, float(info.tiny), 2.0 ** (info.maxexp - 1))
    with np.errstate(invalid="ignore"):
        error: Array = np.abs(result.astype(np.float64) - exact) / binade * 2.0**info.nmant
    if not np.isfinite(np.max(error)):
        odd = ~np.isfinite(error)
        error[odd] = ulp.ulp_error(result[odd], exact[odd])
    return error


def hexadecimal(x: float) -> str:
    """Return x as C writes it, without idle zeros."""
    return re.sub(r"\.?0+p", "p", float(x).hex()) if np.isfinite(x) and x else str(float(x))


def compare(name: str, result: Array, exact: Array, inputs: tuple[Array, ...]) -> Seen:
    """Compare results with exact ones; the witness is one hexadecimal number for each input."""
    with np.errstate(invalid="ignore"):  # signalling NaN
        terms = reference.terms(name, *map(ulp.wide, inputs))
    if terms:  # that cancel: the unit is the larger one's
        error = ulp.in_unit_of(result, exact, *terms)
    else:
        error = narrow_errors(result, exact) if exact.dtype == np.float64 else ulp.ulp_error(result, exact)
    worst = int(np.argmax(error))
    seen = Seen(result.size, float(error[worst]), ", ".join(hexadecimal(x[worst]) for x in inputs))
    if result.dtype == np.float16:
        with np.errstate(over="ignore"):
            nearest = exact.astype(np.float16)
        seen.misrounded = int(np.sum((result != nearest) & ~(np.isnan(result) & np.isnan(nearest))))
    return seen


def backward_steps(name: str, x: Array, y: Array) -> Seen:
    """Count the results that get smaller from an input to the next larger one, or larger to the next smaller one."""
    unsigned = np.dtype(f"u{x.dtype.itemsize}").type
    outward = getattr(fastml, name)((x.view(unsigned) + unsigned(1)).view(x.dtype))
    back = np.where(np.signbit(x), outward > y, outward < y)
    if not back.any():
        return Seen()
    steps = np.abs(outward[back].view(unsigned).astype(np.int64) - y[back].view(unsigned).astype(np.int64))
    return Seen(backward=int(np.sum(back)), deepest=int(np.max(steps)))


def measure(name: str, inputs: tuple[Array, ...], exact: Array | None = None) -> Seen:
    """Measure one block of inputs; `exact` is the oracle's unless given."""
    result = getattr(fastml, name)(*inputs)
    if exact is None:
        with np.errstate(invalid="ignore"):  # signalling NaN
            exact = getattr(reference, name)(*map(ulp.wide, inputs))
    seen = compare(name, result, exact, inputs)
    if name in MONOTONE:
        seen.add(backward_steps(name, inputs[0], result))
    return seen


def sweep_patterns(name: str, dtype: str, isa: str, span: tuple[int, int], stride: int) -> Seen:
    """Measure every stride-th bit pattern of a range, of float16 or float32."""
    seen, (start, stop) = Seen(), span
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    with kernels(isa):
        for low in range(-(-start // stride) * stride, stop, BLOCK * stride):
            patterns = np.arange(low, min(low + BLOCK * stride, stop), stride, dtype=np.uint64)
            seen.add(measure(name, (patterns.astype(unsigned).view(dtype),)))
    return seen


def spread(rng: np.random.Generator, n: int) -> Array:
    """Return n arguments of an activation: where it bends, where it saturates, around tanh's edge, of every size."""
    sizes = 2.0 ** rng.uniform(-60, 10, n // 4)
    edge = rng.uniform(0.62, 0.65, n // 8)
    signed = np.concatenate([sizes, edge]) * rng.choice([-1.0, 1.0], n // 4 + n // 8)
    parts = [rng.uniform(-40, 40, n // 4), rng.uniform(-760, 60, n // 8), rng.uniform(-1.5, 1.5, n // 8), signed]
    return np.concatenate([*parts, rng.standard_normal(n - sum(part.size for part in parts))])


def sweep_random(name: str, dtype: str, isa: str, n: int) -> Seen:
    """Measure random arguments, or random pairs of a gradient and an output (or input) of the function."""
    rng, seen = np.random.default_rng(n), Seen()
    limits = np.finfo(dtype)
    with kernels(isa):
        for _ in range(0, n, BLOCK):
            x = spread(rng, BLOCK).astype(dtype)
            if name in UNARY:
                seen.add(measure(name, (x,)))
                continue
            if name in cases.FROM_OUTPUT:
                x = getattr(reference, name.removesuffix("_backward"))(x).astype(dtype)
            exponents = rng.integers(limits.minexp - limits.nmant, limits.maxexp - 3, BLOCK)
            exponents[: BLOCK // 2] = rng.integers(-4, 4, BLOCK // 2)
            if name == "elu_backward":  # its promise is for products with alpha that are not subnormal
                exponents = np.maximum(exponents, limits.minexp + 9)
            dy = np.ldexp(rng.uniform(1, 2, BLOCK) * rng.choice([-1.0, 1.0], BLOCK), exponents).astype(dtype)
            parameter = rng.uniform(0.01, 3, BLOCK).astype(dtype)
            before = () if name in WITH_PARAMETER else (dy,)
            seen.add(measure(name, (*before, x, parameter)[: cases.count_inputs(name)]))
    return seen


def spacing(x: Array, dtype: str) -> Array:
    """Return the gaps between the numbers of a dtype around x, as float64."""
    gaps: Array = np.spacing(np.abs(x).astype(dtype)).astype(np.float64)
    return gaps


def sweep_rows(name: str, dtype: str, isa: str, n: int) -> Seen:
    """Measure random rows of every width, about n elements of each; the witness names the row."""
    rng, seen = np.random.default_rng(n), Seen()
    with kernels(isa):
        for C in WIDTHS:
            for scale in SCALES:
                shape = (max(1, n // (C * len(SCALES))), C)
                x = (scale * rng.standard_normal(shape) + rng.uniform(-9, 9, (shape[0], 1))).astype(dtype)
                if name == "entropy":  # of probabilities
                    x = reference.softmax(x).astype(dtype)
                result = getattr(fastml, name)(x)
                exact = getattr(reference, name)(ulp.wide(x))
                error = ulp.ulp_error(result, exact)
                if name == "logsumexp":  # where the maximum and the rest cancel, the unit is the larger one's
                    top = np.max(x, axis=-1)
                    larger = np.maximum(np.abs(exact), np.maximum(np.abs(top), np.abs(exact - top)))
                    error = error * (spacing(exact, dtype) / spacing(larger, dtype))
                worst = np.unravel_index(int(np.argmax(error)), error.shape)
                place = f"C={C} scale={scale:g} element {','.join(map(str, worst))} of {result.shape}"
                seen.add(Seen(result.size, float(error[worst]), place))
    return seen


def edges(n: int) -> Array:
    """Return about 10 n float64 arguments near the edges of the activations."""
    rng = np.random.default_rng(n)
    ln2, sign = float(np.log(2)), rng.choice([-1.0, 1.0], n)
    ranges = [(-40, 40), (-1, 1), (-746, -705), (-745.2, -744.4), (35, 62), (17, 22.5)]
    # range reductions round to multiples of ln 2, of x or 2 x: they switch at odd multiples of a half and a quarter
    switches = ln2 / 4 * rng.integers(-4300, 4300, 2 * n)
    near = np.concatenate([switches, 0.625 * sign]) * (1 + 2.0**-52 * rng.integers(-40, 40, 3 * n))
    subnormal = rng.integers(0, 1 << 52, n).view(np.float64) * sign
    small = 2.0 ** rng.uniform(-1070, 1, n) * sign
    return np.concatenate([*(rng.uniform(*ends, n) for ends in ranges), near, subnormal, small])


@functools.cache
def mpmath_points(name: str, n: int) -> tuple[Array, Array] | None:
    """Return arguments near the edges and their exact results; None for a function that MPMATH lacks."""
    if name not in MPMATH:
        return None
    x = edges(n)
    return x, exact_results(name, x)


def exact_results(name: str, x: Array) -> Array:
    """Return the results of a function of MPMATH as mpmath numbers."""
    with mpmath.workdps(40):
        return np.array([MPMATH[name](mpmath.mpf(value)) for value in x.tolist()], dtype=object)


def numpy_points(name: str, dtype: str) -> tuple[Array, Array] | None:
    """Return the arguments and the rounded results of NumPy's own validation set; None where it has none."""
    path = Path(np.__file__).parent / "_core" / "tests" / "data" / f"umath-validation-set-{name}.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()] if path.exists() else []
    rows = [(int(fields[1], 16), int(fields[2], 16)) for fields in lines if fields[0] == f"np.{dtype}"]
    if not rows:
        return None
    x, rounded = np.array(rows, f"u{np.dtype(dtype).itemsize}").T.copy().view(dtype)
    with np.errstate(invalid="ignore"):  # signalling NaN
        return x, ulp.wide(rounded)
