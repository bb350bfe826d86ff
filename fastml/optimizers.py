"""Optimizer steps: parameters and state updated in place, in one pass over memory."""

from fastml._optimizers import adam_step, sgd_step

__all__ = ["adam_step", "sgd_step"]
