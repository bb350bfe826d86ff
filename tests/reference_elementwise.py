"""Oracle: activations, and the softmax family along one axis; the helpers of the other oracle files.

Shape letters: n elements, R rows, C columns.
"""

import functools
import math

import numpy as np

SQRT_HALF, SQRT_TWO_PI = np.sqrt(np.longdouble(0.5)), np.longdouble("2.50662827463100050241576528481104525")
_erfc64 = np.vectorize(math.erfc, otypes=[np.float64])


def quiet(function):
    """Silence floating-point warnings: NaN and inf are data here."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return wrapper


def _wide(x):
    x = np.asarray(x)
    return x.astype(np.result_type(x.dtype, np.float64))


def _times(a, v):
    """a * v, with the limit 0 where a == 0 and v is infinite."""
    return np.where((a == 0) & np.isinf(v), 0.0, a * v)


def _density(x):
    """The normal density; the square in two parts, since its rounding alone would be half a ULP of float64 at 38."""
    x = np.clip(x, -1000, 1000)
    top = x.astype(np.float32).astype(x.dtype)
    return np.exp(-0.5 * top * top) * np.exp(-0.5 * (x - top) * (x + top)) / SQRT_TWO_PI.astype(x.dtype)


def _normal(x):
    """The probability that a normal number is less than x, in the precision of x."""
    if x.dtype == np.float64:
        return 0.5 * _erfc64(-x * np.float64(SQRT_HALF))
    a, density = np.minimum(np.abs(x), 1000), _density(x)
    term, series = a, a  # Abramowitz and Stegun 26.2.11; all terms positive
    for k in range(1, 60):
        term = term * a * a / (2 * k + 1)
        series = series + term
    fraction = a  # 26.2.14, from its far end
    for k in range(200, 0, -1):
        fraction = a + k / fraction
    below = np.where(a < 2, 0.5 - density * series, density / fraction)
    return np.where(x < 0, below, 1 - below)


def _nan_where(x, value):
    """NaN in, NaN out for selections, whose comparisons would lose a NaN in x."""
    return np.where(np.isnan(x), np.nan, value)


# Activations; backward from the output y, or from the input x.


@quiet
def sigmoid(x):
    """1 / (1 + exp(-x)), with exp of non-positive arguments only."""
    e = np.exp(-np.abs(_wide(x)))
    return np.where(_wide(x) < 0, e, 1.0) / (1.0 + e)


@quiet
def tanh(x):
    """tanh(x)."""
    return np.tanh(_wide(x))


@quiet
def relu(x):
    """max(x, 0); NaN stays NaN."""
    return np.where(_wide(x) < 0, 0.0, _wide(x))


@quiet
def log_sigmoid(x):
    """log(sigmoid(x)) = min(x, 0) - log1p(exp(-|x|))."""
    return np.minimum(_wide(x), 0.0) - np.log1p(np.exp(-np.abs(_wide(x))))


@quiet
def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return np.maximum(_wide(x), 0.0) + np.log1p(np.exp(-np.abs(_wide(x))))


@quiet
def silu(x):
    """x * sigmoid(x); 0 at -inf."""
    return _times(sigmoid(x), _wide(x))


@quiet
def gelu(x):
    """x * Phi(x), Phi(x) = erfc(-x / sqrt(2)) / 2 the normal distribution; 0 at -inf."""
    return _times(_normal(_wide(x)), _wide(x))


@quiet
def leaky_relu(x, slope):
    """x where x > 0, else slope * x."""
    return np.where(_wide(x) > 0, _wide(x), _wide(slope) * _wide(x))


@quiet
def elu(x, alpha):
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return np.where(_wide(x) > 0, _wide(x), _wide(alpha) * np.expm1(_wide(x)))


@quiet
def sigmoid_backward(dy, y):
    """dy * y * (1 - y)."""
    return _wide(dy) * (_wide(y) * (1.0 - _wide(y)))


@quiet
def tanh_backward(dy, y):
    """dy * (1 - y^2), factored so that it does not cancel near |y| = 1."""
    return _wide(dy) * ((1.0 - _wide(y)) * (1.0 + _wide(y)))


@quiet
def relu_backward(dy, y):
    """dy where y > 0, else 0; NaN in dy or y gives NaN."""
    return _nan_where(_wide(dy) + _nan_where(y, 0.0), np.where(_wide(y) > 0, _wide(dy), 0.0))


@quiet
def log_sigmoid_backward(dy, x):
    """dy * sigmoid(-x)."""
    return _wide(dy) * sigmoid(-_wide(x))


@quiet
def softplus_backward(dy, x):
    """dy * sigmoid(x)."""
    return _wide(dy) * sigmoid(x)


@quiet
def silu_backward(dy, x):
    """dy * s * (1 + x * (1 - s)), s = sigmoid(x) and 1 - s = sigmoid(-x)."""
    return _wide(dy) * (sigmoid(x) + _times(sigmoid(x) * sigmoid(-_wide(x)), _wide(x)))


@quiet
def gelu_backward(dy, x):
    """dy * (Phi(x) + x * phi(x)), phi the normal density."""
    x = _wide(x)
    return _wide(dy) * (_normal(x) + _times(_density(x), x))


@quiet
def terms(name, *inputs):
    """The two terms that may cancel in an activation's gradient; nothing for functions without."""
    if name not in ("silu_backward", "gelu_backward"):
        return ()
    dy, x = map(_wide, inputs)
    first = dy * (sigmoid(x) if name == "silu_backward" else _normal(x))
    return first, (silu_backward if name == "silu_backward" else gelu_backward)(dy, x) - first


@quiet
def leaky_relu_backward(dy, x, slope):
    """dy where x > 0, else slope * dy."""
    return _nan_where(x, np.where(_wide(x) > 0, _wide(dy), _wide(slope) * _wide(dy)))


@quiet
def elu_backward(dy, x, alpha):
    """dy where x > 0, else dy * alpha * exp(x)."""
    return _wide(dy) * np.where(_wide(x) > 0, 1.0, _wide(alpha) * np.exp(_wide(x)))


# Along one axis.


def _centred(x, axis, where):
    """The mask, the maximum over the unmasked, z = x - max (masked: -inf), and log(sum exp(z)).

    The sum leaves out its largest term, which is 1, so that log1p keeps the tail. A lone +inf has z = 0, its limit; of
    several, or of -inf alone, inf - inf is NaN as it should be.
    """
    x, mask = _wide(x), np.broadcast_to(True if where is None else where, np.shape(x))
    x = np.where(mask, x, -np.inf)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    lone = (x == np.inf) & (top == np.inf) & (np.sum(x == np.inf, axis=axis, keepdims=True) == 1)
    z = np.where(lone, 0.0, np.where(mask, x - top, -np.inf))
    rest = np.moveaxis(np.sort(np.exp(z), axis=axis), axis, -1)[..., :-1].sum(axis=-1)
    return mask, top, z, np.log1p(np.expand_dims(rest, axis))


@quiet
def softmax(x, axis=-1, *, where=None):
    """exp(x) / sum exp(x) over the unmasked entries; masked entries are 0."""
    mask, _, z, _ = _centred(x, axis, where)
    return np.where(mask, np.exp(z) / np.sum(np.exp(z), axis=axis, keepdims=True), 0.0)


@quiet
def log_softmax(x, axis=-1, *, where=None):
    """x - logsumexp(x) over the unmasked entries; masked entries are -inf."""
    mask, _, z, log_sum = _centred(x, axis, where)
    return np.where(mask, z - log_sum, -np.inf)


@quiet
def logsumexp(x, axis=-1, *, keepdims=False, where=None):
    """log(sum(exp(x))) over the unmasked entries; of nothing -inf, with any +inf (and no NaN) +inf."""
    _, top, _, log_sum = _centred(x, axis, where)
    total = np.where(np.isinf(top), top, top + log_sum)
    return total if keepdims else np.squeeze(total, axis=axis)[()]


@quiet
def entropy(p, axis=-1):
    """-sum(p * log(p)), 0 log 0 = 0; p is not normalised."""
    return -np.sum(_times(_wide(p), np.log(_wide(p))), axis=axis)


@quiet
def softmax_backward(dy, y, axis=-1):
    """y * (dy - sum(dy * y)), y = softmax(x)."""
    return _wide(y) * (_wide(dy) - np.sum(_wide(dy) * _wide(y), axis=axis, keepdims=True))


@quiet
def log_softmax_backward(dy, y, axis=-1):
    """dy - exp(y) * sum(dy), y = log_softmax(x)."""
    return _wide(dy) - np.exp(_wide(y)) * np.sum(_wide(dy), axis=axis, keepdims=True)
