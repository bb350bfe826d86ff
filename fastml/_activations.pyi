from typing import Any, Protocol, overload, type_check_only

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastml._elementwise import _F, _Binary, _Casting, _Order, _Out, _Unary

# As a Python number, a parameter leaves the dtype as it is.

@type_check_only
class _WithParameter(Protocol):
    __name__: str
    @overload
    def __call__(self, x: float, parameter: float, /) -> np.float64: ...
    @overload
    def __call__(self, x: _F, parameter: float, /) -> _F: ...
    @overload  # numpy.float64 is a float to Python's types, but not weak
    def __call__(self, x: NDArray[_F], parameter: np.float64, /, out: None = None) -> Any: ...
    @overload
    def __call__(self, x: NDArray[_F], parameter: float | NDArray[_F], /, out: None = None) -> NDArray[_F]: ...
    @overload
    def __call__(
        self,
        x: ArrayLike,
        parameter: ArrayLike,
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
        parameter: object,
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
class _BackwardWithParameter(Protocol):
    __name__: str
    @overload
    def __call__(self, dy: float, x: float, parameter: float, /) -> np.float64: ...
    @overload
    def __call__(self, dy: _F, x: _F, parameter: float, /) -> _F: ...
    @overload
    def __call__(self, dy: NDArray[_F], x: NDArray[_F], parameter: np.float64, /, out: None = None) -> Any: ...
    @overload
    def __call__(
        self, dy: NDArray[_F], x: NDArray[_F], parameter: float | NDArray[_F], /, out: None = None
    ) -> NDArray[_F]: ...
    @overload
    def __call__(
        self,
        dy: ArrayLike,
        x: ArrayLike,
        parameter: ArrayLike,
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
        x: object,
        parameter: object,
        /,
        out: NDArray[Any] | tuple[NDArray[Any]] | None = None,
        *,
        where: ArrayLike = True,
        dtype: DTypeLike | None = None,
        casting: _Casting = None,
        order: _Order = None,
        subok: bool | None = None,
    ) -> Any: ...

log_sigmoid: _Unary
softplus: _Unary
silu: _Unary
gelu: _Unary
leaky_relu: _WithParameter
elu: _WithParameter
soft_threshold: _WithParameter
log_sigmoid_backward: _Binary
softplus_backward: _Binary
silu_backward: _Binary
gelu_backward: _Binary
leaky_relu_backward: _BackwardWithParameter
elu_backward: _BackwardWithParameter

all_ufuncs: dict[str, np.ufunc]
ufunc_texts: list[tuple[str, str]]
