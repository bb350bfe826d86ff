"""Optimizer steps and penalties as people write them in NumPy, and for JAX to compile."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # NumPy's, JAX's or torch's


def sgd_step(param: Array, grad: Array, lr: float, *, momentum: float, velocity: Array) -> None:
    """Update in place."""
    velocity *= momentum
    velocity += grad
    param -= lr * velocity


def adam_step(param: Array, grad: Array, m: Array, v: Array, step: int, lr: float, *, weight_decay: float) -> None:
    """Update in place, with the usual betas."""
    m *= 0.9
    m += 0.1 * grad
    v *= 0.999
    v += 0.001 * grad**2
    param *= 1 - lr * weight_decay
    param -= lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)


def l1_penalty(w: Array, strength: float) -> tuple[Array, Array]:
    """Compute the value, in float64 where the library has it, and the gradient."""
    return strength * float(np.sum(np.abs(w), dtype=np.float64)), strength * np.sign(w)


def l2_penalty(w: Array, strength: float) -> tuple[Array, Array]:
    """Compute the value, without a temporary, and the gradient."""
    return strength * float(np.vdot(w, w)), 2 * strength * w


def soft_threshold(x: Array, t: float) -> Array:
    """Compute sign(x) max(|x| - t, 0)."""
    return np.sign(x) * np.maximum(np.abs(x) - t, 0)


def torch_l1_penalty(w: Array, strength: float) -> tuple[Array, Array]:
    """Compute the same with torch's tensors."""
    return strength * w.abs().sum(), w.sign() * strength


def torch_l2_penalty(w: Array, strength: float) -> tuple[Array, Array]:
    """Compute the same with torch's tensors."""
    return strength * w.dot(w), w * (2 * strength)
