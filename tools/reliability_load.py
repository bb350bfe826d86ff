"""Times of fastml beside other libraries that compute in another thread; `tools/reliability.py oversubscription`."""

from __future__ import annotations

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

import fastml

Task = Callable[[], object]


def others() -> dict[str, Task]:
    """Return what computes beside fastml, with as many threads as there are CPUs."""
    x = np.random.default_rng(0).standard_normal((1200, 1200))
    tasks: dict[str, Task] = {"NumPy's OpenBLAS, matmul": lambda: x @ x}
    if find_spec("torch"):
        import torch

        y: Any = torch.from_numpy(np.random.default_rng(0).standard_normal(4_000_000).astype("f4"))
        z: Any = torch.from_numpy(x.astype("f4"))
        tasks[f"torch {torch.__version__}, {torch.get_num_threads()} threads, sigmoid"] = lambda: torch.sigmoid(y)
        tasks[f"torch {torch.__version__}, {torch.get_num_threads()} threads, matmul"] = lambda: z @ z
    return tasks


@contextlib.contextmanager
def beside(task: Task | None) -> Iterator[list[int]]:
    """Run a task again and again in a thread; the list holds how often."""
    stop, turns = threading.Event(), [0]

    def compute() -> None:
        while task is not None and not stop.is_set():
            task()
            turns[0] += 1

    thread = threading.Thread(target=compute)
    thread.start()
    time.sleep(0.05)
    try:
        yield turns
    finally:
        stop.set()
        thread.join()


def seconds(call: Task, rounds: int) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(rounds: int) -> int:
    """Print the table."""
    x = np.random.default_rng(1).standard_normal(8_000_000).astype("f4")
    out = np.empty_like(x)
    X = x.reshape(-1, 100)[:40_000]
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    ours: dict[str, Task] = {
        "sigmoid, 8,000,000": lambda: fastml.sigmoid(x, out=out),
        "softmax, 80,000 x 100": lambda: fastml.softmax(x.reshape(-1, 100), out=out.reshape(-1, 100)),
        "fit_logistic, 40,000 x 100": lambda: fastml.fit_logistic(X, y, l2=1e-4),
    }
    cpus = len(os.sched_getaffinity(0))
    print(f"{cpus} CPUs, NumPy {np.__version__}; median of {rounds}, ms; in brackets: times alone\n")
    print("| fastml | threads | alone |", *(f" beside {name} |" for name in others()), sep="")
    print("| --- |", " --- |" * (2 + len(others())), sep="")
    for name, call in ours.items():
        for threads in (1, 2):
            fastml.set_num_threads(threads)
            call()
            alone = seconds(call, rounds)
            cells = [f"{alone * 1e3:.1f}"]
            for task in others().values():
                with beside(task):
                    taken = seconds(call, rounds)
                cells.append(f"{taken * 1e3:.1f} ({taken / alone:.1f})")
            print("|", " | ".join([name, str(threads), *cells]), "|", flush=True)
    return 0
