"""Contenders for cross-entropy and its gradient that take more than a call: NumPy, torch, JAX and scikit-learn.

Inputs are logits and classes, with the axis of the classes; the result is the mean loss and its gradient.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from bench.harness import Inputs, Run


def numpy_loss(inputs: Inputs) -> Run:
    """Write the two passes down, stable for any logits; float16 stays float16."""
    x, y = inputs.args
    axis = inputs.kwargs["axis"]
    places = (np.arange(len(y)), y) if axis == 1 else (y, np.arange(len(y)))

    def run() -> tuple[Any, ...]:
        z = x - x.max(axis=axis, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=axis, keepdims=True)
        loss = np.mean(np.log(total.squeeze(axis)) - z[places])
        gradient = e / total
        gradient[places] -= 1
        gradient /= len(y)
        return loss, gradient

    return run


def numpy_out(inputs: Inputs) -> Run:
    """Do the same in one buffer."""
    x, y = inputs.args
    axis = inputs.kwargs["axis"]
    out = inputs.buffers()["out"]
    places = (np.arange(len(y)), y) if axis == 1 else (y, np.arange(len(y)))

    def run() -> tuple[Any, ...]:
        np.subtract(x, x.max(axis=axis, keepdims=True), out=out)
        at = out[places]
        np.exp(out, out=out)
        total = out.sum(axis=axis, keepdims=True)
        loss = np.mean(np.log(total.squeeze(axis)) - at)
        np.multiply(out, 1 / (total * out.dtype.type(len(y))), out=out)
        out[places] -= 1 / len(y)
        return loss, out

    return run


def _upright(x: Any, axis: int) -> Any:
    """View the logits with the classes last, as torch's losses want them in two dimensions."""
    return x if axis == 1 else x.T


def torch_autograd(inputs: Inputs) -> Run:
    """Run forward and ``backward()``."""
    library = import_module("torch")
    x, y = map(library.from_numpy, inputs.args)
    axis = inputs.kwargs["axis"]
    x.requires_grad_()
    loss_of = library.nn.functional.cross_entropy

    def run() -> tuple[Any, ...]:
        x.grad = None
        loss = loss_of(_upright(x, axis), y)
        loss.backward()
        return loss, x.grad

    return run


def torch_by_hand(inputs: Inputs) -> Run:
    """Call the four operators that autograd would call, into buffers where they take one."""
    library = import_module("torch")
    x, y = map(library.from_numpy, inputs.args)
    axis, ops = inputs.kwargs["axis"], library.ops.aten
    one, log_p, gradient = library.ones((), dtype=x.dtype), library.empty_like(x), library.empty_like(x)
    spikes = _upright(library.empty_like(x), axis)

    def run() -> tuple[Any, ...]:
        library.log_softmax(x, axis, out=log_p)
        loss, weight = ops.nll_loss_forward(_upright(log_p, axis), y, None, 1, -100)
        ops.nll_loss_backward.grad_input(one, _upright(log_p, axis), y, None, 1, -100, weight, grad_input=spikes)
        ops._log_softmax_backward_data.out(spikes if axis else spikes.T, log_p, axis, x.dtype, out=gradient)
        return loss, gradient

    return run


def jax_loss(inputs: Inputs) -> Run:
    """Compile loss and gradient."""
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    jnp, axis = import_module("jax.numpy"), inputs.kwargs["axis"]
    x, y = library.device_put(inputs.args)

    def loss_of(x: Any, y: Any) -> Any:
        at = jnp.take_along_axis(x, jnp.expand_dims(y, axis), axis=axis).squeeze(axis)
        return jnp.mean(library.nn.logsumexp(x, axis=axis) - at)

    compiled = library.jit(library.value_and_grad(loss_of))
    return lambda: library.block_until_ready(compiled(x, y))


def sklearn_loss(inputs: Inputs) -> Run | None:
    """Call the loss behind scikit-learn's multinomial models, and take the mean: rows only, no float16."""
    x, y = inputs.args
    if inputs.kwargs["axis"] == 0 or x.dtype == np.float16:
        return None
    loss = import_module("sklearn._loss").HalfMultinomialLoss(n_classes=x.shape[1])
    classes, losses, gradient = y.astype(x.dtype), np.empty(len(y), x.dtype), np.empty_like(x)
    evaluate = partial(loss.loss_gradient, classes, x, loss_out=losses, gradient_out=gradient)

    def run() -> tuple[Any, ...]:
        evaluate()
        return losses.mean(), np.divide(gradient, len(y), out=gradient)

    return run
