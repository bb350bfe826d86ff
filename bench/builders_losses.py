"""Contenders for losses that take more than a call: torch and JAX, which find the gradient by themselves.

Inputs are (x, target), of one dtype; the answer is (loss, gradient by x) of the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

from bench.builders import Builder
from bench.harness import Inputs, Run


def torch_autograd(name: str) -> Builder:
    """Run forward and ``backward()``, as everybody trains with torch."""

    def build(inputs: Inputs) -> Run:
        function, tensor = resolve_name(name), import_module("torch").from_numpy
        x, target = map(tensor, inputs.args)
        x = x.requires_grad_()

        def run() -> tuple[Any, Any]:
            x.grad = None
            loss = function(x, target)
            loss.backward()
            return loss, x.grad

        return run

    return build


def torch_by_hand(name: str, gradient: Callable[[Any, Any, Any], Any]) -> Builder:
    """Take torch's loss and write the gradient out, into a buffer, without autograd."""

    def build(inputs: Inputs) -> Run:
        library, function = import_module("torch"), resolve_name(name)
        x, target = map(library.from_numpy, inputs.args)
        out = library.empty_like(x)
        return lambda: (function(x, target), gradient(x, target, out))

    return build


def mse_gradient(x: Any, target: Any, out: Any) -> Any:
    """Compute 2 (x - t) / n."""
    return import_module("torch").sub(x, target, out=out).mul_(2 / x.numel())


def mae_gradient(x: Any, target: Any, out: Any) -> Any:
    """Compute sign(x - t) / n."""
    return import_module("torch").sub(x, target, out=out).sign_().div_(x.numel())


def huber_gradient(x: Any, target: Any, out: Any) -> Any:
    """Compute x - t clamped to +-1, over n."""
    return import_module("torch").sub(x, target, out=out).clamp_(-1, 1).div_(x.numel())


def bce_gradient(x: Any, target: Any, out: Any) -> Any:
    """Compute (p - t) / (p (1 - p)) / n."""
    library = import_module("torch")
    return library.sub(x, target, out=out).div_((1 - x).mul_(x)).div_(x.numel())


def logits_gradient(x: Any, target: Any, out: Any) -> Any:
    """Compute (sigmoid(x) - t) / n."""
    return import_module("torch").sigmoid(x, out=out).sub_(target).div_(x.numel())


def jax_gradient(name: str) -> Builder:
    """Compile loss and gradient; `name` is the loss, written with the arrays' own library."""

    def build(inputs: Inputs) -> Run:
        library = import_module("jax")
        library.config.update("jax_enable_x64", True)
        x, target = library.device_put(inputs.args)
        compiled = library.jit(library.value_and_grad(resolve_name(name)))
        return lambda: library.block_until_ready(compiled(x, target))

    return build
