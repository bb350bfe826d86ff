"""Optimizer steps and penalties: one pass over memory.

Arrays are walked in chunks, side by side: in a step in the order in which the parameters lie, in a penalty in C order
of the index. What is not dense in the dtype that computes is converted, or gathered and scattered, a block at a time.
"""

include "_dense.pxi"
include "_operand.pxi"
include "_loss_walk.pxi"
include "_optimizers_core.pxi"
include "_penalties_core.pxi"


def sgd_step(param, grad, lr, *, momentum=0.0, velocity=None, nesterov=False, l1=0.0, l2=0.0):
    """Take one step of gradient descent in place: ``param -= lr * grad``, with momentum and penalties if wanted.

    With ``g = grad + l1 * sign(param) + 2 * l2 * param``, `velocity` becomes ``v = momentum * velocity + g``, and
    `param` becomes ``param - lr * v``, with `nesterov` ``param - lr * (g + momentum * v)``.

    Parameters
    ----------
    param : ndarray of float32 or float64, any shape
        The parameters, updated in place.
    grad : array_like of real numbers, the shape of `param`
        Converted to the dtype of `param`, a block at a time.
    lr : float
        The learning rate, at least 0.
    momentum : float, default 0.0
        At least 0; above 0 it needs `velocity`.
    velocity : ndarray, the shape and dtype of `param`, optional
        Updated in place; zeros before the first step.
    nesterov : bool, default False
        Nesterov's momentum, which must be above 0 then.
    l1, l2 : float, default 0.0
        Strengths of the penalties, at least 0, as in `l1_penalty` and `l2_penalty`.

    Raises
    ------
    TypeError
        `param` or `velocity` is no ndarray or not of its dtype, or another argument is not real.
    ValueError
        A shape does not fit, a number is negative or not finite, momentum has no `velocity`, an array to be updated is
        read-only, or arrays overlap. Nothing is changed then.

    Notes
    -----
    Max error: 2.5 ULP (float32), 2.5 ULP (float64).
    Of the new `velocity`, and of the new `param` given that velocity, in units of the largest of its terms. Their bits
    depend on the values alone. A step is not interrupted half-way: Ctrl-C waits for its end. For exact zeros under `l1`
    follow the step, without `l1`, by ``soft_threshold(param, lr * l1, out=param)``.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> w, velocity = np.array([1.0, -2.0]), np.zeros(2)
    >>> fastml.sgd_step(w, [0.5, 0.5], 0.1, momentum=0.9, velocity=velocity)
    >>> w, velocity
    (array([ 0.95, -2.05]), array([0.5, 0.5]))
    """
    cdef Step s
    s.is_adam = False
    s.sgd = fastml_sgd(at_least_0("lr", lr), at_least_0("momentum", momentum), at_least_0("l1", l1),
                       at_least_0("l2", l2), nesterov)
    if s.sgd.momentum == 0 and s.sgd.nesterov:
        raise ValueError(f"nesterov: expected a momentum above 0 beside it, got {momentum}")
    if s.sgd.momentum > 0 and velocity is None:
        raise ValueError("velocity: expected an ndarray beside momentum, got None")
    return step_all(&s, grad, param, velocity, None)


def adam_step(param, grad, m, v, step, lr=1e-3, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """Take one step of Adam in place, with decoupled weight decay (AdamW).

    `m` becomes ``beta1 * m + (1 - beta1) * grad``, `v` becomes ``beta2 * v + (1 - beta2) * grad ** 2``, and `param`
    ``param * (1 - lr * weight_decay) - lr * m_hat / (sqrt(v_hat) + eps)`` with ``m_hat = m / (1 - beta1 ** step)`` and
    ``v_hat = v / (1 - beta2 ** step)``.

    Parameters
    ----------
    param : ndarray of float32 or float64, any shape
        The parameters, updated in place.
    grad : array_like of real numbers, the shape of `param`
        Converted to the dtype of `param`, a block at a time.
    m, v : ndarray, the shape and dtype of `param`
        The running means of the gradient and its square, updated in place; zeros before the first step.
    step : int
        The number of this step, counted from 1.
    lr : float, default 0.001
        The learning rate, at least 0.
    beta1, beta2 : float, default 0.9, 0.999
        How much of the means stays, in [0, 1).
    eps : float, default 1e-8
        At least 0.
    weight_decay : float, default 0.0
        At least 0; 0 gives Adam.

    Raises
    ------
    TypeError
        `param`, `m` or `v` is no ndarray or not of its dtype, `step` is no integer, or another argument is not real.
    ValueError
        A shape does not fit, a number is out of its range, an array to be updated is read-only, or arrays overlap.
        Nothing is changed then.

    Notes
    -----
    Max error: 2.5 ULP (float32), 2.5 ULP (float64).
    Of the new `m` and `v`, in units of the largest of their terms; given them, what `param` loses has at most 6 ULP,
    and the difference is rounded once. Their bits depend on the values alone. A step is not interrupted half-way:
    Ctrl-C waits for its end. An infinite parameter does not decay. Loshchilov and Hutter, "Decoupled weight decay
    regularization", 2019.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> w, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    >>> fastml.adam_step(w, [0.5, -3.0], m, v, 1, lr=0.1)
    >>> w.round(6), m, v
    (array([ 0.9, -1.9]), array([ 0.05, -0.3 ]), array([0.00025, 0.009  ]))
    """
    cdef Step s
    cdef double rate = at_least_0("lr", lr)
    cdef unsigned long long number = step_of(step)
    s.is_adam = True
    s.adam.beta1, s.adam.beta2 = below_1("beta1", beta1), below_1("beta2", beta2)
    s.adam.eps, s.adam.decay = at_least_0("eps", eps), rate * at_least_0("weight_decay", weight_decay)
    s.adam.rate = rate / correction(s.adam.beta1, number)
    s.adam.root = 1 / sqrt(correction(s.adam.beta2, number))
    return step_all(&s, grad, param, m, v)


def l1_penalty(w, strength, *, return_grad=False, accumulate=False, out=None):
    """Return ``strength * sum(|w|)``, and on request its gradient ``strength * sign(w)``.

    Parameters
    ----------
    w : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    strength : float
        At least 0.
    return_grad : bool, default False
        Return the gradient as well.
    accumulate : bool, default False
        Add the gradient to what `out` holds.
    out : ndarray, optional
        Where the gradient goes: the shape and dtype of `w`, and memory apart from it.

    Returns
    -------
    value : numpy.float64
    grad : ndarray
        With `return_grad`: the shape and dtype of `w`; with `accumulate`, `out` and the gradient together.

    Raises
    ------
    TypeError
        `w` or `strength` is not real, or `out` has another dtype.
    ValueError
        `strength` is negative or not finite, `out` does not fit, overlaps `w` or is given without `return_grad`, or
        `accumulate` without `out`. Nothing is changed then.

    Notes
    -----
    Max error: 0.51 ULP (float16), 0.5 ULP (float32), 0.5 ULP (float64).
    Of the gradient, given `strength` in the dtype that computes, float32 for float16. The sum is float64; its bits
    depend on the values and their order alone. Interrupted, `out` is done in part.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> value, grad = fastml.l1_penalty(np.array([-2.0, 0.0, 3.0]), 0.5, return_grad=True)
    >>> print(value, grad)
    2.5 [-0.5  0.   0.5]
    """
    return penalty(FASTML_L1_PENALTY, w, strength, return_grad, accumulate, out)


def l2_penalty(w, strength, *, return_grad=False, accumulate=False, out=None):
    """Return ``strength * sum(w ** 2)``, and on request its gradient ``2 * strength * w``.

    Parameters
    ----------
    w : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    strength : float
        At least 0.
    return_grad : bool, default False
        Return the gradient as well.
    accumulate : bool, default False
        Add the gradient to what `out` holds.
    out : ndarray, optional
        Where the gradient goes: the shape and dtype of `w`, and memory apart from it.

    Returns
    -------
    value : numpy.float64
    grad : ndarray
        With `return_grad`: the shape and dtype of `w`; with `accumulate`, `out` and the gradient together.

    Raises
    ------
    TypeError
        `w` or `strength` is not real, or `out` has another dtype.
    ValueError
        `strength` is negative or not finite, `out` does not fit, overlaps `w` or is given without `return_grad`, or
        `accumulate` without `out`. Nothing is changed then.

    Notes
    -----
    Max error: 0.51 ULP (float16), 0.5 ULP (float32), 0.5 ULP (float64).
    Of the gradient, given ``2 * strength`` in the dtype that computes, float32 for float16. The sum is float64, so that
    1e30 in float32 does not overflow; its bits depend on the values and their order alone. Interrupted, `out` is done
    in part.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> value, grad = fastml.l2_penalty(np.array([3.0, 4.0]), 0.5, return_grad=True)
    >>> print(value, grad)
    12.5 [3. 4.]
    """
    return penalty(FASTML_L2_PENALTY, w, strength, return_grad, accumulate, out)
