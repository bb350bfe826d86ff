"""The lines that ``tools/accuracy.py`` measures, put together, as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from accuracy_oracle import ALL_INPUTS, CENTRE
from accuracy_seen import Peer, Seen, Worst

INTRODUCTION = """# Accuracy

What `python tools/accuracy.py --markdown docs/accuracy.md` writes: the errors of every function whose docstring
promises a largest one. An error of 1 is one unit in the last place of the exact result, so that 0.5 is a correctly
rounded one; where the docstring names another unit, for terms that cancel, it is that one, for the others as well.

Exact results are those of the tests' oracle: for float16 and float32 NumPy in float64 (for the billions of float32,
fastml's own float64 kernels, compared with it on the way), for float64 longdouble, and near the edges mpmath. The worst
errors of sigmoid, tanh, log_sigmoid, softplus, silu and gelu in float16 and float32 are what mpmath finds at these
inputs, with 40 digits.

* *inputs*: `all` numbers of the dtype; `1/17`, every 17th of them; so many `random` ones; `edges`, where range
  reductions switch and results saturate or get subnormal; `samples`, random arrays of many shapes. leaky_relu has the
  slope 0.01 and elu the alpha 1, as in torch, but for `any parameter`, which has a random one for each number.
* *promised*: the bound in the docstring. *max*: the largest error seen, *at* the input that has it.
* *mean*, *50 %*, *99 %*, *99.9 %*: the distribution of the errors, what so many of them do not exceed (to 1.6 %);
  *> 0.5*, *> 1*: the share of larger ones. For functions of one argument it is that of {low} <= |x| < {high}, where
  they are not trivial: of float16 and float32, every number there counts once.

The second table of a section has the largest errors of others on the same inputs, and the input; in brackets those for
{low} <= |x| < {high} alone, where they are smaller. NumPy has tanh and maximum; for the rest stands the formula that
one writes down (`bench/baselines*.py`). SciPy is `scipy.special`, with a product where need be, torch its operators
or, for losses, autograd. The least error of a row is bold. A blank means that there is none, or none of this dtype;
`inf`, that the result is infinite or NaN where the exact one is not, or the reverse.

All float32 numbers of one function take minutes; where it says `1/17` instead, this page was made in less time than the
command takes by default. Kernels for AVX-512 have the bits of those for AVX2, which the tests check. Random data are
seeded.

"""
OTHERS = ("NumPy", "SciPy", "torch")
HEAD = ("function", "dtype", "isa", "inputs", "promised", "max", "at")
DISTRIBUTION = ("mean", "50 %", "99 %", "99.9 %", "> 0.5", "> 1")


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    function: str
    dtype: str
    isa: str
    bound: float
    inputs: str
    seen: Seen
    part: tuple[int, int] = (1, 1)  # the k-th of n pieces

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.seen.error <= self.bound

    def packed(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return vars(self) | {"seen": self.seen.packed(), "kept": self.kept}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Line:
        """Undo `packed`."""
        fields = {name: value for name, value in packed.items() if name != "kept"}
        return cls(**fields | {"seen": Seen.unpacked(packed["seen"]), "part": tuple(packed["part"])})


def together(lines: Iterable[Line]) -> list[Line]:
    """Put the pieces of a sweep together; a label says where some are missing.

    Raises
    ------
    ValueError
        If a piece is there twice, or pieces are of different sizes.
    """
    sweeps: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        sweeps.setdefault((line.function, line.dtype, line.isa, line.inputs), []).append(line)
    whole = []
    for key, pieces in sweeps.items():
        parts, sizes = {line.part[0] for line in pieces}, {line.part[1] for line in pieces}
        if len(parts) < len(pieces) or len(sizes) > 1:
            raise ValueError(f"{' '.join(key)}: expected each part once, got {[line.part for line in pieces]}")
        seen = Seen()
        for line in pieces:
            seen.add(line.seen)
        lack = "" if len(parts) == max(sizes) else f", {len(parts)} of {max(sizes)} parts"
        whole.append(replace(pieces[0], inputs=pieces[0].inputs + lack, seen=seen, part=(1, 1)))
    return whole


def rows(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the sweeps of each function, dtype and instruction set; instruction sets of the same results are one.

    NumPy's validation sets are left out: their exact results are rounded.
    """
    found: dict[tuple[str, str, str], list[Line]] = {}
    for line in together(lines):
        if line.inputs != "NumPy's":
            found.setdefault((line.function, line.dtype, line.isa), []).append(line)
    alike: dict[Any, list[Line]] = {}
    for (function, dtype, isa), sweeps in found.items():
        what = tuple((s.inputs, s.seen.error, s.seen.witness, s.seen.histogram.total) for s in sweeps)
        first = alike.setdefault((function, dtype, what), sweeps)
        if first is not sweeps:
            first[0] = replace(first[0], isa=f"{first[0].isa}, {isa}")
    yield from alike.values()


def number(error: float) -> str:
    """Return an error in ULP, to be read."""
    if error == 0:
        return "0"
    return f"{error:.4f}" if error < 100 else f"{error:.2g}"


def share(part: float) -> str:
    """Return a share as a percentage."""
    return "0" if part == 0 else f"{100 * part:.2g} %"


def place(worst: Worst) -> str:
    """Return the input of an error that is one."""
    return f"`{worst.witness}`" if worst.error > 0 else ""


def amount(line: Line) -> str:
    """Return the name of the inputs and, of random ones, how many there were."""
    points = line.seen.points
    if line.inputs.startswith(("all", "1/")):
        return line.inputs
    return f"{line.inputs} {points / 1e6:.2g} M" if points >= 1e6 else f"{line.inputs} {points:,}"


def measured(sweeps: list[Line]) -> list[str]:
    """Return the cells of a row of the first table; the distribution is that of the first sweep."""
    first, worst = sweeps[0], max(sweeps, key=lambda line: line.seen.error)
    histogram = first.seen.histogram
    cells = [f"`{first.function}`", first.dtype, first.isa, "; ".join(map(amount, sweeps)), f"{first.bound:g}"]
    cells += [f"**{number(worst.seen.error)}**", place(worst.seen), f"{histogram.mean():.3f}"]
    cells += [f"{histogram.quantile(part):.2f}" for part in (0.5, 0.99, 0.999)]
    return [*cells, *(share(histogram.above(limit)) for limit in (0.5, 1.0))]


def beside(sweeps: list[Line]) -> list[str] | None:
    """Return the cells of a row of the second table; None where nobody else was measured."""
    others: dict[str, Peer] = {}
    for line in sweeps:
        for name, peer in line.seen.others.items():
            others.setdefault(name, Peer()).add(peer)
    if not others:
        return None
    ours = max(line.seen.error for line in sweeps if line.seen.others)
    least = min(ours, *(peer.error for peer in others.values()))

    def cell(error: float) -> str:
        return f"**{number(error)}**" if error <= 1.01 * least else number(error)

    cells = [f"`{sweeps[0].function}`", sweeps[0].dtype, cell(ours)]
    for name in OTHERS:
        if name not in others:
            cells.append("")
            continue
        peer = others[name]
        less = sweeps[0].function in ALL_INPUTS and peer.central < 0.99 * peer.error
        central = f" ({number(peer.central)})" if less else ""
        cells.append(cell(peer.error) + central + (f" at {place(peer)}" if peer.error > 0 else ""))
    return cells


def table(head: Iterable[str], body: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def markdown(lines: list[Line], versions: dict[str, str], families: dict[str, tuple[str, ...]]) -> str:
    """Return the page: a section for each family of functions."""
    found = list(rows(lines))
    low, high = (f"2^{np.log2(limit):g}" for limit in CENTRE)
    page = INTRODUCTION.format(low=low, high=high) + ", ".join(
        f"{name} {version}" for name, version in versions.items()
    )
    page += ".\n"
    for family, functions in families.items():
        section = [sweeps for sweeps in found if sweeps[0].function in functions]
        section.sort(key=lambda sweeps: (functions.index(sweeps[0].function), sweeps[0].dtype))
        if not section:
            continue
        page += f"\n## {family}\n\n" + table((*HEAD, *DISTRIBUTION), map(measured, section))
        others = [cells for sweeps in section if (cells := beside(sweeps))]
        if others:
            page += "\n" + table(("function", "dtype", "fastml", *OTHERS), others)
    return page
