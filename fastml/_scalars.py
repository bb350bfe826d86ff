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
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.empty(0)
    if array.ndim == 0 and array.dtype.kind in "iuf":
        return float(array)
    came = type(value).__name__ if array.ndim == 0 else f"{type(value).__name__} of shape {array.shape}"
    raise TypeError(f"{name}: expected a real number, got {came}")
