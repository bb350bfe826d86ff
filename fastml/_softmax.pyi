from typing import Any, Literal, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_Out = TypeVar("_Out", bound=NDArray[Any])
_Integers = NDArray[np.integer[Any]] | NDArray[np.bool_]

@overload
def softmax(x: ArrayLike, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: _Out) -> _Out: ...
@overload
def softmax(
    x: NDArray[_F], axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[_F]: ...
@overload
def softmax(
    x: _Integers, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[np.float64]: ...
@overload
def softmax(
    x: ArrayLike, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[Any]: ...
@overload
def log_softmax(x: ArrayLike, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: _Out) -> _Out: ...
@overload
def log_softmax(
    x: NDArray[_F], axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[_F]: ...
@overload
def log_softmax(
    x: _Integers, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[np.float64]: ...
@overload
def log_softmax(
    x: ArrayLike, axis: SupportsIndex = -1, *, where: ArrayLike | None = None, out: None = None
) -> NDArray[Any]: ...
@overload
def logsumexp(
    x: NDArray[_F], axis: SupportsIndex = -1, *, keepdims: Literal[True], where: ArrayLike | None = None
) -> NDArray[_F]: ...
@overload
def logsumexp(
    x: ArrayLike, axis: SupportsIndex = -1, *, keepdims: Literal[True], where: ArrayLike | None = None
) -> NDArray[Any]: ...

# An array, or numpy.float64 for a one-dimensional x.
@overload
def logsumexp(
    x: ArrayLike, axis: SupportsIndex = -1, *, keepdims: bool = False, where: ArrayLike | None = None
) -> Any: ...

# An array, or numpy.float64 for a one-dimensional p.
def entropy(p: ArrayLike, axis: SupportsIndex = -1) -> Any: ...
@overload
def softmax_backward(dy: ArrayLike, y: ArrayLike, axis: SupportsIndex = -1, *, out: _Out) -> _Out: ...
@overload
def softmax_backward(dy: NDArray[_F], y: ArrayLike, axis: SupportsIndex = -1, *, out: None = None) -> NDArray[_F]: ...
@overload
def softmax_backward(dy: ArrayLike, y: ArrayLike, axis: SupportsIndex = -1, *, out: None = None) -> NDArray[Any]: ...
@overload
def log_softmax_backward(dy: ArrayLike, y: ArrayLike, axis: SupportsIndex = -1, *, out: _Out) -> _Out: ...
@overload
def log_softmax_backward(
    dy: NDArray[_F], y: ArrayLike, axis: SupportsIndex = -1, *, out: None = None
) -> NDArray[_F]: ...
@overload
def log_softmax_backward(
    dy: ArrayLike, y: ArrayLike, axis: SupportsIndex = -1, *, out: None = None
) -> NDArray[Any]: ...
