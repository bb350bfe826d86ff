"""Oracle: losses, and logistic and softmax regression over them.

Below, `loss` is what reduction="none" returns, grad its derivative, W the divisor of "mean".
Shape letters: N samples, C classes of a loss, d features, K classes of a model.
"""

import numpy as np
from reference_elementwise import _times, _wide, log_softmax, quiet, sigmoid, softmax, softplus


def _reduced(loss, grad, reduction, sample_weight, return_grad, *, axis=None, count=1.0):
    """Weight loss and grad over the leading axes of loss, then reduce: W = sum(weight * count); W == 0 gives 0.

    `axis` is the class axis that grad has and loss lacks.
    """
    weight = np.ones(()) if sample_weight is None else _wide(sample_weight)
    weight = np.broadcast_to(weight.reshape(weight.shape + (1,) * (loss.ndim - weight.ndim)), loss.shape)
    loss, grad = loss * weight, grad * (weight if axis is None else np.expand_dims(weight, axis))
    if reduction == "mean":
        total = np.sum(weight * count)
        loss, grad = (loss / total, grad / total) if total else (np.zeros(()), np.zeros_like(grad))
    value = loss if reduction == "none" else np.sum(loss)
    return (value, grad) if return_grad else value


@quiet
def mse_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False):
    """loss = (pred - target)^2."""
    d = _wide(pred) - _wide(target)
    return _reduced(d * d, 2.0 * d, reduction, sample_weight, return_grad)


@quiet
def rmse_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False):
    """sqrt(mse_loss); gradient 0 at 0."""
    value, grad = mse_loss(pred, target, reduction=reduction, sample_weight=sample_weight, return_grad=True)
    root = np.sqrt(value)
    return (root, np.zeros_like(grad) if root == 0 else grad / (2.0 * root)) if return_grad else root


@quiet
def mae_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False):
    """loss = |pred - target|, derivative sign(pred - target)."""
    d = _wide(pred) - _wide(target)
    return _reduced(np.abs(d), np.sign(d), reduction, sample_weight, return_grad)


@quiet
def huber_loss(pred, target, *, delta=1.0, reduction="mean", sample_weight=None, return_grad=False):
    """loss = d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); d = pred - target."""
    d = _wide(pred) - _wide(target)
    loss = np.where(np.abs(d) <= delta, 0.5 * d * d, delta * (np.abs(d) - 0.5 * delta))
    return _reduced(loss, np.clip(d, -delta, delta), reduction, sample_weight, return_grad)


@quiet
def binary_cross_entropy(prob, target, *, reduction="mean", sample_weight=None, return_grad=False):
    """loss = -t log(p) - (1 - t) log(1 - p), 0 log 0 = 0."""
    p, t = _wide(prob), _wide(target)
    loss = -_times(t, np.log(p)) - _times(1.0 - t, np.log1p(-p))
    return _reduced(
        loss, _times(1.0 - t, 1.0 / (1.0 - p)) - _times(t, 1.0 / (p + 0.0)), reduction, sample_weight, return_grad
    )


@quiet
def binary_cross_entropy_with_logits(
    logits, target, *, pos_weight=None, label_smoothing=0.0, reduction="mean", sample_weight=None, return_grad=False
):
    """loss = a softplus(-x) + c softplus(x), a = pos_weight t', c = 1 - t', t' = t (1 - s) + s / 2."""
    x, t = _wide(logits), _wide(target) * (1.0 - label_smoothing) + 0.5 * label_smoothing
    a, c = t * _wide(1.0 if pos_weight is None else pos_weight), 1.0 - t
    loss = _times(a, softplus(-x)) + _times(c, softplus(x))
    return _reduced(loss, c * sigmoid(x) - a * sigmoid(-x), reduction, sample_weight, return_grad)


@quiet
def cross_entropy(
    logits, target, *, axis=-1, class_weight=None, ignore_index=None, label_smoothing=0.0, from_logits=True,
    reduction="mean", sample_weight=None, return_grad=False,
):  # fmt: skip
    """loss = -sum_c a_c logp_c, a_c = cw_c ((1 - s) q_c + s / C).

    Index targets: q is one-hot, W counts cw[t], ignored rows are 0. Else q is the target, W counts rows.
    """
    x, target, s = np.moveaxis(_wide(logits), axis, -1), np.asarray(target), label_smoothing
    C, index = x.shape[-1], target.dtype.kind in "iu"
    cw = np.ones(C) if class_weight is None else _wide(class_weight)
    kept = target != ignore_index if index and ignore_index is not None else np.full(x.shape[:-1], True)
    t = np.where(kept, target, 0) if index else None
    q = (1.0 - s) * (np.eye(C)[t] if index else np.moveaxis(_wide(target), axis, -1)) + s / C
    # an index target with s = 0 reads the probability of its class only
    a, p = cw * q, np.where((q == 0) & index, 1.0, x)
    logp = log_softmax(x) if from_logits else np.log(p)
    # total * p - a, written so that p -> 1 does not cancel
    toward = (np.sum(a, axis=-1, keepdims=True) - a) * np.exp(logp) + a * np.expm1(logp)
    grad = toward if from_logits else -_times(a, 1.0 / (p + 0.0))
    loss = np.where(kept, -np.sum(_times(a, logp), axis=-1), 0.0)
    grad = np.moveaxis(np.where(kept[..., None], grad, 0.0), -1, axis)
    return _reduced(loss, grad, reduction, sample_weight, return_grad, axis=axis, count=cw[t] * kept if index else 1.0)


@quiet
def logistic_loss(X, y, w, b=0.0, *, l1=0.0, l2=0.0, sample_weight=None, scale=None, return_grad=False):
    """Mean over samples of the loss of z = scale X w + b, + l1 sum |w| + l2 sum w^2.

    w (d,): one sigmoid; w (d, K) and y (N,): softmax; w (d, K) and y (N, K): the sum of K sigmoids.
    """
    X, w, b = _wide(X) * (1.0 if scale is None else _wide(scale)), _wide(w), _wide(b)
    K = w.shape[1] if np.ndim(y) == 2 else 1
    data = cross_entropy if w.ndim == 2 and np.ndim(y) == 1 else binary_cross_entropy_with_logits
    loss, dz = data(X @ w + b, y, sample_weight=sample_weight, return_grad=True)
    loss, dz = K * loss + l1 * np.sum(np.abs(w)) + l2 * np.sum(w * w), K * dz
    db = np.sum(dz, axis=0) if b.size > 1 else np.sum(dz)
    return (loss, X.T @ dz + l1 * np.sign(w) + 2.0 * l2 * w, np.reshape(db, b.shape)[()]) if return_grad else loss


@quiet
def logistic_step(X, y, w, b, lr, *, l1=0.0, l2=0.0, sample_weight=None, scale=None):
    """(loss before the update, w - lr dw, b - lr db)."""
    loss, dw, db = logistic_loss(X, y, w, b, l1=l1, l2=l2, sample_weight=sample_weight, scale=scale, return_grad=True)
    return loss, _wide(w) - lr * dw, _wide(b) - lr * db


@quiet
def predict_logistic(X, w, b=0.0, *, scale=None):
    """sigmoid(scale X w + b) for w (d,), softmax for w (d, K)."""
    z = (_wide(X) * (1.0 if scale is None else _wide(scale))) @ _wide(w) + _wide(b)
    return sigmoid(z) if np.ndim(w) == 1 else softmax(z)
