"""torch.nn.functional for plain NumPy arrays, forward and backward, at the speed of the memory bus."""

from fastml import ufuncs
from fastml.activations import relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward
from fastml.softmax_family import log_softmax, logsumexp, softmax

__version__ = "0.1.0"
