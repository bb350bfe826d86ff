"""``python -m bench.fits.scaling``: how the time of a pass and of a whole fit grows with n, d, K and threads.

One process, one thing changed at a time around 200,000 x 100 float32, two classes; best of several, in milliseconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

import fastml
from bench.machine import describe, isa, usable_cpus

CENTER = (200_000, 100, 1)
SIZES = {0: (25_000, 50_000, 100_000, 400_000), 1: (25, 50, 200, 400), 2: (3, 5, 10, 20)}
SECONDS = 0.3


def best(run: Callable[[], object]) -> float:
    """Return the milliseconds of the best of many runs."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < SECONDS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def shapes() -> Iterator[tuple[int, int, int]]:
    """Yield n, d and K (1: two classes)."""
    yield CENTER
    for axis, values in SIZES.items():
        for value in values:
            yield tuple(value if k == axis else CENTER[k] for k in range(3))  # type: ignore[misc]


def measure(n: int, d: int, K: int, threads: list[int]) -> str:
    """Return a row of the table."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), np.float32)
    X[:, 1:] += X[:, :-1].copy()  # correlated
    w = rng.standard_normal((d,) if K == 1 else (d, K)).astype(np.float32) / np.sqrt(d)
    z = X @ w + rng.gumbel(size=(n, K) if K > 1 else n).astype(np.float32)
    y = (z > 0).astype(np.int64) if K == 1 else z.argmax(axis=1)
    cells = [f"{n:,}", str(d), str(max(K, 2))]
    for count in threads:
        with fastml.num_threads(count):
            cells.append(f"{best(lambda: fastml.logistic_loss(X, y, w, np.zeros(w.shape[1:]), return_grad=True)):.2f}")
    for count in threads:
        with fastml.num_threads(count):
            fit = fastml.fit_logistic(X, y, l2=0.5 / n, tol=1e-4)
            cells.append(f"{best(lambda: fastml.fit_logistic(X, y, l2=0.5 / n, tol=1e-4)):.1f}")
    return f"| {' | '.join([*cells, str(fit.n_iter)])} |"


def main() -> int:
    """Print the table."""
    threads = sorted({1, usable_cpus()})
    machine = describe()
    print(f"{machine['cpu']}; kernels {isa()}; NumPy {machine['versions']['numpy']}")
    names = [f"{what}, {count} thread{'s'[: count > 1]}" for what in ("pass", "fit") for count in threads]
    print(f"| n | d | classes | {' | '.join(names)} | steps |")
    print(f"|{' --: |' * (len(names) + 4)}")
    for n, d, K in shapes():
        print(measure(n, d, K, threads), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
