from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

def layer_forward(
    x: _Array,
    y: _Array,
    outer: int,
    weight: _Array | None,
    bias: _Array | None,
    mean: _Array | None,
    rstd: _Array | None,
    eps: float,
    centered: bool,
) -> None: ...
def layer_backward(
    dy: _Array, x: _Array, dx: _Array, outer: int, weight: _Array | None, mean: _Array | None, rstd: _Array
) -> _Array: ...
def batch_moments(x: _Array, y: _Array) -> tuple[_Array, _Array, _Array]: ...
def batch_sums(dy: _Array, x: _Array, dx: _Array, mean: _Array, rstd: _Array) -> _Array: ...
def batch_apply(
    x: _Array,
    dy: _Array | None,
    y: _Array,
    mean: _Array,
    rstd: _Array,
    a: _Array,
    b: _Array,
    scale: _Array,
    gain: _Array | None,
    offset: _Array | None,
) -> None: ...
