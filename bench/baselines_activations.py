"""The activations whose gradients start from the input, as people write them without fastml."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import numpy as np

Array = Any  # NumPy's, or JAX's


def log_sigmoid(x: Array) -> Array:
    """Compute -log(1 + exp(-x))."""
    return -np.logaddexp(0, -x)


def softplus(x: Array) -> Array:
    """Compute log(1 + exp(x))."""
    return np.logaddexp(0, x)


def softplus_out(x: Array, out: Array) -> Array:
    """Do the same in `out`: max(x, 0) + log1p(exp(-|x|))."""
    np.abs(x, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    return np.add(out, np.maximum(x, 0), out=out)


def silu(x: Array) -> Array:
    """Compute x / (1 + exp(-x))."""
    return x / (1 + np.exp(-x))


def silu_out(x: Array, out: Array) -> Array:
    """Do the same in four passes over `out`."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.divide(x, out, out=out)


def gelu_scipy(x: Array) -> Array:
    """Compute x Phi(x); NumPy has no erf."""
    return x * resolve_name("scipy.special:ndtr")(x)


def leaky_relu(x: Array, slope: float) -> Array:
    """Compute x where x > 0, else slope x."""
    return np.where(x > 0, x, slope * x)


def elu(x: Array, alpha: float) -> Array:
    """Compute x where x > 0, else alpha (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(x))


def log_sigmoid_backward(dy: Array, x: Array) -> Array:
    """Compute dy / (1 + exp(x))."""
    return dy / (1 + x.__array_namespace__().exp(x))


def softplus_backward(dy: Array, x: Array) -> Array:
    """Compute dy / (1 + exp(-x))."""
    return dy / (1 + x.__array_namespace__().exp(-x))


def silu_backward(dy: Array, x: Array) -> Array:
    """Compute dy s (1 + x (1 - s)), s = sigmoid(x)."""
    s = 1 / (1 + x.__array_namespace__().exp(-x))
    return dy * s * (1 + x * (1 - s))


def gelu_backward_scipy(dy: Array, x: Array) -> Array:
    """Compute dy (Phi(x) + x phi(x))."""
    return dy * (resolve_name("scipy.special:ndtr")(x) + x * np.exp(-0.5 * x * x) * 0.3989422804014327)


def gelu_backward_jax(dy: Array, x: Array) -> Array:
    """Do the same with JAX's erf."""
    erf, exp = resolve_name("jax.scipy.special:erf"), x.__array_namespace__().exp
    return dy * (0.5 + 0.5 * erf(x * 0.7071067811865476) + x * exp(-0.5 * x * x) * 0.3989422804014327)


def leaky_relu_backward(dy: Array, x: Array, slope: float) -> Array:
    """Compute dy where x > 0, else slope dy."""
    return x.__array_namespace__().where(x > 0, dy, slope * dy)


def elu_backward(dy: Array, x: Array, alpha: float) -> Array:
    """Compute dy where x > 0, else dy alpha exp(x)."""
    library = x.__array_namespace__()
    return library.where(x > 0, dy, dy * alpha * library.exp(x))
