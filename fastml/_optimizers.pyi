from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_W = TypeVar("_W", np.float32, np.float64)

def sgd_step(
    param: NDArray[_W],
    grad: ArrayLike,
    lr: SupportsFloat,
    *,
    momentum: SupportsFloat = 0.0,
    velocity: NDArray[_W] | None = None,
    nesterov: bool = False,
    l1: SupportsFloat = 0.0,
    l2: SupportsFloat = 0.0,
) -> None: ...
def adam_step(
    param: NDArray[_W],
    grad: ArrayLike,
    m: NDArray[_W],
    v: NDArray[_W],
    step: SupportsIndex,
    lr: SupportsFloat = 1e-3,
    *,
    beta1: SupportsFloat = 0.9,
    beta2: SupportsFloat = 0.999,
    eps: SupportsFloat = 1e-8,
    weight_decay: SupportsFloat = 0.0,
) -> None: ...
@overload
def l1_penalty(
    w: ArrayLike,
    strength: SupportsFloat,
    *,
    return_grad: Literal[False] = False,
    accumulate: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def l1_penalty(
    w: NDArray[_F],
    strength: SupportsFloat,
    *,
    return_grad: Literal[True],
    accumulate: bool = False,
    out: NDArray[_F] | None = None,
) -> tuple[np.float64, NDArray[_F]]: ...
@overload
def l1_penalty(
    w: ArrayLike,
    strength: SupportsFloat,
    *,
    return_grad: Literal[True],
    accumulate: bool = False,
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
@overload
def l2_penalty(
    w: ArrayLike,
    strength: SupportsFloat,
    *,
    return_grad: Literal[False] = False,
    accumulate: Literal[False] = False,
    out: None = None,
) -> np.float64: ...
@overload
def l2_penalty(
    w: NDArray[_F],
    strength: SupportsFloat,
    *,
    return_grad: Literal[True],
    accumulate: bool = False,
    out: NDArray[_F] | None = None,
) -> tuple[np.float64, NDArray[_F]]: ...
@overload
def l2_penalty(
    w: ArrayLike,
    strength: SupportsFloat,
    *,
    return_grad: Literal[True],
    accumulate: bool = False,
    out: NDArray[Any] | None = None,
) -> tuple[np.float64, NDArray[Any]]: ...
