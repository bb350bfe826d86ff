"""The oracle: every public array function of fastml in a few lines of float64 NumPy, which all tests measure against.

Same names, argument order and result shapes as the public functions, without `out`; results are float64 (longdouble for
longdouble input, which is how float64 kernels are measured). Randomness is an argument: dropout takes the keep mask,
gaussian_noise the normals, the augmentations their parameters. What the public functions write in place (optimiser and
logistic steps) is returned here; only batch_norm updates the running statistics that it is given.
"""

from reference_elementwise import (  # noqa: F401
    elu,
    elu_backward,
    entropy,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    log_sigmoid,
    log_sigmoid_backward,
    log_softmax,
    log_softmax_backward,
    logsumexp,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
    terms,
)
from reference_losses import (  # noqa: F401
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    logistic_loss,
    logistic_step,
    mae_loss,
    mse_loss,
    predict_logistic,
    rmse_loss,
)
from reference_training import (  # noqa: F401
    adam_step,
    batch_norm,
    batch_norm_backward,
    dropout,
    dropout_backward,
    gaussian_noise,
    l1_penalty,
    l2_penalty,
    layer_norm,
    layer_norm_backward,
    random_crop,
    random_flip,
    rms_norm,
    rms_norm_backward,
    sgd_step,
    soft_threshold,
)
