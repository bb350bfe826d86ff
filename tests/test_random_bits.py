"""Threefry4x32-20: its published test vectors, an implementation in NumPy, and what the compiler made of the loop."""

import numpy as np
import pytest
import reference_random
from assembly import innermost_loops, read_functions
from test_vectorized import REGISTERS, give_up, objdump, pytestmark  # noqa: F401

# Random123's kat_vectors for threefry4x32, 20 rounds: counter, key, words. The digits are those of pi.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000 00000000 00000000",
     "9c6ca96a e17eae66 fc10ecd4 5256a7d8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff ffffffff ffffffff",
     "2a881696 57012287 f6c7446e a16a6732"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0 082efa98 ec4e6c89",
     "59cd1dbb b8879579 86b5d00c ac8b6d84"),
]  # fmt: skip


def numbers(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.fixture
def threefry(fastml, isa):
    from fastml import _random

    return _random.threefry


@pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
def test_published_vectors(threefry, counter, key, words):
    counter, key, words = map(numbers, (counter, key, words))
    assert tuple(threefry(key, counter)[:, 0]) == words
    assert tuple(map(int, reference_random.threefry(key, counter))) == words


def test_every_lane(threefry, rng):
    for _ in range(50):
        key, counter = (tuple(map(int, rng.integers(2**32, size=4))) for _ in range(2))
        lanes = (np.arange(reference_random.LANES, dtype=np.uint64) + np.uint64(counter[0])) % np.uint64(2**32)
        expected = np.stack(reference_random.threefry(key, (lanes, *counter[1:])))
        np.testing.assert_array_equal(threefry(key, counter), expected)


@pytest.mark.parametrize("isa_name", REGISTERS)
def test_the_loop_is_vectorized(fastml, isa_name):
    from fastml import _fastml_runtime

    functions = read_functions(_fastml_runtime.__file__)
    if not functions:
        give_up(f"{_fastml_runtime.__file__} is stripped of its symbols")
    register = REGISTERS[isa_name]
    counts = []
    for loop in innermost_loops(functions[f"threefry_{isa_name}_u32"]):
        exclusive_or = [i for i in loop if "pxor" in i.mnemonic or "pternlog" in i.mnemonic]
        counts.append(len(exclusive_or))
        assert all(f"%{register}" in i.operands for i in exclusive_or), (isa_name, loop)
    assert max(counts) > 36  # two a round, of which the first need not be in the loop
