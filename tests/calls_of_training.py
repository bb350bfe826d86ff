"""The table of calls: logistic regression, fits, early stopping, threads."""

import numpy as np
from calls_made import CALLS, CLASSES, FEATURES, Call, Sparse, add, data, draw, images

import fastml


def _regressions() -> None:
    def w(*classes: int) -> np.ndarray:
        return draw(FEATURES * int(np.prod(classes)), 8).reshape(FEATURES, *classes) * np.float32(0.1)

    def grad(X, y, w, b=0.0, **keywords):
        return X, y, w, b, {"return_grad": True, "l2": 0.01, **keywords}

    def bytes_(n):
        return images(2 * n).reshape(-1)[: max(n // FEATURES, 2) * FEATURES].reshape(-1, FEATURES)

    add("logistic_loss", lambda n: grad(data(n)[0], data(n)[1] % 2, w()))
    add("logistic_loss of classes", lambda n: grad(*data(n), w(CLASSES), np.zeros(CLASSES, "f4"), l1=0.1))
    add("logistic_loss of labels", lambda n: grad(data(n)[0], np.eye(CLASSES)[data(n)[1]], w(CLASSES)))
    add("logistic_loss of columns", lambda n: grad(np.asfortranarray(data(n)[0]), data(n)[1] % 2, w()))
    add("logistic_loss of bytes", lambda n: grad(bytes_(n), np.arange(len(bytes_(n))) % 2, w(), scale=1 / 255))
    add(
        "logistic_loss with weights",
        lambda n: grad(data(n)[0], data(n)[1] % 2, w(), sample_weight=np.linspace(0, 1, len(data(n)[0]))),
    )
    add("logistic_loss of sparse rows", lambda n: grad(Sparse(data(n)[0]), data(n)[1] % 2, w()))
    add("logistic_loss of sparse classes", lambda n: grad(Sparse(data(n)[0]), data(n)[1], w(CLASSES)))
    add(
        "logistic_step",
        lambda n: ({"X": data(n)[0], "y": data(n)[1] % 2, "w": w(), "b": np.zeros(1, "f4"), "lr": 0.1},),
        "w", "b",
    )  # fmt: skip
    add("predict_logistic", lambda n: (data(n)[0], w(), {}))
    add("predict_logistic of sparse classes", lambda n: (Sparse(data(n)[0]), w(CLASSES), {}))


def _fits() -> None:
    def fit(n, solver, binary=True, sparse=False, **keywords):
        X, y = data(n)
        y = (X[:, 0] + X[:, 1] + draw(len(X), 9) > 0).astype(int) if binary else y
        return Sparse(X) if sparse else X, y, {"solver": solver, "max_iter": 6, "l2": 1e-3, **keywords}

    add("fit_logistic", lambda n: fit(n, "auto"))
    add("fit_logistic in place", lambda n: fit(n, "lbfgs", w=np.zeros(FEATURES, "f4"), b=np.zeros(1, "f4")), "w", "b")
    add("fit_logistic by lbfgs of classes", lambda n: fit(n, "lbfgs", False))
    add("fit_logistic by newton-cholesky of classes", lambda n: fit(n, "newton-cholesky", False))
    add("fit_logistic by proximal-newton", lambda n: fit(n, "proximal-newton", l1=1e-3))
    add("fit_logistic by sgd", lambda n: fit(n, "sgd", rng=1, max_iter=2))
    add("fit_logistic of sparse rows", lambda n: fit(n, "auto", sparse=True))
    add("fit_logistic of sparse classes", lambda n: fit(n, "lbfgs", False, True))
    add("fit_logistic with early stopping", _stopped, "early_stopping")


def _stopped(n: int) -> tuple:
    X, y = data(n)
    y = (X[:, 0] > 0).astype(int)
    keywords = {"validation_data": (X[:50], y[:50]), "early_stopping": fastml.EarlyStopping(2), "max_iter": 6}
    return X, y, keywords


def _rest() -> None:
    def stop(n):
        stopping, w = fastml.EarlyStopping(2), draw(n)
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


for _part in (_regressions, _fits, _rest):
    _part()
