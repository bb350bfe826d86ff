"""logistic_loss, logistic_step, predict_logistic: layouts and dtypes, memory past the end, steps in place, errors."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from conftest import assert_same_bits, bits, silent
from test_logistic import BINARY, INF, NAN, evaluate, few_classes, problem

N = 101
widths = pytest.mark.parametrize("d", [3, 16, 33])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def layouts(X, tmp_path):
    """Yield (what, X): the same numbers in every layout."""
    yield "F", np.asfortranarray(X)
    yield "strided rows", np.repeat(X, 2, axis=0)[::2]
    yield "strided columns", np.repeat(X, 3, axis=1)[:, ::3]
    yield "part of wider rows", np.concatenate([X, np.full_like(X, NAN)], axis=1)[:, : X.shape[1]]
    yield "negative row strides", X[::-1].copy()[::-1]
    yield "negative strides", X[::-1, ::-1].copy()[::-1, ::-1]
    yield "byte-swapped", X.astype(X.dtype.newbyteorder())
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(X.dtype).reshape(X.shape)
    unaligned[...] = X
    yield "unaligned", unaligned
    records = np.zeros(len(X), [("skip", "u1"), ("x", X.dtype, X.shape[1])])
    records["x"] = X
    yield "unaligned rows", records["x"]
    X.tofile(tmp_path / "X")
    yield "memory-mapped", np.memmap(tmp_path / "X", X.dtype, "r", shape=X.shape)
    yield "read-only", read_only(X)
    yield "list", X.tolist()


def results(fastml, X, y, w, b=0.5, **keywords):
    loss, dw, db = evaluate(fastml, X, y, w, b, **keywords)
    with silent():
        return np.asarray(loss), dw, db, fastml.predict_logistic(X, w, b, scale=keywords.get("scale"))


def assert_same_results(what, one, other):
    for result, expected in zip(one, other, strict=True):
        assert_same_bits(result, expected, what)


@few_classes
@widths
def test_every_layout_of_X(K, d, isa, dtype, tmp_path, fastml):
    (X, y, w, _), *_ = problem(N, d, K, dtype)
    expected = results(fastml, X, y, w)
    for what, other in layouts(X, tmp_path):
        before = bits(other)
        assert_same_results(what, results(fastml, other, y, w), expected)
        np.testing.assert_array_equal(bits(other), before, err_msg=what)


@few_classes
@widths
@pytest.mark.parametrize("code", ["?", *"bBhHiIqQefd", ">i4", ">f2", ">f8"])
def test_every_dtype_of_X(K, d, code, isa, dtype, rng, fastml):
    low, high = (0, 2) if code == "?" else (0 if code[-1] in "BHIQ" else -100, 100)
    X = rng.integers(low, high, (N, d)).astype(code)
    if X.dtype.kind == "f":
        X = (X * rng.random((N, d))).astype(code)
    (_, y, w, _), *_ = problem(N, d, K, dtype)
    expected = results(fastml, X.astype(dtype), y, w)
    for what, other in (("C", X), ("F", X.copy("F")), ("strided", np.repeat(X, 2, axis=1)[:, ::2])):
        assert_same_results(what, results(fastml, other, y, w), expected)


@few_classes
@pytest.mark.parametrize("code", "eBbfd")
def test_columns_are_taken_by_tiles(K, code, isa, dtype, rng, fastml):
    X = rng.integers(0, 100, (300, 784)).astype(code)  # of several blocks, which are no more than 8 rows
    y, w = rng.integers(0, max(K, 2), 300), (rng.standard_normal((784, K)) / 1000).astype(dtype)
    w = w[:, 0] if K == BINARY else w
    expected = results(fastml, X.astype(dtype), y, w)
    for what, other in (("C", X), ("F", X.copy("F")), ("every other row", np.repeat(X.T, 2, axis=1).T[::2])):
        assert_same_results(what, results(fastml, other, y, w), expected)
    rows = np.asfortranarray(X)[3:-5]  # neither begins nor ends with a tile
    assert_same_results("rows", results(fastml, rows, y[3:-5], w), results(fastml, X[3:-5].astype(dtype), y[3:-5], w))


@pytest.mark.thread_unsafe(reason="tracemalloc counts the process's memory")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("code", ["f4", "u1"])
def test_a_memory_map_is_not_copied(order, code, tmp_path, rng, fastml):
    X = np.memmap(tmp_path / "X", code, "w+", shape=(4000, 500), order=order)
    X[...] = rng.integers(0, 3, X.shape)
    y, w = np.arange(4000) % 2, np.full(500, 0.01, np.float32)
    expected = evaluate(fastml, np.array(X, np.float32), y, w)
    tracemalloc.start()
    try:
        result = evaluate(fastml, X, y, w)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    for one, other in zip(result, expected, strict=True):
        assert_same_bits(np.asarray(one), np.asarray(other))


@few_classes
def test_every_kind_of_y(K, dtype, fastml):
    (X, y, w, _), *_ = problem(N, 16, K, dtype)
    kinds = [y.astype(code) for code in "bBhHiIlLqQ"]
    kinds += [np.repeat(y, 3)[::3], y[::-1].copy()[::-1], y.tolist(), tuple(y), y.astype(">i2")]
    kinds += [y.astype(bool)] if K <= 2 else []
    kinds += [y.astype(code) for code in "efd"] if K == BINARY else []
    for kind in kinds:
        assert_same_results(repr(kind)[:40], results(fastml, X, kind, w), results(fastml, X, y, w))


@few_classes
def test_every_kind_of_weight_and_of_model(K, dtype, rng, fastml):
    (X, y, w, _), *_ = problem(N, 16, K, dtype)
    b, weight = rng.standard_normal(K).astype(dtype), rng.integers(0, 9, N)
    expected = results(fastml, X, y, w, b, sample_weight=weight, scale=0.25, l2=0.1)
    for kind in (*map(weight.astype, "bBiefd"), np.repeat(weight, 2)[::2], weight.tolist()):
        assert_same_results("weight", results(fastml, X, y, w, b, sample_weight=kind, scale=0.25, l2=0.1), expected)
    for kind in (w.copy("F"), np.repeat(w, 2, axis=0)[::2], w.astype(dtype.newbyteorder())):
        for scale in (0.25, np.float32(0.25), np.array(0.25)):
            again = results(fastml, X, y, kind, b.astype(np.float64), sample_weight=weight, scale=scale, l2=0.1)
            assert_same_results("model", again, expected)
    whole = np.ones(w.shape, np.int32)
    assert_same_results("integers", results(fastml, X, y, whole), results(fastml, X, y, whole.astype(np.float64)))


PAST_THE_END = """
import ctypes, mmap
import numpy as np
import fastml
from fastml import _fastml_runtime as runtime

PAGE, libc = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True)
kept = []

def walled(array, at_end):
    pages = -(-array.nbytes // PAGE) * PAGE
    memory = mmap.mmap(-1, pages + 2 * PAGE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for wall in (start, start + PAGE + pages):
        assert libc.mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(PAGE), 0) == 0
    offset = PAGE + (pages - array.nbytes if at_end else 0)
    copy = np.ndarray(array.shape, array.dtype, memory, offset)
    copy[...] = array
    return copy

rng = np.random.default_rng(0)
for d in [1, 3, *range(16, 41)]:
    for dtype, x_dtype in (("f4", "f4"), ("f8", "f8"), ("f4", "u1"), ("f8", "f2")):
        n = 2 * d % 14 + 1
        for at_end in (True, False):
            X = walled(rng.integers(0, 3, (n, d)).astype(x_dtype), at_end)
            weight = walled(rng.random(n).astype(dtype), at_end)
            for K in (1, 3):
                y = walled(rng.integers(0, 2, n), at_end)
                w = walled(rng.standard_normal((d,) if K == 1 else (d, K)).astype(dtype), at_end)
                b = walled(np.zeros(K, dtype), at_end)
                for isa in runtime.available_isas():
                    runtime.use_isa(isa)
                    fastml.logistic_loss(X, y, w, b, sample_weight=weight, return_grad=True)
                    fastml.predict_logistic(X, w, b)
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no mprotect")
@pytest.mark.usefixtures("fastml")
@pytest.mark.thread_unsafe(reason="starts another process")
def test_nothing_is_read_past_the_ends():
    # prefetches may go there, they do not fault
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PAST_THE_END], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


# logistic_step


@few_classes
@pytest.mark.parametrize("b_shape", [(), (1,), "K"])
def test_step(K, b_shape, dtype, rng, fastml):
    (X, y, w, _), *_ = problem(N, 33, K, dtype)
    b = rng.standard_normal(K if b_shape == "K" else b_shape).astype(dtype)[...]
    keywords = {"l1": 0.01, "l2": 0.1, "scale": 0.5, "sample_weight": rng.random(N)}
    loss, dw, db = evaluate(fastml, X, y, w, b, **keywords)
    expected_w, expected_b = w - 0.3 * dw, np.asarray(b - 0.3 * db).astype(dtype)
    wide = np.zeros((66, *w.shape[1:]), dtype)
    for target in (w.copy(), w.copy("F"), wide[::2], wide[::-2], w.astype(dtype.newbyteorder())):
        target[...], moved = w, b.copy()
        with silent():
            before = fastml.logistic_step(X, y, target, moved, 0.3, **keywords)
        assert isinstance(before, np.float64)
        assert before == loss
        assert_same_bits(target.astype(dtype), expected_w)
        assert_same_bits(moved, expected_b)


def changed(array, index, value, dtype=None):
    array = array.astype(dtype or array.dtype)
    array[index] = value
    return array


LAST = 39_999
X, Y, W, B = np.zeros((LAST + 1, 3), np.float32), np.arange(LAST + 1) % 2, np.ones(3, np.float32), np.ones(1)
SHARED = [  # (keywords of the call that are wrong, error, message)
    ({"X": np.zeros(3)}, ValueError, r"^X: expected two dimensions \(n, d\), got shape \(3,\)$"),
    ({"X": X[:, :2]}, ValueError, r"^X: expected 3 columns, as many as w has rows, got 2$"),
    ({"X": X.astype(complex)}, TypeError, r"^X: expected a real dtype, got complex128$"),
    ({"X": X.astype(str)}, TypeError, r"^X: expected a real dtype, got <U"),
    ({"w": W.astype(np.float16)}, TypeError, r"^w: expected dtype float32 or float64, got float16$"),
    ({"w": np.ones((3, 1))}, ValueError, r"^w: expected two classes at least, or shape \(d,\), got shape \(3, 1\)$"),
    ({"w": np.ones((1, 1, 1))}, ValueError, r"^w: expected shape \(d,\) or \(d, K\), got \(1, 1, 1\)$"),
    ({"b": np.ones(2)}, ValueError, r"^b: expected a number or shape \(1,\), got \(2,\)$"),
    ({"w": np.ones((3, 4)), "b": np.ones(3)}, ValueError, r"^b: expected a number or shape \(4,\), got \(3,\)$"),
    ({"X": [[1.0, 2.0, 3.0], [1.0]]}, ValueError, r"^X: expected an array, got a list that makes none \("),
    ({"X": np.ma.ones((LAST + 1, 3))}, TypeError, r"^X: expected an array without a mask, got a MaskedArray"),
    ({"b": np.ma.ones(1)}, TypeError, r"^b: expected an array without a mask, got a MaskedArray"),
    ({"w": np.ma.ones(3)}, TypeError, r"^w: expected an array without a mask, got a MaskedArray"),
    ({"scale": INF}, ValueError, r"^scale: expected a finite number, got inf$"),
    ({"scale": "1"}, TypeError, r"^scale: expected a real number, got str$"),
]
LOSS = [
    *SHARED,
    ({"X": X[:, 0], "y": Y.astype("f4")}, ValueError, r"^X: expected two dimensions \(n, d\), got shape \(40000,\)$"),
    ({"X": X[..., None], "y": Y.astype("f4")}, ValueError, r"^X: .*, got shape \(40000, 3, 1\)$"),
    ({"y": Y[1:]}, ValueError, r"^y: expected shape \(40000,\), got \(39999,\)$"),
    ({"y": Y[:, None]}, ValueError, r"^y: expected shape \(40000,\), got \(40000, 1\)$"),
    ({"y": Y.astype(str)}, TypeError, r"^y: expected a real dtype, got <U"),
    ({"y": changed(Y, LAST, 2)}, ValueError, r"^y: expected 0 or 1, got 2 in row 39999$"),
    ({"y": changed(Y, LAST, -1)}, ValueError, r"^y: expected 0 or 1, got -1 in row 39999$"),
    ({"y": changed(Y, 7, 0.5, float)}, ValueError, r"^y: expected 0 or 1, got 0\.5 in row 7$"),
    ({"y": changed(Y, 7, 1 + 1e-9, float)}, ValueError, r"^y: expected 0 or 1, got 1\.000000001 in row 7$"),
    ({"y": changed(Y, 7, -1e-60, float)}, ValueError, r"^y: expected 0 or 1, got -1e-60 in row 7$"),
    ({"y": np.ma.array(Y)}, TypeError, r"^y: expected an array without a mask, got a MaskedArray"),
    ({"y": [[0], [1, 1]]}, ValueError, r"^y: expected an array, got a list that makes none \("),
    ({"y": changed(Y, 7, NAN, float)}, ValueError, r"^y: expected 0 or 1, got nan in row 7$"),
    ({"y": changed(Y, 5, 2**62)}, ValueError, rf"^y: expected 0 or 1, got {2**62} in row 5$"),
    (
        {"y": changed(Y, 20_000, 4), "w": np.ones((3, 4))},
        ValueError,
        r"^y: .* classes from 0 to 3, got 4 in row 20000$",
    ),
    ({"y": Y * 1.0, "w": np.ones((3, 4))}, TypeError, r"^y: expected an integer dtype for classes, got float64$"),
    ({"sample_weight": np.ones(3)}, ValueError, r"^sample_weight: expected shape \(40000,\), got \(3,\)$"),
    ({"sample_weight": Y * 1j}, TypeError, r"^sample_weight: expected a real dtype, got complex128$"),
    ({"sample_weight": changed(Y, LAST, -3)}, ValueError, r"^sample_weight: .* >= 0, got -3 in row 39999$"),
    ({"sample_weight": changed(Y, 9, NAN, float)}, ValueError, r"^sample_weight: .* finite .*, got nan in row 9$"),
    ({"sample_weight": changed(Y, 9, INF, float)}, ValueError, r"^sample_weight: .* finite .*, got inf in row 9$"),
    ({"sample_weight": changed(Y, 9, -1e-60, float)}, ValueError, r"^sample_weight: .*, got -1e-60 in row 9$"),
    ({"sample_weight": changed(Y, 9, 1e300, float)}, ValueError, r"^sample_weight: .* finite in float32, got 1e\+300 "),
    ({"sample_weight": np.ma.array(Y)}, TypeError, r"^sample_weight: expected an array without a mask"),
    ({"l1": -1}, ValueError, r"^l1: expected a finite number of at least 0, got -1$"),
    ({"l2": NAN}, ValueError, r"^l2: expected a finite number of at least 0, got nan$"),
    ({"l2": -(10**30)}, ValueError, r"^l2: expected a finite number of at least 0, got -1000"),
    ({"l2": 10**400}, TypeError, r"^l2: expected a real number, got int$"),
    ({"l2": True}, TypeError, r"^l2: expected a real number, got bool$"),
    ({"l2": None}, TypeError, r"^l2: expected a real number, got NoneType$"),
]
STEP = [
    *(case for case in LOSS if case[0].get("w") is None or case[0]["w"].dtype != np.float16),
    ({"lr": NAN}, ValueError, r"^lr: expected a finite number, got nan$"),
    ({"lr": [1.0]}, TypeError, r"^lr: expected a real number, got list of shape \(1,\)$"),
    ({"w": read_only(W)}, ValueError, r"^w: expected a writeable array, got a read-only one$"),
    ({"b": read_only(B)}, ValueError, r"^b: expected a writeable array, got a read-only one$"),
    ({"w": [1.0, 1.0, 1.0]}, TypeError, r"^w: expected an ndarray, which is updated in place, got list$"),
    ({"w": W.astype(int)}, TypeError, r"^w: expected a float dtype, got int64$"),
    ({"b": 0.0}, TypeError, r"^b: expected an ndarray, which is updated in place, got float$"),
    ({"b": B.astype(int)}, TypeError, r"^b: expected a float dtype, got int64$"),
]
CALLS = {
    "logistic_loss": ({"X": X, "y": Y, "w": W}, LOSS),
    "logistic_step": ({"X": X, "y": Y, "w": W, "b": B, "lr": 0.1}, STEP),
    "predict_logistic": ({"X": X, "w": W}, SHARED),
}
WRONG = [(name, *case) for name, (_, cases) in CALLS.items() for case in cases]


@pytest.mark.parametrize(
    ("name", "wrong", "error", "message"), WRONG, ids=[f"{n}-{e}-{m[1:30]}" for n, _, e, m in WRONG]
)
def test_errors_name_the_argument_and_change_nothing(name, wrong, error, message, fastml):
    arguments = {**CALLS[name][0], **wrong}
    before = {key: np.array(arguments[key]) for key in ("w", "b") if key in arguments}
    with silent(), pytest.raises(error, match=message):
        getattr(fastml, name)(**arguments)
    for key, kept in before.items():
        assert_same_bits(np.asarray(arguments[key]), kept, key)
