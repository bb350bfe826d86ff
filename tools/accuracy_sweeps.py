"""What ``tools/accuracy.py`` runs over the element-wise functions: inputs, and the errors in ULP that were seen."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import accuracy_peers as peers
import numpy as np
from accuracy_oracle import (
    MPMATH,
    WITH_PARAMETER,
    Oracle,
    cases,
    check_oracle,
    compare,
    exact_results,
    reference,
    ulp,
)
from accuracy_seen import Array, Peer, Seen, worst_of

import fastml
from fastml import _fastml_runtime as runtime

UNARY = tuple(name for name in fastml.ufuncs.__all__ if getattr(fastml.ufuncs, name).nin == 1)
BACKWARD = tuple(name for name in fastml.ufuncs.__all__ if name.endswith("_backward"))
MONOTONE = ("sigmoid", "tanh", "relu")
DTYPES = ("float16", "float32", "float64")

BLOCK = 1 << 14  # elements: temporaries stay in the second-level cache


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


def backward_steps(name: str, x: Array, y: Array) -> Seen:
    """Count the results that get smaller from an input to the next larger one, or larger to the next smaller one."""
    unsigned = np.dtype(f"u{x.dtype.itemsize}").type
    outward = getattr(fastml, name)((x.view(unsigned) + unsigned(1)).view(x.dtype))
    back = np.where(np.signbit(x), outward > y, outward < y)
    if not back.any():
        return Seen()
    steps = np.abs(outward[back].view(unsigned).astype(np.int64) - y[back].view(unsigned).astype(np.int64))
    return Seen(backward=int(np.sum(back)), deepest=int(np.max(steps)))


def measure(
    name: str, inputs: tuple[Array, ...], exact: Array | None = None, *, beside: bool = False, own: bool = False
) -> Seen:
    """Measure one block of inputs, and with `beside` others on the same; `exact` is the oracle's unless given."""
    result = getattr(fastml, name)(*inputs)
    oracle = Oracle(name, inputs, exact, own=own)
    seen = oracle.compare(result)
    if name in MONOTONE:
        seen.add(backward_steps(name, inputs[0], result))
    if beside:
        for other, its in peers.results(name, inputs).items():
            error = oracle.errors(its)
            seen.others[other] = Peer(
                **vars(worst_of(error, inputs)), central=float(np.max(error[oracle.central], initial=-1))
            )
    return seen


def with_parameter(name: str, x: Array) -> tuple[Array, ...]:
    """Return the arguments of a function of x: with its parameter, where it has one."""
    parameter = WITH_PARAMETER.get(name.removesuffix("_backward"))
    return (x,) if parameter is None else (x, np.broadcast_to(np.array(parameter, x.dtype), x.shape))


def sweep_patterns(name: str, dtype: str, isa: str, span: tuple[int, int], stride: int, beside: bool = False) -> Seen:
    """Measure every stride-th bit pattern of a range, of float16 or float32."""
    seen, (start, stop) = Seen(), span
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    with kernels(isa):
        for low in range(-(-start // stride) * stride, stop, BLOCK * stride):
            patterns = np.arange(low, min(low + BLOCK * stride, stop), stride, dtype=np.uint64)
            inputs = with_parameter(name, patterns.astype(unsigned).view(dtype))
            if low < start + stride and dtype == "float32":
                check_oracle(name, inputs)
            seen.add(measure(name, inputs, beside=beside, own=dtype == "float32"))
    return seen


def spread(rng: np.random.Generator, n: int) -> Array:
    """Return n arguments of an activation: where it bends, where it saturates, around tanh's edge, of every size."""
    sizes = 2.0 ** rng.uniform(-60, 10, n // 4)
    edge = rng.uniform(0.62, 0.65, n // 8)
    signed = np.concatenate([sizes, edge]) * rng.choice([-1.0, 1.0], n // 4 + n // 8)
    parts = [rng.uniform(-40, 40, n // 4), rng.uniform(-760, 60, n // 8), rng.uniform(-1.5, 1.5, n // 8), signed]
    return np.concatenate([*parts, rng.standard_normal(n - sum(part.size for part in parts))])


def gradients(rng: np.random.Generator, dtype: str, n: int, *, smallest: int) -> Array:
    """Return n numbers of every size down to subnormal ones, half of them around 1."""
    limits = np.finfo(dtype)
    exponents = rng.integers(limits.minexp - limits.nmant, limits.maxexp - 3, n)
    exponents[: n // 2] = rng.integers(-4, 4, n // 2)
    mantissas = rng.uniform(1, 2, n) * rng.choice([-1.0, 1.0], n)
    drawn: Array = np.ldexp(mantissas, np.maximum(exponents, smallest)).astype(dtype)
    return drawn


def has_parameter(name: str) -> bool:
    """Tell whether a function, or the function of a gradient, has a parameter."""
    return name.removesuffix("_backward") in WITH_PARAMETER


def sweep_random(name: str, dtype: str, isa: str, n: int, beside: bool = False, own: bool = False) -> Seen:
    """Measure random arguments, or random pairs of a gradient and an output (or input) of the function.

    With `own`, each element has a parameter of its own, which the others lack.
    """
    rng, seen = np.random.default_rng(n), Seen()
    limits = np.finfo(dtype)
    # elu_backward's promise is for products with alpha that are not subnormal
    smallest = limits.minexp + 9 if name == "elu_backward" else limits.minexp - limits.nmant
    with kernels(isa):
        for _ in range(0, n, BLOCK):
            x = spread(rng, BLOCK).astype(dtype)
            if name in cases.FROM_OUTPUT:
                x = getattr(reference, name.removesuffix("_backward"))(x).astype(dtype)
            inputs = with_parameter(name, x)
            if own:
                inputs = (x, rng.uniform(0.01, 3, BLOCK).astype(dtype))
            if name in BACKWARD:
                inputs = (gradients(rng, dtype, BLOCK, smallest=smallest), *inputs)
            seen.add(measure(name, inputs, beside=beside and not own))
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


def confirm(name: str, dtype: str, isa: str, seen: Seen) -> None:
    """Let mpmath say what the worst error is, at the worst input; raise if the oracle was wrong there."""
    if name not in MPMATH or not np.isfinite(seen.error):
        return
    x = np.array([float.fromhex(seen.witness)], dtype)
    with kernels(isa):
        result = getattr(fastml, name)(x)
    error = compare(name, result, exact_results(name, x), (x,)).error if np.isfinite(x[0]) else seen.error
    if abs(error - seen.error) > 0.01:
        raise AssertionError(f"{name} {dtype} at {seen.witness}: oracle {seen.error} ULP, mpmath {error} ULP")
    seen.error = error


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
