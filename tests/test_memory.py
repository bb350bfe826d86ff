"""Calls need room for their result and little else: no converted or widened copies of whole arrays."""

import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
    pytest.mark.usefixtures("fastml"),
]

ROOM = 20_000_000  # bytes beyond the result: threads, buffers, what the allocator keeps
CHILD = """
import numpy as np
import numpy.ma, numpy.random  # imported by the first call or draw otherwise
import fastml

def peak():  # ru_maxrss would begin at the peak of the process that started this one
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def ones(shape, dtype):
    return np.full(shape, 1, dtype)  # zeros would not be there before they are read

fastml.set_num_threads(2)
{setup}
before = peak()
result = {call}
print(peak() - before - getattr(result, "nbytes", 0))
"""
CASES = {
    "logistic_loss of uint8": (
        "X, y, w = ones((2000, 20_000), 'u1'), np.arange(2000) % 2, ones(20_000, 'f4')",
        "fastml.logistic_loss(X, y, w, scale=1 / 255, return_grad=True)[0]",
    ),
    "logistic_loss of columns": (
        "X, y, w = ones((5000, 2000), 'f4').T, np.arange(2000) % 2, ones(5000, 'f4')",
        "fastml.logistic_loss(X, y, w, return_grad=True)[0]",
    ),
    "predict_logistic of uint8": (
        "X, w = ones((200_000, 200), 'u1'), ones((200, 10), 'f4')",
        "fastml.predict_logistic(X, w)",
    ),
    "fit_logistic of uint8": (
        "X, y = ones((20_000, 2000), 'u1'), np.arange(20_000) % 2",
        "fastml.fit_logistic(X, y, max_iter=2).w",
    ),
    "logistic_loss of sparse rows": (
        "X = lambda: 0; X.data, X.indices = ones(10_000_000, 'f2'), ones(10_000_000, 'i8') * 7\n"
        "X.indptr, X.shape, X.format, X.tocsr = np.arange(100_001) * 100, (100_000, 100_000), 'csr', print\n"
        "y, w = np.arange(100_000) % 2, ones(100_000, 'f4')",
        "fastml.logistic_loss(X, y, w, return_grad=True)[0]",
    ),
    "huber_loss of strided float16 in place": (
        "x = ones((2000, 20_000), 'f2')[:, ::2]; y = ones((10_000, 2000), 'i8').T",
        "fastml.huber_loss(x, y, return_grad=True, out=x) is None",
    ),
    "mse_loss with weights": (
        "x, y, w = ones((2000, 10_000), 'f4'), ones((2000, 10_000), 'u1'), ones((2000, 10_000), 'f4')",
        "fastml.mse_loss(x, y, sample_weight=w, return_grad=True)[1]",
    ),
    "softmax to out": (
        "x = ones((250_000, 100), 'f4'); out = ones(x.shape, 'f4')",
        "fastml.softmax(x, out=out) is None",
    ),
    "softmax in place along columns": (
        "x = ones((100, 250_000), 'f4')",
        "fastml.softmax(x, axis=0, out=x) is None",
    ),
    "softmax of float16": ("x = ones((250_000, 100), 'f2')", "fastml.softmax(x)"),
    "cross_entropy to out": (
        "x = ones((1_000_000, 10), 'f4'); out = ones(x.shape, 'f4'); y = ones(1_000_000, 'i8')",
        "fastml.cross_entropy(x, y, return_grad=True, out=out)[0]",
        2_000_000,  # not even a float for each row
    ),
    "cross_entropy in place, of probabilities along columns": (
        "x = ones((20, 1_250_000), 'f4'); q = ones(x.shape, 'f2')",
        "fastml.cross_entropy(x, q, axis=0, return_grad=True, out=x)[0]",
        2_000_000,
    ),
    "layer_norm to out": (
        "x = ones((1_000_000, 10), 'f8'); out = ones(x.shape, 'f8')",
        "fastml.layer_norm(x, out=out) is None",
    ),
    "layer_norm along columns": (
        "x = ones((100, 250_000), 'f4')",
        "fastml.layer_norm(x, axis=0, out=x) is None",
    ),
    "layer_norm_backward of float16": (
        "x = ones((250_000, 100), 'f2'); s = ones((250_000, 1), 'f4')",
        "fastml.layer_norm_backward(x, x, s, s)[0]",
    ),
    "batch_norm of strided images": (
        "x = ones((50, 20, 200, 400), 'f4')[..., ::2]",
        "fastml.batch_norm(x, training=True)",
    ),
    "batch_norm_backward by another dtype": (
        "x, dy, s = ones((500_000, 50), 'f8'), ones((500_000, 50), 'f4'), ones(50, 'f4')",
        "fastml.batch_norm_backward(dy, x, s, s)[0]",
    ),
    "sigmoid of float16": ("x = ones(25_000_000, 'f2')", "fastml.sigmoid(x)"),
    "adam_step of float16 gradients and strided parameters": (
        "p, m, v = (ones((2000, 10_000), 'f4')[:, ::2] for _ in range(3)); grad = ones(p.shape, 'f2')",
        "fastml.adam_step(p, grad, m, v, 1)",
    ),
    "l2_penalty of rows that are not adjacent": (
        "w = ones((2000, 10_000), 'f4')[:, ::2]",
        "fastml.l2_penalty(w, 1e-3, return_grad=True)[1]",
    ),
    "dropout of float16": ("x = ones(25_000_000, 'f2')", "fastml.dropout(x)"),
    "dropout_backward of a transposed array": (
        "x = ones((2000, 10_000), 'f4').T",
        "fastml.dropout_backward(x, 0.5, 1)",
    ),
    "gaussian_noise in place": ("x = ones(25_000_000, 'f4')", "fastml.gaussian_noise(x, 1, out=x) is None"),
    "random_flip of transposed images": ("x = ones((3, 64, 64, 8000), 'u1').T", "fastml.random_flip(x, rng=0)"),
    "random_crop with reflected padding": (
        "x = ones((8000, 64, 64, 3), 'u1')",
        "fastml.random_crop(x, 64, padding=8, mode='reflect', rng=0)",
    ),
    "random_crop to out": (
        "x = ones((2_000_000, 4, 4), 'u1'); out = ones((2_000_000, 1, 1), 'u1')",
        "fastml.random_crop(x, 1, out=out, params=np.broadcast_to(2, (2_000_000, 2))) is None",
        40_000_000,  # 16 bytes an image are the draws
    ),
    "sigmoid of a strided array": ("x = ones((2000, 10_000), 'f4')[:, ::2]", "fastml.sigmoid(x)"),
}


@pytest.mark.parametrize("case", CASES)
def test_memory_beside_the_result(case):
    setup, call, *room = CASES[case]
    code = CHILD.format(setup=setup, call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < (room[0] if room else ROOM)
