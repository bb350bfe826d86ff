"""Functions along one axis: softmax and kin."""

from fastml._softmax import log_softmax, logsumexp, softmax

__all__ = ["log_softmax", "logsumexp", "softmax"]
