"""Activation functions and their gradients, element by element."""

from fastml._elementwise import relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward

__all__ = ["relu", "relu_backward", "sigmoid", "sigmoid_backward", "tanh", "tanh_backward"]
