"""Derive the coefficients of ``fastml/c/math.inc.h`` and ``activations.inc.h``: relative-error minimax fits by Remez.

``python tools/minimax.py`` prints every coefficient as a hexadecimal float with the error of the fit after rounding, so
that a reader can check the constants in the C source. Needs mpmath.

Source of the method: Muller, "Elementary Functions" (3rd ed., 2016), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import mpmath as mp
import numpy as np

mp.mp.prec = 200

Function = Callable[[mp.mpf], mp.mpf]


def chebyshev_nodes(low: float, high: float, count: int) -> list[mp.mpf]:
    """Return the Chebyshev points of [low, high], ascending."""
    middle, half = (mp.mpf(low) + high) / 2, (mp.mpf(high) - low) / 2
    return [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def remez(target: Function, weight: Function, low: float, high: float, degree: int) -> list[mp.mpf]:
    """Minimise max |weight * (polynomial - target)| on [low, high]; return the coefficients, constant first."""
    nodes = chebyshev_nodes(low, high, degree + 2)
    grid = chebyshev_nodes(low, high, 1000)
    coefficients: list[mp.mpf] = []
    for _ in range(20):
        rows = [[x**k for k in range(degree + 1)] + [(-1) ** i / weight(x)] for i, x in enumerate(nodes)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([target(x) for x in nodes]))
        coefficients = list(solution[: degree + 1])
        errors = [weight(x) * (mp.polyval(coefficients[::-1], x) - target(x)) for x in grid]
        extrema = alternating_extrema(grid, errors)
        if len(extrema) < degree + 2:
            break
        nodes = extrema[: degree + 2]
        if abs(max(map(abs, errors)) / abs(solution[degree + 1]) - 1) < 1e-3:
            break
    return coefficients


def alternating_extrema(grid: Sequence[mp.mpf], errors: Sequence[mp.mpf]) -> list[mp.mpf]:
    """Return the point of largest error in every run of equal sign."""
    extrema: list[tuple[mp.mpf, mp.mpf]] = []
    for x, error in zip(grid, errors, strict=True):
        if extrema and (extrema[-1][1] > 0) == (error > 0):
            if abs(error) > abs(extrema[-1][1]):
                extrema[-1] = (x, error)
        else:
            extrema.append((x, error))
    return [x for x, _ in extrema]


def rational(
    target: Function, low: float, high: float, numerator: int, denominator: int
) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Interpolate target by P/Q at Chebyshev points (near-minimax), Q's constant coefficient 1."""
    nodes = chebyshev_nodes(low, high, numerator + denominator + 1)
    rows = [
        [x**k for k in range(numerator + 1)] + [-target(x) * x**k for k in range(1, denominator + 1)] for x in nodes
    ]
    solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix([target(x) for x in nodes])))
    return solution[: numerator + 1], [mp.mpf(1), *solution[numerator + 1 :]]


def rational_remez(
    target: Function, scale: Function, high: float, numerator: int, denominator: int
) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Minimise max |(P/Q - target) / scale| on [0, high], Q's constant coefficient 1.

    The nodes are dense near 0, as Chebyshev points of (x - 4) / (x + 4) are. P - (target +- E scale) Q = 0 at the nodes
    is linear once the Q beside E is that of the round before (Cody, Fraser and Hart, 1968).
    """
    count = numerator + denominator + 2
    nodes, grid = (dense_near_zero(high, n) for n in (count, 1500))
    p: list[mp.mpf] = []
    q = [mp.mpf(1)] + [mp.mpf(0)] * denominator
    for _ in range(8):
        for _ in range(4):
            signed = [(-1) ** i * scale(x) * mp.polyval(q[::-1], x) for i, x in enumerate(nodes)]
            rows = [
                [x**k for k in range(numerator + 1)] + [-target(x) * x**k for k in range(1, denominator + 1)] + [s]
                for x, s in zip(nodes, signed, strict=True)
            ]
            solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix([target(x) for x in nodes])))
            p, q = solution[: numerator + 1], [mp.mpf(1), *solution[numerator + 1 : -1]]
        errors = [(mp.polyval(p[::-1], x) / mp.polyval(q[::-1], x) - target(x)) / scale(x) for x in grid]
        extrema = alternating_extrema(grid, errors)
        if len(extrema) < count:
            break
        nodes = extrema[:count]
    return p, q


def dense_near_zero(high: float, count: int) -> list[mp.mpf]:
    """Return the points of [0, high] that (x - 4) / (x + 4) takes to Chebyshev points."""
    return [4 * (1 + v) / (1 - v) for v in chebyshev_nodes(-1, (high - 4) / mp.mpf(high + 4), count)]


def as_float(value: mp.mpf, single: bool) -> mp.mpf:
    """Round to float32 or float64."""
    return mp.mpf(float(np.float32(float(value)))) if single else mp.mpf(float(value))


def show(name: str, coefficients: Sequence[mp.mpf], single: bool) -> list[mp.mpf]:
    """Print one table and return its coefficients as rounded."""
    rounded = [as_float(c, single) for c in coefficients]
    print(name, ", ".join(float(c).hex() for c in rounded))
    return rounded


def relative_error(approximation: Function, exact: Function, low: float, high: float) -> str:
    """Return the largest relative error on a grid, as a power of two."""
    worst = max(abs(approximation(x) / exact(x) - 1) for x in chebyshev_nodes(low, high, 2000))
    return f"  max relative error 2^{float(mp.log(worst, 2)):.2f}"


def exp_tail(r: mp.mpf) -> mp.mpf:
    """(e^r - 1 - r) / r^2."""
    return mp.nsum(lambda k: r**k / mp.factorial(k + 2), [0, 40]) if abs(r) < 0.01 else (mp.expm1(r) - r) / r**2


def tanh_tail(z: mp.mpf) -> mp.mpf:
    """(tanh(x)/x - 1) / x^2 as a function of z = x^2."""
    if z < 1e-8:
        return -mp.mpf(1) / 3 + 2 * z / 15
    x = mp.sqrt(z)
    return (mp.tanh(x) / x - 1) / z


def atanh_tail(z: mp.mpf) -> mp.mpf:
    """(log((1+s)/(1-s)) - 2s) / (s z) as a function of z = s^2."""
    if z < 1e-12:
        return mp.mpf(2) / 3 + 2 * z / 5
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / (s * z)


def log1p_tail(f: mp.mpf) -> mp.mpf:
    """(log(1+f) - f + f^2/2) / f^3."""
    if abs(f) < 1e-6:
        return mp.mpf(1) / 3 - f / 4 + f**2 / 5
    return (mp.log1p(f) - f + f**2 / 2) / f**3


def normal_tail(a: mp.mpf) -> mp.mpf:
    """e^(a^2 / 2) times the probability that a normal number exceeds a."""
    return mp.erfc(a / mp.sqrt(2)) * mp.exp(a * a / 2) / 2


def normal_from(p: Sequence[mp.mpf], q: Sequence[mp.mpf], single: bool) -> Function:
    """Return normal_tail as the kernels compute it, without their rounding."""
    slope = as_float(mp.sqrt(2 * mp.pi), single)
    return lambda a: mp.polyval(q[::-1], a) / (slope * a * mp.polyval(q[::-1], a) + mp.polyval(p[::-1], a))


def sine_tail(z: mp.mpf) -> mp.mpf:
    """sin(pi/4 v) / v as a function of z = v^2."""
    v = mp.sqrt(z)
    return mp.pi / 4 * mp.sinc(mp.pi / 4 * v)


def eighth_cosine(z: mp.mpf) -> mp.mpf:
    """cos(pi/4 v) as a function of z = v^2."""
    return mp.cos(mp.pi / 4 * mp.sqrt(z))


def inverse(function: Function, x: mp.mpf) -> mp.mpf:
    """1 / function(x), the weight of a relative error."""
    return 1 / function(x)


def exp_from(tail: Sequence[mp.mpf], single: bool) -> Function:
    """Return e^r as the kernels compute it, without their rounding."""
    rounded = [as_float(c, single) for c in tail][::-1]
    return lambda r: 1 + r + r * r * mp.polyval(rounded, r)


def log_from(tail: Sequence[mp.mpf], single: bool) -> Function:
    """Return log((1+s)/(1-s)) likewise."""
    rounded = [as_float(c, single) for c in tail][::-1]
    return lambda s: 2 * s + s**3 * mp.polyval(rounded, s * s)


def log1p_from(tail: Sequence[mp.mpf]) -> Function:
    """Return log(1+f) likewise, of float32."""
    rounded = [as_float(c, single=True) for c in tail][::-1]
    return lambda f: f - f**2 / 2 + f**3 * mp.polyval(rounded, f)


def main() -> None:
    """Print all tables."""
    half_ln2 = float(mp.log(2) / 2) * 1.0001
    for single, degree in ((True, 4), (False, 9)):
        fit = remez(exp_tail, lambda r: r * r / mp.exp(r) + mp.mpf(1e-9), -half_ln2, half_ln2, degree)
        show("EXP", fit, single)
        print(relative_error(exp_from(fit, single), mp.exp, -half_ln2, half_ln2))

    edge = 0.625
    fit = remez(tanh_tail, lambda z: z + mp.mpf(1e-9), 0.0, edge**2, 4)
    tail = show("TANH", fit, True)[::-1]
    print(relative_error(lambda x: x + x**3 * mp.polyval(tail, x * x), mp.tanh, 1e-3, edge))
    p, q = rational(tanh_tail, 0.0, edge**2, 2, 3)
    p, q = show("TANH_P", p, False)[::-1], show("TANH_Q", q, False)[::-1]
    print(relative_error(lambda x: x + x**3 * mp.polyval(p, x * x) / mp.polyval(q, x * x), mp.tanh, 1e-3, edge))

    low, high = float(mp.sqrt(0.5) - 1) * 1.0001, float(mp.sqrt(2) - 1) * 1.0001
    fit = remez(log1p_tail, lambda f: abs(f**3 / mp.log1p(f)) + mp.mpf(1e-9), low, high, 7)
    show("LOG", fit, True)
    print(relative_error(log1p_from(fit), mp.log1p, low, high))
    top = high / (2 + high)
    fit = remez(atanh_tail, lambda z: z + mp.mpf(1e-9), 0.0, top**2, 6)
    show("LOG", fit, False)
    print(relative_error(log_from(fit, single=False), lambda s: 2 * mp.atanh(s), 1e-3, top))

    third = 1.0001 / 3
    for single, degree in ((True, 3), (False, 9)):
        fit = remez(atanh_tail, lambda z: z + mp.mpf(1e-9), 0.0, third**2, degree)
        show("LOG1P", fit, single)
        print(relative_error(log_from(fit, single), lambda s: 2 * mp.atanh(s), 1e-3, third))

    def hazard(a: mp.mpf) -> mp.mpf:
        return 1 / normal_tail(a)

    for single, numerator, denominator, end in ((True, 4, 5, 20.0), (False, 9, 10, 54.5)):
        # 1 / normal_tail(a) is a sqrt(2 pi) and something that vanishes beside it, whose errors then count less
        p, q = rational_remez(lambda a: hazard(a) - a * mp.sqrt(2 * mp.pi), hazard, end, numerator, denominator)
        # times 1.5: the sums' leading digits are large where their rounding counts most
        p, q = (show(name, [1.5 * c for c in side], single) for name, side in (("NORMAL_P", p), ("NORMAL_Q", q)))
        print(relative_error(normal_from(p, q, single), normal_tail, 0, end))

    for single, degree in ((True, 3), (False, 6)):
        fit, head = remez(sine_tail, partial(inverse, sine_tail), 0.0, 1.0, degree), as_float(mp.pi / 4, single)
        tail = show(f"SIN after {float(head).hex()}", [fit[0] - head, *fit[1:]], single)
        whole = [tail[0] + head, *tail[1:]][::-1]
        print(relative_error(partial(mp.polyval, whole), sine_tail, 0.0, 1.0))
        fit = show("COS", remez(eighth_cosine, partial(inverse, eighth_cosine), 0.0, 1.0, degree + 1), single)[::-1]
        print(relative_error(partial(mp.polyval, fit), eighth_cosine, 0.0, 1.0))


if __name__ == "__main__":
    main()
