from typing import Any, Literal, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray
from typing_extensions import disjoint_base

@disjoint_base
class Problem:
    def __init__(
        self,
        X: NDArray[Any],
        target: NDArray[Any] | None,
        weight: NDArray[Any] | None,
        dtype: DTypeLike,
        classes: int,
        scale: float | None,
        multi_label: bool = False,
    ) -> None: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def n(self) -> int: ...
    @property
    def d(self) -> int: ...
    @property
    def classes(self) -> int: ...
    @property
    def multi_label(self) -> bool: ...
    @overload
    def evaluate(
        self, w: NDArray[Any], b: NDArray[Any], gradient: Literal[True] = True, rows: NDArray[np.int64] | None = None
    ) -> tuple[np.float64, NDArray[np.float64], NDArray[np.float64]]: ...
    @overload
    def evaluate(
        self, w: NDArray[Any], b: NDArray[Any], gradient: Literal[False], rows: NDArray[np.int64] | None = None
    ) -> tuple[np.float64, None, None]: ...
    @overload
    def evaluate(
        self, w: NDArray[Any], b: NDArray[Any], gradient: bool, rows: NDArray[np.int64] | None = None
    ) -> tuple[np.float64, Any, Any]: ...
    def curvature(
        self, w: NDArray[Any], b: NDArray[Any], rows: NDArray[np.int64] | None = None, diagonal: bool = False
    ) -> NDArray[np.float64]: ...
    def predict(self, w: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]: ...

@disjoint_base
class SparseProblem(Problem):
    def hessian_product(
        self, w: NDArray[Any], b: NDArray[Any], v: NDArray[Any], v_b: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
