"""What a line of the table of calls is made of: the call, and arrays of some n elements for it."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastml
import fastml.ufuncs

COLUMNS, FEATURES, CLASSES = 40, 32, 5


class Call(NamedTuple):
    """A function with its arguments, and the names of the keywords whose arrays it changes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    changed: tuple[str, ...] = ()

    def __call__(self) -> Any:
        return self.function(*self.arguments, **self.keywords)

    def apart(self) -> "Call":
        """Return the same call with copies of the arrays that it changes."""
        kept = {name: copy.deepcopy(self.keywords[name]) for name in self.changed}
        return self._replace(keywords=self.keywords | kept)

    def arrays(self) -> list[np.ndarray]:
        """Return all argument arrays."""
        return list(leaves((self.arguments, self.keywords)))

    def outcome(self) -> list[np.ndarray]:
        """Call it; return the result and the changed arrays as a list of arrays."""
        result = self()
        return [np.array(leaf) for leaf in leaves((result, [self.keywords[name] for name in self.changed]))]


def leaves(value):
    """Yield the arrays and numbers in nested results."""
    if isinstance(value, fastml.FitResult):
        yield from (value.w, value.b, np.float64(value.loss), np.int64(value.n_iter))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif isinstance(value, Sparse):
        yield from (value.data, value.indices, value.indptr)
    elif isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (np.generic, str, int, float)):
        yield np.array(value)


class Sparse:
    """A matrix in compressed rows, of SciPy's kind: one number in eight."""

    format, tocsr = "csr", print

    def __init__(self, X: np.ndarray) -> None:
        self.shape = X.shape
        row, self.indices = np.nonzero(np.arange(X.size).reshape(X.shape) % 8 == 0)
        self.data = X[row, self.indices]
        self.indptr = np.searchsorted(row, np.arange(len(X) + 1))


def draw(n: int, seed: int = 1, dtype: str = "f4") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(max(n, 1), np.float32).astype(dtype)


def rows(n: int, seed: int = 1, dtype: str = "f4", columns: int = COLUMNS) -> np.ndarray:
    count = max(n // columns, 2)
    return draw(count * columns, seed, dtype).reshape(count, columns)


def chances(n: int, seed: int = 1) -> np.ndarray:
    return fastml.sigmoid(rows(n, seed))


def data(n: int) -> tuple[np.ndarray, np.ndarray]:
    X = rows(n, 3, columns=FEATURES)
    return X, np.arange(len(X)) % CLASSES


def images(n: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (max(n // 192, 2), 8, 8, 3), np.uint8)


CALLS: dict[str, Callable[[int], Call]] = {}


def add(name: str, make: Callable[[int], tuple], *changed: str) -> None:
    def built(n: int) -> Call:
        *arguments, keywords = make(n)
        place = fastml.ufuncs if name.endswith("ufunc") else fastml
        return Call(getattr(place, name.split()[0]), tuple(arguments), keywords, changed)

    assert name not in CALLS
    CALLS[name] = built
