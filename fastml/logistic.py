"""Logistic and softmax regression in one pass over the data."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fastml._arguments import as_array, finite
from fastml._logistic_data import Model, Penalty, checked_scale, make_problem, matrix, problem_of
from fastml.fitting import FitResult, fit_logistic

__all__ = ["FitResult", "fit_logistic", "logistic_loss", "logistic_step", "predict_logistic"]

Array = npt.NDArray[Any]
W = TypeVar("W", np.float32, np.float64)


@overload
def logistic_loss(
    X: npt.ArrayLike, y: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike = 0.0, *, l1: float = 0.0, l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None, scale: float | None = None, return_grad: Literal[False] = False,
) -> np.float64: ...  # fmt: skip
@overload
def logistic_loss(
    X: npt.ArrayLike, y: npt.ArrayLike, w: npt.NDArray[W], b: npt.ArrayLike = 0.0, *, l1: float = 0.0, l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None, scale: float | None = None, return_grad: Literal[True],
) -> tuple[np.float64, npt.NDArray[W], Any]: ...  # fmt: skip
@overload
def logistic_loss(
    X: npt.ArrayLike, y: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike = 0.0, *, l1: float = 0.0, l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None, scale: float | None = None, return_grad: Literal[True],
) -> tuple[np.float64, Array, Any]: ...  # fmt: skip
@np.errstate(all="ignore")
def logistic_loss(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    w: npt.ArrayLike,
    b: npt.ArrayLike = 0.0,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None,
    scale: float | None = None,
    return_grad: bool = False,
) -> Any:
    """Return the mean logistic loss, and on request its gradient, in one pass over X.

    Parameters
    ----------
    X : array_like of real numbers, or SciPy CSR matrix or array, shape (n, d)
        Converted block by block where it is not dense in the dtype of `w`, never whole.
    y : array_like, shape (n,) or (n, K)
        0 or 1 where `w` has shape (d,). Where it has shape (d, K): integers from 0 to K - 1, the classes of a softmax
        regression; or, of shape (n, K), 0 or 1 for each of K independent labels.
    w : array_like of float32 or float64, shape (d,) or (d, K)
        Its dtype is the one that computes.
    b : array_like, shape (), (1,) or (K,)
        The bias of each class, or one that all share; it is not penalised.
    l1, l2 : float
        Penalties: ``l1 * sum |w| + l2 * sum w^2`` is added to the mean loss.
    sample_weight : array_like, shape (n,), optional
        Numbers >= 0; the mean is weighted.
    scale : float, optional
        Multiplies X.
    return_grad : bool, default False
        Return the gradient as well.

    Returns
    -------
    loss : numpy.float64
    dw, db : ndarray
        With `return_grad`: in the dtype of `w`, the shapes of `w` and `b`. The gradient of ``l1`` is ``l1 * sign(w)``.

    Raises
    ------
    TypeError
        `X`, `y` or `sample_weight` is not real, the classes in `y` are not integers, or `w` is no float32 or float64.
    ValueError
        A shape does not fit, a label is no class, a weight is negative, or a penalty or `scale` is not a finite number.

    Notes
    -----
    With ``z = scale * X w + b``: ``log(1 + exp(z)) - y z``, added up over the labels of a row, or ``logsumexp(z) -
    z[y]``. Losses are exact in the tail and
    summed in float64, in a binary model without weights after those of each eight rows were joined in the dtype of `w`.
    The bits of the result do not depend on the number of threads.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> X, y = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([0, 1])
    >>> loss, dw, db = fastml.logistic_loss(X, y, np.zeros(2), return_grad=True)
    >>> print(f"{loss:.6f}", dw, db)
    0.693147 [-0.5   0.25] 0.0
    """
    y = y if isinstance(y, np.ndarray) else as_array("y", y)
    model = Model(w, b, y.ndim == 2)
    problem = make_problem(X, y, model, sample_weight, scale)
    penalty = Penalty(l1, l2)
    loss, dw, db = problem.evaluate(model.w, model.bias, return_grad)
    loss = np.float64(loss + penalty.value(model.w))
    if not return_grad:
        return loss
    if penalty:
        dw += penalty.gradient(model.w)
    return loss, dw.astype(model.w.dtype), model.like_b(db)


@np.errstate(all="ignore")
def logistic_step(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    w: Array,
    b: Array,
    lr: float,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    sample_weight: npt.ArrayLike | None = None,
    scale: float | None = None,
) -> np.float64:
    """Take one gradient step on w and b, in place, and return the loss before it.

    Parameters
    ----------
    X, y, l1, l2, sample_weight, scale
        As in `logistic_loss`.
    w : ndarray of float32 or float64, shape (d,) or (d, K)
        Becomes ``w - lr * dw``.
    b : ndarray, a shape as in `logistic_loss`
        Becomes ``b - lr * db``.
    lr : float
        The step size.

    Returns
    -------
    numpy.float64
        The loss, penalties included, before the step.

    Raises
    ------
    TypeError
        As `logistic_loss`; also if `w` or `b` is no array.
    ValueError
        As `logistic_loss`; also if `w` or `b` is read-only or `lr` is not a finite number. Nothing is changed then.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> X, y = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([0, 1])
    >>> w, b = np.zeros(2), np.zeros(1)
    >>> loss = fastml.logistic_step(X, y, w, b, lr=1.0)
    >>> w
    array([ 0.5 , -0.25])
    """
    for name, array in (("w", w), ("b", b)):
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name}: expected an ndarray, which is updated in place, got {type(array).__name__}")
        if array.dtype.kind != "f":
            raise TypeError(f"{name}: expected a float dtype, got {array.dtype}")
        if not array.flags.writeable:
            raise ValueError(f"{name}: expected a writeable array, got a read-only one")
    rate = finite("lr", lr)
    loss, dw, db = logistic_loss(X, y, w, b, l1=l1, l2=l2, sample_weight=sample_weight, scale=scale, return_grad=True)
    dw *= rate
    db = b - rate * db
    np.subtract(w, dw, out=dw)
    w[...] = dw  # nothing is changed as long as memory may run out
    b[...] = db
    return loss


@np.errstate(all="ignore")
def predict_logistic(
    X: npt.ArrayLike,
    w: npt.ArrayLike,
    b: npt.ArrayLike = 0.0,
    *,
    scale: float | None = None,
    multi_label: bool = False,
) -> Array:
    """Return the probabilities of a logistic or softmax regression.

    Parameters
    ----------
    X : array_like of real numbers, or SciPy CSR matrix or array, shape (n, d)
    w : array_like of float32 or float64, shape (d,) or (d, K)
    b : array_like, a shape as in `logistic_loss`
    scale : float, optional
        Multiplies X.
    multi_label : bool, default False
        The columns of `w`, of shape (d, K), belong to independent labels, as after a fit to `y` of shape (n, K), and
        not to the classes of a softmax regression.

    Returns
    -------
    ndarray, shape (n,) or (n, K)
        ``sigmoid(scale * X w + b)``, or for classes its softmax; the dtype of `w`.

    Raises
    ------
    TypeError
        `X` is not real, or `w` is no float32 or float64.
    ValueError
        A shape does not fit, with `multi_label` also that of `w` (d,), or `scale` is not a finite number.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.predict_logistic(np.array([[0.0], [np.inf]]), np.array([1.0]))
    array([0.5, 1. ])
    """
    model = Model(w, b, bool(multi_label))
    if multi_label and not model.multi_label:
        raise ValueError(f"w: expected shape (d, K) with multi_label, got {model.w.shape}")
    data = matrix(X, model.w.shape[0])
    problem = problem_of(data)(data, None, None, model.w.dtype, model.classes, checked_scale(scale), model.multi_label)
    probabilities: Array = problem.predict(model.w, model.bias)
    return probabilities
