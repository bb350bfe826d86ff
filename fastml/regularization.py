"""Regularization: penalties on the parameters."""

from fastml._activations import soft_threshold
from fastml._optimizers import l1_penalty, l2_penalty

__all__ = ["l1_penalty", "l2_penalty", "soft_threshold"]
