"""The one table of contenders, put together from the families': function -> {contender: builder}.

"numpy" is what one would write down, "numpy out=" the best NumPy can do with every temporary given. Peers are called
by their fastest public route. `FLOORS` are no contenders: they do a part of the work that nobody can avoid.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from bench import builders_augmentation as augmentation
from bench import builders_logistic as logistic
from bench import builders_noise as noise
from bench import builders_norms as norms
from bench.builders import Builder, call, step
from bench.contenders_elementwise import CONTENDERS as ELEMENTWISE
from bench.contenders_losses import CONTENDERS as LOSSES
from bench.contenders_optimizers import CONTENDERS as OPTIMIZERS
from bench.contenders_softmax import CONTENDERS as SOFTMAX

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
    "simd-ml-kernels": "simd_ml_kernels",
}

CONTENDERS: dict[str, dict[str, Builder]] = {
    **ELEMENTWISE,
    **SOFTMAX,
    **LOSSES,
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
