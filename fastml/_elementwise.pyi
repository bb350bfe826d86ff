from typing import Any, Literal, Protocol, TypeVar, overload, type_check_only

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_Out = TypeVar("_Out", bound=NDArray[Any])
_Casting = Literal["no", "equiv", "safe", "same_kind", "unsafe"] | None
_Order = Literal["K", "A", "C", "F"] | None
_Integers = NDArray[np.integer[Any]] | NDArray[np.bool_]

# Zero-dimensional arrays give scalars, as with NumPy's own functions and stubs.

@type_check_only
class _Unary(Protocol):
    __name__: str
    @overload
    def __call__(self, x: float, /) -> np.float64: ...
    @overload
    def __call__(self, x: _F, /) -> _F: ...
    @overload
    def __call__(self, x: NDArray[_F], /, out: None = None) -> NDArray[_F]: ...
    @overload
    def __call__(self, x: _Integers, /, out: None = None) -> NDArray[np.float64]: ...
    @overload
    def __call__(
        self,
        x: ArrayLike,
        /,
        out: _Out | tuple[_Out],
        *,
        where: ArrayLike = True,
        dtype: DTypeLike | None = None,
        casting: _Casting = None,
        order: _Order = None,
        subok: bool | None = None,
    ) -> _Out: ...
    @overload
    def __call__(
        self,
        x: object,
        /,
        out: NDArray[Any] | tuple[NDArray[Any]] | None = None,
        *,
        where: ArrayLike = True,
        dtype: DTypeLike | None = None,
        casting: _Casting = None,
        order: _Order = None,
        subok: bool | None = None,
    ) -> Any: ...

@type_check_only
class _Binary(Protocol):
    __name__: str
    @overload
    def __call__(self, dy: float, y: float, /) -> np.float64: ...
    @overload
    def __call__(self, dy: _F, y: _F, /) -> _F: ...
    @overload
    def __call__(self, dy: NDArray[_F], y: NDArray[_F], /, out: None = None) -> NDArray[_F]: ...
    @overload
    def __call__(
        self,
        dy: ArrayLike,
        y: ArrayLike,
        /,
        out: _Out | tuple[_Out],
        *,
        where: ArrayLike = True,
        dtype: DTypeLike | None = None,
        casting: _Casting = None,
        order: _Order = None,
        subok: bool | None = None,
    ) -> _Out: ...
    @overload
    def __call__(
        self,
        dy: object,
        y: object,
        /,
        out: NDArray[Any] | tuple[NDArray[Any]] | None = None,
        *,
        where: ArrayLike = True,
        dtype: DTypeLike | None = None,
        casting: _Casting = None,
        order: _Order = None,
        subok: bool | None = None,
    ) -> Any: ...

sigmoid: _Unary
tanh: _Unary
relu: _Unary
sigmoid_backward: _Binary
tanh_backward: _Binary
relu_backward: _Binary

all_ufuncs: dict[str, np.ufunc]
ufunc_texts: list[tuple[str, str]]
