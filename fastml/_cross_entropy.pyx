"""Cross-entropy: argument checks, and the walk over the problems of an array."""

include "_dense.pxi"
include "_operand.pxi"
include "_cross_entropy_core.pxi"
include "_cross_entropy_setup.pxi"


def cross_entropy(logits, target, *, axis=-1, class_weight=None, ignore_index=None, label_smoothing=0.0,
                  from_logits=True, reduction="mean", sample_weight=None, return_grad=False, out=None):
    """Return the cross-entropy of ``softmax(logits)`` and the targets, and on request its gradient.

    Parameters
    ----------
    logits : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    target : array_like
        Classes: integers in [0, C), of the shape of `logits` without `axis`. Or probabilities of the classes: floats,
        of the shape of `logits`, taken as they are. Of any such dtype, converted block by block.
    axis : int, default -1
        The axis of the classes.
    class_weight : array_like, shape (C,), optional
        Finite factors >= 0 of the terms of the classes.
    ignore_index : int, optional
        A class, in or outside [0, C), whose rows count as nothing, whatever their logits. For integer targets only.
    label_smoothing : float, default 0.0
        Part of the target, in [0, 1], that is spread evenly over all classes.
    from_logits : bool, default True
        False: `logits` has probabilities, of which the logarithm is taken as they are: not normalized.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the number of rows not ignored or, with weights, by the sum of theirs: of
        ``sample_weight * class_weight[target]`` for classes, of `sample_weight` alone for probabilities.
    sample_weight : array_like, optional
        Finite factors >= 0 of the rows, of the leading axes of the losses: (N,) for `logits` of shape (N, C).
    return_grad : bool, default False
        Return the gradient with respect to `logits` too; with "none", that of the sum.
    out : ndarray, optional
        Where the gradient goes: the shape and dtype of `logits`. May be `logits` itself.

    Returns
    -------
    loss : numpy.float64, or ndarray for "none"
        For "none" the shape of `logits` without `axis`, and its dtype.
    gradient : ndarray
        With `return_grad`: the shape and dtype of `logits`.

    Raises
    ------
    TypeError
        `logits` is not real, `target` neither integer nor float, or `out` has another dtype.
    ValueError
        A class outside [0, C), a weight that is negative or not finite, a wrong shape, an unknown reduction, smoothing
        outside [0, 1], `ignore_index` with probabilities, `out` without `return_grad` or overlapping another array.
        Nothing is written then.
    numpy.exceptions.AxisError
        `logits` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    These hold for the losses of "none", and for the gradient in units of eps times the larger of its two terms, weight
    times probability and weight times target. A row's loss is ``log1p(sum of the other terms) + max - logits[target]``:
    exact in the tail. Losses are added in float64, in an order that depends on their number alone.
    Smoothing by s makes probabilities q of targets: ``(1 - s) q + s / C``. Where the divisor of "mean" is 0, loss and
    gradient are 0. A probability of 0 has an infinite loss, and the gradient -inf, where its target is positive, and
    neither where that is 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> logits = np.array([[20.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    >>> print(fastml.cross_entropy(logits, [0, 1], reduction="none"))
    [2.0611537e-09 6.9314718e-01]
    >>> loss, gradient = fastml.cross_entropy(logits, [0, 1], return_grad=True)
    >>> print(gradient[1])
    [ 0.25 -0.25]
    """
    cdef Problems p
    cdef double total[2]
    cdef double divisor, value_of_all
    cdef const double *index_weight = NULL
    cdef int how = 0 if reduction == "mean" else reduction_index(reduction)
    x = logits if dense_dtype(logits) >= 0 else real_array("logits", logits)
    axis = axis_index(axis, x.ndim)
    shape = x.shape[:axis] + x.shape[axis + 1:]
    target = checked_target(target, x.shape, shape)
    cdef bint probabilities = target.dtype.kind == "f"
    weight = sample_weights(sample_weight, shape)
    if out is not None and not (weight is None and return_grad and x is logits and takes_result(out, x)
                                and ends_apart(out, target)):
        check_gradient(out, return_grad, x, target=target, sample_weight=weight)
    gradient = out if out is not None else np.empty_like(x) if return_grad else None
    weight = None if weight is None else spread(weight, shape)
    set_problems(&p, x, gradient, target, weight, probabilities, axis)
    p.base.given = not from_logits
    p.base.smoothing = p.base.smooth_total = smoothing_of(label_smoothing)
    set_ignored(&p, ignore_index, target, probabilities)
    p.base.class_weight = NULL
    if class_weight is not None:
        class_weight, narrow = checked_class_weight(class_weight, p.base.C, p.wide)
        p.base.class_weight = data_of(narrow)
        p.base.smooth_total = p.base.smoothing / max(<ptrdiff_t>1, p.base.C) * class_weight.sum()
        index_weight = NULL if probabilities else <const double *>data_of(class_weight)
    divisor = examine(&p, index_weight, target, weight)
    if x.size == 0 or (how == MEAN and divisor == 0):
        if gradient is not None:
            gradient[...] = 0
        value = np.zeros(shape, x.dtype) if how == NONE and shape else np.float64(0)
        return (value, gradient) if return_grad else value
    p.base.scale = 1 / divisor if how == MEAN else 1
    losses = buffer_for(&p, shape, how == NONE)
    total[0] = total[1] = 0
    run_all(&p, how == NONE, total)
    if how == NONE:
        with np.errstate(all="ignore"):
            value = losses.astype(x.dtype, copy=False) if shape else np.float64(losses.item())
    else:
        value_of_all = total[0] + total[1] if isfinite(total[0]) else total[0]
        value = np.float64(value_of_all / divisor if how == MEAN else value_of_all)
    return (value, gradient) if return_grad else value
