"""The element-wise functions as real NumPy ufuncs.

The functions of the same names in `fastml` are quicker to call on small arrays; these have ``.at``, ``.outer`` and all
else that a `numpy.ufunc` has.
"""

import numpy  # noqa: F401  first: where NumPy refuses an interpreter, our modules take no notice of it

from fastml import _activations, _elementwise

_all = _elementwise.all_ufuncs | _activations.all_ufuncs

sigmoid = _all["sigmoid"]
tanh = _all["tanh"]
relu = _all["relu"]
sigmoid_backward = _all["sigmoid_backward"]
tanh_backward = _all["tanh_backward"]
relu_backward = _all["relu_backward"]
log_sigmoid = _all["log_sigmoid"]
softplus = _all["softplus"]
silu = _all["silu"]
gelu = _all["gelu"]
leaky_relu = _all["leaky_relu"]
elu = _all["elu"]
log_sigmoid_backward = _all["log_sigmoid_backward"]
softplus_backward = _all["softplus_backward"]
silu_backward = _all["silu_backward"]
gelu_backward = _all["gelu_backward"]
leaky_relu_backward = _all["leaky_relu_backward"]
elu_backward = _all["elu_backward"]
soft_threshold = _all["soft_threshold"]

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "log_sigmoid",
    "log_sigmoid_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "soft_threshold",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]
# doctest looks for functions and classes only
__test__ = {name: _all[name].__doc__ for name in __all__}
