"""What the machine can do at most, measured in the same run: copying memory, and multiplying and adding.

Copies bound what memory gives; a matrix product of NumPy's BLAS, the densest work there is, bounds the arithmetic. A
function's operations are counted nominally, the same for everyone: what a plain method at the dtype's precision needs
for an element. An addition, multiplication, minimum, comparison, division or root counts 1, a fused multiply-add 2;
integer and bit operations, loads and stores count nothing. So a fraction of the peak says how far a function is from
ideal, not how well its instructions were scheduled: a division, say, takes as long as many additions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from typing import Any

import numpy as np

DRAM_BYTES = 256 << 20
COPY_BYTES = 32 << 20  # per thread and sample: milliseconds, beside which waking a thread is nothing
SECONDS = 0.1
ROUNDS = 10
MATRIX = 1024

# exp: three fused multiply-adds and a subtraction reduce the argument; a polynomial of degree 6 (float64: 11); scaling.
# log: f / (2 + f) of the mantissa less 1, a polynomial of 4 terms (float64: 7) of its square, its correction, and k
# log(2) in two parts: fdlibm's method.
EXP = {"float32": 20, "float64": 30}
LOG = {"float32": 21, "float64": 27}

# exponentials, logarithms and other operations for an element; not here: what computes with integers (random numbers)
OPERATIONS = {
    "sigmoid": (1, 0, 2),
    "tanh": (1, 0, 4),
    "relu": (0, 0, 1),
    "log_sigmoid": (1, 1, 3),
    "softplus": (1, 1, 3),
    "silu": (1, 0, 2),
    "gelu": (1, 0, 20),
    "leaky_relu": (0, 0, 2),
    "elu": (1, 0, 3),
    "sigmoid_backward": (0, 0, 3),
    "tanh_backward": (0, 0, 3),
    "relu_backward": (0, 0, 1),
    "log_sigmoid_backward": (1, 0, 3),
    "softplus_backward": (1, 0, 2),
    "silu_backward": (1, 0, 7),
    "gelu_backward": (1, 0, 24),
    "leaky_relu_backward": (0, 0, 2),
    "elu_backward": (1, 0, 2),
    "softmax": (1, 0, 4),
    "log_softmax": (1, 0, 4),
    "logsumexp": (1, 0, 3),
    "entropy": (0, 1, 2),
    "softmax_backward": (0, 0, 4),
    "log_softmax_backward": (1, 0, 3),
    "mse_loss": (0, 0, 4),
    "mae_loss": (0, 0, 3),
    "huber_loss": (0, 0, 8),
    "binary_cross_entropy": (0, 2, 9),
    "binary_cross_entropy_with_logits": (1, 1, 8),
    "cross_entropy": (1, 0, 4),
    "layer_norm": (0, 0, 8),
    "layer_norm_backward": (0, 0, 13),
    "rms_norm": (0, 0, 4),
    "rms_norm_backward": (0, 0, 9),
    "batch_norm": (0, 0, 6),
    "batch_norm_backward": (0, 0, 8),
    "sgd_step": (0, 0, 4),
    "adam_step": (0, 0, 14),
    "l1_penalty": (0, 0, 2),
    "l2_penalty": (0, 0, 3),
    "soft_threshold": (0, 0, 3),
}


def compute_dtype(dtype: str) -> str:
    """Return the dtype that is computed in: float16 is storage."""
    return "float64" if dtype == "float64" else "float32"


def operations(function: str, dtype: str) -> int | None:
    """Count the operations for an element, or None where nobody has counted."""
    if function not in OPERATIONS:
        return None
    exponentials, logarithms, others = OPERATIONS[function]
    computed = compute_dtype(dtype)
    return exponentials * EXP[computed] + logarithms * LOG[computed] + others


def best_time(run: Callable[[], Any]) -> float:
    """Return the least seconds of a call, after one that is not timed."""
    run()
    best, stop = float("inf"), time.perf_counter() + SECONDS
    for turn in count():
        start = time.perf_counter()
        if turn >= ROUNDS and start > stop:
            break
        run()
        best = min(best, time.perf_counter() - start)
    return best


@cache
def peak(dtype: str) -> float:
    """Measure the arithmetic: GFLOP/s of NumPy's matrix product, with as many threads as its BLAS was given."""
    a, b, out = np.ones((3, MATRIX, MATRIX), dtype)
    return 2e-9 * MATRIX**3 / best_time(lambda: np.matmul(a, b, out=out))


@cache
def copy_bandwidth(nbytes: int = DRAM_BYTES, threads: int = 1) -> float:
    """Measure the memory: GB/s read plus written by copying with `threads` threads, best of many.

    `nbytes` is what source and target hold together, so that a case is compared with a copy in the same level of
    cache. A thread copies its part many times over: hand-over between threads isn't part of a roofline.
    """
    part = max(1, nbytes // 2 // threads)
    parts = [(np.ones(part, np.uint8), np.zeros(part, np.uint8)) for _ in range(threads)]
    repeats = max(1, COPY_BYTES // part)

    def copy(pair: tuple[Any, Any]) -> None:
        for _ in range(repeats):
            np.copyto(pair[1], pair[0])

    with ThreadPoolExecutor(threads) as pool:
        seconds = best_time(lambda: list(pool.map(copy, parts)))
    return 2 * part * threads * repeats / seconds / 1e9
