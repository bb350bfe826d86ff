"""Ctrl-C ends a call of hours within a second, and leaves arrays as promised."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no timers that raise signals"),
    pytest.mark.usefixtures("fastml"),
]

# The calls would take minutes; their arrays are views of a few rows or windows, so that there is room for them.
CHILD = """
import signal, time
import numpy as np
import fastml

def interrupt(*_):
    raise KeyboardInterrupt

def start_timer(seconds):  # of processor time, by all threads: what else the machine does is no matter
    global start, delay
    start, delay = time.process_time(), seconds
    signal.setitimer(signal.ITIMER_PROF, delay)

def one_row(shape, dtype="f8"):
    buffer = np.zeros(shape[-1], dtype)
    return buffer, np.lib.stride_tricks.as_strided(buffer, shape, (0,) * (len(shape) - 1) + (buffer.itemsize,))

class Sparse:  # as SciPy has it: 60 entries in every row, of 1,000 columns
    format = "csr"

    def __init__(self, n):
        rng = np.random.default_rng(0)
        self.data, self.indices = rng.standard_normal(60 * n, "f4"), rng.integers(0, 1000, 60 * n, "i4")
        self.indptr, self.shape = np.arange(0, 60 * n + 1, 60), (n, 1000)

    def tocsr(self):
        return self

def rows(n, d):
    return np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(n + d - 1.0)), d)

signal.signal(signal.SIGPROF, interrupt)
fastml.set_num_threads(2)
first = 0.1
{setup}
try:
    start_timer(first)
    {call}
    raise AssertionError("not interrupted")
except KeyboardInterrupt:
    late = time.process_time() - start - delay
{check}
assert late < {limit}, late
assert fastml.sigmoid(0.0) == 0.5 and (fastml.relu(np.ones(1 << 22)) == 1).all()  # the pool goes on
print("done")
"""
CASES = {
    "sigmoid": (
        "x = np.linspace(-9, 9, 1 << 24, dtype='f4'); out = np.full_like(x, 7)",
        "while True: fastml.sigmoid(x, out=out)",
        "assert ((out == fastml.sigmoid(x)) | (out == 7)).all()",
    ),
    "softmax": (
        "row = np.arange(100.0); x = np.broadcast_to(row, (1 << 30, 100))\n"
        "buffer = np.empty(100); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0, 8))",
        "fastml.softmax(x, out=out)",
        "assert (buffer == fastml.softmax(row)).all() and (row == np.arange(100)).all()",
    ),
    "binary_cross_entropy": (
        "p = np.broadcast_to(np.linspace(0.1, 0.9, 100), (1 << 30, 100))",
        "fastml.binary_cross_entropy(p, p)",
        "assert (p[0] == np.linspace(0.1, 0.9, 100)).all()",
    ),
    "sample_weight": (
        "p = np.broadcast_to(np.ones(100), (1 << 30, 100))",
        "fastml.mse_loss(p, p, sample_weight=p)",
        "assert (p[0] == 1).all()",
    ),
    "cross_entropy": (
        "row = np.arange(100.0); x = np.broadcast_to(row, (1 << 30, 100)); y = np.broadcast_to(3, 1 << 30)\n"
        "buffer = np.empty(100); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0, 8))",
        "fastml.cross_entropy(x, y, reduction='sum', return_grad=True, out=out)",
        "assert (row == np.arange(100)).all()",
    ),
    "gaussian_noise": (
        "x = np.broadcast_to(np.float32(1), 1 << 40)\n"
        "buffer = np.full(1, 7, 'f4'); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0,))",
        "fastml.gaussian_noise(x, 1e-3, out=out)",
        "assert abs(buffer[0] - 1) < 1e-2 and x[0] == 1",
    ),
    "random_flip": (
        "x = np.broadcast_to(np.uint8(1), (100, 100_000, 100_000))\n"  # few draws, which come first
        "buffer = np.zeros(100_000, 'u1'); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0, 0, 1))",
        "fastml.random_flip(x, rng=0, out=out)",
        "assert (buffer == 1).all()",
    ),
    "layer_norm": (
        "row = np.arange(100.0); x = np.broadcast_to(row, (1 << 30, 100))\n"
        "buffer = np.empty(100); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0, 8))",
        "fastml.layer_norm(x, out=out)",
        "assert (buffer == fastml.layer_norm(row)).all() and (row == np.arange(100)).all()",
    ),
    "logistic_loss": (
        "X, y, w = rows(1 << 22, 1 << 14), np.arange(1 << 22) % 2, np.ones(1 << 14)",
        "fastml.logistic_loss(X, y, w, return_grad=True)",
        "assert (w == 1).all()",
    ),
    "softmax regression": (
        "X, y, w = rows(1 << 22, 1 << 12), np.arange(1 << 22) % 10, np.ones((1 << 12, 10), 'f4')",
        "fastml.logistic_loss(X, y, w, return_grad=True)",
        "assert (w == 1).all()",
    ),
    "logistic_step": (
        "X, y, w, b = rows(1 << 22, 1 << 14), np.arange(1 << 22) % 2, np.ones(1 << 14), np.ones(1)",
        "fastml.logistic_step(X, y, w, b, 0.1)",
        "assert (w == 1).all() and b == 1",
    ),
    "softmax_backward": (
        "y = np.broadcast_to(np.full(100, 0.01), (1 << 30, 100)); buffer, out = one_row(y.shape)",
        "fastml.softmax_backward(y, y, out=out)",
        "assert abs(buffer).max() < 1e-9 and (y[0] == 0.01).all()",
    ),
    "logsumexp, float16": (
        "x = np.broadcast_to(np.zeros(100, 'f2'), (1 << 25, 100))",
        "while True: fastml.logsumexp(x)",
        "assert (x[0] == 0).all()",
    ),
    "batch_norm": (  # the running statistics are of no use half-way
        "x = np.broadcast_to(np.arange(64.0), (1 << 30, 64)); mean, var = np.ones(64), np.ones(64)\n"
        "buffer, out = one_row(x.shape)",
        "fastml.batch_norm(x, mean, var, training=True, out=out)",
        "assert (mean == 1).all() and (var == 1).all()",
    ),
    "layer_norm_backward": (
        "x = np.broadcast_to(np.arange(64.0), (1 << 16, 64)); mean = np.broadcast_to(31.5, (1 << 16, 1))",
        "while True: fastml.layer_norm_backward(x, x, mean, mean)",
        "assert (x[0] == np.arange(64)).all()",
    ),
    "dropout": (
        "x = np.broadcast_to(np.float32(1), 1 << 40); buffer = np.full(1, 7, 'f4')\n"
        "out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0,))",
        "fastml.dropout(x, 0.5, rng=0, out=out)",
        "assert buffer[0] in (0, 2) and x[0] == 1",
    ),
    "l2_penalty": (
        "w = np.broadcast_to(np.arange(100.0), (1 << 30, 100)); buffer, out = one_row(w.shape)",
        "fastml.l2_penalty(w, 0.5, return_grad=True, out=out)",
        "assert (buffer == np.arange(100)).all()",
    ),
    "softmax regression, 200 classes": (
        "X, y, w = rows(1 << 22, 1 << 10), np.arange(1 << 22) % 200, np.ones((1 << 10, 200), 'f4')",
        "fastml.logistic_loss(X, y, w, return_grad=True)",
        "assert (w == 1).all()",
    ),
    "predict_logistic": (
        "X, w = rows(1 << 20, 1 << 14), np.ones((1 << 14, 10), 'f4')",
        "fastml.predict_logistic(X, w)",
        "assert (w == 1).all()",
    ),
    "sparse": (
        "X, y, w = Sparse(200_000), np.arange(200_000) % 2, np.ones(1000, 'f4')",
        "while True: fastml.logistic_loss(X, y, w, return_grad=True)",
        "assert (w == 1).all()",
    ),
    "sparse, 100 classes": (
        "X, y, w = Sparse(200_000), np.arange(200_000) % 100, np.ones((1000, 100), 'f4')",
        "while True: fastml.logistic_loss(X, y, w, return_grad=True)",
        "assert (w == 1).all()",
    ),
    "random_crop": (
        "x = np.broadcast_to(np.uint8(1), (100, 100_000, 100_000)); buffer, out = one_row((100, 90_000, 90_000), 'u1')",
        "fastml.random_crop(x, (90_000, 90_000), padding=20, mode='reflect', rng=0, out=out)",
        "assert (buffer == 1).all()",
    ),
    "synonym_replace": (
        "texts = ['the quick brown fox jumps over the lazy dog'] * 1_000_000",
        "fastml.synonym_replace(texts, 0.5, rng=0)",
        "assert len(texts) == 1_000_000",
    ),
}
# The timer starts anew after the first step: in the middle of the second. Given rows are those of noise, and with a
# tolerance of 0 no solver ends before.
FIT = """
rng = np.random.default_rng(0)
X, y = rng.standard_normal((100_000, 256), "f4"), rng.integers(0, {classes}, 100_000)
w, b, kept = np.zeros((256, {classes})[: 1 + ({classes} > 2)], "f4"), np.zeros(({classes},)[: {classes} > 2], "f4"), []
b = b if b.ndim else np.zeros(1, "f4")
{setup}
def callback(step):
    kept[:] = w.copy(), b.copy()
    if step.iteration == {last}:
        start_timer(2e-3)
first = 0
"""
CALL = "fastml.fit_logistic(X, y, w=w, b=b, tol=0, max_iter=1_000_000, callback=callback, {keywords})"
CHECK = "assert (w == kept[0]).all() and (b == kept[1]).all() and w.any()"
FITS = {
    "auto": (2, 2, "", ""),
    "lbfgs": (2, 2, "", "solver='lbfgs'"),
    "lbfgs with l1": (2, 2, "", "solver='lbfgs', l1=1e-4"),
    "newton-cholesky": (2, 1, "", "solver='newton-cholesky'"),
    "proximal-newton": (2, 1, "", "solver='proximal-newton', l1=1e-4"),
    "sgd": (2, 1, "", "solver='sgd'"),
    "softmax": (10, 2, "", "solver='lbfgs'"),
    "softmax, newton-cholesky": (10, 1, "", "solver='newton-cholesky'"),
    "sparse, lbfgs": (2, 2, "X = Sparse(100_000); w = np.zeros(1000, 'f4')", "solver='lbfgs'"),
    "sparse, newton-cholesky": (2, 1, "X = Sparse(100_000); w = np.zeros(1000, 'f4')", "solver='newton-cholesky'"),
    "sparse, sgd": (2, 1, "X = Sparse(100_000); w = np.zeros(1000, 'f4')", "solver='sgd'"),
}
for name, (classes, last, more, keywords) in FITS.items():
    setup = FIT.format(classes=classes, setup=more, last=last)
    CASES[f"fit_logistic, {name}"] = setup, CALL.format(keywords=keywords), CHECK


@pytest.mark.parametrize("case", CASES)
def test_interrupt(case):
    setup, call, check = CASES[case]
    limit = 10 if "san.so" in os.environ.get("LD_PRELOAD", "") else 1  # seconds; a sanitizer slows all down
    code = textwrap.dedent(CHILD).format(setup=setup, call=call, check=check, limit=limit)
    blas = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")  # whose threads spin: processor time too
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | dict.fromkeys(blas, "1"),
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
