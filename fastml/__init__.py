"""torch.nn.functional for plain NumPy arrays, forward and backward, at the speed of the memory bus."""

from importlib.util import find_spec

if find_spec("fastml._fastml_runtime") is None:
    from pkgutil import extend_path

    # in a checkout after `pip install .`: this folder comes first, the compiled modules are where pip put them
    __path__ = extend_path(__path__, __name__)

from fastml import ufuncs
from fastml.activations import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    log_sigmoid,
    log_sigmoid_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from fastml.augmentation import random_crop, random_flip
from fastml.early_stopping import EarlyStopping
from fastml.logistic import FitResult, fit_logistic, logistic_loss, logistic_step, predict_logistic
from fastml.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    mae_loss,
    mse_loss,
    rmse_loss,
)
from fastml.noise import dropout, dropout_backward, gaussian_noise
from fastml.normalization import (
    batch_norm,
    batch_norm_backward,
    layer_norm,
    layer_norm_backward,
    rms_norm,
    rms_norm_backward,
)
from fastml.optimizers import adam_step, sgd_step
from fastml.regularization import l1_penalty, l2_penalty, soft_threshold
from fastml.softmax_family import (
    entropy,
    log_softmax,
    log_softmax_backward,
    logsumexp,
    softmax,
    softmax_backward,
)
from fastml.text_augmentation import synonym_replace
from fastml.threads import get_num_threads, num_threads, set_num_threads, show_config
from fastml.version import __version__

__all__ = [
    "EarlyStopping",
    "FitResult",
    "__version__",
    "adam_step",
    "batch_norm",
    "batch_norm_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "entropy",
    "fit_logistic",
    "gaussian_noise",
    "gelu",
    "gelu_backward",
    "get_num_threads",
    "huber_loss",
    "l1_penalty",
    "l2_penalty",
    "layer_norm",
    "layer_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "log_sigmoid",
    "log_sigmoid_backward",
    "log_softmax",
    "log_softmax_backward",
    "logistic_loss",
    "logistic_step",
    "logsumexp",
    "mae_loss",
    "mse_loss",
    "num_threads",
    "predict_logistic",
    "random_crop",
    "random_flip",
    "relu",
    "relu_backward",
    "rms_norm",
    "rms_norm_backward",
    "rmse_loss",
    "set_num_threads",
    "sgd_step",
    "show_config",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "soft_threshold",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "synonym_replace",
    "tanh",
    "tanh_backward",
    "ufuncs",
]
