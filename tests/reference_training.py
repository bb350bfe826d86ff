"""Oracle: normalisation, regularisation and noise, optimiser steps, augmentation.

Shape letters: N images, H height, W width, C channels.
"""

import numpy as np
from reference_elementwise import _wide, quiet

# Normalisation: weight and bias have the shape of the reduced axes; batch_norm: of the channel axis kept.


def _axes(axis, ndim, keep=False):
    axes = {a % ndim for a in np.atleast_1d(axis)}
    return tuple(a for a in range(ndim) if (a in axes) is not keep)


def _spread(w, x, axes):
    """w, whose axes are `axes` of x, shaped to broadcast against x; None counts as 1."""
    return 1.0 if w is None else _wide(w).reshape([x.shape[a] if a in axes else 1 for a in range(x.ndim)])


def _norm_backward(dy, x, mean, rstd, w, over, own, centre=1.0, stats=1.0):
    """dx = rstd * (g - centre * E[g] - xhat * E[g * xhat]), g = dy * w, E over `over`; dw, db keep the axes `own`."""
    xhat, g = (x - mean) * rstd, dy * _spread(w, x, own)
    centred = centre * np.mean(g, axis=over, keepdims=True) + xhat * np.mean(g * xhat, axis=over, keepdims=True)
    others = tuple(a for a in range(x.ndim) if a not in own)
    return rstd * (g - stats * centred), np.sum(dy * xhat, axis=others), np.sum(dy, axis=others)


@quiet
def layer_norm(x, weight=None, bias=None, *, axis=-1, eps=1e-5, return_stats=False):
    """y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(var + eps), over `axis`."""
    x, axes = _wide(x), _axes(axis, np.ndim(x))
    mean, rstd = np.mean(x, axis=axes, keepdims=True), 1.0 / np.sqrt(np.var(x, axis=axes, keepdims=True) + eps)
    y = (x - mean) * rstd * _spread(weight, x, axes) + (0.0 if bias is None else _spread(bias, x, axes))
    return (y, mean, rstd) if return_stats else y


@quiet
def layer_norm_backward(dy, x, mean, rstd, weight=None, *, axis=-1):
    """(dx, dweight, dbias) of layer_norm."""
    axes = _axes(axis, np.ndim(x))
    return _norm_backward(_wide(dy), _wide(x), _wide(mean), _wide(rstd), weight, over=axes, own=axes)


@quiet
def batch_norm(
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    *,
    training=False,
    momentum=0.1,
    eps=1e-5,
    axis=1,
    return_stats=False,
):
    """layer_norm per channel, over all other axes; the channel axis is kept.

    running <- (1 - momentum) running + momentum batch, in place, its variance unbiased.
    """
    x, own, over = _wide(x), _axes(axis, np.ndim(x)), _axes(axis, np.ndim(x), keep=True)
    m = x.size // max(x.shape[axis], 1)
    if (training and m == 1) or (not training and (running_mean is None or running_var is None)):
        raise ValueError("training needs more than one value per channel, inference both running arrays")
    mean, var = (np.mean(x, axis=over), np.var(x, axis=over)) if training else (_wide(running_mean), _wide(running_var))
    if training:
        for running, batch in ((running_mean, mean), (running_var, var * m / (m - 1))):
            if running is not None:
                running[...] = (1.0 - momentum) * running + momentum * batch
    rstd = 1.0 / np.sqrt(var + eps)
    y = (x - _spread(mean, x, own)) * _spread(rstd, x, own) * _spread(weight, x, own)
    y = y + (0.0 if bias is None else _spread(bias, x, own))
    return (y, mean, rstd) if return_stats else y


@quiet
def batch_norm_backward(dy, x, mean, rstd, weight=None, *, training=True, axis=1):
    """(dx, dweight, dbias) of batch_norm; in inference the statistics are constants."""
    x, own, over = _wide(x), _axes(axis, np.ndim(x)), _axes(axis, np.ndim(x), keep=True)
    return _norm_backward(
        _wide(dy), x, _spread(mean, x, own), _spread(rstd, x, own), weight, over, own, stats=float(training)
    )


@quiet
def rms_norm(x, weight=None, *, axis=-1, eps=1e-6, return_stats=False):
    """y = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps), over `axis`."""
    x, axes = _wide(x), _axes(axis, np.ndim(x))
    rstd = 1.0 / np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + eps)
    return (x * rstd * _spread(weight, x, axes), rstd) if return_stats else x * rstd * _spread(weight, x, axes)


@quiet
def rms_norm_backward(dy, x, rstd, weight=None, *, axis=-1):
    """(dx, dweight) of rms_norm."""
    axes = _axes(axis, np.ndim(x))
    return _norm_backward(_wide(dy), _wide(x), 0.0, _wide(rstd), weight, over=axes, own=axes, centre=0.0)[:2]


# Regularisation, noise, optimiser steps.


@quiet
def l1_penalty(w, strength, *, return_grad=False, accumulate=False, out=None):
    """strength * sum |w|; gradient strength * sign(w), added to `out` when accumulating."""
    grad = strength * np.sign(_wide(w)) + (_wide(out) if accumulate else 0.0)
    return (strength * np.sum(np.abs(_wide(w))), grad) if return_grad else strength * np.sum(np.abs(_wide(w)))


@quiet
def l2_penalty(w, strength, *, return_grad=False, accumulate=False, out=None):
    """strength * sum w^2; gradient 2 * strength * w, added to `out` when accumulating."""
    grad = 2.0 * strength * _wide(w) + (_wide(out) if accumulate else 0.0)
    return (strength * np.sum(_wide(w) ** 2), grad) if return_grad else strength * np.sum(_wide(w) ** 2)


@quiet
def soft_threshold(x, t):
    """sign(x) * max(|x| - t, 0); NaN for negative t."""
    shrunk = np.sign(_wide(x)) * np.maximum(np.abs(_wide(x)) - _wide(t), 0.0)
    return np.where(_wide(t) < 0, np.nan, shrunk)


@quiet
def dropout(x, p=0.5, *, keep, training=True):
    """x / (1 - p) where keep, else 0, by selection; x itself when not training."""
    return np.where(keep, _wide(x) / (1.0 - _wide(p)), 0.0) if training else _wide(x)


@quiet
def dropout_backward(dy, p, keep):
    """dy / (1 - p) where keep, else 0, by selection."""
    return dropout(dy, p, keep=keep)


@quiet
def gaussian_noise(x, std, *, normals):
    """x + std * normals."""
    return _wide(x) + std * _wide(normals)


@quiet
def sgd_step(param, grad, lr, *, momentum=0.0, velocity=None, nesterov=False, l1=0.0, l2=0.0):
    """(p - lr (g + momentum v if nesterov else v), v): g = grad + l1 sign(p) + 2 l2 p, v = momentum velocity + g."""
    g = _wide(grad) + l1 * np.sign(_wide(param)) + 2.0 * l2 * _wide(param)
    v = g if velocity is None else momentum * _wide(velocity) + g
    return _wide(param) - lr * (g + momentum * v if nesterov else v), v


@quiet
def adam_step(param, grad, m, v, step, lr=1e-3, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """(p (1 - lr decay) - lr m' / (sqrt(v') + eps), m, v): m' = m / (1 - beta1^step), v' = v / (1 - beta2^step)."""
    m, v = beta1 * _wide(m) + (1.0 - beta1) * _wide(grad), beta2 * _wide(v) + (1.0 - beta2) * _wide(grad) ** 2
    update = m / (1.0 - beta1**step) / (np.sqrt(v / (1.0 - beta2**step)) + eps)
    return _wide(param) * (1.0 - lr * weight_decay) - lr * update, m, v


# Augmentation: any dtype, kept; images (N, H, W, C) or (N, H, W).


def random_flip(images, *, params):
    """Image i mirrored left-right where params[i, 0], upside down where params[i, 1]."""
    flipped = [image[:: -1 if v else 1, :: -1 if h else 1] for image, (h, v) in zip(images, params, strict=True)]
    return np.array(flipped, dtype=images.dtype).reshape(images.shape)


def random_crop(images, size, *, padding=0, mode="constant", fill=0, params):
    """Image i, padded in H and W, cut to `size` (h, w) from its corner params[i] = (top, left)."""
    h, w = (size, size) if np.ndim(size) == 0 else size
    widths = [(0, 0), (padding, padding), (padding, padding)] + [(0, 0)] * (images.ndim - 3)
    padded = np.pad(images, widths, mode=mode, **({"constant_values": fill} if mode == "constant" else {}))
    cut = [image[top : top + h, left : left + w] for image, (top, left) in zip(padded, params, strict=True)]
    return np.array(cut, dtype=images.dtype).reshape((len(images), h, w, *images.shape[3:]))
