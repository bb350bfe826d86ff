"""Dropout and Gaussian noise: how each library makes its random numbers, from a generator that goes on."""

from __future__ import annotations

from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from bench.builders import Builder
from bench.harness import SEED, Inputs, Run

Array = Any


def seeded(name: str, *, scratch: bool = False) -> Builder:
    """Call `name` with a NumPy generator as `rng` and, for fastml or with `scratch`, buffers for all there is."""

    def build(inputs: Inputs) -> Run | None:
        if scratch and inputs.args[0].dtype == np.float16:
            return None
        function, rng = resolve_name(name), np.random.default_rng(SEED)
        buffers = inputs.buffers() if scratch or name.startswith("fastml") else {}
        if scratch:
            buffers["scratch"] = np.empty(inputs.out or (), np.float32)
        return lambda: function(*inputs.args, rng=rng, **buffers)

    return build


def torch_dropout(inputs: Inputs) -> Run:
    """Call torch's dropout; it has no ``out=``."""
    x, p = import_module("torch").from_numpy(inputs.args[0]), inputs.args[1]
    function = resolve_name("torch.nn.functional:dropout")
    return lambda: function(x, p, True)


def torch_noise(inputs: Inputs) -> Run:
    """Fill a tensor with normal deviates and add it, scaled, in one call."""
    torch = import_module("torch")
    x, std = torch.from_numpy(inputs.args[0]), inputs.args[1]
    normal, out = torch.empty_like(x), torch.empty_like(x)

    def run() -> Array:
        return torch.add(x, normal.normal_(), alpha=std, out=out)

    return run


def jax(inputs: Inputs, function: str) -> Run:
    """Compile and call a function of a key and the arguments; the key stays the same."""
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    x, parameter = inputs.args
    compiled = library.jit(lambda key, x: globals()[function](library, key, x, parameter))
    key, x = library.random.key(SEED), library.device_put(x)
    return lambda: compiled(key, x).block_until_ready()


def jax_dropout(inputs: Inputs) -> Run:
    """Call dropout as one writes it in JAX."""
    return jax(inputs, "dropout_in_jax")


def jax_noise(inputs: Inputs) -> Run:
    """Call gaussian_noise as one writes it in JAX."""
    return jax(inputs, "noise_in_jax")


def dropout_in_jax(library: Any, key: Array, x: Array, p: float) -> Array:
    """Select by Bernoulli draws."""
    return library.numpy.where(library.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)


def noise_in_jax(library: Any, key: Array, x: Array, std: float) -> Array:
    """Add scaled normal deviates."""
    return x + std * library.random.normal(key, x.shape, x.dtype)


def dropout(x: Array, p: float, rng: np.random.Generator) -> Array:
    """Do it in NumPy as one writes it down."""
    return x * (rng.random(x.shape) >= p) / (1 - p)


def dropout_out(x: Array, p: float, rng: np.random.Generator, out: Array, scratch: Array) -> Array:
    """Do it in given memory, from float32 uniform numbers."""
    rng.random(out=scratch, dtype=np.float32)
    np.multiply(x, scratch >= p, out=out)
    return np.multiply(out, 1 / (1 - p), out=out)


def gaussian_noise(x: Array, std: float, rng: np.random.Generator) -> Array:
    """Do it in NumPy as one writes it down; it has no deviates of float16."""
    noise = std * rng.standard_normal(x.shape, np.result_type(x, np.float32))
    return x + noise.astype(x.dtype, copy=False)


def gaussian_noise_out(x: Array, std: float, rng: np.random.Generator, out: Array, scratch: Array) -> Array:
    """Do it in given memory."""
    rng.standard_normal(out=out, dtype=out.dtype)
    np.multiply(out, std, out=out)
    return np.add(x, out, out=out)
