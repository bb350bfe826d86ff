from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)

@overload
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["mean", "sum"] = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def cross_entropy(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["mean", "sum"] = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[_F] | None = None,
) -> tuple[np.float64, NDArray[_F]]: ...
@overload
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["mean", "sum"] = "mean",
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[False] = False,
    out: None = None,
) -> Any: ...
@overload
def cross_entropy(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[_F] | None = None,
) -> tuple[Any, NDArray[_F]]: ...
@overload
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: SupportsIndex = -1,
    class_weight: ArrayLike | None = None,
    ignore_index: SupportsIndex | None = None,
    label_smoothing: SupportsFloat = 0.0,
    from_logits: bool = True,
    reduction: Literal["none"],
    sample_weight: ArrayLike | None = None,
    return_grad: Literal[True],
    out: NDArray[Any] | None = None,
) -> tuple[Any, NDArray[Any]]: ...
