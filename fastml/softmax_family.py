"""Functions along one axis: softmax and kin."""

from fastml._softmax import entropy, log_softmax, log_softmax_backward, logsumexp, softmax, softmax_backward

__all__ = ["entropy", "log_softmax", "log_softmax_backward", "logsumexp", "softmax", "softmax_backward"]
