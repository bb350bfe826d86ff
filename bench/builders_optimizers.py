"""Contenders for optimizer steps: each updates copies of its own in place.

Inputs are (param, grad, velocity) or (param, grad, m, v). The answer that is checked is that of the first step, taken
beforehand; a call takes that step again from where the arrays are, so that the arithmetic stays the same. Steps return
None.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from bench.builders import Builder
from bench.harness import Inputs, Run

LR, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 0.01


def _answer(*arrays: Any) -> tuple[Any, ...]:
    return tuple(np.array(a) for a in arrays)


def sgd(name: str) -> Builder:
    """Call a step of momentum that takes NumPy arrays."""

    def build(inputs: Inputs) -> Run:
        p, g, v = (a.copy() for a in inputs.args)
        function = resolve_name(name)
        function(p, g, LR, momentum=MOMENTUM, velocity=v)
        answer = _answer(p, v)
        return lambda: function(p, g, LR, momentum=MOMENTUM, velocity=v) or answer

    return build


def adam(name: str) -> Builder:
    """Call a step of AdamW that takes NumPy arrays."""

    def build(inputs: Inputs) -> Run:
        p, g, m, v = (a.copy() for a in inputs.args)
        function = resolve_name(name)
        function(p, g, m, v, 1, LR, weight_decay=WEIGHT_DECAY)
        answer = _answer(p, m, v)
        return lambda: function(p, g, m, v, 1, LR, weight_decay=WEIGHT_DECAY) or answer

    return build


def torch_sgd(inputs: Inputs) -> Run:
    """Call the kernel of torch.optim.SGD(fused=True), without the optimizer around it."""
    function, tensor = resolve_name("torch:_fused_sgd_"), import_module("torch").from_numpy
    p, g, v = (tensor(a.copy()) for a in inputs.args)
    options = {"weight_decay": 0.0, "momentum": MOMENTUM, "lr": LR, "dampening": 0.0, "nesterov": False}
    options |= {"maximize": False, "is_first_step": False}
    function([p], [g], [v], **options)
    answer = _answer(p, v)
    return lambda: function([p], [g], [v], **options) or answer


def torch_adam(inputs: Inputs) -> Run:
    """Call the kernel of torch.optim.AdamW(fused=True), without the optimizer around it."""
    function, tensor = resolve_name("torch:_fused_adamw_"), import_module("torch").from_numpy
    p, g, m, v = (tensor(a.copy()) for a in inputs.args)
    steps = import_module("torch").tensor(1.0)
    options = {"lr": LR, "beta1": 0.9, "beta2": 0.999, "weight_decay": WEIGHT_DECAY, "eps": 1e-8}
    options |= {"amsgrad": False, "maximize": False}
    function([p], [g], [m], [v], [], [steps], **options)
    answer = _answer(p, m, v)
    return lambda: function([p], [g], [m], [v], [], [steps], **options) or answer
