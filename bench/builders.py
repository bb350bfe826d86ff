"""How each library is called: a builder takes the inputs and returns the call to time, or None where it can't apply.

Functions are named as strings, "module:attribute", so that a library is imported when it is first used: after the
thread counts are in the environment, and only if it is installed. Everything that can be done before the call
(buffers, tensors, compilation) is done in the builder.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from bench.harness import Inputs, Run

Builder = Callable[[Inputs], Run | None]


def bind(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
    """Make ``function(*args, **kwargs)`` a call without arguments; plain closures where a call may take only 100 ns."""
    if list(kwargs) == ["out"]:
        out = kwargs["out"]
        if len(args) == 1:
            (x,) = args
            return lambda: function(x, out=out)
        if len(args) == 2:
            x, y = args
            return lambda: function(x, y, out=out)
    return partial(function, *args, **kwargs)


def call(name: str, *, out: bool = False, scratch: bool = False, **constants: Any) -> Builder:
    """Call `name` with the inputs' arguments; with `out` also a result buffer, with `scratch` one more."""

    def build(inputs: Inputs) -> Run:
        kwargs = dict(inputs.kwargs) | constants | (inputs.buffers() if out else {})
        if scratch:
            kwargs["scratch"] = np.empty_like(inputs.args[0])
        return bind(resolve_name(name), inputs.args, kwargs)

    return build


def simd(name: str) -> Builder:
    """Call a function of simd-ml-kernels, which has float32 and the last axis alone, and no ``out=``."""

    def build(inputs: Inputs) -> Run | None:
        applies = inputs.args[0].dtype == np.float32 and inputs.kwargs.get("axis") != 0
        return call(f"simd_ml_kernels:{name}")(inputs) if applies else None

    return build


def step(name: str) -> Builder:
    """Call the in-place training step `name` on copies of w and b of its own; it returns (loss, w, b)."""

    def build(inputs: Inputs) -> Run:
        X, y, w, b, lr = inputs.args
        w, b, function = w.copy(), b.copy(), resolve_name(name)
        return lambda: (function(X, y, w, b, lr), w, b)

    return build


def torch(name: str, *extra: Any, out: str | None = "out") -> Builder:
    """Call torch's `name` on tensors that share the inputs' memory; `axis` is called `dim` there."""

    def build(inputs: Inputs) -> Run:
        tensor = import_module("torch").from_numpy
        kwargs = {"dim" if key == "axis" else key: value for key, value in inputs.kwargs.items()}
        if out and inputs.out is not None:
            kwargs[out] = tensor(inputs.buffers()["out"])
        args = (tensor(a) if isinstance(a, np.ndarray) else a for a in inputs.args)
        return bind(resolve_name(name), (*args, *extra), kwargs)

    return build


def torch_gradient(name: str, out: str) -> Builder:
    """Call a backward function of torch that also wants to know the dtype of the input."""

    def build(inputs: Inputs) -> Run | None:
        dtype = getattr(import_module("torch"), inputs.args[0].dtype.name)
        return torch(name, inputs.kwargs["axis"], dtype, out=out)(Inputs(inputs.args, out=inputs.out))

    return build


def torch_elu_backward(inputs: Inputs) -> Run:
    """Call torch's gradient of elu, which takes the parameter before the input."""
    tensor = import_module("torch").from_numpy
    dy, x, alpha = inputs.args
    args = (tensor(dy), alpha, 1, 1, False, tensor(x))
    kwargs = {"grad_input": tensor(inputs.buffers()["out"])}
    return bind(resolve_name("torch:ops.aten.elu_backward.grad_input"), args, kwargs)


def jax(name: str, **constants: Any) -> Builder:
    """Compile `name` with JAX and call it, its arguments on the device beforehand. JAX has no ``out=``."""

    def build(inputs: Inputs) -> Run:
        library = import_module("jax")
        library.config.update("jax_enable_x64", True)
        compiled = library.jit(partial(resolve_name(name), **inputs.kwargs, **constants))
        args = [library.device_put(a) if isinstance(a, np.ndarray) else a for a in inputs.args]
        if len(args) == 1:
            (x,) = args
            return lambda: compiled(x).block_until_ready()
        return lambda: library.block_until_ready(compiled(*args))

    return build


def numexpr(expression: str, names: str) -> Builder:
    """Evaluate an expression over the inputs, called `names` in their order.

    ``re_evaluate`` repeats the process's last expression without parsing: right as long as a case has one of these.
    """

    def build(inputs: Inputs) -> Run | None:
        if inputs.args[0].dtype == np.float16:
            return None
        library = import_module("numexpr")
        arguments = dict(zip(names.split(), inputs.args, strict=True))
        library.evaluate(expression, local_dict=arguments, **inputs.buffers())
        return partial(library.re_evaluate, arguments)

    return build


def sklearn_softmax(inputs: Inputs) -> Run | None:
    """Call scikit-learn's own softmax: rows only."""
    x = inputs.args[0]
    return None if inputs.kwargs["axis"] == 0 else partial(resolve_name("sklearn.utils.extmath:softmax"), x)


def entropy(name: str) -> Builder:
    """Call an element-wise -p log p of SciPy or torch, and add up."""

    def build(inputs: Inputs) -> Run:
        function, axis = resolve_name(name), inputs.kwargs["axis"]
        (p,) = map(import_module("torch").from_numpy, inputs.args) if name.startswith("torch") else inputs.args
        return lambda: function(p).sum(axis)

    return build
