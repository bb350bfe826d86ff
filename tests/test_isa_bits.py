"""The AVX2 and the AVX-512 kernels give the same bits, so that a machine's instruction set does not change a result."""

import os

import numpy as np
import pytest
from conftest import assert_same_bits, silent, special_values
from elementwise_cases import EVERY, with_inputs
from losses_cases import LOGITS, LOSSES, draw

LENGTHS = (1, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 511, 513, 4099)
SHAPES = ((1, 1), (33, 3), (70, 10), (65, 17), (130, 64), (9, 65), (70, 128), (70, 129), (5, 1000), (3, 4099))
ROWS = (1, 7, 24, 25, 257, 3001)
FEATURES = (1, 3, 15, 16, 17, 20, 33, 100, 785)
CLASSES = (2, 3, 10, 16, 17)

pytestmark = pytest.mark.thread_unsafe(reason="sets the instruction set of the process")


def test_the_tables_are_those_that_the_processor_runs(fastml):
    from fastml import _fastml_runtime as runtime

    if os.environ.get("NPY_DISABLE_CPU_FEATURES") or os.environ.get("NPY_ENABLE_CPU_FEATURES"):
        pytest.skip("NumPy has been told what the processor has")
    features = pytest.importorskip("numpy._core._multiarray_umath").__cpu_features__  # NumPy asks the processor itself
    avx2 = features.get("X86_V3") or all(features.get(name) for name in ("AVX2", "FMA3", "F16C"))
    avx512 = features.get("X86_V4") or features.get("AVX512_SKX")
    expected = [bool(avx2), bool(avx2 and avx512)]
    assert [name in runtime.available_isas() for name in ("avx2", "avx512")] == expected


@pytest.fixture
def both(fastml):
    """Call something with either table: ``both(f)`` returns f() of AVX2 and f() of AVX-512."""
    from fastml import _fastml_runtime as runtime

    missing = [name for name in ("avx2", "avx512") if name not in runtime.available_isas()]
    if missing:
        pytest.skip(f"this CPU has no {missing[0]}")
    before = runtime.isa()

    def call(function):
        results = []
        for name in ("avx2", "avx512"):
            runtime.use_isa(name)
            assert runtime.isa() == name
            with silent():
                results.append(function())
        return results

    yield call
    runtime.use_isa(before)


def same(results, what):
    """Compare two results, arrays or tuples of them, bit by bit; of NaN the sign is the compiler's choice."""
    for pair in zip(*(r if isinstance(r, tuple) else (r,) for r in results), strict=True):
        avx2, avx512 = (np.asarray(one) for one in pair)
        if avx2.dtype.kind == "f":
            avx2, avx512 = (np.where(np.isnan(one), np.array(np.nan, one.dtype), one) for one in (avx2, avx512))
        assert_same_bits(avx2, avx512, what)


def values(rng, dtype, shape):
    """Draw numbers that are gentle, steep, and now and then near the end of what e^x has."""
    scale = rng.choice([0.1, 1.0, 6.0, 40.0], shape)
    return (scale * rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("name", EVERY)
def test_elementwise(fastml, both, rng, dtype, name):
    function = getattr(fastml, name)
    for x in (special_values(dtype), *(values(rng, dtype, n) for n in LENGTHS)):
        inputs = with_inputs(name, x)
        same(both(lambda inputs=inputs: function(*inputs)), (name, x.size))
        if name.startswith(("leaky_relu", "elu", "soft")):
            same(both(lambda inputs=inputs: function(*inputs[:-1], 0.5)), (name, x.size, "one parameter"))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_softmax(fastml, both, rng, dtype, name, axis):
    for shape in SHAPES:
        x = values(rng, dtype, shape)
        masked = rng.random(shape) < 0.3
        same(both(lambda x=x: getattr(fastml, name)(x, axis)), (shape, "dense"))
        same(both(lambda x=x: getattr(fastml, name)(x[:, ::-1], axis)), (shape, "strided"))
        same(both(lambda x=x, where=masked: getattr(fastml, name)(x, axis, where=where)), (shape, "where"))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["entropy", "softmax_backward", "log_softmax_backward"])
def test_from_outputs(fastml, both, rng, dtype, name, axis):
    function, forward = getattr(fastml, name), fastml.log_softmax if name.startswith("log") else fastml.softmax
    for shape in SHAPES:
        y = forward(values(rng, dtype, shape), axis)
        given = (y,) if name == "entropy" else (values(rng, dtype, shape), y)
        same(both(lambda given=given: function(*given, axis)), (shape, "dense"))
        same(both(lambda given=given: function(*(a[:, ::-1] for a in given), axis)), (shape, "strided"))


@pytest.mark.parametrize("name", LOSSES)
def test_losses(fastml, both, rng, dtype, name):
    for n in LENGTHS:
        x, t = draw(name, rng, dtype, n, soft=n % 2 == 0)
        weight = rng.random(n)
        for keywords in ({}, {"sample_weight": weight}, {} if name == "rmse_loss" else {"reduction": "none"}):
            same(both(lambda x=x, t=t, keywords=keywords: getattr(fastml, name)(x, t, return_grad=True, **keywords)), n)
    if name == LOGITS:
        same(both(lambda: fastml.binary_cross_entropy_with_logits(x, t, pos_weight=weight, label_smoothing=0.1)), n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("from_logits", [True, False])
def test_cross_entropy(fastml, both, rng, dtype, from_logits, axis):
    for shape in SHAPES:
        x = values(rng, dtype, shape) if from_logits else fastml.softmax(values(rng, dtype, shape), axis)
        labels, q = rng.integers(0, shape[axis], shape[1 - axis]), rng.random(shape).astype(dtype)
        weighted = {
            "label_smoothing": 0.1,
            "class_weight": rng.random(shape[axis]),
            "sample_weight": rng.random(len(labels)),
        }
        for options in ({}, weighted):
            options |= {"axis": axis, "from_logits": from_logits, "return_grad": True}
            for logits in (x, x.repeat(2, 1)[:, ::2]):
                for target in (labels, q):
                    same(both(lambda x=logits, t=target, o=options: fastml.cross_entropy(x, t, **o)), shape)


NORM_SHAPES = (*SHAPES, (600, 20), (9, 2049), (24, 5000))


def norm_results(fastml, x, dy, weight, bias):
    y, mean, rstd = fastml.layer_norm(x, weight, bias, return_stats=True)
    z, root = fastml.rms_norm(x, weight, return_stats=True)
    return (y, mean, rstd, z, root, *fastml.layer_norm_backward(dy, x, mean, rstd, weight),
            *fastml.rms_norm_backward(dy, x, root, weight))  # fmt: skip


def test_layer_norm(fastml, both, rng, dtype):
    for shape in NORM_SHAPES:
        x, dy = values(rng, dtype, (2, *shape))
        weight, bias = values(rng, dtype, (2, shape[1]))
        for turn in (lambda a: a, np.asfortranarray, lambda a: a[:, ::-1]):
            given = (turn(x), turn(dy), weight, bias)
            same(both(lambda given=given: norm_results(fastml, *given)), shape)


def batch_norm_results(fastml, x, dy, weight, bias, axis):
    running = np.zeros_like(weight), np.ones_like(weight)
    y, *stats = fastml.batch_norm(x, *running, weight, bias, training=True, axis=axis, return_stats=True)
    evaluated = fastml.batch_norm(x, *running, weight, bias, axis=axis)
    return (y, *stats, *running, evaluated, *fastml.batch_norm_backward(dy, x, *stats, weight, axis=axis))


def test_batch_norm(fastml, both, rng, dtype):
    for shape in NORM_SHAPES[1:]:
        x, dy = values(rng, dtype, (2, *shape))
        for axis in (0, 1):
            weight, bias = values(rng, dtype, (2, shape[axis]))
            given = (x, dy, weight, bias, axis)
            same(both(lambda given=given: batch_norm_results(fastml, *given)), (shape, axis))


def logistic_data(rng, dtype, X_dtype, n, d, K):
    X = rng.integers(0, 100, (n, d)).astype(X_dtype) if X_dtype in ("u1", "i1") else values(rng, X_dtype, (n, d))
    w = (rng.standard_normal((d, K) if K > 2 else d) / np.sqrt(d)).astype(dtype)
    b = rng.standard_normal(K).astype(dtype) if K > 2 else 0.25
    return X, rng.integers(0, K, n), w, b, rng.uniform(0.5, 2, n)


def logistic_results(fastml, X, y, w, b, weight):
    return (
        *fastml.logistic_loss(X, y, w, b, return_grad=True),
        *fastml.logistic_loss(np.asfortranarray(X), y, w, b, sample_weight=weight, return_grad=True),
        fastml.predict_logistic(X, w, b),
    )


@pytest.mark.parametrize("K", CLASSES)
@pytest.mark.parametrize("types", ["f4 f4", "f8 f8", "f4 f2", "f4 u1", "f8 i1"])
def test_logistic(fastml, both, rng, types, K):
    for n, d in [*((n, 20) for n in ROWS), *((70, d) for d in FEATURES)]:
        data = logistic_data(rng, *types.split(), n, d, K)
        same(both(lambda data=data: logistic_results(fastml, *data)), (n, d))
        X, _, w, b, weight = data
        if K > 2:
            data = (X, rng.integers(0, 2, (n, K)), w, b, weight)
            same(both(lambda data=data: logistic_results(fastml, *data)), (n, d, "labels"))


@pytest.mark.parametrize("name", ["l1_penalty", "l2_penalty"])
def test_penalties(fastml, both, rng, dtype, name):
    for n in (*LENGTHS, 20_000):
        w, out = values(rng, dtype, (2, n))
        results = both(
            lambda w=w, out=out: getattr(fastml, name)(w, 0.1, return_grad=True, accumulate=True, out=out.copy())
        )
        same(results, n)


def stepped(step, param, *state, **keywords):
    """Take a step on copies and return them."""
    copies = [a.copy() for a in (param, *state)]
    step(*copies, **keywords)
    return tuple(copies)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_steps(fastml, both, rng, dtype):
    def sgd(p, velocity, grad, **keywords):
        fastml.sgd_step(p, grad, 0.1, velocity=velocity, momentum=0.9, **keywords)

    def adam(p, m, v, grad, **keywords):
        fastml.adam_step(p, grad, m, v, 3, 0.1, **keywords)

    for n in LENGTHS:
        p, grad, m, v = values(rng, dtype, (4, n))
        for keywords in ({}, {"nesterov": True}, {"l1": 0.1, "l2": 0.3}):
            same(both(lambda p=p, m=m, k=keywords, g=grad: stepped(sgd, p, m, grad=g, **k)), (n, keywords))
        for decay in (0, 0.1):
            same(
                both(lambda p=p, m=m, v=v, g=grad, d=decay: stepped(adam, p, m, v**2, grad=g, weight_decay=d)),
                (n, decay),
            )


def test_noise(fastml, both, rng, dtype):
    for n in LENGTHS:
        x = values(rng, dtype, n)
        same(both(lambda x=x: fastml.dropout(x, 0.3, rng=4)), (n, "dropout"))
        same(both(lambda x=x: fastml.gaussian_noise(x, 0.3, rng=4)), (n, "noise"))
    zeros = np.zeros(1 << 18, dtype)
    same(both(lambda: fastml.gaussian_noise(zeros, 1, rng=5)), "many deviates")
