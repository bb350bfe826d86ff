"""Contenders for optimizer steps: each updates copies of its own in place, and the first answer is that of one step.

Inputs are (param, grad, velocity) or (param, grad, m, v). Every call takes the first step again from where the arrays
are: the arithmetic is the same, and nothing grows.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from bench.harness import Inputs, Run

LR, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 0.01


def _stepping(step: Any, arrays: tuple[Any, ...], result: tuple[Any, ...]) -> Run:
    """Step once for the check, on copies whose values are kept; then go on with the arrays."""
    answer: list[Any] = []

    def run() -> Any:
        step(*arrays)
        if not answer:
            answer.append(tuple(np.array(a) for a in result))
        return answer[0]

    return run


def sgd(name: str) -> Any:
    """Call a step of momentum that takes NumPy arrays."""

    def build(inputs: Inputs) -> Run:
        param, grad, velocity = (a.copy() for a in inputs.args)
        function = resolve_name(name)
        arrays = (param, grad, velocity)
        return _stepping(lambda p, g, v: function(p, g, LR, momentum=MOMENTUM, velocity=v), arrays, (param, velocity))

    return build


def adam(name: str) -> Any:
    """Call a step of AdamW that takes NumPy arrays."""

    def build(inputs: Inputs) -> Run:
        param, grad, m, v = (a.copy() for a in inputs.args)
        function = resolve_name(name)
        arrays = (param, grad, m, v)
        return _stepping(lambda *a: function(*a, 1, LR, weight_decay=WEIGHT_DECAY), arrays, (param, m, v))

    return build


def _copies(inputs: Inputs) -> list[Any]:
    library = import_module("torch")
    return [library.from_numpy(a.copy()) for a in inputs.args]


def torch_sgd(inputs: Inputs) -> Run:
    """Call the kernel of torch.optim.SGD(fused=True), without the optimizer around it."""
    fused = resolve_name("torch:_fused_sgd_")
    param, grad, velocity = _copies(inputs)
    options = {"weight_decay": 0.0, "momentum": MOMENTUM, "lr": LR, "dampening": 0.0, "nesterov": False}

    def step(p: Any, g: Any, v: Any) -> None:
        fused([p], [g], [v], **options, maximize=False, is_first_step=False)

    return _stepping(step, (param, grad, velocity), (param, velocity))


def torch_adam(inputs: Inputs) -> Run:
    """Call the kernel of torch.optim.AdamW(fused=True), without the optimizer around it."""
    fused, steps = resolve_name("torch:_fused_adamw_"), import_module("torch").tensor(1.0)
    param, grad, m, v = _copies(inputs)
    options = {"lr": LR, "beta1": 0.9, "beta2": 0.999, "weight_decay": WEIGHT_DECAY, "eps": 1e-8}

    def step(p: Any, g: Any, m: Any, v: Any) -> None:
        fused([p], [g], [m], [v], [], [steps], **options, amsgrad=False, maximize=False)

    return _stepping(step, (param, grad, m, v), (param, m, v))
