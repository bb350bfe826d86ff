"""The one table of contenders: function -> {contender: builder}.

"numpy" is what one would write down, "numpy out=" the best NumPy can do with every temporary given. Peers are called
by their fastest public route. `FLOORS` are no contenders: they do a part of the work that nobody can avoid.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from bench import builders_augmentation as augmentation
from bench import builders_cross_entropy as cross_entropy
from bench import builders_logistic as logistic
from bench import builders_losses as losses
from bench import builders_noise as noise
from bench import builders_norms as norms
from bench.builders import (
    Builder,
    call,
    entropy,
    jax,
    numexpr,
    sklearn_softmax,
    step,
    torch,
    torch_elu_backward,
    torch_gradient,
)
from bench.contenders_optimizers import CONTENDERS as OPTIMIZERS

# The package that each contender needs.
PACKAGES = {
    "fastml": "fastml",
    "numpy": "numpy",
    "numpy out=": "numpy",
    "scipy": "scipy",
    "torch": "torch",
    "torch by hand": "torch",
    "jax": "jax",
    "numexpr": "numexpr",
    "sklearn": "sklearn",
    "albumentations": "albumentations",
}

CONTENDERS: dict[str, dict[str, Builder]] = {
    "sigmoid": {
        "fastml": call("fastml:sigmoid", out=True),
        "numpy": call("bench.baselines:sigmoid"),
        "numpy out=": call("bench.baselines:sigmoid_out", out=True),
        "scipy": call("scipy.special:expit", out=True),
        "torch": torch("torch:sigmoid"),
        "jax": jax("jax.nn:sigmoid"),
        "numexpr": numexpr("1 / (1 + exp(-x))", "x"),
    },
    "tanh": {
        "fastml": call("fastml:tanh", out=True),
        "numpy": call("numpy:tanh"),
        "numpy out=": call("numpy:tanh", out=True),
        "torch": torch("torch:tanh"),
        "jax": jax("jax.numpy:tanh"),
        "numexpr": numexpr("tanh(x)", "x"),
    },
    "relu": {
        "fastml": call("fastml:relu", out=True),
        "numpy": call("bench.baselines:relu"),
        "numpy out=": call("bench.baselines:relu_out", out=True),
        "torch": torch("torch:clamp_min", 0),  # torch.relu has no out=
        "jax": jax("jax.nn:relu"),
        "numexpr": numexpr("where(x > 0, x, 0)", "x"),
    },
    "sigmoid_backward": {
        "fastml": call("fastml:sigmoid_backward", out=True),
        "numpy": call("bench.baselines:sigmoid_backward"),
        "numpy out=": call("bench.baselines:sigmoid_backward_out", out=True),
        "torch": torch("torch:ops.aten.sigmoid_backward.grad_input", out="grad_input"),
        "jax": jax("bench.baselines:sigmoid_backward"),
        "numexpr": numexpr("dy * y * (1 - y)", "dy y"),
    },
    "tanh_backward": {
        "fastml": call("fastml:tanh_backward", out=True),
        "numpy": call("bench.baselines:tanh_backward"),
        "numpy out=": call("bench.baselines:tanh_backward_out", out=True),
        "torch": torch("torch:ops.aten.tanh_backward.grad_input", out="grad_input"),
        "jax": jax("bench.baselines:tanh_backward"),
        "numexpr": numexpr("dy * (1 - y * y)", "dy y"),
    },
    "relu_backward": {
        "fastml": call("fastml:relu_backward", out=True),
        "numpy": call("bench.baselines:relu_backward"),
        "numpy out=": call("bench.baselines:relu_backward_out", out=True),
        "torch": torch("torch:ops.aten.threshold_backward.grad_input", 0, out="grad_input"),
        "jax": jax("bench.baselines:relu_backward"),
        "numexpr": numexpr("where(y > 0, dy, 0)", "dy y"),
    },
    "log_sigmoid": {
        "fastml": call("fastml:log_sigmoid", out=True),
        "numpy": call("bench.baselines_activations:log_sigmoid"),
        "torch": torch("torch.nn.functional:logsigmoid", out=None),
        "jax": jax("jax.nn:log_sigmoid"),
        "numexpr": numexpr("where(x < 0, x, 0) - log1p(exp(-abs(x)))", "x"),
    },
    "softplus": {
        "fastml": call("fastml:softplus", out=True),
        "numpy": call("bench.baselines_activations:softplus"),
        "numpy out=": call("bench.baselines_activations:softplus_out", out=True),
        "torch": torch("torch:ops.aten.softplus.out"),
        "jax": jax("jax.nn:softplus"),
        "numexpr": numexpr("where(x > 0, x, 0) + log1p(exp(-abs(x)))", "x"),
    },
    "silu": {
        "fastml": call("fastml:silu", out=True),
        "numpy": call("bench.baselines_activations:silu"),
        "numpy out=": call("bench.baselines_activations:silu_out", out=True),
        "torch": torch("torch:ops.aten.silu.out"),
        "jax": jax("jax.nn:silu"),
        "numexpr": numexpr("x / (1 + exp(-x))", "x"),
    },
    "gelu": {
        "fastml": call("fastml:gelu", out=True),
        "scipy": call("bench.baselines_activations:gelu_scipy"),
        "torch": torch("torch:ops.aten.gelu.out"),
        "jax": jax("jax.nn:gelu", approximate=False),
    },
    "leaky_relu": {
        "fastml": call("fastml:leaky_relu", out=True),
        "numpy": call("bench.baselines_activations:leaky_relu"),
        "torch": torch("torch:ops.aten.leaky_relu.out"),
        "jax": jax("jax.nn:leaky_relu"),
        "numexpr": numexpr("where(x > 0, x, slope * x)", "x slope"),
    },
    "elu": {
        "fastml": call("fastml:elu", out=True),
        "numpy": call("bench.baselines_activations:elu"),
        "torch": torch("torch:ops.aten.elu.out"),
        "jax": jax("jax.nn:elu"),
        "numexpr": numexpr("where(x > 0, x, alpha * expm1(x))", "x alpha"),
    },
    "log_sigmoid_backward": {
        "fastml": call("fastml:log_sigmoid_backward", out=True),
        "numpy": call("bench.baselines_activations:log_sigmoid_backward"),
        "jax": jax("bench.baselines_activations:log_sigmoid_backward"),
        "numexpr": numexpr("dy / (1 + exp(x))", "dy x"),
    },
    "softplus_backward": {
        "fastml": call("fastml:softplus_backward", out=True),
        "numpy": call("bench.baselines_activations:softplus_backward"),
        "torch": torch("torch:ops.aten.softplus_backward.grad_input", 1, 20, out="grad_input"),
        "jax": jax("bench.baselines_activations:softplus_backward"),
        "numexpr": numexpr("dy / (1 + exp(-x))", "dy x"),
    },
    "silu_backward": {
        "fastml": call("fastml:silu_backward", out=True),
        "numpy": call("bench.baselines_activations:silu_backward"),
        "torch": torch("torch:ops.aten.silu_backward.grad_input", out="grad_input"),
        "jax": jax("bench.baselines_activations:silu_backward"),
    },
    "gelu_backward": {
        "fastml": call("fastml:gelu_backward", out=True),
        "scipy": call("bench.baselines_activations:gelu_backward_scipy"),
        "torch": torch("torch:ops.aten.gelu_backward.grad_input", out="grad_input"),
        "jax": jax("bench.baselines_activations:gelu_backward_jax"),
    },
    "leaky_relu_backward": {
        "fastml": call("fastml:leaky_relu_backward", out=True),
        "numpy": call("bench.baselines_activations:leaky_relu_backward"),
        "torch": torch("torch:ops.aten.leaky_relu_backward.grad_input", False, out="grad_input"),
        "jax": jax("bench.baselines_activations:leaky_relu_backward"),
        "numexpr": numexpr("where(x > 0, dy, slope * dy)", "dy x slope"),
    },
    "elu_backward": {
        "fastml": call("fastml:elu_backward", out=True),
        "numpy": call("bench.baselines_activations:elu_backward"),
        "torch": torch_elu_backward,
        "jax": jax("bench.baselines_activations:elu_backward"),
        "numexpr": numexpr("where(x > 0, dy, dy * alpha * exp(x))", "dy x alpha"),
    },
    "softmax": {
        "fastml": call("fastml:softmax", out=True),
        "numpy": call("bench.baselines:softmax"),
        "numpy out=": call("bench.baselines:softmax_out", out=True),
        "scipy": call("scipy.special:softmax"),
        "torch": torch("torch:softmax"),
        "jax": jax("jax.nn:softmax"),
        "sklearn": sklearn_softmax,
    },
    "log_softmax": {
        "fastml": call("fastml:log_softmax", out=True),
        "numpy": call("bench.baselines:log_softmax"),
        "numpy out=": call("bench.baselines:log_softmax_out", out=True, scratch=True),
        "scipy": call("scipy.special:log_softmax"),
        "torch": torch("torch:log_softmax"),
        "jax": jax("jax.nn:log_softmax"),
    },
    "logsumexp": {
        "fastml": call("fastml:logsumexp"),
        "numpy": call("bench.baselines:logsumexp"),
        "numpy out=": call("bench.baselines:logsumexp_out", scratch=True),
        "scipy": call("scipy.special:logsumexp"),
        "torch": torch("torch:logsumexp"),
        "jax": jax("jax.nn:logsumexp"),
    },
    "entropy": {
        "fastml": call("fastml:entropy"),
        "numpy": call("bench.baselines:entropy"),
        "numpy out=": call("bench.baselines:entropy_out", scratch=True),
        "scipy": entropy("scipy.special:entr"),
        "torch": entropy("torch.special:entr"),
        "jax": jax("bench.baselines:entropy"),
    },
    "softmax_backward": {
        "fastml": call("fastml:softmax_backward", out=True),
        "numpy": call("bench.baselines:softmax_backward"),
        "numpy out=": call("bench.baselines:softmax_backward_out", out=True),
        "torch": torch_gradient("torch:ops.aten._softmax_backward_data.out", out="grad_input"),
        "jax": jax("bench.baselines:softmax_backward"),
    },
    "log_softmax_backward": {
        "fastml": call("fastml:log_softmax_backward", out=True),
        "numpy": call("bench.baselines:log_softmax_backward"),
        "numpy out=": call("bench.baselines:log_softmax_backward_out", out=True),
        "torch": torch_gradient("torch:ops.aten._log_softmax_backward_data.out", out="out"),
        "jax": jax("bench.baselines:log_softmax_backward"),
    },
    "mse_loss": {
        "fastml": call("fastml:mse_loss", out=True, return_grad=True),
        "numpy": call("bench.baselines_losses:mse_loss"),
        "torch": losses.torch_autograd("torch.nn.functional:mse_loss"),
        "torch by hand": losses.torch_by_hand("torch.nn.functional:mse_loss", losses.mse_gradient),
        "jax": losses.jax_gradient("bench.baselines_losses:mse_value"),
    },
    "mae_loss": {
        "fastml": call("fastml:mae_loss", out=True, return_grad=True),
        "numpy": call("bench.baselines_losses:mae_loss"),
        "torch": losses.torch_autograd("torch.nn.functional:l1_loss"),
        "torch by hand": losses.torch_by_hand("torch.nn.functional:l1_loss", losses.mae_gradient),
        "jax": losses.jax_gradient("bench.baselines_losses:mae_value"),
    },
    "huber_loss": {
        "fastml": call("fastml:huber_loss", out=True, return_grad=True),
        "numpy": call("bench.baselines_losses:huber_loss"),
        "torch": losses.torch_autograd("torch.nn.functional:huber_loss"),
        "torch by hand": losses.torch_by_hand("torch.nn.functional:huber_loss", losses.huber_gradient),
        "jax": losses.jax_gradient("bench.baselines_losses:huber_value"),
    },
    "binary_cross_entropy": {
        "fastml": call("fastml:binary_cross_entropy", out=True, return_grad=True),
        "numpy": call("bench.baselines_losses:binary_cross_entropy"),
        "torch": losses.torch_autograd("torch.nn.functional:binary_cross_entropy"),
        "torch by hand": losses.torch_by_hand("torch.nn.functional:binary_cross_entropy", losses.bce_gradient),
        "jax": losses.jax_gradient("bench.baselines_losses:bce_value"),
    },
    "binary_cross_entropy_with_logits": {
        "fastml": call("fastml:binary_cross_entropy_with_logits", out=True, return_grad=True),
        "numpy": call("bench.baselines_losses:binary_cross_entropy_with_logits"),
        "torch": losses.torch_autograd("torch.nn.functional:binary_cross_entropy_with_logits"),
        "torch by hand": losses.torch_by_hand(
            "torch.nn.functional:binary_cross_entropy_with_logits", losses.logits_gradient
        ),
        "jax": losses.jax_gradient("bench.baselines_losses:logits_value"),
    },
    "cross_entropy": {
        "fastml": call("fastml:cross_entropy", out=True, return_grad=True),
        "numpy": cross_entropy.numpy_loss,
        "numpy out=": cross_entropy.numpy_out,
        "torch": cross_entropy.torch_autograd,
        "torch by hand": cross_entropy.torch_by_hand,
        "jax": cross_entropy.jax_loss,
        "sklearn": cross_entropy.sklearn_loss,
    },
    "dropout": {
        "fastml": noise.seeded("fastml:dropout"),
        "numpy": noise.seeded("bench.builders_noise:dropout"),
        "numpy out=": noise.seeded("bench.builders_noise:dropout_out", scratch=True),
        "torch": noise.torch_dropout,
        "jax": noise.jax_dropout,
    },
    "gaussian_noise": {
        "fastml": noise.seeded("fastml:gaussian_noise"),
        "numpy": noise.seeded("bench.builders_noise:gaussian_noise"),
        "numpy out=": noise.seeded("bench.builders_noise:gaussian_noise_out", scratch=True),
        "torch": noise.torch_noise,
        "jax": noise.jax_noise,
    },
    "logistic_loss": {
        "fastml": call("fastml:logistic_loss", return_grad=True),
        "numpy": call("bench.baselines:logistic_loss"),
        "torch": logistic.torch_autograd,
        "torch by hand": logistic.torch_by_hand,
        "jax": logistic.jax_loss,
    },
    "logistic_step": {
        "fastml": step("fastml:logistic_step"),
        "numpy": step("bench.baselines:logistic_step"),
        "torch": logistic.torch_step,
        "jax": logistic.jax_step,
    },
    "predict_logistic": {
        "fastml": call("fastml:predict_logistic"),
        "numpy": call("bench.baselines:predict_logistic"),
        "torch": logistic.torch_predict,
        "jax": logistic.jax_predict,
        "sklearn": logistic.sklearn_predict,
    },
    "fit_logistic": {
        "fastml": logistic.fastml_fit,
        "scipy": logistic.scipy_fit,
        "sklearn": logistic.sklearn_fit,
    },
    **OPTIMIZERS,
    **norms.CONTENDERS,
    **augmentation.CONTENDERS,
}

READ_OF_X = "floor: one read of X"
TRAFFIC = "floor: numpy.add(x, target, out=)"
COPY = "floor: numpy.copyto as large"
FLOORS: dict[str, dict[str, Builder]] = {
    name: {READ_OF_X: logistic.product} for name in ("logistic_loss", "logistic_step", "predict_logistic")
}
FLOORS |= {name: {TRAFFIC: call("numpy:add", out=True)} for name in ("mse_loss", "mae_loss", "huber_loss")}
FLOORS |= {name: {COPY: augmentation.copy} for name in augmentation.CONTENDERS}


@cache
def installed(contender: str) -> bool:
    """Tell whether the contender's package is there, without importing it."""
    return find_spec(PACKAGES[contender]) is not None


def contenders(function: str) -> dict[str, Builder]:
    """Return the contenders of `function` whose package is installed, fastml first."""
    return {name: builder for name, builder in CONTENDERS[function].items() if installed(name)}
