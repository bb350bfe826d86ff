"""How torch and JAX are called for the norms, all out of place; batch_norm on running statistics of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

from bench.builders import Builder, call, jax, simd
from bench.harness import Inputs, Run

ALL = [True, True, True]


def _tensors(inputs: Inputs) -> Any:
    tensor = import_module("torch").from_numpy
    return [tensor(a.copy()) for a in inputs.args]


def first(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Run:
    """Call a function that returns statistics too, and keep the result alone."""
    return lambda: function(*args, **kwargs)[0]


def batch_norm(name: str) -> Builder:
    """Call a function that updates its running statistics, copies here, in place; its result comes alone."""

    def build(inputs: Inputs) -> Run:
        x, mean, var, weight, bias = inputs.args
        return partial(resolve_name(name), x, mean.copy(), var.copy(), weight, bias, **inputs.kwargs)

    return build


def new_statistics(name: str, *, compiled: bool = False) -> Builder:
    """Call a function that returns its result and new running statistics; with `compiled`, by JAX."""

    def build(inputs: Inputs) -> Run:
        if not compiled:
            return first(resolve_name(name), *inputs.args)
        library = import_module("jax")
        library.config.update("jax_enable_x64", True)
        function, args = library.jit(resolve_name(name)), library.device_put(inputs.args)
        return lambda: library.block_until_ready(function(*args))[0]

    return build


def torch_layer_norm(inputs: Inputs) -> Run:
    """Call the operator beneath ``torch.nn.functional.layer_norm``."""
    x, weight, bias = _tensors(inputs)
    return first(import_module("torch").native_layer_norm, x, weight.shape, weight, bias, 1e-5)


def torch_layer_norm_backward(inputs: Inputs) -> Run:
    """Call the operator that autograd calls."""
    dy, x, mean, rstd, weight = _tensors(inputs)
    operator = import_module("torch").ops.aten.native_layer_norm_backward
    return partial(operator, dy, x, weight.shape, mean, rstd, weight, weight, ALL)


def torch_rms_norm(inputs: Inputs) -> Run:
    """Call torch's own."""
    x, weight = _tensors(inputs)
    return partial(import_module("torch").rms_norm, x, weight.shape, weight, 1e-6)


def torch_batch_norm(inputs: Inputs) -> Run:
    """Call the operator beneath ``torch.nn.functional.batch_norm``."""
    x, mean, var, weight, bias = _tensors(inputs)
    return first(import_module("torch").native_batch_norm, x, weight, bias, mean, var, True, 0.1, 1e-5)


def torch_batch_norm_backward(inputs: Inputs) -> Run:
    """Call the operator that autograd calls."""
    dy, x, mean, rstd, weight = _tensors(inputs)
    operator = import_module("torch").ops.aten.native_batch_norm_backward
    return partial(operator, dy, x, weight, None, None, mean, rstd, True, 1e-5, ALL)


CONTENDERS: dict[str, dict[str, Builder]] = {
    "layer_norm": {
        "fastml": call("fastml:layer_norm"),
        "numpy": call("bench.baselines_norms:layer_norm"),
        "torch": torch_layer_norm,
        "jax": jax("bench.baselines_norms:layer_norm"),
        "simd-ml-kernels": simd("layer_norm"),
    },
    "layer_norm_backward": {
        "fastml": call("fastml:layer_norm_backward"),
        "numpy": call("bench.baselines_norms:layer_norm_backward"),
        "torch": torch_layer_norm_backward,
        "jax": jax("bench.baselines_norms:layer_norm_backward"),
    },
    "rms_norm": {
        "fastml": call("fastml:rms_norm"),
        "numpy": call("bench.baselines_norms:rms_norm"),
        "torch": torch_rms_norm,
        "jax": jax("bench.baselines_norms:rms_norm"),
    },
    "rms_norm_backward": {
        "fastml": call("fastml:rms_norm_backward"),
        "numpy": call("bench.baselines_norms:rms_norm_backward"),
        "jax": jax("bench.baselines_norms:rms_norm_backward"),
    },
    "batch_norm": {
        "fastml": batch_norm("fastml:batch_norm"),
        "numpy": new_statistics("bench.baselines_norms:batch_norm"),
        "torch": torch_batch_norm,
        "jax": new_statistics("bench.baselines_norms:batch_norm", compiled=True),
    },
    "batch_norm_backward": {
        "fastml": call("fastml:batch_norm_backward"),
        "numpy": call("bench.baselines_norms:batch_norm_backward"),
        "torch": torch_batch_norm_backward,
        "jax": jax("bench.baselines_norms:batch_norm_backward"),
    },
}
