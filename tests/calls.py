"""One table of calls: every public function and its main ways through the code, at any size.

`build(name, n)` returns a `Call` over some n elements. The tests of threads, leaks and failing allocations and
`tools/reliability.py` go over this table; a new public function needs a line here.
"""

import copy
import functools
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
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif isinstance(value, fastml.FitResult):
        yield from (value.w, value.b, np.float64(value.loss), np.int64(value.n_iter))
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


def _draw(n: int, seed: int = 1, dtype: str = "f4") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(max(n, 1), np.float32).astype(dtype)


def _rows(n: int, seed: int = 1, dtype: str = "f4", columns: int = COLUMNS) -> np.ndarray:
    count = max(n // columns, 2)
    return _draw(count * columns, seed, dtype).reshape(count, columns)


def _chances(n: int, seed: int = 1) -> np.ndarray:
    return fastml.sigmoid(_rows(n, seed))


def _data(n: int) -> tuple[np.ndarray, np.ndarray]:
    X = _rows(n, 3, columns=FEATURES)
    return X, np.arange(len(X)) % CLASSES


def _images(n: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (max(n // 192, 2), 8, 8, 3), np.uint8)


CALLS: dict[str, Callable[[int], Call]] = {}


def _add(name: str, make: Callable[[int], tuple], *changed: str) -> None:
    def built(n: int) -> Call:
        *arguments, keywords = make(n)
        place = fastml.ufuncs if name.endswith("ufunc") else fastml
        return Call(getattr(place, name.split()[0]), tuple(arguments), keywords, changed)

    assert name not in CALLS
    CALLS[name] = built


def _elementwise() -> None:
    for name in ("sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu"):
        _add(name, lambda n: (_draw(n), {}))
        _add(f"{name}_backward", lambda n: (_draw(n), _draw(n, 2), {}))
    for name in ("leaky_relu", "elu", "soft_threshold"):
        _add(name, lambda n: (_draw(n), 0.25, {}))
        if name != "soft_threshold":
            _add(f"{name}_backward", lambda n: (_draw(n), _draw(n, 2), 0.25, {}))
    _add("elu of an array", lambda n: (_draw(n), np.abs(_draw(n, 2)), {}))
    _add("sigmoid of float64", lambda n: (_draw(n, 1, "f8"), {}))
    _add("sigmoid of float16", lambda n: (_draw(n, 1, "f2"), {}))
    _add("sigmoid to out", lambda n: (_draw(n), {"out": np.zeros(max(n, 1), "f4")}), "out")
    _add("sigmoid of strides", lambda n: (_draw(2 * n)[::2], {}))
    _add("sigmoid of numbers", lambda n: (list(range(min(n, 1000))), {}))
    _add("sigmoid where", lambda n: (_draw(n), {"where": _draw(n, 2) > 0, "out": np.zeros(max(n, 1), "f4")}), "out")
    _add("tanh by the ufunc", lambda n: (_draw(n), {}))
    _add("gelu_backward by the ufunc", lambda n: (_rows(n), _rows(n, 2).astype("f8"), {}))


def _along_axis() -> None:
    for name in ("softmax", "log_softmax", "logsumexp"):
        _add(name, lambda n: (_rows(n), {}))
        _add(f"{name} of long rows", lambda n: (_rows(n, 1, "f8", 1000), {}))
        _add(f"{name} along columns", lambda n: (_rows(n, 1, "f4", 400), {"axis": 0}))
        _add(f"{name} where", lambda n: (_rows(n), {"where": _rows(n, 2) > 0}))
    for name in ("softmax_backward", "log_softmax_backward"):
        _add(name, lambda n: (_rows(n), _chances(n, 2), {}))
        _add(f"{name} of another dtype", lambda n: (_rows(n), _rows(n, 2, "f8"), {}))
    _add("softmax of float16 to out", lambda n: (_rows(n, 1, "f2"), {"out": np.zeros_like(_rows(n, 1, "f2"))}), "out")
    _add("softmax of columns of columns", lambda n: (_rows(n)[:, ::2], {"axis": 0}))
    _add("entropy", lambda n: (_chances(n), {}))


def _losses() -> None:
    def weight(n: int) -> np.ndarray:
        return np.abs(_draw(len(_rows(n)), 4))

    for name in ("mse_loss", "rmse_loss", "mae_loss", "huber_loss", "binary_cross_entropy_with_logits"):
        _add(name, lambda n: (_rows(n), _chances(n, 2), {}))
        _add(f"{name} with gradient", lambda n: (_rows(n), _chances(n, 2), {"return_grad": True}))
        _add(
            f"{name} with weights",
            lambda n: (_rows(n)[:, ::-1], _rows(n, 2) > 0, {"sample_weight": weight(n), "return_grad": True}),
        )
    _add("binary_cross_entropy", lambda n: (_chances(n), _chances(n, 2), {"return_grad": True}))
    _add("mse_loss of each", lambda n: (_rows(n), _rows(n, 2), {"reduction": "none", "return_grad": True}))
    pos = np.linspace(0.5, 2, COLUMNS, dtype="f4")
    _add(
        "binary_cross_entropy_with_logits with pos_weight",
        lambda n: (_rows(n), _rows(n, 2) > 0, {"pos_weight": pos, "label_smoothing": 0.1, "out": _rows(n),
                                               "return_grad": True}),
        "out",
    )  # fmt: skip

    def classes(n: int) -> np.ndarray:
        return np.arange(len(_rows(n))) % COLUMNS

    _add("cross_entropy", lambda n: (_rows(n), classes(n), {}))
    _add("cross_entropy with gradient", lambda n: (_rows(n), classes(n), {"return_grad": True}))
    _add(
        "cross_entropy with weights",
        lambda n: (_rows(n), classes(n), {"class_weight": np.linspace(1, 2, COLUMNS), "sample_weight": weight(n),
                                          "label_smoothing": 0.1, "ignore_index": 3, "return_grad": True}),
    )  # fmt: skip
    _add("cross_entropy of chances", lambda n: (_rows(n), fastml.softmax(_rows(n, 2)), {"return_grad": True}))
    _add("cross_entropy of each", lambda n: (_rows(n, 1, "f8"), classes(n), {"reduction": "none", "return_grad": True}))


def _norms() -> None:
    def scale(seed: int) -> np.ndarray:
        return _draw(COLUMNS, seed)

    def images(n: int, seed: int = 1) -> np.ndarray:
        return _draw(max(n // 192, 2) * 192, seed).reshape(-1, 3, 8, 8)

    for name in ("layer_norm", "rms_norm"):
        _add(name, lambda n: (_rows(n), scale(2), {}))
        _add(f"{name} along columns", lambda n: (_rows(n, 1, "f8", 400), {"axis": 0, "return_stats": True}))
        _add(f"{name} of float16 to out", lambda n: (_rows(n, 1, "f2"), {"out": _rows(n, 1, "f2")}), "out")
    stats = [lambda n, seed=seed: np.abs(_draw(len(_rows(n)), seed)).reshape(-1, 1) for seed in (6, 7)]
    _add("layer_norm_backward", lambda n: (_rows(n), _rows(n, 2), stats[0](n), stats[1](n), scale(3), {}))
    _add("rms_norm_backward", lambda n: (_rows(n), _rows(n, 2), stats[1](n), scale(3), {}))
    ones = np.ones(3, "f4")
    _add("batch_norm", lambda n: (images(n), {"running_mean": ones, "running_var": ones, "weight": ones}))
    _add(
        "batch_norm in training",
        lambda n: (images(n), {"running_mean": ones.copy(), "running_var": ones.copy(), "training": True,
                               "return_stats": True}),
        "running_mean", "running_var",
    )  # fmt: skip
    _add("batch_norm_backward", lambda n: (images(n), images(n, 2), ones, ones, ones, {}))
    _add("batch_norm_backward of columns", lambda n: (_rows(n), _rows(n, 2), scale(3), np.abs(scale(4)), {}))


def _noise_and_steps() -> None:
    _add("dropout", lambda n: (_draw(n), 0.3, {"rng": 1, "return_key": True}))
    _add("dropout of a Generator", lambda n: (_draw(n), {"rng": np.random.default_rng(3)}), "rng")
    _add("dropout_backward", lambda n: (_rows(n).T, 0.3, 12345, {}))
    _add("gaussian_noise", lambda n: (_draw(n), 0.3, {"rng": 1}))
    _add(
        "gaussian_noise to out",
        lambda n: (_rows(n, 1, "f8"), 2, {"rng": 1, "out": _rows(n, 1, "f8")}),
        "out",
    )
    for name in ("l1_penalty", "l2_penalty"):
        _add(name, lambda n: (_draw(n), 1e-3, {"return_grad": True}))
        _add(
            f"{name} added",
            lambda n: (_draw(n), 1e-3, {"return_grad": True, "accumulate": True, "out": _draw(n, 2)}),
            "out",
        )

    def state(n: int, *names: str) -> dict[str, np.ndarray]:
        return {name: np.abs(_draw(n, 10 + k)) for k, name in enumerate(names)}

    _add("sgd_step", lambda n: ({"grad": _draw(n), "lr": 0.1, "l2": 0.01, **state(n, "param")},), "param")
    _add(
        "sgd_step with momentum",
        lambda n: ({"grad": _draw(n, 1, "f2"), "lr": 0.1, "momentum": 0.9, **state(n, "param", "velocity")},),
        "param", "velocity",
    )  # fmt: skip
    _add(
        "adam_step",
        lambda n: ({"grad": _draw(n), "step": 3, "weight_decay": 0.1, **state(n, "param", "m", "v")},),
        "param", "m", "v",
    )  # fmt: skip


def _images_and_texts() -> None:
    _add("random_flip", lambda n: (_images(n), {"vertical": 0.5, "rng": 1, "return_params": True}))
    _add("random_flip to out", lambda n: (_images(n)[:, ::-1], {"rng": 1, "out": _images(n)}), "out")
    _add("random_crop", lambda n: (_images(n), 8, {"padding": 2, "rng": 1, "return_params": True}))
    _add("random_crop reflected", lambda n: (_images(n), (4, 6), {"padding": 3, "mode": "reflect", "rng": 1}))
    text = "The Big CAR is fast.  I don't like the BIG car; its engine is a noisy and expensive machine. "
    _add("synonym_replace", lambda n: ([text] * max(n // 2000, 2), 0.5, {"rng": 1}))


def _regressions() -> None:
    def w(*classes: int) -> np.ndarray:
        return _draw(FEATURES * int(np.prod(classes)), 8).reshape(FEATURES, *classes) * np.float32(0.1)

    def grad(X, y, w, b=0.0, **keywords):
        return X, y, w, b, {"return_grad": True, "l2": 0.01, **keywords}

    def bytes_(n):
        return _images(2 * n).reshape(-1)[: max(n // FEATURES, 2) * FEATURES].reshape(-1, FEATURES)

    _add("logistic_loss", lambda n: grad(_data(n)[0], _data(n)[1] % 2, w()))
    _add("logistic_loss of classes", lambda n: grad(*_data(n), w(CLASSES), np.zeros(CLASSES, "f4"), l1=0.1))
    _add("logistic_loss of labels", lambda n: grad(_data(n)[0], np.eye(CLASSES)[_data(n)[1]], w(CLASSES)))
    _add("logistic_loss of columns", lambda n: grad(np.asfortranarray(_data(n)[0]), _data(n)[1] % 2, w()))
    _add("logistic_loss of bytes", lambda n: grad(bytes_(n), np.arange(len(bytes_(n))) % 2, w(), scale=1 / 255))
    _add(
        "logistic_loss with weights",
        lambda n: grad(_data(n)[0], _data(n)[1] % 2, w(), sample_weight=np.linspace(0, 1, len(_data(n)[0]))),
    )
    _add("logistic_loss of sparse rows", lambda n: grad(Sparse(_data(n)[0]), _data(n)[1] % 2, w()))
    _add("logistic_loss of sparse classes", lambda n: grad(Sparse(_data(n)[0]), _data(n)[1], w(CLASSES)))
    _add(
        "logistic_step",
        lambda n: ({"X": _data(n)[0], "y": _data(n)[1] % 2, "w": w(), "b": np.zeros(1, "f4"), "lr": 0.1},),
        "w", "b",
    )  # fmt: skip
    _add("predict_logistic", lambda n: (_data(n)[0], w(), {}))
    _add("predict_logistic of sparse classes", lambda n: (Sparse(_data(n)[0]), w(CLASSES), {}))


def _fits() -> None:
    def fit(n, solver, binary=True, sparse=False, **keywords):
        X, y = _data(n)
        y = (X[:, 0] + X[:, 1] + _draw(len(X), 9) > 0).astype(int) if binary else y
        return Sparse(X) if sparse else X, y, {"solver": solver, "max_iter": 6, "l2": 1e-3, **keywords}

    _add("fit_logistic", lambda n: fit(n, "auto"))
    _add("fit_logistic in place", lambda n: fit(n, "lbfgs", w=np.zeros(FEATURES, "f4"), b=np.zeros(1, "f4")), "w", "b")
    _add("fit_logistic by lbfgs of classes", lambda n: fit(n, "lbfgs", False))
    _add("fit_logistic by newton-cholesky of classes", lambda n: fit(n, "newton-cholesky", False))
    _add("fit_logistic by proximal-newton", lambda n: fit(n, "proximal-newton", l1=1e-3))
    _add("fit_logistic by sgd", lambda n: fit(n, "sgd", rng=1, max_iter=2))
    _add("fit_logistic of sparse rows", lambda n: fit(n, "auto", sparse=True))
    _add("fit_logistic of sparse classes", lambda n: fit(n, "lbfgs", False, True))
    _add("fit_logistic with early stopping", _stopped, "early_stopping")


def _stopped(n: int) -> tuple:
    X, y = _data(n)
    y = (X[:, 0] > 0).astype(int)
    keywords = {"validation_data": (X[:50], y[:50]), "early_stopping": fastml.EarlyStopping(2), "max_iter": 6}
    return X, y, keywords


def _rest() -> None:
    def stop(n):
        stopping, w = fastml.EarlyStopping(2), _draw(n)
        for value in (3.0, 1.0, 2.0, 2.0):
            stopping.update(value, w)
        resumed = fastml.EarlyStopping(2)
        resumed.load_state_dict(stopping.state_dict())
        return resumed.best, resumed.best_params

    CALLS["EarlyStopping"] = lambda n: Call(stop, (n,), {})

    def threads(n):
        with fastml.num_threads(fastml.get_num_threads()):
            pass
        return int(fastml.show_config(mode="dicts")["threads"] == fastml.get_num_threads())

    CALLS["num_threads, get_num_threads, set_num_threads, show_config"] = lambda n: Call(threads, (n,), {})


for _part in (
    _elementwise,
    _along_axis,
    _losses,
    _norms,
    _noise_and_steps,
    _images_and_texts,
    _regressions,
    _fits,
    _rest,
):
    _part()


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all calls."""
    return tuple(CALLS)


def build(name: str, n: int) -> Call:
    """Return the call of that name over some n elements."""
    return CALLS[name](n)
