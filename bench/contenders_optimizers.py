"""The part of `bench.contenders` that is of optimizer steps and penalties."""

from __future__ import annotations

from bench import builders_optimizers as steps
from bench.builders import Builder, call, numexpr, torch

CONTENDERS: dict[str, dict[str, Builder]] = {
    "sgd_step": {
        "fastml": steps.sgd("fastml:sgd_step"),
        "numpy": steps.sgd("bench.baselines_optimizers:sgd_step"),
        "torch": steps.torch_sgd,
    },
    "adam_step": {
        "fastml": steps.adam("fastml:adam_step"),
        "numpy": steps.adam("bench.baselines_optimizers:adam_step"),
        "torch": steps.torch_adam,
    },
    "l1_penalty": {
        "fastml": call("fastml:l1_penalty", out=True, return_grad=True),
        "numpy": call("bench.baselines_optimizers:l1_penalty"),
        "torch": torch("bench.baselines_optimizers:torch_l1_penalty", out=None),
    },
    "l2_penalty": {
        "fastml": call("fastml:l2_penalty", out=True, return_grad=True),
        "numpy": call("bench.baselines_optimizers:l2_penalty"),
        "torch": torch("bench.baselines_optimizers:torch_l2_penalty", out=None),
    },
    "soft_threshold": {
        "fastml": call("fastml:soft_threshold", out=True),
        "numpy": call("bench.baselines_optimizers:soft_threshold"),
        "torch": torch("torch:ops.aten.softshrink.out"),
        "numexpr": numexpr("where(x > t, x - t, where(x < -t, x + t, 0))", "x t"),
    },
}
