"""The element-wise functions as real NumPy ufuncs.

The functions of the same names in `fastml` are quicker to call on small arrays; these have ``.at``, ``.outer`` and all
else that a `numpy.ufunc` has.
"""

from fastml._elementwise import all_ufuncs

sigmoid = all_ufuncs["sigmoid"]
tanh = all_ufuncs["tanh"]
relu = all_ufuncs["relu"]
sigmoid_backward = all_ufuncs["sigmoid_backward"]
tanh_backward = all_ufuncs["tanh_backward"]
relu_backward = all_ufuncs["relu_backward"]

__all__ = ["relu", "relu_backward", "sigmoid", "sigmoid_backward", "tanh", "tanh_backward"]
# doctest looks for functions and classes only
__test__ = {name: all_ufuncs[name].__doc__ for name in __all__}
