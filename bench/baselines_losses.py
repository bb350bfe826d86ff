"""Losses and their gradients as one would write them down in NumPy, and the losses alone in any array library.

The mean over all elements; the target of the cross-entropies is 0 or 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def mse_loss(x: Array, t: Array) -> tuple[Any, Array]:
    """Compute mean d^2 and 2 d / n."""
    d = x - t
    return np.mean(d * d), d * (2 / d.size)


def mae_loss(x: Array, t: Array) -> tuple[Any, Array]:
    """Compute mean |d| and sign(d) / n."""
    d = x - t
    return np.mean(np.abs(d)), np.sign(d) / d.size


def huber_loss(x: Array, t: Array) -> tuple[Any, Array]:
    """Compute the Huber loss with delta 1, and d clamped, over n."""
    d = x - t
    g = np.clip(d, -1, 1)
    return np.mean(g * (d - g / 2)), g / d.size


def binary_cross_entropy(x: Array, t: Array) -> tuple[Any, Array]:
    """Compute mean -t log p - (1 - t) log(1 - p) and (p - t) / (p (1 - p)) / n, for 0 < p < 1."""
    loss = -np.mean(t * np.log(x) + (1 - t) * np.log1p(-x))
    return loss, (x - t) / (x * (1 - x)) / x.size


def binary_cross_entropy_with_logits(x: Array, t: Array) -> tuple[Any, Array]:
    """Compute mean max(x, 0) - x t + log(1 + e^-|x|) and (sigmoid(x) - t) / n."""
    e = np.exp(-np.abs(x))
    loss = np.mean(np.maximum(x, 0) - x * t + np.log1p(e))
    return loss, (np.where(x >= 0, 1, e) / (1 + e) - t) / x.size


def mse_value(x: Array, t: Array) -> Any:
    """Compute mean d^2."""
    d = x - t
    return (d * d).mean()


def mae_value(x: Array, t: Array) -> Any:
    """Compute mean |d|."""
    return abs(x - t).mean()


def huber_value(x: Array, t: Array) -> Any:
    """Compute the Huber loss with delta 1."""
    d = x - t
    g = d.__array_namespace__().clip(d, -1, 1)
    return (g * (d - g / 2)).mean()


def bce_value(x: Array, t: Array) -> Any:
    """Compute mean -t log p - (1 - t) log(1 - p)."""
    library = x.__array_namespace__()
    return -(t * library.log(x) + (1 - t) * library.log1p(-x)).mean()


def logits_value(x: Array, t: Array) -> Any:
    """Compute mean softplus(x) - t x."""
    return (x.__array_namespace__().logaddexp(x, 0) - t * x).mean()
