"""The rows of a fit in partitions, each passed over where it lies: for a solver, what one machine's arrays are.

The functions at the end run on the workers. Nothing but w and sums of its size travels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from dask.delayed import Delayed, delayed
from distributed import futures_of

from fastml._logistic_data import Model, make_problem

Array = npt.NDArray[Any]

FAN_IN = 16  # sums that one task adds up
FAN_IN_LARGE = 4  # the same for sums so large that a worker should not hold many
LARGE_BYTES = 1 << 20
TASK_BYTES = 1 << 14  # of a model that travels within the tasks; a larger one is sent to each worker once


class Partitions:
    """X, targets and weights in partitions: for a solver, what `fastml._logistic.Problem` is for arrays.

    Parameters
    ----------
    data : list of (Delayed, Delayed)
        For each partition X (n_k, d) and what `make_target` returns, persisted.
    sizes : list of int
        The rows of each.
    d, classes : int
        Columns; classes or labels (1: binary).
    dtype : dtype
        That of w.
    multi_label : bool
        Whether the classes are independent labels.
    scale : float, optional
        Multiplies X.
    """

    def __init__(
        self,
        data: list[tuple[Delayed, Delayed]],
        sizes: list[int],
        d: int,
        classes: int,
        dtype: npt.DTypeLike,
        multi_label: bool,
        scale: float | None,
    ) -> None:
        self.data, self.d, self.classes = data, d, classes
        self.ends = np.cumsum(sizes)
        self.n = int(self.ends[-1])
        self.dtype, self.multi_label, self.scale = np.dtype(dtype), multi_label, scale
        self.held: Delayed | None = None

    def evaluate(self, w: Array, b: Array, gradient: bool = True) -> tuple[float, Any, Any]:
        """Return the mean loss, without penalties, and its gradient for w and b in float64 (None without gradient)."""
        size = 2 + (w.size + self.classes if gradient else 0)
        sums = self.total(pass_over, w, b, [gradient] * len(self.data), 8 * size)
        weight = sums[0] if sums[0] > 0 else 1.0
        if not gradient:
            return sums[1] / weight, None, None
        slopes = sums[2:] / weight
        return sums[1] / weight, slopes[: w.size].reshape(w.shape), slopes[w.size :]

    def curvature(self, w: Array, b: Array, rows: Array | None = None, diagonal: bool = False) -> Array:
        """Return the mean of ``h x x^T``, or its diagonal, as `fastml._logistic.Problem`; rows: sorted, to be taken."""
        takes: list[Any] = [None] * len(self.data)
        if rows is not None:
            cuts = np.searchsorted(rows, self.ends[:-1])
            starts = np.concatenate([[0], self.ends[:-1]])
            takes = [part - start for part, start in zip(np.split(rows, cuts), starts, strict=True)]
        sums = self.total(curve, w, b, [(part, diagonal) for part in takes], 8 * self.d * (1 if diagonal else self.d))
        mean = sums[1:] / (sums[0] if sums[0] > 0 else 1.0)
        return mean if diagonal else mean.reshape(math.isqrt(mean.size), -1)

    def total(self, task: Callable[..., Array], w: Array, b: Array, extra: list[Any], nbytes: int) -> Array:
        """Return the sums over all partitions: one task each, and a tree whose shape their number decides."""
        model: Any = (w, np.array(b), self.multi_label, self.scale)
        if w.nbytes > TASK_BYTES:
            model = delayed(model, pure=False, traverse=False)
        run, join = delayed(task, pure=False, traverse=False), delayed(add, pure=False, traverse=False)
        sums = [run(X, target, model, more) for (X, target), more in zip(self.data, extra, strict=True)]
        fan_in = FAN_IN if nbytes <= LARGE_BYTES else FAN_IN_LARGE
        while len(sums) > 1:
            sums = [join(sums[i : i + fan_in]) for i in range(0, len(sums), fan_in)]
        return self.fetch(sums[0])

    def fetch(self, value: Delayed) -> Array:
        """Compute a value, which is held until the next one is asked for.

        The client sends its messages to the scheduler 10 ms apart: a release of this one would make the next wait.
        """
        held = value.persist(optimize_graph=False)
        futures = futures_of(held)
        result: Array = futures[0].result() if futures else held.compute(optimize_graph=False)
        self.held = held
        return result


Target = tuple[Array, "Array | None", float]
Sent = tuple[Array, Array, bool, "float | None"]


def problem_of(X: Any, target: Target, model: Sent) -> Any:
    """Return a partition as one machine's data."""
    (labels, weights, _), (w, b, multi_label, scale) = target, model
    return make_problem(X, labels, Model(w, b, multi_label), weights, scale)


@np.errstate(all="ignore")
def pass_over(X: Any, target: Target, model: Sent, gradient: bool) -> Array:
    """Return a partition's weight, and times it its mean loss and gradient."""
    loss, dw, db = problem_of(X, target, model).evaluate(model[0], model[1], gradient)
    parts = [[loss], dw.ravel(), db] if gradient else [[loss]]
    weight = target[2]
    return np.concatenate([[weight], weight * np.concatenate(parts)])


@np.errstate(all="ignore")
def curve(X: Any, target: Target, model: Sent, which: tuple[Array | None, bool]) -> Array:
    """Return the weight of rows of a partition, and times it their mean curvature."""
    (_, weights, weight), (rows, diagonal) = target, which
    if rows is not None:
        weight = float(len(rows) if weights is None else weights[rows].sum(dtype=np.float64))
    matrix = problem_of(X, target, model).curvature(model[0], model[1], rows, diagonal)
    return np.concatenate([[weight], weight * matrix.ravel()])


def add(sums: list[Array]) -> Array:
    """Add up sums in their order."""
    result = sums[0].copy()
    for other in sums[1:]:
        result += other
    return result
