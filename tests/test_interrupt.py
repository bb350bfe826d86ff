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

def rows(n, d):
    return np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(n + d - 1.0)), d)

signal.signal(signal.SIGALRM, interrupt)
fastml.set_num_threads(2)
delay = 0.1
{setup}
start = time.perf_counter()
try:
    signal.setitimer(signal.ITIMER_REAL, delay)
    {call}
    raise AssertionError("not interrupted")
except KeyboardInterrupt:
    late = time.perf_counter() - start - delay
{check}
assert late < 1, late
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
        "x = np.broadcast_to(np.uint8(1), (1 << 20, 1000, 1000))\n"
        "buffer = np.zeros(1000, 'u1'); out = np.lib.stride_tricks.as_strided(buffer, x.shape, (0, 0, 1))",
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
    "fit_logistic": (  # the timer starts anew after the second step: in the middle of the third
        """
X, y, w, b, kept = rows(400_000, 1000), np.arange(400_000) // 7 % 2, np.zeros(1000), np.zeros(1), []
def callback(step):
    global start, delay
    kept[:] = w.copy(), b.copy()
    if step.iteration == 2:
        start, delay = time.perf_counter(), 2e-3
        signal.setitimer(signal.ITIMER_REAL, delay)
delay = 0
""",
        "fastml.fit_logistic(X, y, w=w, b=b, tol=0, callback=callback)",
        "assert (w == kept[0]).all() and (b == kept[1]).all() and w.any()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_interrupt(case):
    setup, call, check = CASES[case]
    code = textwrap.dedent(CHILD).format(setup=setup, call=call, check=check)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
