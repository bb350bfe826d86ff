"""The part of `bench.contenders` that is of losses."""

from __future__ import annotations

from bench import builders_cross_entropy as cross_entropy
from bench import builders_losses as losses
from bench.builders import Builder, call

CONTENDERS: dict[str, dict[str, Builder]] = {
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
}
