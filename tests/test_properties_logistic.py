"""Properties of logistic_loss, logistic_step, predict_logistic and fit_logistic, over dense X and CSR."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import property_wrong as wrong
import pytest
import reference
from conftest import silent
from hypothesis import given
from hypothesis import strategies as st
from properties import Call, properties, refuses, results_of, same_bits_in_every_layout
from property_arrays import READABLE, WIDE, WRITEABLE, arrays, dtypes, lay, plain

FUNCTIONS = ("logistic_loss", "logistic_step", "predict_logistic")
SOLVERS = ("auto", "lbfgs", "newton-cholesky", "proximal-newton", "sgd")
every_function = pytest.mark.parametrize("name", FUNCTIONS)
DATA = st.data()
PENALTIES = st.sampled_from([0, 0.0, 0.25, 2.0**-10, np.float32(0.5)])


def csr(X, rng, index):
    """X in compressed rows, some zeros kept, the columns of a row in any order."""
    X = plain(np.asarray(X))
    rows = [rng.permutation(np.flatnonzero((row != 0) | (rng.random(row.size) < 0.1))) for row in X]
    indptr = np.cumsum([0, *map(len, rows)]).astype(index)
    data = np.concatenate([X[i, columns] for i, columns in enumerate(rows)] or [X[:0].ravel()])
    indices = np.concatenate([*rows, np.zeros(0)]).astype(index)
    return SimpleNamespace(data=data, indices=indices, indptr=indptr, shape=X.shape, format="csr", tocsr=lambda: None)


def draw_labels(draw, n, K, multi):
    """Labels of any dtype and layout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = ("u1", "i1", "i8", "u8", *(() if K > 1 and not multi else ("f2", "f8", "?")))
    dtype = draw(dtypes(kinds))
    y = rng.integers(0, 2 if multi or K == 1 else K, (n, K) if multi else n).astype(dtype)
    return lay(rng, y, draw(st.sampled_from([k for k in READABLE if k not in ("overlapping", "matrix")])))


def draw_call(draw, fastml, name, kind="any"):
    """X dense or sparse, labels, a model of any shape, penalties, weights, a scale."""
    n, d = draw(st.sampled_from([0, 1, 2, 7, 8, 33, 130])), draw(st.sampled_from([0, 1, 3, 16, 17, 40]))
    K, dtype = draw(st.sampled_from([1, 1, 2, 3, 10, 17])), np.dtype(draw(st.sampled_from(WIDE)))
    multi = K > 1 and draw(st.booleans())
    tame = "tame" if kind == "tame" else draw(st.sampled_from(["any", "finite", "tame"]))
    X = draw(arrays((n, d), draw(dtypes()) if kind == "any" else dtype, tame))
    if kind == "tame":
        X = (plain(X) / 8).astype(X.dtype)
    if draw(st.integers(0, 3)) == 0:
        X = csr(X, np.random.default_rng(d), draw(st.sampled_from(["i4", "i8"])))
    layouts = WRITEABLE if name == "logistic_step" else tuple(k for k in READABLE if k != "matrix")
    w = draw(arrays((d,) if K == 1 else (d, K), dtype, tame, layouts))
    b = draw(arrays(draw(st.sampled_from([(1,), (K,)])), dtype, tame, layouts))
    values = {"X": X, "y": draw_labels(draw, n, K, multi), "w": w, "b": b}
    if name == "predict_logistic":
        del values["y"]
        values["multi_label"] = multi
    elif draw(st.booleans()):
        values["sample_weight"] = draw(arrays((n,), draw(dtypes(("u1", "?", "f2", "f8"))), "unit"))
    if name == "logistic_step":
        values["lr"] = draw(PENALTIES)
    positional = {"logistic_loss": 4, "logistic_step": 5, "predict_logistic": 3}[name]
    order = [k for k in ("X", "y", "w", "b", "lr") if k in values]
    values = {k: values[k] for k in (*order, *(k for k in values if k not in order))}
    if draw(st.booleans()):
        values["scale"] = draw(st.sampled_from([1, -0.5, 2.0**-8, np.float32(0.25), 0]))
    if name != "predict_logistic" and draw(st.booleans()):
        values.update(l1=draw(PENALTIES), l2=draw(PENALTIES))
    if name == "logistic_loss":
        values["return_grad"] = True
    return Call(getattr(fastml, name), values, positional, ("w", "b") if name == "logistic_step" else ())


def dense(X):
    """The numbers of a matrix in compressed rows."""
    if isinstance(X, np.ndarray):
        return X
    full = np.zeros(X.shape, X.data.dtype.newbyteorder("="))
    np.add.at(full, (np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices), X.data)
    return full


@every_function
@properties
@given(data=DATA)
def test_agrees_with_the_reference(name, fastml, data):
    call = draw_call(data.draw, fastml, name, "tame")
    values = call.plain()
    values["X"], dtype = dense(values["X"]), values["w"].dtype
    n, d = values["X"].shape
    results = results_of(call)
    if n == 0 or not np.sum(values.get("sample_weight", 1)):
        return
    multi = values.pop("multi_label", False)
    values["y"] = np.asarray(values["y"], "i8") if "y" in values else None
    if values["y"] is None:
        del values["y"]
        z = (values["X"].astype("f8") * float(values.get("scale", 1))) @ values["w"].astype("f8") + values["b"]
        exact = (reference.sigmoid(z) if multi else reference.predict_logistic(**values),)
    else:
        exact = getattr(reference, name)(**values)
    slope = 1 + float(abs(values.get("lr", 0)))
    scores = np.abs(values["X"].astype("f8") * float(values.get("scale", 1))) @ np.abs(values["w"].astype("f8"))
    size = max(np.max(scores, initial=1), np.max(np.abs(values["b"]), initial=1))
    size *= max(1, np.max(np.abs(values["X"]), initial=0), np.max(np.abs(values["w"]), initial=0) ** 2)
    allowed = float((32 + 8 * np.sqrt(d)) * np.finfo(dtype).eps * size * slope)
    weights = values["w"].size if values.get("l1") or values.get("l2") else 1
    for got, right in zip(results, exact, strict=True):
        assert np.shape(got) == np.shape(right)
        np.testing.assert_allclose(got, right, rtol=allowed, atol=allowed * (1 + weights + values["w"].size))


@every_function
@properties
@given(data=DATA)
def test_same_bits_in_every_layout(name, fastml, data):
    call = draw_call(data.draw, fastml, name)
    same_bits_in_every_layout(call, data)
    X = call.arguments["X"]
    if not isinstance(X, np.ndarray):
        moved = SimpleNamespace(**vars(X))
        for part in ("data", "indices", "indptr"):
            how = data.draw(st.sampled_from([*WRITEABLE, "read-only", "subclass"]))
            setattr(moved, part, lay(np.random.default_rng(0), getattr(X, part), how))
        results = results_of(call, X=moved)
        for got, right in zip(results, results_of(call), strict=True):
            np.testing.assert_array_equal(got, right)


def wrong_data(call, n, d, K, multi):
    """What X, y and sample_weight must not be."""
    X, y = dense(call.arguments["X"]), call.arguments.get("y")
    call.wrong["X"] = wrong.not_real(X) + [w for w in wrong.other_shapes(X) if w.ndim != 2 or w.shape[1] != d]
    call.wrong["X"] += list(broken_csr(np.arange(n * d, dtype="f4").reshape(n, d) % 3))
    if y is None:
        return
    call.wrong["y"] = wrong.not_like(plain(y))
    call.wrong["y"] = [w for w in call.wrong["y"] if not (multi and may_be_labels(w, n, K))]
    if y.size:
        for value in (K if K > 1 and not multi else 2, -1, 100):
            other = plain(y).astype("i8")
            other[np.unravel_index(y.size // 2, y.shape)] = value
            call.wrong["y"].append(other)
        halves = np.full(y.shape, 0.5)
        call.wrong["y"] += [halves, halves + np.nan, np.full(y.shape, 1 + 1e-12), np.full(y.shape, np.inf)]
    call.wrong["sample_weight"] = wrong.weights((n,), leading=False)


def may_be_labels(y, n, K):
    """Whether labels of this shape are right for a softmax, or for a model of other labels."""
    return isinstance(y, np.ndarray) and (y.shape == (n,) or (y.ndim == 2 and y.shape[1] != K))


def broken_csr(X):
    """Yield matrices in compressed rows whose parts do not fit together."""
    fine = csr(X, np.random.default_rng(0), "i4")
    n, d = X.shape
    changes = [{"format": "csc"}, {"format": "coo"}, {"shape": (n, d + 1)}, {"shape": (n, d, 1)}, {"shape": (n + 1, d)}]
    changes += [{"data": fine.data * 1j}, {"data": fine.data.astype(object)}, {"indices": fine.indices.astype("f4")}]
    changes += [
        {"indptr": fine.indptr.astype("u4")},
        {"indptr": fine.indptr[:-1]},
        {"data": np.zeros(len(fine.data) + 1)},
    ]
    if fine.data.size:
        changes += [{"indptr": fine.indptr + 1}, {"indptr": fine.indptr[::-1].copy() + (fine.indptr[-1] == 0)}]
        changes += [{"indices": fine.indices + d}, {"indices": fine.indices - d}, {"indptr": fine.indptr - 1}]
        changes += [{"indices": fine.indices + np.int32(2**30)}]
        changes += [{"indptr": np.where(np.arange(n + 1) == n, 2**31 - 1, fine.indptr).astype("i4")}]
    for change in changes:
        yield SimpleNamespace(**{**vars(fine), **change})


@every_function
@properties
@given(data=DATA)
def test_refuses_what_is_wrong(name, fastml, data):
    call = draw_call(data.draw, fastml, name, "tame")
    values = call.arguments
    n, d = dense(values["X"]).shape
    w = values["w"]
    K = 1 if w.ndim == 1 else w.shape[1]
    multi = np.ndim(values["y"]) == 2 if "y" in values else values["multi_label"]
    wrong_data(call, n, d, K, multi)
    call.wrong["w"] = [v for v in wrong.not_real(w) if not isinstance(v, type(None))] + [w.astype("f2"), np.zeros(())]
    call.wrong["w"] += [np.zeros((d, 1) if not multi else (d, 0)), np.zeros((d, 2, 2))]
    call.wrong["b"] = [
        v for v in wrong.not_real(values["b"]) if not (isinstance(v, np.ndarray) and v.dtype == np.longdouble)
    ]
    call.wrong["b"] += [np.zeros((K, 1)), np.zeros(K + 1), np.zeros(0), np.zeros((1, 1, 1))]
    call.wrong["scale"] = [v for v in wrong.not_finite(10**400, True) if v is not None]
    if "y" in values:
        call.wrong["l1"] = call.wrong["l2"] = wrong.not_finite(-1e-30, -1, 10**400, True)
    elif K == 1:
        call.wrong["w"].append(wrong.Together(multi_label=True))
    if name == "logistic_step":
        call.wrong["lr"] = wrong.not_finite(10**400, True)
        for key in ("w", "b"):
            frozen = plain(values[key])
            frozen.flags.writeable = False
            call.wrong[key] += [frozen, values[key].tolist(), np.zeros(values[key].shape, "i8"), 0.0]
    refuses(call, data)


# fit_logistic


def draw_fit(draw, fastml):
    """A problem for a fit, where to start, and how to go on."""
    call = draw_call(draw, fastml, "logistic_loss", draw(st.sampled_from(["tame", "tame", "any"])))
    values = {k: v for k, v in call.arguments.items() if k != "return_grad"}
    for key in ("w", "b"):
        start = (plain(values[key]) / 8).astype(values[key].dtype)
        values[key] = lay(np.random.default_rng(0), start, draw(st.sampled_from(WRITEABLE)))
    solver = draw(st.sampled_from(SOLVERS))
    if solver in ("lbfgs", "newton-cholesky", "proximal-newton") and "l1" in values:
        values["l1"] = draw(st.sampled_from([0.0, 0.25])) if solver == "proximal-newton" else 0.0
    values.update(solver=solver, max_iter=draw(st.integers(0, 4)), rng=draw(st.integers(0, 3)))
    if draw(st.booleans()):
        values["fit_intercept"] = draw(st.booleans())
    return dataclasses.replace(call, function=fastml.fit_logistic, arguments=values, positional=2, written=("w", "b"))


def fitted(call, **changed):
    """Run the fit on copies of w and b, and return its result."""
    values = {**call.arguments, **changed}
    for key in ("w", "b"):
        values[key] = lay(np.random.default_rng(0), plain(values[key]), "C")
    X, y = values.pop("X"), values.pop("y")
    with silent():
        return call.function(X, y, **values), values


@properties
@given(data=DATA)
def test_a_fit_is_the_same_in_every_layout_and_does_not_get_worse(fastml, data):
    call = draw_fit(data.draw, fastml)
    result, values = fitted(call)
    assert result.w is values["w"]
    assert result.b is values["b"]
    assert len(result.history) == result.n_iter <= call.arguments["max_iter"]
    again, _ = fitted(call, **{k: plain(v) for k, v in call.arguments.items() if k in ("X", "y", "sample_weight")})
    np.testing.assert_array_equal(again.w, result.w)
    np.testing.assert_array_equal(again.b, result.b)
    np.testing.assert_equal(again.loss, result.loss)
    keys = {k: v for k, v in call.arguments.items() if k in ("l1", "l2", "sample_weight", "scale")}
    with np.errstate(all="ignore"):
        before = fastml.logistic_loss(*(call.arguments[k] for k in ("X", "y", "w", "b")), **keys)
    if np.isfinite(before) and call.arguments["solver"] != "sgd":
        assert result.loss <= before * (1 + 1e-4) + 1e-6


@properties
@given(data=DATA)
def test_a_fit_refuses_what_is_wrong(fastml, data):
    call = draw_fit(data.draw, fastml)
    values = call.arguments
    n, d = dense(values["X"]).shape
    w, y = values["w"], values["y"]
    K = 1 if w.ndim == 1 else w.shape[1]
    wrong_data(call, n, d, K, y.ndim == 2)
    for key in ("w", "b"):
        frozen = plain(values[key])
        frozen.flags.writeable = False
        call.wrong[key] = [
            frozen,
            values[key].tolist(),
            np.zeros(values[key].shape, "f2"),
            "x",
            np.ma.array(plain(values[key])),
        ]
        call.wrong[key] += [values[key].astype(values[key].dtype.newbyteorder())]
    call.wrong["b"] += [np.zeros(K + 1, w.dtype), np.zeros((1, 1), w.dtype)]
    call.wrong["l1"] = call.wrong["l2"] = wrong.not_finite(-1e-30, -1, 10**400, True)
    call.wrong["solver"] = ["newton", None, 1, ["sgd"], object(), np.ones(2)]
    call.wrong["max_iter"] = [-1, 1.0, "1", None, True, [1]]
    call.wrong["tol"] = wrong.not_finite(-1e-30, 10**400, True)
    call.wrong["rng"] = wrong.RNGS
    call.wrong["callback"] = [1, "print", [print], np.ones(2)]
    call.wrong["scale"] = [v for v in wrong.not_finite(10**400, True) if v is not None]
    pairs = [
        (np.ones((2, d)),),
        np.ones((2, d)),
        "ab",
        3,
        (np.ones((2, d + 1)), np.ones(2)),
        (np.ones((2, d)), y[:0, None, None]),
    ]
    call.wrong["validation_data"] = [*pairs, (np.ones((2, d)) * 1j, np.ones(2, int)), (None, None), {1: 2, 3: 4}]
    call.wrong["early_stopping"] = [fastml.EarlyStopping()]
    fine = (np.ones((2, d)), np.ones((2, K) if y.ndim == 2 else 2, int))
    for bad in (3, "yes", fastml.EarlyStopping(mode="max"), object()):
        call.wrong["early_stopping"].append(wrong.Together(early_stopping=bad, validation_data=fine))
    refuses(call, data)
