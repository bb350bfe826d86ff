"""Norms as people write them without fastml, in operators and methods that JAX's arrays have as well.

The gradients take the statistics of the forward, as everybody's do.
"""

from __future__ import annotations

from typing import Any

Array = Any  # NumPy's, or JAX's


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    """Normalize the last axis."""
    d = x - x.mean(axis=-1, keepdims=True)
    return d * ((d * d).mean(axis=-1, keepdims=True) + 1e-5) ** -0.5 * weight + bias


def layer_norm_backward(dy: Array, x: Array, mean: Array, rstd: Array, weight: Array) -> tuple[Array, ...]:
    """Compute all three gradients."""
    h, g = (x - mean) * rstd, dy * weight
    dx = rstd * (g - g.mean(axis=-1, keepdims=True) - h * (g * h).mean(axis=-1, keepdims=True))
    return dx, (dy * h).sum(axis=0), dy.sum(axis=0)


def rms_norm(x: Array, weight: Array) -> Array:
    """Divide by the root mean square of the last axis."""
    return x * ((x * x).mean(axis=-1, keepdims=True) + 1e-6) ** -0.5 * weight


def rms_norm_backward(dy: Array, x: Array, rstd: Array, weight: Array) -> tuple[Array, ...]:
    """Compute both gradients."""
    h, g = x * rstd, dy * weight
    return rstd * (g - h * (g * h).mean(axis=-1, keepdims=True)), (dy * h).sum(axis=0)


def _over(x: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """All axes but that of the channels, and the shape that a number for each channel takes."""
    return (0, *range(2, x.ndim)), (-1,) + (1,) * (x.ndim - 2)


def batch_norm(x: Array, running_mean: Array, running_var: Array, weight: Array, bias: Array) -> tuple[Array, ...]:
    """Normalize each channel; the running statistics are new arrays."""
    over, shape = _over(x)
    d = x - x.mean(axis=over).reshape(shape)
    variance = (d * d).mean(axis=over)
    count = x.size // len(weight)
    y = d * ((variance + 1e-5) ** -0.5 * weight).reshape(shape) + bias.reshape(shape)
    running_var = 0.9 * running_var + 0.1 * count / (count - 1) * variance
    return y, 0.9 * running_mean + 0.1 * x.mean(axis=over), running_var


def batch_norm_backward(dy: Array, x: Array, mean: Array, rstd: Array, weight: Array) -> tuple[Array, ...]:
    """Compute all three gradients."""
    over, shape = _over(x)
    h = (x - mean.reshape(shape)) * rstd.reshape(shape)
    dweight, dbias, count = (dy * h).sum(axis=over), dy.sum(axis=over), x.size // len(weight)
    dx = (weight * rstd).reshape(shape) * (dy - dbias.reshape(shape) / count - h * dweight.reshape(shape) / count)
    return dx, dweight, dbias
