"""Checks of numbers given as arguments; every message names the argument, what was expected and what came."""

import operator
from typing import SupportsFloat, SupportsIndex

import numpy as np


def integer(name: str, value: SupportsIndex, least: int) -> int:
    """Return value as an int of at least `least`; bool is refused."""
    expected = f"{name}: expected an integer of at least {least}"
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{expected}, got a bool")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{expected}, got {type(value).__name__}") from None
    if number < least:
        raise ValueError(f"{expected}, got {number}")
    return number


def real(name: str, value: SupportsFloat) -> float:
    """Return one real number, a zero-dimensional array included, as a float; bool and text are refused."""
    came = type(value).__name__
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        raise TypeError(f"{name}: expected a real number, got {came}") from None
    if array.ndim:
        came += f" of shape {array.shape}"
    if array.ndim or array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected a real number, got {came}")
    return float(array)
