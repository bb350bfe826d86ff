"""Exact results, and errors in ULP against them.

They are those of ``tests/reference.py``. For float16 and float32 it computes in float64 NumPy, whose functions are
wrong by at most a few ULP of float64: that moves an error in ULP of float32 by less than 1e-7. Where there are
billions, fastml's own float64 kernels are as good and faster: they are measured themselves, and compared with NumPy's
in one block of every 16 million inputs. For float64 the reference computes in longdouble, where that is wider. Needs
mpmath, which has the last word near the edges and on worst inputs.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from accuracy_seen import Array, Seen, worst_of

import fastml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
cases: Any = importlib.import_module("elementwise_cases")
reference: Any = importlib.import_module("reference")
ulp: Any = importlib.import_module("ulp")

WITH_PARAMETER = {"leaky_relu": 0.01, "elu": 1.0}  # torch's defaults
ALL_INPUTS = (*cases.UNARY, *WITH_PARAMETER)
OWN_ORACLE = ("gelu", "gelu_backward")  # the reference takes its time for erfc
CANCELLING = ("silu_backward", "gelu_backward")
MPMATH = cases.MPMATH

FLOAT64_EXPONENT, ONE = 0x7FF0000000000000, 0x3FF0000000000000  # bits of float64
CENTRE = (2.0**-10, 2.0**5)  # |x| whose errors make the distribution: elsewhere most functions are trivial
SAME = 1e-6  # ULP of float32


def narrow_scale(exact: Array, dtype: Any) -> Array:
    """Return one over the ULP, of float16 or float32, of every exact value."""
    info = np.finfo(dtype)
    exponent = exact.view(np.int64) & FLOAT64_EXPONENT
    np.maximum(exponent, np.float64(info.tiny).view(np.int64), out=exponent)
    np.minimum(exponent, np.float64(2.0 ** (info.maxexp - 1)).view(np.int64), out=exponent)
    exponent -= ONE
    scale: Array = np.subtract(ONE + (info.nmant << 52), exponent, out=exponent)
    return scale.view(np.float64)


def narrow_errors(result: Array, exact: Array, scale: Array | None = None) -> Array:
    """Return what ``ulp.ulp_error`` does, for float16 and float32 against float64, at a tenth of its time."""
    with np.errstate(invalid="ignore"):  # signalling NaN, and inf - inf
        error: Array = result.astype(np.float64)
        error -= exact
    np.abs(error, out=error)
    error *= narrow_scale(exact, result.dtype) if scale is None else scale
    if not np.isfinite(np.max(error)):
        odd = ~np.isfinite(error)
        error[odd] = ulp.ulp_error(result[odd], exact[odd])
    return error


class Oracle:
    """Exact results of one block of inputs, and the unit of their errors."""

    def __init__(self, name: str, inputs: tuple[Array, ...], exact: Array | None = None, *, own: bool = False) -> None:
        self.name, self.inputs = name, inputs
        own = own or (name in OWN_ORACLE and inputs[0].dtype != np.float64)
        with np.errstate(invalid="ignore"):  # signalling NaN
            wide = tuple(map(ulp.wide, inputs))
            self.terms = reference.terms(name, *wide) if name in CANCELLING else ()
            self.exact = getattr(fastml if own else reference, name)(*wide) if exact is None else exact
        self.narrow = self.exact.dtype == np.float64 and not self.terms
        self.scale = narrow_scale(self.exact, inputs[0].dtype) if self.narrow else None
        self.central: Any = slice(None)
        if name in ALL_INPUTS:
            size = np.abs(inputs[0])
            central = (size >= CENTRE[0]) & (size < CENTRE[1])
            self.central = central if central.any() else slice(0)

    def errors(self, result: Array) -> Array:
        """Return the errors of results; where two terms cancel, in units of the larger one."""
        if self.narrow:
            return narrow_errors(result, self.exact, self.scale)
        error: Array = ulp.in_unit_of(result, self.exact, *self.terms)
        return error

    def compare(self, result: Array) -> Seen:
        """Compare results; the histogram has those whose input is neither tiny nor huge."""
        error = self.errors(result)
        seen = Seen(**vars(worst_of(error, self.inputs)), points=result.size)
        if (central := error[self.central]).size:
            seen.histogram.count(central)
        if result.dtype == np.float16:
            with np.errstate(over="ignore"):
                nearest = self.exact.astype(np.float16)
            seen.misrounded = int(np.sum((result != nearest) & ~(np.isnan(result) & np.isnan(nearest))))
        return seen


def compare(name: str, result: Array, exact: Array, inputs: tuple[Array, ...]) -> Seen:
    """Compare results with exact ones."""
    return Oracle(name, inputs, exact).compare(result)


def check_oracle(name: str, inputs: tuple[Array, ...]) -> None:
    """Raise where fastml's float64 kernel and the reference are further apart than SAME."""
    oracle, own = Oracle(name, inputs), Oracle(name, inputs, own=True).exact
    with np.errstate(all="ignore"):
        alike = (own == oracle.exact) | (np.isnan(own) & np.isnan(oracle.exact))
        apart = np.max(np.where(alike, 0, np.abs(own - oracle.exact) * oracle.scale))
    if not apart <= SAME:
        raise AssertionError(f"{name}: the oracles differ by {apart} ULP of float32")


def exact_results(name: str, x: Array) -> Array:
    """Return the results of a function of MPMATH as mpmath numbers."""
    with mpmath.workdps(40):
        return np.array([MPMATH[name](mpmath.mpf(value)) for value in x.tolist()], dtype=object)
