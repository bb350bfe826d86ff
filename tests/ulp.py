"""Errors in units in the last place, and the bounds that docstrings promise.

The unit is the gap between neighbours of the result's dtype in the binade of the exact value, at least the subnormal
gap, so that 0.5 is a correctly rounded result. Tests read their bound from the sentence that users read:
`Max error: <number> ULP (float16), <number> ULP (float32), <number> ULP (float64).`
"""

import re

import numpy as np

SENTENCE = re.compile(r"Max error:((?: ?[0-9.]+ ULP \(float\d+\),?)+)\.")
ENTRY = re.compile(r"([0-9.]+) ULP \((float\d+)\)")
LONGDOUBLE_IS_WIDER = bool(np.finfo(np.longdouble).eps < np.finfo(np.float64).eps)


def wide(x):
    """Return x in the type its oracle is computed in: longdouble for float64, else float64."""
    x = np.asarray(x)
    return x.astype(np.longdouble if x.dtype.newbyteorder("=") == np.float64 else np.float64)


def measurable(dtype):
    """Whether the type that results of `dtype` are compared in is wider than they."""
    return np.dtype(dtype).newbyteorder("=") != np.float64 or LONGDOUBLE_IS_WIDER


def ulp_error(result, exact):
    """Return the error of every element of `result` in ULP of its dtype, as float64.

    Parameters
    ----------
    result : ndarray of float16, float32 or float64
    exact : array_like of its shape, float64 or longdouble, or object (mpmath numbers)
        An exact value beyond the largest finite number is met by inf of its sign; NaN is met by NaN only.

    Raises
    ------
    TypeError
        If `result` is no floating-point array.
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> ulp_error(np.float32([1.0, 0.0]), [1.0 + 2.0**-24, 0.0]).tolist()
    [0.5, 0.0]
    """
    result, exact = np.asarray(result), np.asarray(exact)
    if result.dtype.kind != "f":
        raise TypeError(f"result: expected a floating-point array, got dtype {result.dtype}")
    if result.shape != exact.shape:
        raise ValueError(f"exact: expected shape {result.shape}, got {exact.shape}")
    info = np.finfo(result.dtype)
    if exact.dtype == object:
        near, delta = _split(result, exact)
    else:
        with np.errstate(all="ignore"):
            near = exact.astype(np.longdouble)
            delta = result.astype(np.longdouble) - near
    with np.errstate(all="ignore"):
        exponent = np.where(near == 0, info.minexp, np.frexp(np.abs(near))[1] - 1)
        unit = np.ldexp(np.longdouble(1), np.clip(exponent, info.minexp, info.maxexp - 1) - info.nmant)
        error = np.abs(delta) / unit
        # both NaN, or equal infinities, or an overflow that rounds to inf
        top = np.longdouble(info.max) + np.ldexp(np.longdouble(1), info.maxexp - info.nmant - 2)
        rounds_up = np.isinf(result) & (np.abs(near) >= top) & (np.signbit(result) == np.signbit(near))
        met = (np.isnan(result) & np.isnan(near)) | (np.isinf(near) & (result == near)) | rounds_up
        return np.where(met, 0.0, np.where(np.isnan(error), np.inf, error)).astype(np.float64)


def in_unit_of(result, exact, *terms):
    """Return ulp_error in units in the last place of the largest of `exact` and `terms`, which cancel in it."""
    error, exact = ulp_error(result, exact), np.asarray(exact)
    info = np.finfo(np.asarray(result).dtype)
    with np.errstate(all="ignore"):
        sizes = [np.clip(np.abs(v).astype(np.longdouble), info.tiny, info.max) for v in (exact, *terms)]
        exponents = [np.frexp(size)[1] for size in sizes]
        return np.ldexp(error, exponents[0] - np.max(exponents, axis=0))


def _split(result, exact):
    """mpmath numbers as longdouble, and result - exact formed before that rounding."""
    import mpmath

    with mpmath.workdps(50):
        deltas = [mpmath.mpf(float(r)) - e for r, e in zip(result.ravel(), exact.ravel(), strict=True)]
        near, delta = (
            np.array([np.longdouble(mpmath.nstr(v, 25)) for v in column]) for column in (exact.ravel(), deltas)
        )
    return near.astype(np.longdouble).reshape(exact.shape), delta.astype(np.longdouble).reshape(exact.shape)


def bound_from_docstring(func, dtype):
    """Return the bound in ULP that the docstring of `func` promises for `dtype`.

    Raises
    ------
    KeyError
        If the docstring has no such sentence, or the sentence no such dtype.
    """
    name, dtype = getattr(func, "__name__", repr(func)), np.dtype(dtype).name
    sentence = SENTENCE.search(" ".join((func.__doc__ or "").split()))
    if sentence is None:
        raise KeyError(f"{name}: expected a docstring with 'Max error: <number> ULP (<dtype>), ...', found none")
    bounds = {entry[1]: float(entry[0]) for entry in ENTRY.findall(sentence[1])}
    if dtype not in bounds:
        raise KeyError(f"{name}: expected an accuracy bound for {dtype} in the docstring, got {sorted(bounds)}")
    return bounds[dtype]


def assert_ulp(result, exact, bound):
    """Assert that no element is further than `bound` ULP from `exact`; the message names the worst.

    Where longdouble is no wider than float64, the oracle's own rounding (2 ULP) is allowed for float64 results.
    """
    result = np.asarray(result)
    error = ulp_error(result, exact)
    worst = tuple(map(int, np.unravel_index(np.argmax(error), error.shape))) if error.size else None
    narrow = not measurable(result.dtype) and np.asarray(exact).dtype != object
    if worst is not None:
        got = f"got {result[worst]!r}, exact {np.asarray(exact)[worst]!r}"
        message = f"{error[worst]:.4g} ULP > {bound} at index {worst}: {got}"
        assert error[worst] <= bound + (2.0 if narrow else 0.0), message
