"""What NumPy, SciPy and torch have for a function of fastml, called as fastml is: arrays in, an array out.

NumPy has tanh and maximum; for the rest stands its formula as one writes it down, out of ``bench/baselines*.py``. Those
of torch are single operators. A result of another dtype than the arguments' does not count.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import numpy.typing as npt

import fastml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

Array = npt.NDArray[Any]
Peer = Callable[..., Array]

PLAIN, ACTIVATIONS, NORMS = "bench.baselines", "bench.baselines_activations", "bench.baselines_norms"
ROWS = ("softmax", "log_softmax", "logsumexp")
NUMPY = {
    "tanh": "numpy:tanh",
    **{name: f"{PLAIN}:{name}" for name in ("sigmoid", "relu", "sigmoid_backward", "tanh_backward", "relu_backward")},
    **{name: f"{ACTIVATIONS}:{name}" for name in ("log_sigmoid", "softplus", "silu", "leaky_relu", "elu")},
}
GRADIENTS = ("log_sigmoid_backward", "softplus_backward", "silu_backward", "leaky_relu_backward", "elu_backward")
NUMPY |= {name: f"{ACTIVATIONS}:{name}" for name in GRADIENTS}


def scipy_peers() -> dict[str, Peer]:
    """Return what SciPy has."""
    special = import_module("scipy.special")
    table: dict[str, Peer] = {
        "sigmoid": special.expit,
        "log_sigmoid": special.log_expit,
        "silu": lambda x: x * special.expit(x),
        "gelu": resolve_name(f"{ACTIVATIONS}:gelu_scipy"),
        "gelu_backward": resolve_name(f"{ACTIVATIONS}:gelu_backward_scipy"),
        "log_sigmoid_backward": lambda dy, x: dy * special.expit(-x),
        "softplus_backward": lambda dy, x: dy * special.expit(x),
        "entropy": lambda p: np.sum(special.entr(p), axis=-1),
        **{name: partial(getattr(special, name), axis=-1) for name in ROWS},
    }
    if hasattr(special, "softplus"):
        table["softplus"] = special.softplus
    return table


def torch_peers() -> dict[str, Peer]:
    """Return what torch has, on one thread."""
    library = import_module("torch")
    library.set_num_threads(1)
    aten, tensor = library.ops.aten, library.from_numpy

    def called(operator: Callable[..., Any], *more: Any) -> Peer:
        return lambda *arrays: np.asarray(operator(*(tensor(a.copy()) for a in arrays), *more).numpy())

    def scaled(operator: Callable[..., Any], *more: Any) -> Peer:
        # of torch's parameters of activations, only numbers: arrays of one number repeated
        return lambda *arrays: called(operator, float(arrays[-1][0]), *more)(*arrays[:-1])

    def log_sigmoid_backward(dy: Any, x: Any) -> Any:
        return aten.log_sigmoid_backward(dy, x, aten.log_sigmoid_forward(x)[1])

    return {
        "sigmoid": called(library.sigmoid),
        "tanh": called(library.tanh),
        "relu": called(library.relu),
        "log_sigmoid": called(library.nn.functional.logsigmoid),
        "softplus": called(aten.softplus),
        "silu": called(aten.silu),
        "gelu": called(aten.gelu),
        "leaky_relu": scaled(aten.leaky_relu),
        "elu": scaled(aten.elu),
        "sigmoid_backward": called(aten.sigmoid_backward),
        "tanh_backward": called(aten.tanh_backward),
        "relu_backward": called(aten.threshold_backward, 0),
        "log_sigmoid_backward": called(log_sigmoid_backward),
        "softplus_backward": called(aten.softplus_backward, 1, 20),
        "silu_backward": called(aten.silu_backward),
        "gelu_backward": called(aten.gelu_backward),
        "leaky_relu_backward": scaled(aten.leaky_relu_backward, False),
        "elu_backward": lambda dy, x, a: called(lambda d, v: aten.elu_backward(d, float(a[0]), 1, 1, False, v))(dy, x),
        "softmax": called(library.softmax, -1),
        "log_softmax": called(library.log_softmax, -1),
        "logsumexp": called(library.logsumexp, -1),
        "entropy": called(lambda p: library.special.entr(p).sum(-1)),
    }


@cache
def tables() -> dict[str, dict[str, Peer]]:
    """Return who is installed, and what it has."""
    rows = {name: partial(resolve_name(f"{PLAIN}:{name}"), axis=-1) for name in (*ROWS, "entropy")}
    found = {"NumPy": {name: resolve_name(place) for name, place in NUMPY.items()} | rows}
    found |= {"SciPy": scipy_peers()} if find_spec("scipy") else {}
    return found | ({"torch": torch_peers()} if find_spec("torch") else {})


def results(name: str, inputs: tuple[Array, ...]) -> dict[str, Array]:
    """Return what the others make of the same inputs, each where it has the function, and in the same dtype."""
    found = {}
    for peer, table in tables().items():
        if name in table:
            with np.errstate(all="ignore"):
                result = np.asarray(table[name](*inputs))
            if result.dtype == inputs[0].dtype:
                found[peer] = result
    return found


def torch_loss(name: str, x: Array, t: Array) -> tuple[Array, Array] | None:
    """Return torch's losses and, by autograd, their derivatives; None where torch is not installed."""
    if find_spec("torch") is None:
        return None
    library = import_module("torch")
    function = getattr(library.nn.functional, {"mae_loss": "l1_loss"}.get(name, name))
    leaf = library.from_numpy(x.copy()).requires_grad_()
    loss = function(leaf, library.from_numpy(t), reduction="none")
    loss.sum().backward()
    return loss.detach().numpy(), leaf.grad.numpy()


def norm(name: str, x: Array, w: Array, b: Array) -> dict[str, Array]:
    """Return what NumPy written out and torch make of a norm."""
    found = {}
    with np.errstate(all="ignore"):
        if name == "layer_norm":
            found["NumPy"] = resolve_name(f"{NORMS}:layer_norm")(x, w, b)
        elif name == "rms_norm":
            found["NumPy"] = resolve_name(f"{NORMS}:rms_norm")(x, w)
        else:
            running = np.zeros((2, x.shape[1]), x.dtype)
            found["NumPy"] = resolve_name(f"{NORMS}:batch_norm")(x, *running, w, b)[0]
    if find_spec("torch"):
        library = import_module("torch")
        functional = library.nn.functional
        tensors = [library.from_numpy(a) for a in (x, w, b)]
        if name == "layer_norm":
            found["torch"] = functional.layer_norm(tensors[0], w.shape, tensors[1], tensors[2]).numpy()
        elif name == "rms_norm":
            found["torch"] = functional.rms_norm(tensors[0], w.shape, tensors[1], 1e-6).numpy()
        else:
            found["torch"] = functional.batch_norm(tensors[0], None, None, *tensors[1:], training=True).numpy()
    return {peer: result for peer, result in found.items() if result.dtype == x.dtype}


def norm_backward(name: str, dy: Array, x: Array, stats: tuple[Array, ...], w: Array) -> dict[str, tuple[Array, ...]]:
    """Return what NumPy written out and, but for float16, torch's operators make of a norm's gradients."""
    with np.errstate(all="ignore"):
        found = {"NumPy": resolve_name(f"{NORMS}:{name}")(dy, x, *stats, w)}
    if find_spec("torch") and name != "rms_norm_backward" and x.dtype != np.float16:
        library = import_module("torch")
        tensors = [library.from_numpy(np.asarray(a)) for a in (dy, x, *stats, w)]
        a, b, mean, rstd, weight = tensors
        if name == "layer_norm_backward":
            operator = library.ops.aten.native_layer_norm_backward
            theirs = operator(a, b, w.shape, mean, rstd, weight, weight, [True] * 3)
        else:
            operator = library.ops.aten.native_batch_norm_backward
            theirs = operator(a, b, weight, None, None, mean, rstd, True, 1e-5, [True] * 3)
        found["torch"] = tuple(result.numpy() for result in theirs)
    return {peer: results for peer, results in found.items() if results[0].dtype == x.dtype}


def versions() -> dict[str, str]:
    """Return the processor, and the versions of all that was measured."""
    cpu, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        named = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = named[0] if named else cpu
    names = {"NumPy": "numpy", "SciPy": "scipy", "torch": "torch"}
    return {"CPU": cpu, "fastml": fastml.__version__, **{p: import_module(names[p]).__version__ for p in tables()}}
