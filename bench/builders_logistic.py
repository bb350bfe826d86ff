"""Contenders for logistic and softmax regression that take more than a call: torch, JAX, SciPy and scikit-learn.

Inputs are (X, y, w, b) and, for a step, lr. w is (d,) and y float for a binary model; (d, K) and integer for softmax;
(d, K) and float, (n, K), for labels. X of other dtypes than that of w is converted in every call: it is kept small in
memory for a reason.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from bench import baselines
from bench.harness import Inputs, Run


def product(inputs: Inputs) -> Run:
    """Multiply ``X @ w``, nothing else, with X converted already."""
    X, w = (inputs.args[0], inputs.args[2] if len(inputs.args) > 3 else inputs.args[1])
    X = X.astype(w.dtype, copy=False)
    return partial(np.matmul, X, w, out=np.empty((len(X), *w.shape[1:]), w.dtype))


def _tensors(*arrays: Any) -> list[Any]:
    library = import_module("torch")
    return [library.from_numpy(a) for a in arrays]


def _torch_loss(X: Any, y: Any, w: Any, b: Any, scale: float) -> Any:
    functional = import_module("torch.nn.functional")
    z = X.to(w.dtype) @ (scale * w) + b
    if w.ndim == y.ndim:
        return functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(y)
    return functional.cross_entropy(z, y)


def torch_autograd(inputs: Inputs) -> Run:
    """Run forward and ``backward()``, as everybody trains with torch."""
    X, y, w, b = _tensors(*inputs.args[:4])
    w, b = w.requires_grad_(), b.requires_grad_()
    scale = inputs.kwargs.get("scale", 1.0)

    def run() -> tuple[Any, ...]:
        w.grad = b.grad = None
        loss = _torch_loss(X, y, w, b, scale)
        loss.backward()
        return loss, w.grad, b.grad

    return run


def torch_by_hand(inputs: Inputs) -> Run:
    """Write the gradient out, without autograd."""
    library = import_module("torch")
    X, y, w, b = _tensors(*inputs.args[:4])
    n = len(y)
    rows = library.arange(n)
    scale = inputs.kwargs.get("scale", 1.0)

    def run() -> tuple[Any, ...]:
        wide = X.to(w.dtype)
        z = wide @ (scale * w) + b
        if w.ndim == y.ndim:
            loss = library.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / n
            residual = library.sigmoid(z).sub_(y).div_(n)
        else:
            log_p = library.log_softmax(z, 1)
            loss = -log_p[rows, y].mean()
            residual = log_p.exp_()
            residual[rows, y] -= 1
            residual.div_(n)
        return loss, scale * (wide.T @ residual), residual.sum(0)

    return run


def torch_step(inputs: Inputs) -> Run:
    """Take the gradient from autograd, and an SGD step without momentum."""
    lr = inputs.args[4]
    own = Inputs((*inputs.args[:2], *(a.copy() for a in inputs.args[2:4])))
    w, b = _tensors(*own.args[2:4])
    gradient = torch_autograd(own)

    def run() -> tuple[Any, ...]:
        loss, dw, db = gradient()
        w.sub_(dw, alpha=lr)  # shares memory with the tensor that requires the gradient
        b.sub_(db, alpha=lr)
        return loss, w, b

    return run


def torch_predict(inputs: Inputs) -> Run:
    """Multiply, and finish in place."""
    X, w, b = _tensors(*inputs.args)
    if w.ndim == 1:
        return lambda: (X @ w).add_(b).sigmoid_()
    return lambda: (X @ w).add_(b).softmax(1)


def _jax_value(w: Any, b: Any, X: Any, y: Any, scale: float = 1.0) -> Any:
    jnp, nn = import_module("jax.numpy"), import_module("jax.nn")
    z = X.astype(w.dtype) @ (scale * w) + b
    if w.ndim == y.ndim:
        return jnp.sum(nn.softplus(z) - y * z) / len(y)
    return jnp.mean(nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], axis=1)[:, 0])


def _jax() -> Any:
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    return library


def jax_loss(inputs: Inputs) -> Run:
    """Compile loss and gradient."""
    library = _jax()
    X, y, w, b = library.device_put(inputs.args[:4])
    value = partial(_jax_value, scale=inputs.kwargs.get("scale", 1.0))
    compiled = library.jit(library.value_and_grad(value, argnums=(0, 1)))

    def run() -> tuple[Any, ...]:
        loss, (dw, db) = library.block_until_ready(compiled(w, b, X, y))
        return loss, dw, db

    return run


def jax_step(inputs: Inputs) -> Run:
    """Compile the whole update, which returns new arrays."""
    library = _jax()
    X, y, w, b = library.device_put(inputs.args[:4])
    lr = inputs.args[4]
    gradient = library.value_and_grad(_jax_value, argnums=(0, 1))

    def update(w: Any, b: Any, X: Any, y: Any) -> tuple[Any, ...]:
        loss, (dw, db) = gradient(w, b, X, y)
        return loss, w - lr * dw, b - lr * db

    compiled = library.jit(update)

    def run() -> tuple[Any, ...]:
        nonlocal w, b
        loss, w, b = library.block_until_ready(compiled(w, b, X, y))
        return loss, w, b

    return run


def jax_predict(inputs: Inputs) -> Run:
    """Compile the prediction."""
    library = _jax()
    X, w, b = library.device_put(inputs.args)
    activation = library.nn.sigmoid if w.ndim == 1 else library.nn.softmax
    compiled = library.jit(lambda X, w, b: activation(X @ w + b))
    return lambda: compiled(X, w, b).block_until_ready()


def sklearn_predict(inputs: Inputs) -> Run:
    """Call ``predict_proba`` of a model that has these weights."""
    X, w, b = inputs.args
    model = import_module("sklearn.linear_model").LogisticRegression()
    model.classes_ = np.arange(2 if w.ndim == 1 else w.shape[1])
    model.coef_ = np.atleast_2d(w.T)
    model.intercept_ = np.atleast_1d(b)
    return (lambda: model.predict_proba(X)[:, 1]) if w.ndim == 1 else partial(model.predict_proba, X)


def fastml_fit(inputs: Inputs) -> Run:
    """Fit, and keep the weights alone."""
    X, y = inputs.args
    fit = import_module("fastml").fit_logistic

    def run() -> tuple[Any, ...]:
        result = fit(X, y, **inputs.kwargs)
        return result.w, result.b

    return run


def scipy_fit(inputs: Inputs) -> Run:
    """Run SciPy's L-BFGS over NumPy's two passes."""
    X, y = inputs.args
    l2, tol = inputs.kwargs["l2"], inputs.kwargs["tol"]
    minimize = import_module("scipy.optimize").minimize

    def objective(v: Any) -> tuple[float, Any]:
        w = v[:-1]
        loss, dw, db = baselines.logistic_loss(X, y, w, v[-1])
        return loss + l2 * (w @ w), np.append(dw + 2 * l2 * w, db)

    def run() -> tuple[Any, ...]:
        options = {"gtol": tol, "ftol": 0.0}
        v = minimize(objective, np.zeros(X.shape[1] + 1), jac=True, method="L-BFGS-B", options=options).x
        return v[:-1], v[-1]

    return run


def sklearn_fit(inputs: Inputs) -> Run:
    """Minimise the same objective: scikit-learn adds |w|^2 / 2 to C times the *sum* of losses."""
    X, y = inputs.args
    estimator = import_module("sklearn.linear_model").LogisticRegression
    strength = 1 / (2 * len(y) * inputs.kwargs["l2"])

    def run() -> tuple[Any, ...]:
        model = estimator(C=strength, tol=inputs.kwargs["tol"]).fit(X, y)
        return model.coef_[0], model.intercept_[0]

    return run
