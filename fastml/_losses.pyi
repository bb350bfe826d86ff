from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Reduced = Literal["mean", "sum"]

@overload
def mse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def mse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def mse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> NDArray[Any]: ...
@overload
def mse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def rmse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["mean"] = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def rmse_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["mean"] = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def mae_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def mae_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def mae_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> NDArray[Any]: ...
@overload
def mae_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def huber_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def huber_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def huber_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> NDArray[Any]: ...
@overload
def huber_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def binary_cross_entropy(
    prob: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def binary_cross_entropy(
    prob: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def binary_cross_entropy(
    prob: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> NDArray[Any]: ...
@overload
def binary_cross_entropy(
    prob: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: _Reduced = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> NDArray[Any]: ...
@overload
def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
