"""What the tests of the pointwise losses share: the names, data for each, layouts, and the promise to be kept."""

import numpy as np
import reference
from conftest import silent
from ulp import assert_ulp, bound_from_docstring, wide

LOGITS = "binary_cross_entropy_with_logits"
PROBABILITIES = "binary_cross_entropy"
ELEMENTWISE = ("mse_loss", "mae_loss", "huber_loss", PROBABILITIES, LOGITS)
LOSSES = (*ELEMENTWISE, "rmse_loss")
# Numbers that are exact in binary, so that the oracle and float32 mean the same.
OPTIONS = {
    "mse_loss": [{}],
    "rmse_loss": [{}],
    "mae_loss": [{}],
    "huber_loss": [{}, {"delta": 0.25}, {"delta": 64}],
    PROBABILITIES: [{}],
    LOGITS: [{}, {"pos_weight": 2.5}, {"label_smoothing": 0.125}, {"pos_weight": 0.5, "label_smoothing": 1}],
}
CASES = [(name, options) for name in LOSSES for options in OPTIONS[name]]


def draw(name, rng, dtype, shape, *, soft=False):
    """Return predictions and targets: numbers, or labels, or with `soft` the shares between them."""
    x = rng.standard_normal(shape) * rng.choice([0.01, 1, 5, 20, 60], shape)
    if name not in (PROBABILITIES, LOGITS):
        return x.astype(dtype), rng.standard_normal(shape).astype(dtype)
    if name == PROBABILITIES:
        x = np.where(rng.random(shape) < 0.3, 10 ** rng.uniform(-9, 0, shape), rng.random(shape))
        x = np.clip(x, 1e-3 if dtype == np.float16 else 1e-6, 0.999)  # 1 / x within float16
    t = rng.choice([0, 1, 0.25, 0.875, 2**-10], shape) if soft else rng.random(shape) < 0.4
    return x.astype(dtype), t.astype(dtype)


def call(fastml, name, *arguments, **keywords):
    with silent():
        return getattr(fastml, name)(*arguments, **keywords)


def exact(name, x, t, **keywords):
    """Return what the oracle says of numbers as they are: in longdouble for float64."""
    return getattr(reference, name)(wide(x), np.asarray(t).astype(wide(x).dtype), **keywords)


def terms(name, x, t, *, pos_weight=1, label_smoothing=0, **_):
    """Return the larger term of the loss, and of its derivative, where they have two that may cancel."""
    x, t = wide(x), np.asarray(t).astype(wide(x).dtype) * (1 - label_smoothing) + label_smoothing / 2
    a, c = np.abs(t * pos_weight), np.abs(1 - t)
    with np.errstate(all="ignore"):
        loss = np.maximum(a * reference.softplus(-x), c * reference.softplus(x))
        return loss, np.maximum(a * reference.sigmoid(-x), c * reference.sigmoid(x))


def assert_promise(fastml, name, x, t, loss, grad, **options):
    """Assert the docstring's bound, in ULP of the result, or of the larger of the terms that cancel."""
    bound = bound_from_docstring(getattr(fastml, name), loss.dtype)
    right = list(exact(name, x, t, reduction="none", return_grad=True, **options))
    if name == PROBABILITIES:
        p, q = wide(x), np.asarray(t).astype(wide(x).dtype)
        inside = (p > 0) & (p < 1)
        with np.errstate(all="ignore"):  # the oracle's two terms cancel where this one does not
            right[1] = np.where(inside, (p - q) / (p * (1 - p)), right[1])
    if name != LOGITS or (not options and np.all((t == 0) | (t == 1))):
        assert_ulp(loss, right[0], bound)
        assert_ulp(grad, right[1], bound)
        return
    info = np.finfo(loss.dtype)
    for result, expected, term in zip((loss, grad), right, terms(name, x, t, **options), strict=True):
        fits = np.isfinite(term) & np.isfinite(expected)
        unit = np.maximum(np.maximum(term, np.abs(expected)), info.smallest_normal)[fits] * info.eps
        assert np.all(np.abs(wide(result)[fits] - expected[fits]) <= bound * unit), name
        np.testing.assert_array_equal(result[~fits], expected[~fits])


def layouts(x):
    """Yield (what, array): the numbers of a matrix in every layout."""
    columns = x.shape[1]
    yield "C", x
    yield "F", np.asfortranarray(x)
    yield "strided", np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3]
    yield "negative strides", x[::-1, ::-1].copy()[::-1, ::-1]
    yield "part of wider rows", np.concatenate([x, x], axis=1)[:, :columns]
    yield "byte-swapped", x.astype(x.dtype.newbyteorder())
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(x.dtype).reshape(x.shape)
    unaligned[...] = x
    yield "unaligned", unaligned
    read_only = x.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only
