"""What people write without fastml: plain NumPy, and NumPy with every temporary given.

The functions without ``out`` that JAX compiles as well use operators, and ask the array for the functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # NumPy's, or JAX's


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + exp(-x)): exp overflows far below zero, to the right limit."""
    return 1 / (1 + np.exp(-x))


def sigmoid_out(x: Array, out: Array) -> Array:
    """Do the same in four passes over `out`."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.divide(1, out, out=out)


def relu(x: Array) -> Array:
    """Compute max(x, 0) as a selection."""
    return np.where(x > 0, x, 0)


def relu_out(x: Array, out: Array) -> Array:
    """Compute max(x, 0)."""
    return np.maximum(x, 0, out=out)


def sigmoid_backward(dy: Array, y: Array) -> Array:
    """Compute dy y (1 - y)."""
    return dy * y * (1 - y)


def sigmoid_backward_out(dy: Array, y: Array, out: Array) -> Array:
    """Do the same in three passes over `out`."""
    np.subtract(1, y, out=out)
    np.multiply(out, y, out=out)
    return np.multiply(out, dy, out=out)


def tanh_backward(dy: Array, y: Array) -> Array:
    """Compute dy (1 - y^2)."""
    return dy * (1 - y * y)


def tanh_backward_out(dy: Array, y: Array, out: Array) -> Array:
    """Do the same in three passes over `out`."""
    np.multiply(y, y, out=out)
    np.subtract(1, out, out=out)
    return np.multiply(out, dy, out=out)


def relu_backward(dy: Array, y: Array) -> Array:
    """Compute dy where y > 0, else 0."""
    return dy * (y > 0)


def relu_backward_out(dy: Array, y: Array, out: Array) -> Array:
    """Do the same in two passes over `out`."""
    np.greater(y, 0, out=out)
    return np.multiply(out, dy, out=out)


def softmax(x: Array, axis: int) -> Array:
    """Compute exp(x - max x) divided by its sum."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_out(x: Array, axis: int, out: Array) -> Array:
    """Do the same in `out`."""
    np.subtract(x, x.max(axis=axis, keepdims=True), out=out)
    np.exp(out, out=out)
    return np.divide(out, out.sum(axis=axis, keepdims=True), out=out)


def log_softmax(x: Array, axis: int) -> Array:
    """Compute z - log(sum exp z) with z = x - max x."""
    z = x - x.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def log_softmax_out(x: Array, axis: int, out: Array, scratch: Array) -> Array:
    """Do the same in `out` and `scratch`."""
    np.subtract(x, x.max(axis=axis, keepdims=True), out=out)
    np.exp(out, out=scratch)
    return np.subtract(out, np.log(scratch.sum(axis=axis, keepdims=True)), out=out)


def logsumexp(x: Array, axis: int) -> Array:
    """Compute log(sum exp(x - max x)) + max x."""
    top = x.max(axis=axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=axis)) + top.squeeze(axis)


def logsumexp_out(x: Array, axis: int, scratch: Array) -> Array:
    """Do the same in `scratch`."""
    top = x.max(axis=axis, keepdims=True)
    np.subtract(x, top, out=scratch)
    np.exp(scratch, out=scratch)
    return np.log(scratch.sum(axis=axis)) + top.squeeze(axis)


def entropy(p: Array, axis: int) -> Array:
    """Compute -sum p log p, for p > 0."""
    return -(p * p.__array_namespace__().log(p)).sum(axis=axis)


def entropy_out(p: Array, axis: int, scratch: Array) -> Array:
    """Do the same in `scratch`."""
    np.log(p, out=scratch)
    np.multiply(p, scratch, out=scratch)
    return -scratch.sum(axis=axis)


def softmax_backward(dy: Array, y: Array, axis: int) -> Array:
    """Compute y (dy - sum dy y)."""
    return y * (dy - (dy * y).sum(axis=axis, keepdims=True))


def softmax_backward_out(dy: Array, y: Array, axis: int, out: Array) -> Array:
    """Do the same in `out`."""
    np.multiply(dy, y, out=out)
    np.subtract(dy, out.sum(axis=axis, keepdims=True), out=out)
    return np.multiply(out, y, out=out)


def log_softmax_backward(dy: Array, y: Array, axis: int) -> Array:
    """Compute dy - e^y sum dy."""
    return dy - y.__array_namespace__().exp(y) * dy.sum(axis=axis, keepdims=True)


def log_softmax_backward_out(dy: Array, y: Array, axis: int, out: Array) -> Array:
    """Do the same in `out`."""
    np.exp(y, out=out)
    np.multiply(out, dy.sum(axis=axis, keepdims=True), out=out)
    return np.subtract(dy, out, out=out)


def predict_logistic(X: Array, w: Array, b: Array) -> Array:
    """Compute the sigmoid, or the softmax of each row, of X w + b."""
    z = X @ w + b
    return sigmoid(z) if w.ndim == 1 else softmax(z, axis=1)


def logistic_loss(X: Array, y: Array, w: Array, b: Array, scale: float = 1.0) -> tuple[Any, Array, Any]:
    """Return loss and gradient, from two passes over X, stable for any z; `w` is (d,), or (d, K) for softmax.

    X of another dtype is converted before; with `y` (n, K) each class is a label of its own.
    """
    X = X.astype(w.dtype, copy=False)
    z = X @ (scale * w) + b
    n = len(y)
    if y.ndim == w.ndim:
        e = np.exp(-np.abs(z))
        p = np.where(z >= 0, 1, e) / (1 + e)
        loss = np.sum(np.maximum(z, 0) - y * z + np.log1p(e)) / n
        residual = (p - y) / n
    else:
        rows = np.arange(n)
        log_p = log_softmax(z, axis=1)
        loss = -np.mean(log_p[rows, y])
        residual = np.exp(log_p)
        residual[rows, y] -= 1
        residual /= n
    return loss, scale * (X.T @ residual), residual.sum(axis=0)


def logistic_step(X: Array, y: Array, w: Array, b: Array, lr: float) -> Any:
    """Move `w` and `b` against the gradient; return the loss before."""
    loss, dw, db = logistic_loss(X, y, w, b)
    w -= lr * dw
    b -= lr * db
    return loss
