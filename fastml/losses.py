"""Losses: value and gradient in one pass."""

from fastml._cross_entropy import cross_entropy
from fastml._losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    mae_loss,
    mse_loss,
    rmse_loss,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "mae_loss",
    "mse_loss",
    "rmse_loss",
]
