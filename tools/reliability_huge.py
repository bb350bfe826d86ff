"""Arrays of more than 2^31 elements: both ends and the sums are what they must be; `tools/reliability.py huge`.

Inputs are zeros that the system does not yet hold, or one element as often as needed, so that what is written decides
how much memory there must be: 8.6 GB at most.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

N = 2**31 + 17
ROWS = 2**27 + 1
CASES: dict[str, tuple[float, Callable[[], None]]] = {}


def case(gigabytes: float) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter a function into the cases, with the memory that it needs."""

    def enter(function: Callable[[], None]) -> Callable[[], None]:
        CASES[function.__name__] = (gigabytes, function)
        return function

    return enter


def many(value: Any, dtype: str, *shape: int) -> Any:
    """Return an array of one value in the memory of one element."""
    return np.broadcast_to(np.array(value, dtype), shape)


def same(array: Any, value: float, but: int = 0) -> None:
    """Check that all elements are the value, but for some at the start."""
    flat = array.reshape(-1)
    for start in range(but, flat.size, 1 << 26):
        assert (flat[start : start + (1 << 26)] == value).all(), start


@case(4.3)
def sigmoid() -> None:
    """float16 in place."""
    x = np.zeros(N, "f2")
    x[0], x[-1] = 20, -20
    fastml.sigmoid(x, out=x)
    assert x[0] == 1
    assert x[-1] == fastml.sigmoid(np.float16(-20))
    same(x[:-1], 0.5, but=1)


@case(4.3)
def leaky_relu_of_bytes() -> None:
    """Compute float16 in place, with an array of slopes."""
    x = np.full(N, -1, "f2")
    fastml.leaky_relu(x, many(0.25, "f2", N), out=x)
    same(x, -0.25)


@case(4.3)
def softmax() -> None:
    """float16 in place, along rows and along the whole."""
    x = np.zeros((ROWS, 16), "f2")
    fastml.softmax(x, out=x)
    same(x, 1 / 16)
    x[...] = 0
    x[-1, -1] = 30
    fastml.softmax(x.reshape(-1), out=x.reshape(-1))
    expected = 1 / (1 + (x.size - 1) * np.exp(-30))
    assert abs(x[-1, -1] - expected) < 1e-3
    same(x.reshape(-1)[:-1], 0)


@case(0.1)
def logsumexp() -> None:
    """One row of equal numbers, and many rows of three."""
    for dtype in ("f4", "f8"):
        assert abs(fastml.logsumexp(many(0, dtype, N)) - np.log(N)) < 1e-6 * (1 if dtype == "f4" else 1e-6) * 32
    assert abs(fastml.entropy(many(1 / N, "f8", N)) - np.log(N)) < 1e-6


@case(2.2)
def mse_loss() -> None:
    """Add up losses of a broadcast prediction and a target of bytes."""
    target = np.zeros(N, "u1")
    target[-1] = 3
    assert fastml.mse_loss(many(3, "f4", N), target, reduction="sum") == 9 * (N - 1)
    assert abs(fastml.binary_cross_entropy_with_logits(many(0, "f4", N), target > 0) - np.log(2)) < 1e-7


@case(0.1)
def cross_entropy() -> None:
    """2^27 rows of 17 classes."""
    loss = fastml.cross_entropy(many(0, "f4", ROWS, 17), many(16, "i8", ROWS), reduction="sum")
    assert abs(loss / ROWS - np.log(17)) < 1e-6


@case(4.3)
def layer_norm() -> None:
    """Rows of float16 in place, the last one different."""
    x = np.zeros((ROWS, 16), "f2")
    x[-1, ::2] = 2
    fastml.layer_norm(x, out=x, eps=0)
    assert (x[-1, ::2] == 1).all()
    assert (x[-1, 1::2] == -1).all()
    assert np.isnan(x[0]).all()


@case(4.3)
def batch_norm() -> None:
    """Two channels of float16 in training, in place: elements far apart in memory."""
    x = np.zeros((2**11, 2, 2**19 + 1), "f2")
    x[:, 1, ::2] = 4
    mean, var = np.zeros(2), np.zeros(2)
    fastml.batch_norm(x, mean, var, training=True, momentum=1, eps=1e-3, out=x)
    share = (2**18 + 1) / (2**19 + 1)
    assert np.allclose(mean, [0, 4 * share], rtol=1e-12)
    assert np.allclose(var, [0, 16 * share * (1 - share)], rtol=1e-8)
    same(x[:, 0].reshape(-1), 0)


@case(0.1)
def l2_penalty() -> None:
    """Add up equal squares."""
    assert fastml.l2_penalty(many(2, "f4", N), 0.5) == 2 * N


@case(4.3)
def dropout() -> None:
    """float16 in place: as many dropped as should be, and other elements at the end than at the start."""
    x = np.ones(N, "f2")
    fastml.dropout(x, 0.5, rng=1, out=x)
    kept = sum(int(np.count_nonzero(x[k : k + (1 << 26)])) for k in range(0, N, 1 << 26))
    assert abs(kept - N / 2) < 6 * np.sqrt(N / 4)
    assert (x[: 1 << 20] != x[1 << 30 : (1 << 30) + (1 << 20)]).any()
    assert (x[:1000] != x[-1000:]).any()


@case(0.1)
def dropout_of_2_to_the_35() -> None:
    """Use the counter's higher word: rows on top of each other, one thread; the last is what the oracle says."""
    oracle: Any = importlib.import_module("reference_random")
    row, rows = np.zeros(512, "f4"), 2**26 + 1
    out = np.lib.stride_tricks.as_strided(row, (rows, 512), (0, 4))
    with fastml.num_threads(1):
        _, key = fastml.dropout(many(1, "f4", rows, 512), 0.5, rng=3, out=out, return_key=True)
    assert key is not None
    lane = np.arange(64, dtype=np.uint64)
    words = np.stack(oracle.threefry((key % 2**32, key >> 32, oracle.DROPOUT, 0), (lane, lane * 0 + 1, 0, 0)))
    high = np.stack([words & 0xFFFF, words >> 16], axis=1).reshape(-1)
    assert (row == np.where(high >= 2**15, 2, 0)).all()


@case(4.4)
def random_flip_and_crop() -> None:
    """One image of 46,341 x 46,341 bytes, and a window at its far corner."""
    side = 46_341
    image = np.zeros((1, side, side), "u1")
    image[0, 0, 0], image[0, -1, -2] = 1, 2
    flipped = fastml.random_flip(image, params=np.array([[True, True]]))
    assert flipped[0, -1, -1] == 1
    assert flipped[0, 0, 1] == 2
    assert np.count_nonzero(flipped) == 2
    corner = fastml.random_crop(image, 2, params=np.array([[side - 2, side - 2]]))
    assert (corner == [[[0, 0], [2, 0]]]).all()


@case(0.1)
def logistic_loss() -> None:
    """600,000 x 4,096 bytes and as many labels; softmax over rows of floats."""
    row = np.arange(4096, dtype="u1")
    X, y = np.broadcast_to(row, (600_000, 4096)), np.zeros(600_000, "u1")
    loss, dw, db = fastml.logistic_loss(X, y, np.zeros(4096, "f4"), return_grad=True)
    assert abs(loss - np.log(2)) < 1e-6
    assert np.allclose(dw, row / 2)
    assert abs(db - 0.5) < 1e-6
    assert (fastml.predict_logistic(X, np.zeros(4096, "f4")) == 0.5).all()


@case(0.2)
def logistic_loss_of_sparse_rows() -> None:
    """2^31 + 17 entries, all of them 0 but the last."""
    import types

    data, indices = np.zeros(N, "u1"), np.zeros(N, "i4")
    data[-1], indices[-1] = 2, 3
    indptr = np.linspace(0, N, 1001).astype("i8")
    X: Any = types.SimpleNamespace(
        shape=(1000, 4), data=data, indices=indices, indptr=indptr, format="csr", tocsr=print
    )
    _, dw, _ = fastml.logistic_loss(X, np.zeros(1000), np.zeros(4), return_grad=True)
    assert np.allclose(dw, [0, 0, 0, 1e-3])


@case(8.7)
def sgd_step() -> None:
    """float32 in place, gradients of float16."""
    param = np.ones(N, "f4")
    fastml.sgd_step(param, many(2, "f2", N), 0.25)
    same(param, 0.5)


def available() -> float:
    """Return how many GB the system could give."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024e-9 for line in lines if line.startswith("MemAvailable"))


def main(names: list[str]) -> int:
    """Run the cases; return how many failed, or found no memory."""
    bad = 0
    print("| case | GB | seconds | |\n| --- | --- | --- | --- |")
    for name, (gigabytes, function) in CASES.items():
        if names and name not in names:
            continue
        start, outcome = time.perf_counter(), "right"
        if available() < gigabytes + 1:
            outcome = "not run: too little memory"
        else:
            try:
                function()
            except Exception as error:
                outcome = f"WRONG: {error!r}"
        bad += outcome != "right"
        print(f"| {name} | {gigabytes} | {time.perf_counter() - start:.1f} | {outcome} |", flush=True)
    return bad
