"""The element-wise functions, and their arguments for an array x: what all their tests run over."""

import mpmath
import numpy as np
import reference
from ulp import assert_ulp, bound_from_docstring, in_unit_of, wide

UNARY = ("sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu")
WITH_PARAMETER = ("leaky_relu", "elu")
FROM_OUTPUT = ("sigmoid_backward", "tanh_backward", "relu_backward")
FROM_INPUT = ("log_sigmoid_backward", "softplus_backward", "silu_backward", "gelu_backward")
FROM_INPUT_WITH_PARAMETER = ("leaky_relu_backward", "elu_backward")
BACKWARD = FROM_OUTPUT + FROM_INPUT + FROM_INPUT_WITH_PARAMETER
WITHOUT_GRADIENT = ("soft_threshold",)
EVERY = UNARY + WITH_PARAMETER + WITHOUT_GRADIENT + BACKWARD

MPMATH = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2 if x > -60 else 0 * x,  # longdouble has none so small
}


def count_inputs(name):
    """Return the number of arguments of a function."""
    if name in UNARY:
        return 1
    return 3 if name in FROM_INPUT_WITH_PARAMETER else 2


def with_inputs(name, x):
    """Return the arguments for x, all in its layout: x, with an output, a gradient or a parameter where needed."""
    x_dtype = x.dtype.newbyteorder("=")

    def like(values):
        other = np.empty_like(x, dtype=x_dtype, subok=False)
        other[...] = values
        return other

    if name in FROM_OUTPUT:
        return x, like(getattr(reference, name.removesuffix("_backward"))(x))
    gradient, parameter = (
        like(np.resize(np.array(some, x_dtype), x.shape)) for some in ([1.5, -0.75, 3.125], [0.25, 1.5, 0.01, 1.0])
    )
    before = (gradient,) if name in BACKWARD else ()
    after = (parameter,) if name in WITH_PARAMETER + WITHOUT_GRADIENT + FROM_INPUT_WITH_PARAMETER else ()
    return *before, x, *after


def assert_within_promise(fastml, name, inputs, result):
    """Assert the docstring's bound; where terms cancel, its unit is the larger term's."""
    bound = bound_from_docstring(getattr(fastml, name), result.dtype)
    with np.errstate(all="ignore"):
        exact = getattr(reference, name)(*map(wide, inputs))
        terms = reference.terms(name, *map(wide, inputs))
    if terms:
        error = in_unit_of(result, exact, *terms)
        worst = np.argmax(error) if error.size else None
        assert not error.size or error.flat[worst] <= bound, (error.flat[worst], [a.flat[worst] for a in inputs])
    else:
        assert_ulp(result, exact, bound)
