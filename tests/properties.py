"""What holds for every public function: a call that can be repeated, laid out anew, or spoiled in one argument.

A family's file says how its arguments are drawn and what is right; the properties themselves are here.
"""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import assert_same_bits, silent
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from property_arrays import WRITEABLE, around, arrays, lay, memory_of, plain

# The quick profile is the same everywhere and every time; tools/fuzz.py asks for "fuzz"; "draft" shrinks nothing.
settings.register_profile("quick", max_examples=25, derandomize=True)
settings.register_profile("fuzz", max_examples=60, database=None, print_blob=True)
settings.register_profile("draft", settings.get_profile("quick"), phases=[Phase.generate])
PROFILE = os.environ.get("FASTML_PROPERTIES", "quick")
properties = settings(
    settings.get_profile(PROFILE),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@dataclasses.dataclass
class Call:
    """A call of a public function.

    The first `positional` arguments go without their names. `written` are updated in place; `out` is the shape and
    dtype of what out= takes, at place `out_at` of the results; `in_place` may be that out itself.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    positional: int = 1
    written: tuple[str, ...] = ()
    out: tuple[tuple[int, ...], np.dtype] | None = None
    out_at: int = 0
    in_place: tuple[str, ...] = ()
    keeps_subclass: bool = False
    wrong: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    def __call__(self, **changed):
        """Return the results as a tuple; a warning is an error."""
        arguments = {**self.arguments, **changed}
        first = [arguments.pop(name) for name in list(self.arguments)[: self.positional]]
        with silent():
            results = self.function(*first, **arguments)
        return results if isinstance(results, tuple) else (results,)

    def copied(self):
        """Return the arguments, those that are written to as copies of the same layout."""
        return {name: same_layout(value) if name in self.written else value for name, value in self.arguments.items()}

    def plain(self):
        """Return the arguments as fresh dense arrays."""
        return {name: plain(value) for name, value in self.arguments.items()}


def same_layout(array):
    """A copy of an array together with the memory around it."""
    memory = memory_of(array)
    if not array.size:
        return array.copy()
    copy = memory.copy(order="A")
    return np.ndarray(array.shape, array.dtype, copy, array.ctypes.data - memory.ctypes.data, array.strides)


def snapshot(values):
    """The bytes of all memory that the arrays lie in."""
    return [memory_of(v).tobytes("A") for v in values if isinstance(v, np.ndarray) and not v.dtype.hasobject]


def results_of(call, **changed):
    """Return all results and all arrays written to, after a look at what must not have changed."""
    given = {**call.copied(), **changed}
    writes = [given[name] for name in (*call.written, "out") if given.get(name) is not None]
    memories = {id(memory_of(w)) for w in writes}
    reads = [v for v in given.values() if isinstance(v, np.ndarray) and id(memory_of(v)) not in memories]
    before = snapshot(reads), [around(w) for w in writes]
    results = call(**given)
    assert (snapshot(reads), [around(w) for w in writes]) == before
    return [r for r in (*results, *(given[name] for name in call.written)) if r is not None]


def assert_equal_bits(results, expected, any_nan=False):
    """All results have the same bits; with `any_nan` a NaN is met by one of either sign."""
    assert len(results) == len(expected)
    for result, right in zip(results, expected, strict=True):
        result, right = np.asarray(result), np.asarray(right)
        if any_nan:
            result, right = (np.where(np.isnan(v), np.array(np.nan, v.dtype), v) for v in (result, right))
        if right.dtype.kind == "f":
            assert_same_bits(result.astype(right.dtype), right)
        else:
            np.testing.assert_array_equal(result, right)


def same_bits_in_every_layout(call, data, any_nan=False):
    """The layout of arguments and of out= changes no bit, and nothing is written to beside the results."""
    expected = results_of(dataclasses.replace(call, arguments=call.plain()))
    assert_equal_bits(results_of(call), expected, any_nan)
    if call.out is None:
        return
    shape, dtype = call.out
    out = data.draw(arrays(shape, dtype, layouts=WRITEABLE))
    results = results_of(call, out=out)
    assert results[call.out_at] is out
    assert_equal_bits(results, expected, any_nan)
    for name in call.in_place:
        own = np.asarray(call.arguments[name])
        if (own.shape, own.dtype) == call.out and own.dtype.isnative:
            own = lay(np.random.default_rng(0), plain(own), data.draw(st.sampled_from(WRITEABLE)))
            results = results_of(call, **{name: own, "out": own})
            assert results[call.out_at] is own
            assert_equal_bits(results, expected, any_nan)


def refuses(call, data, any_message=False):
    """One wrong argument is refused by its name, and no array has changed."""
    name = data.draw(st.sampled_from(sorted(call.wrong)))
    wrong = data.draw(st.sampled_from(range(len(call.wrong[name]))).map(call.wrong[name].__getitem__))
    given = {**call.copied(), **(wrong if isinstance(wrong, Together) else {name: wrong})}
    before = snapshot(given.values())
    with pytest.raises((TypeError, ValueError), match=None if any_message else name):
        call(**given)
    assert snapshot(given.values()) == before


class Together(dict):
    """Several arguments that are wrong together; the message names the key that they are under."""
