"""What `model.MLP` calls, in plain NumPy: as one would write it who knows the formulas and uses ``out=``."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def random_crop(images: Array, size: int, *, padding: int, rng: np.random.Generator) -> Array:
    """Pad with zeros, and take a window of each image."""
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    top, left = rng.integers(0, 2 * padding + 1, (2, len(images)))
    return windows[np.arange(len(images)), top, left]


def gaussian_noise(x: Array, std: float, *, rng: np.random.Generator, out: Array) -> Array:
    """Add noise."""
    noise = rng.standard_normal(x.shape, np.float32)
    noise *= std
    return np.add(x, noise, out=out)


def relu(x: Array, out: Array) -> Array:
    """Set what is negative to 0."""
    return np.maximum(x, 0, out=out)


def relu_backward(dy: Array, y: Array, out: Array) -> Array:
    """Pass the gradient where the output is positive."""
    return np.multiply(dy, y > 0, out=out)


def dropout(x: Array, p: float, *, rng: np.random.Generator, out: Array, return_key: bool) -> tuple[Array, Array]:
    """Set a random part to 0; the key is the mask, with the factor of what is kept."""
    mask = (rng.random(x.shape, np.float32) >= p) * np.float32(1 / (1 - p))
    return np.multiply(x, mask, out=out), mask


def dropout_backward(dy: Array, p: float, key: Array, out: Array) -> Array:
    """Apply the same mask."""
    return np.multiply(dy, key, out=out)


def _normalize(x: Array, mean: Array, rstd: Array, weight: Array, bias: Array) -> Array:
    y = x - mean
    y *= rstd
    y *= weight
    y += bias
    return y


def batch_norm(
    x: Array, running_mean: Array, running_var: Array, weight: Array, bias: Array, *, training: bool, return_stats: bool
) -> tuple[Array, Array, Array]:
    """Normalize each column, in training by the batch's own statistics."""
    if training:
        mean, var = x.mean(axis=0), x.var(axis=0)
        running_mean += 0.1 * (mean - running_mean)
        running_var += 0.1 * (var * (len(x) / (len(x) - 1)) - running_var)
    else:
        mean, var = running_mean, running_var
    rstd = 1 / np.sqrt(var + np.float32(1e-5))
    return _normalize(x, mean, rstd, weight, bias), mean, rstd


def layer_norm(x: Array, weight: Array, bias: Array, *, return_stats: bool) -> tuple[Array, Array, Array]:
    """Normalize each row."""
    mean = x.mean(axis=1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(axis=1, keepdims=True) + np.float32(1e-5))
    return _normalize(x, mean, rstd, weight, bias), mean, rstd


def _norm_backward(dy: Array, x: Array, mean: Array, rstd: Array, weight: Array, axis: int) -> Any:
    normal = (x - mean) * rstd
    dweight, dbias = (dy * normal).sum(axis=0), dy.sum(axis=0)
    d = dy * weight
    dx = d - d.mean(axis=axis, keepdims=True) - normal * (d * normal).mean(axis=axis, keepdims=True)
    return dx * rstd, dweight, dbias


def batch_norm_backward(dy: Array, x: Array, mean: Array, rstd: Array, weight: Array) -> Any:
    """Return the gradients by x, weight and bias."""
    return _norm_backward(dy, x, mean, rstd, weight, 0)


def layer_norm_backward(dy: Array, x: Array, mean: Array, rstd: Array, weight: Array) -> Any:
    """Return the gradients by x, weight and bias."""
    return _norm_backward(dy, x, mean, rstd, weight, 1)


def cross_entropy(logits: Array, target: Array, *, return_grad: bool, out: Array) -> tuple[float, Array]:
    """Return the mean loss and its gradient."""
    rows = np.arange(len(logits))
    z = logits - logits.max(axis=1, keepdims=True)
    grad = np.exp(z, out=out)
    total = grad.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, target])
    grad /= total
    grad[rows, target] -= 1
    grad /= len(logits)
    return float(loss), grad


def sgd_step(param: Array, grad: Array, lr: float, *, momentum: float, velocity: Array, l2: float) -> None:
    """Update in place."""
    grad = grad + 2 * l2 * param
    velocity *= momentum
    velocity += grad
    param -= lr * velocity


def adam_step(param: Array, grad: Array, m: Array, v: Array, step: int, lr: float, *, weight_decay: float) -> None:
    """Update in place, with decoupled decay (AdamW)."""
    m += 0.1 * (grad - m)
    v += 0.001 * (grad * grad - v)
    param *= 1 - lr * weight_decay
    param -= lr / (1 - 0.9**step) * m / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
