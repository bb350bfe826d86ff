"""Problems for cross_entropy, and how its results are measured against the oracle."""

import numpy as np
import reference
from conftest import silent
from test_softmax import R, rows_of
from ulp import assert_ulp, bound_from_docstring, wide

WIDTHS = (1, 3, 10, 64, 65, 128, 129, 1000)
REDUCTIONS = ("mean", "sum", "none")


def call(fastml, *arguments, **keywords):
    with silent():
        return fastml.cross_entropy(*arguments, **keywords)


def problem(rng, dtype, C, probabilities=False, from_logits=True, count=R):
    """Return logits, or probabilities of which some underflow to 0, and targets."""
    x = rows_of(rng, dtype, C, count)
    x = x if from_logits else reference.softmax(x).astype(dtype)
    if not probabilities:
        return x, rng.integers(0, C, count)
    q = rng.random((count, C)) ** 3
    q[:, 1::3] = 0
    return x, (q / q.sum(axis=1, keepdims=True)).astype(dtype)


def eighths(rng, n):
    """Weights that every dtype holds, a zero among them where there are three."""
    weight = rng.integers(1, 17, n) / 8
    weight[1:2] = 0 if n > 2 else 1
    return weight


def divisor(target, *, class_weight=None, ignore_index=None, sample_weight=None, **_):
    """What "mean" divides by."""
    index = target.dtype.kind != "f"
    kept = np.ones(target.shape if index else target.shape[:-1])
    if index and ignore_index is not None:
        kept[target == ignore_index] = 0
    if index and class_weight is not None:
        kept[kept == 1] = np.asarray(class_weight)[target[kept == 1]]
    return float(np.sum(kept if sample_weight is None else kept * sample_weight))


def term_sizes(x, target, *, class_weight=None, ignore_index=None, label_smoothing=0.0, sample_weight=None, **_):
    """The larger of A p and a, the two terms of each element of the gradient, as weighted."""
    C = x.shape[-1]
    index = target.dtype.kind != "f"
    q = (np.arange(C) == target[:, None]).astype(float) if index else wide(target)
    a = (1 - label_smoothing) * q + label_smoothing / C
    a = a if class_weight is None else a * class_weight
    sizes = np.maximum(a.sum(axis=1, keepdims=True) * reference.softmax(wide(x)), a)
    return sizes if sample_weight is None else sizes * np.asarray(sample_weight)[:, None]


def oracle(x, target, *, class_weight=None, label_smoothing=0.0, **keywords):
    """The oracle's "none", every number and every sum of it in the wide type."""
    kind = wide(x).dtype.type
    options = {"class_weight": np.ones(x.shape[-1], kind) if class_weight is None else np.asarray(class_weight, kind)}
    q = wide(target) if target.dtype.kind == "f" else target
    options |= {"label_smoothing": kind(label_smoothing), "reduction": "none", "return_grad": True}
    return reference.cross_entropy(wide(x), q, **options, **keywords)


def assert_as_promised(fastml, x, target, **keywords):
    """Losses, their sum and mean, and the gradient are within the bound of the docstring, for rows of classes."""
    bound = bound_from_docstring(fastml.cross_entropy, x.dtype)
    losses, gradient = call(fastml, x, target, reduction="none", return_grad=True, **keywords)
    exact, slope = oracle(x, target, **keywords)
    assert (losses.dtype, gradient.dtype) == (x.dtype, x.dtype)
    assert_ulp(losses, exact, bound)
    # float16 is computed in float32, and added up before it is rounded
    computed = np.float32 if x.dtype == np.float16 else x.dtype
    relative = bound_from_docstring(fastml.cross_entropy, computed) * np.finfo(computed).eps
    if not keywords.get("from_logits", True):
        assert_ulp(gradient, slope, bound)
        sizes = np.abs(slope)
    else:
        sizes = term_sizes(x, target, **keywords)
        unit = np.finfo(x.dtype)
        allowed = bound * unit.eps * sizes + 4 * unit.smallest_subnormal
        assert np.all((np.abs(gradient - slope) <= allowed) | ~np.isfinite(slope))
    total, of_sum = call(fastml, x, target, reduction="sum", return_grad=True, **keywords)
    mean, of_mean = call(fastml, x, target, return_grad=True, **keywords)
    np.testing.assert_array_equal(of_sum, gradient)
    W = divisor(target, **keywords)
    with np.errstate(all="ignore"):
        right = np.sum(exact)
        np.testing.assert_allclose([total, mean * W] if W else [total], right, rtol=float(relative))
        assert W or mean == 0
        expected = slope / W if W else np.zeros_like(slope)
        info = np.finfo(x.dtype)
        near = np.abs(of_mean - expected) <= (bound + 2) * info.eps * sizes / (W or 1) + 4 * info.smallest_subnormal
        beyond = (np.abs(expected) >= info.max) & (np.sign(of_mean) == np.sign(expected)) & np.isinf(of_mean)
        assert np.all(near | beyond | (np.isnan(of_mean) & np.isnan(expected)))
