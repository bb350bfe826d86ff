from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_Out = TypeVar("_Out", bound=NDArray[Any])
_Integers = NDArray[np.integer[Any]] | NDArray[np.bool_]
_Rng = SupportsIndex | np.random.Generator | None

@overload
def dropout(
    x: ArrayLike,
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: _Out,
    return_key: Literal[False] = False,
) -> _Out: ...
@overload
def dropout(
    x: ArrayLike,
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: _Out,
    return_key: Literal[True],
) -> tuple[_Out, int | None]: ...
@overload
def dropout(
    x: NDArray[_F],
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: None = None,
    return_key: Literal[False] = False,
) -> NDArray[_F]: ...
@overload
def dropout(
    x: NDArray[_F],
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: None = None,
    return_key: Literal[True],
) -> tuple[NDArray[_F], int | None]: ...
@overload
def dropout(
    x: _Integers,
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: None = None,
    return_key: Literal[False] = False,
) -> NDArray[np.float64]: ...
@overload
def dropout(
    x: ArrayLike,
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: None = None,
    return_key: Literal[False] = False,
) -> NDArray[Any]: ...
@overload
def dropout(
    x: ArrayLike,
    p: SupportsFloat = 0.5,
    *,
    rng: _Rng = None,
    training: bool = True,
    out: None = None,
    return_key: Literal[True],
) -> tuple[NDArray[Any], int | None]: ...
@overload
def dropout_backward(dy: ArrayLike, p: SupportsFloat, key: SupportsIndex | None, *, out: _Out) -> _Out: ...
@overload
def dropout_backward(
    dy: NDArray[_F], p: SupportsFloat, key: SupportsIndex | None, *, out: None = None
) -> NDArray[_F]: ...
@overload
def dropout_backward(
    dy: ArrayLike, p: SupportsFloat, key: SupportsIndex | None, *, out: None = None
) -> NDArray[Any]: ...
@overload
def gaussian_noise(x: ArrayLike, std: SupportsFloat, *, rng: _Rng = None, out: _Out) -> _Out: ...
@overload
def gaussian_noise(x: NDArray[_F], std: SupportsFloat, *, rng: _Rng = None, out: None = None) -> NDArray[_F]: ...
@overload
def gaussian_noise(x: _Integers, std: SupportsFloat, *, rng: _Rng = None, out: None = None) -> NDArray[np.float64]: ...
@overload
def gaussian_noise(x: ArrayLike, std: SupportsFloat, *, rng: _Rng = None, out: None = None) -> NDArray[Any]: ...

# For the tests: the words of counters in a row, of shape (4, lanes).
def threefry(key: tuple[int, int, int, int], counter: tuple[int, int, int, int]) -> NDArray[np.uint32]: ...

# Arguments are checked, and parameters C-ordered; pixels of padding come repeated (fastml.augmentation).
def flip_images(images: NDArray[Any], flips: NDArray[np.bool_], out: NDArray[Any]) -> None: ...
def crop_images(
    images: NDArray[Any], corners: NDArray[np.int64], mode: int, pixels: NDArray[Any], out: NDArray[Any]
) -> None: ...
