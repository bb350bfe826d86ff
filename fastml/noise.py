"""Regularization by random numbers: dropout and Gaussian noise."""

from fastml._random import dropout, dropout_backward, gaussian_noise

__all__ = ["dropout", "dropout_backward", "gaussian_noise"]
