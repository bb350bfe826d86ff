"""Losses: the value and its gradient in one pass."""

from fastml._cross_entropy import cross_entropy

__all__ = ["cross_entropy"]
