"""Pointwise losses: value and gradient in one pass over prediction and target.

An array is walked in C order of its index, whatever its layout, in chunks whose sums are added up in order. What is not
dense in the dtype that computes is converted a block at a time.
"""

include "_dense.pxi"
include "_operand.pxi"
include "_loss_walk.pxi"
include "_loss_weights.pxi"
include "_losses_core.pxi"


def mse_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return the squared error ``(pred - target) ** 2``, and on request its gradient.

    Parameters
    ----------
    pred : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    target : array_like of real numbers, the shape of `pred`
        Converted to the dtype that computes, a block at a time.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the number of elements, with `sample_weight` by the sum of all elements' weights.
    sample_weight : array_like, shape of the leading axes of `pred`, optional
        Finite numbers >= 0 that multiply the losses.
    return_grad : bool, default False
        Return the gradient by `pred` as well.
    out : ndarray, optional
        Where the gradient goes: the shape and dtype of `pred`. May be `pred` itself.

    Returns
    -------
    loss : numpy.float64
        With ``reduction="none"`` an ndarray, the shape and dtype of `pred`; its gradient is that of the sum.
    grad : ndarray
        With `return_grad`: the shape and dtype of `pred`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `reduction` is unknown, or `out` overlaps
        another argument or is given without `return_grad`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 2 ULP (float32), 2 ULP (float64).
    Of each loss and each derivative, ``2 * (pred - target)``, where the difference is taken in the dtype that computes,
    float32 for float16; a mean of float32 does not overflow.
    Sums are float64; their bits depend on the values and their order alone. A mean over nothing, or over weights that
    are all 0, is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> loss, grad = fastml.mse_loss(np.array([1.0, 2.0]), [0.0, 2.0], return_grad=True)
    >>> print(loss, grad)
    0.5 [1. 0.]
    """
    return apply(FASTML_MSE, "pred", pred, target, reduction, sample_weight, return_grad, out)


def rmse_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return the root of the mean squared error, and on request its gradient.

    Parameters
    ----------
    pred : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    target : array_like of real numbers, the shape of `pred`
        Converted to the dtype that computes, a block at a time.
    reduction : {"mean"}, default "mean"
        The mean divides the sum by the number of elements, with `sample_weight` by the sum of all elements' weights.
    sample_weight, return_grad, out
        As in `mse_loss`.

    Returns
    -------
    loss : numpy.float64
    grad : ndarray
        With `return_grad`: the shape and dtype of `pred`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `reduction` is not "mean", or `out` overlaps
        another argument or is given without `return_grad`.

    Notes
    -----
    Sums are float64; their bits depend on the values and their order alone. The gradient takes a second pass over the
    data. It is 0 where the loss is, as over nothing, or over weights that are all 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> loss, grad = fastml.rmse_loss(np.array([3.0, 1.0]), [0.0, 1.0], return_grad=True)
    >>> print(f"{loss:.4f}", grad.round(4))
    2.1213 [0.7071 0.    ]
    """
    return apply(FASTML_MSE, "pred", pred, target, reduction, sample_weight, return_grad, out, None, 0, True)


def mae_loss(pred, target, *, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return the absolute error ``|pred - target|``, and on request its gradient.

    Parameters
    ----------
    pred : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    target : array_like of real numbers, the shape of `pred`
        Converted to the dtype that computes, a block at a time.
    reduction, sample_weight, return_grad, out
        As in `mse_loss`.

    Returns
    -------
    loss : numpy.float64
        With ``reduction="none"`` an ndarray, the shape and dtype of `pred`; its gradient is that of the sum.
    grad : ndarray
        With `return_grad`: the shape and dtype of `pred`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `reduction` is unknown, or `out` overlaps
        another argument or is given without `return_grad`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 1 ULP (float32), 1 ULP (float64).
    Of each loss; its derivative is the sign of the difference, 0 at 0.
    Sums are float64; their bits depend on the values and their order alone. A mean over nothing, or over weights that
    are all 0, is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> loss, grad = fastml.mae_loss(np.array([1.0, 2.0]), [4.0, 2.0], return_grad=True)
    >>> print(loss, grad)
    1.5 [-0.5  0. ]
    """
    return apply(FASTML_MAE, "pred", pred, target, reduction, sample_weight, return_grad, out)


def huber_loss(pred, target, *, delta=1.0, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return the Huber loss, and on request its gradient: squares near 0, straight lines beyond.

    Parameters
    ----------
    pred : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    target : array_like of real numbers, the shape of `pred`
        Converted to the dtype that computes, a block at a time.
    delta : float, default 1.0
        Where the square ends: a finite number above 0.
    reduction, sample_weight, return_grad, out
        As in `mse_loss`.

    Returns
    -------
    loss : numpy.float64
        With ``reduction="none"`` an ndarray, the shape and dtype of `pred`; its gradient is that of the sum.
    grad : ndarray
        With `return_grad`: the shape and dtype of `pred`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `delta` is not above 0, `reduction` is unknown, or
        `out` overlaps another argument or is given without `return_grad`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 3 ULP (float32), 3 ULP (float64).
    Of each loss, with ``d = pred - target`` ``d ** 2 / 2`` where ``|d| <= delta``, else ``delta * (|d| - delta / 2)``,
    and of its derivative, `d` clamped to +-`delta`, where `d` and `delta` are those of the dtype that computes.
    Sums are float64; their bits depend on the values and their order alone. A mean over nothing, or over weights that
    are all 0, is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.huber_loss(np.array([0.5, 3.0]), [0.0, 0.0], reduction="none")
    array([0.125, 2.5  ])
    """
    return apply(FASTML_HUBER, "pred", pred, target, reduction, sample_weight, return_grad, out, None,
                 delta_of(delta))


def binary_cross_entropy(prob, target, *, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return ``-target * log(prob) - (1 - target) * log(1 - prob)``, and on request its gradient.

    Parameters
    ----------
    prob : array_like of float16, float32 or float64, any shape
        Probabilities. Integers and bool become float64.
    target : array_like of real numbers, the shape of `prob`
        Converted to the dtype that computes, a block at a time.
    reduction, sample_weight, return_grad, out
        As in `mse_loss`.

    Returns
    -------
    loss : numpy.float64
        With ``reduction="none"`` an ndarray, the shape and dtype of `prob`; its gradient is that of the sum.
    grad : ndarray
        With `return_grad`: the shape and dtype of `prob`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `reduction` is unknown, or `out` overlaps
        another argument or is given without `return_grad`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    Of each loss, and of its derivative ``(prob - target) / (prob * (1 - prob))``. ``0 * log(0)`` is 0; a positive
    target at probability 0 has the loss inf and the gradient -inf: nothing is clamped. Outside of [0, 1] the loss is
    NaN.
    Sums are float64; their bits depend on the values and their order alone. A mean over nothing, or over weights that
    are all 0, is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> loss, grad = fastml.binary_cross_entropy(np.array([0.5, 1.0]), [1, 1], reduction="none", return_grad=True)
    >>> print(loss.round(4), grad)
    [0.6931 0.    ] [-2. -1.]
    """
    return apply(FASTML_BCE, "prob", prob, target, reduction, sample_weight, return_grad, out)


def binary_cross_entropy_with_logits(logits, target, *, pos_weight=None, label_smoothing=0.0, reduction="mean",
                                     sample_weight=None, return_grad=False, out=None):
    """Return the cross-entropy of ``sigmoid(logits)``, exact in the tails, and on request its gradient.

    Parameters
    ----------
    logits : array_like of float16, float32 or float64, any shape
        Integers and bool become float64.
    target : array_like of real numbers, the shape of `logits`
        Converted to the dtype that computes, a block at a time.
    pos_weight : array_like, optional
        Finite numbers >= 0 that multiply the part of `target`, broadcast to `logits`.
    label_smoothing : float, default 0.0
        s in [0, 1]: targets become ``target * (1 - s) + s / 2``.
    reduction, sample_weight, return_grad, out
        As in `mse_loss`.

    Returns
    -------
    loss : numpy.float64
        With ``reduction="none"`` an ndarray, the shape and dtype of `logits`; its gradient is that of the sum.
    grad : ndarray
        With `return_grad`: the shape and dtype of `logits`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        A shape does not fit, a weight is negative or not finite, `label_smoothing` is not in [0, 1], `reduction` is
        unknown, or `out` overlaps another argument or is given without `return_grad`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    Of each loss, ``target * softplus(-logits) + (1 - target) * softplus(logits)``, and of its derivative,
    ``(1 - target) * sigmoid(logits) - target * sigmoid(-logits)``; where two terms cancel, of the larger term. For a
    target of 1 the loss at 80 is exp(-80), 1.8e-35, in float32 too.
    Sums are float64; their bits depend on the values and their order alone. A mean over nothing, or over weights that
    are all 0, is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> loss, grad = fastml.binary_cross_entropy_with_logits(np.array([0.0, 80.0]), [1, 1], return_grad=True)
    >>> print(f"{loss:.4f}", grad)
    0.3466 [-2.50000000e-01 -9.02425694e-36]
    """
    return apply(FASTML_BCE_LOGITS, "logits", logits, target, reduction, sample_weight, return_grad, out, pos_weight,
                 smoothing_of(label_smoothing))
