"""Optimizer steps against the oracle and torch: all options, all layouts, the same bits everywhere."""

import itertools

import numpy as np
import pytest
import reference
from conftest import assert_same_bits, silent
from ulp import bound_from_docstring, wide

WIDE = ["float32", "float64"]
# Numbers that are exact in binary, so that the oracle and float32 mean the same.
PENALTIES = [{}, {"l2": 0.25}, {"l1": 0.5}, {"l1": 0.5, "l2": 0.25}]
FORMS = [{}, {"momentum": 0.875}, {"momentum": 0.875, "nesterov": True}]
SGD = [form | penalty for form in FORMS for penalty in PENALTIES]
ADAM = {"lr": 2.0**-7, "beta1": 0.875, "beta2": 1 - 2.0**-8, "eps": 2.0**-20}
STEPS = [*(("sgd", options) for options in SGD), ("adam", ADAM), ("adam", ADAM | {"weight_decay": 0.25})]
TAKEN = 6  # ULP, as the docstring of adam_step says

pytestmark = pytest.mark.parametrize("dtype", WIDE)


def draw(rng, dtype, shape):
    """Return param, grad and two state arrays, of very different sizes, with zeros and no negative second moment."""
    arrays = [(rng.standard_normal(shape) * rng.choice([1e-6, 0.01, 1, 50], shape)).astype(dtype) for _ in range(4)]
    for array in arrays:
        array[rng.random(shape) < 0.1] = 0
    arrays[3] = np.abs(arrays[3])
    return arrays


def state_of(kind, options, arrays):
    """Return those of the state arrays that a step has."""
    return arrays[2:4] if kind == "adam" else arrays[2:3] if "momentum" in options else []


def step(fastml, kind, options, param, grad, *state):
    """Take a step in place."""
    with silent():
        if kind == "adam":
            return fastml.adam_step(param, grad, *state, 3, **options)
        return fastml.sgd_step(param, grad, 0.125, **options, **({"velocity": state[0]} if state else {}))


def stepped(fastml, kind, options, param, grad, *state):
    """Take a step on dense copies and return them."""
    copies = [a.copy(order="C") for a in (param, *state)]
    assert step(fastml, kind, options, copies[0], grad, *copies[1:]) is None
    return copies


def unit(*terms, dtype):
    """Return the ULP of the largest of the terms, element by element."""
    largest = np.max([np.abs(wide(term)) for term in terms], axis=0)
    return np.spacing(np.maximum(largest, np.finfo(dtype).tiny).astype(dtype)).astype(np.longdouble)


@pytest.mark.parametrize("options", SGD)
def test_sgd(fastml, isa, rng, dtype, options):
    bound = bound_from_docstring(fastml.sgd_step, dtype)
    param, grad, velocity, _ = draw(rng, dtype, 4099)
    state = state_of("sgd", options, [param, grad, velocity])
    p, *v = stepped(fastml, "sgd", options, param, grad, *state)
    w, g, old = wide(param), wide(grad), wide(velocity)
    momentum, l1, l2 = (options.get(name, 0) for name in ("momentum", "l1", "l2"))
    if v:
        exact = reference.sgd_step(w, g, 0.125, **options, velocity=old)[1]
        units = unit(exact, g, momentum * old, l1 * np.sign(w), 2 * l2 * w, dtype=dtype)
        assert np.max(np.abs(wide(v[0]) - exact) / units) <= bound
    total = g + l1 * np.sign(w) + 2 * l2 * w
    taken = total if not v else total + momentum * wide(v[0]) if "nesterov" in options else wide(v[0])
    terms = (g, l1 * np.sign(w), 2 * l2 * w, momentum * wide(v[0]) if v else g, taken)
    units = unit(w, *(0.125 * term for term in terms), dtype=dtype)
    assert np.max(np.abs(wide(p) - (w - 0.125 * taken)) / units) <= bound


@pytest.mark.longdouble
@pytest.mark.parametrize("weight_decay", [0, 0.25])
def test_adam(fastml, isa, rng, dtype, weight_decay):
    bound = bound_from_docstring(fastml.adam_step, dtype)
    options = ADAM | {"weight_decay": weight_decay}
    arrays = draw(rng, dtype, 4099)
    p, m, v = stepped(fastml, "adam", options, *arrays)
    w, g, old_m, old_v = map(wide, arrays)
    exact = reference.adam_step(w, g, old_m, old_v, 3, **options)
    for name, new, right, old, power in (("beta1", m, exact[1], old_m, g), ("beta2", v, exact[2], old_v, g**2)):
        units = unit(right, options[name] * old, (1 - options[name]) * power, dtype=dtype)
        assert np.max(np.abs(wide(new) - right) / units) <= bound
    beta1, beta2, lr = (options[name] for name in ("beta1", "beta2", "lr"))
    update = lr * (wide(m) / (1 - beta1**3)) / (np.sqrt(wide(v) / (1 - beta2**3)) + options["eps"])
    decayed = lr * weight_decay * w
    off = np.abs(wide(p) - (w - (decayed + update)))
    allowed = 0.5 * unit(p, dtype=dtype) + TAKEN * unit(decayed, update, dtype=dtype)
    assert (off <= allowed).all()
    assert f"at most {TAKEN} ULP" in fastml.adam_step.__doc__


@pytest.mark.parametrize(("kind", "options"), STEPS)
def test_all_layouts_have_the_same_bits(fastml, isa, rng, dtype, kind, options):
    param, grad, *state = arrays = draw(rng, dtype, (6, 70, 10))
    state = state_of(kind, options, arrays)
    right = stepped(fastml, kind, options, param, grad, *state)
    for place in LAYOUTS.values():
        placed = [place(a) for a in (param, grad, *state)]
        step(fastml, kind, options, *placed)
        for array, expected in zip([placed[0], *placed[2:]], right, strict=True):
            assert_same_bits(np.asarray(array), expected, place)
        assert_same_bits(np.asarray(placed[1]), grad)


def unaligned(a):
    buffer = np.zeros(a.nbytes + 1, np.uint8)
    view = buffer[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def strided(a):
    view = np.zeros((a.shape[0], 2 * a.shape[1], 3 * a.shape[2]), a.dtype)[:, ::2, ::3]
    view[...] = a
    return view


def backwards(a):
    return np.ascontiguousarray(a[::-1, :, ::-1])[::-1, :, ::-1]


mixed = itertools.cycle([strided, np.asfortranarray, backwards, np.copy])
LAYOUTS = {
    "F": lambda a: np.asfortranarray(a),
    "transposed": lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    "strided": strided,
    "backwards": backwards,
    "unaligned": unaligned,
    "mixed": lambda a: next(mixed)(a),
}


@pytest.mark.parametrize(("kind", "options"), STEPS)
@pytest.mark.parametrize("given", ["f2", "i2", "?", ">f4", "f4", "f8", "list"])
def test_gradients_of_other_dtypes(fastml, rng, dtype, kind, options, given):
    arrays = draw(rng, dtype, (7, 100))
    grad = np.clip(4 * arrays[1], -100, 100)
    grad = grad.tolist() if given == "list" else grad.astype(given)
    arguments = (arrays[0], *state_of(kind, options, arrays))
    got = stepped(fastml, kind, options, arguments[0], grad, *arguments[1:])
    right = stepped(fastml, kind, options, arguments[0], np.asarray(grad).astype(dtype), *arguments[1:])
    for a, b in zip(got, right, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize(("kind", "options"), STEPS[-3:])
def test_threads_and_positions_have_the_same_bits(fastml, rng, dtype, kind, options):
    arrays = draw(rng, dtype, 300_001)
    arguments = (arrays[0], arrays[1], *state_of(kind, options, arrays))
    right = stepped(fastml, kind, options, *arguments)
    for threads in (1, 2, 5):
        with fastml.num_threads(threads):
            for got, expected in zip(stepped(fastml, kind, options, *arguments), right, strict=True):
                assert_same_bits(got, expected, threads)
    for start, n in itertools.product(range(5), range(70)):
        part = slice(start, start + n)
        for got, expected in zip(stepped(fastml, kind, options, *(a[part] for a in arguments)), right, strict=True):
            assert_same_bits(got, expected[part], (start, n))


def naive_sgd(w, g, velocity=None, *, momentum=0, nesterov=False, l1=0, l2=0):
    """Take the step term by term; what has the strength 0 is absent."""
    g = g + (l1 * np.sign(w) if l1 else 0) + (2 * l2 * w if l2 else 0)
    v = g if velocity is None else momentum * velocity + g
    return (w - 0.125 * (g + momentum * v if nesterov else v), v)


@pytest.mark.parametrize(("kind", "options"), STEPS)
def test_special_values(fastml, isa, dtype, kind, options):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], dtype)
    arrays = [a.ravel().copy() for a in np.meshgrid(special, special, special)]
    arrays.append(np.abs(arrays[2]))
    state = state_of(kind, options, arrays)
    with np.errstate(all="ignore"):
        if kind == "adam":
            decay = options.get("weight_decay", 0)
            calm = reference.adam_step(np.zeros_like(arrays[0]), *arrays[1:], 3, **options)
            w = arrays[0]
            right = (w - np.where(np.isinf(w), 0, options["lr"] * decay * w) + calm[0], *calm[1:])
        else:
            right = naive_sgd(*arrays[:2], *state, **options)
    for mine, other in zip(stepped(fastml, kind, options, *arrays[:2], *state), right, strict=False):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "options"), STEPS)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (1, 1, 5)])
def test_shapes(fastml, rng, dtype, kind, options, shape):
    arrays = [np.asarray(a[: int(np.prod(shape))].reshape(shape)) for a in draw(rng, dtype, 5)]
    arguments = (arrays[0], arrays[1], *state_of(kind, options, arrays))
    flat = stepped(fastml, kind, options, *(a.reshape(-1) for a in arguments))
    for got, expected in zip(stepped(fastml, kind, options, *arguments), flat, strict=True):
        assert got.shape == shape
        assert_same_bits(got.reshape(-1), expected)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_nothing_to_update(fastml, dtype, kind):
    """NumPy gives an empty array strides of 0, which are no elements on top of each other."""
    for shape in ((5, 0), (2, 5, 0)):
        param, grad = np.zeros(shape, dtype), np.zeros(shape, "f2")
        state = [np.zeros_like(param) for _ in range(2)]
        fastml.sgd_step(param, grad, 0.5) if kind == "sgd" else fastml.adam_step(param, grad, *state, 1)


@pytest.mark.parametrize("number", [1, 2, 7, 1000, 123_456, 10**7, 2**63 - 1, 2**63, 2**80])
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.0, 0.5), (1 - 1e-9, 1 - 1e-12)])
def test_bias_correction(fastml, dtype, number, beta1, beta2):
    param, grad, m, v = (np.full(1, x, dtype) for x in (0, 1, 0, 0))
    fastml.adam_step(
        param, grad, m, v, np.uint64(number) if number == 2**63 else number, 1.0, beta1=beta1, beta2=beta2, eps=0
    )
    with np.errstate(divide="ignore"):
        left = [-np.expm1(np.longdouble(number) * np.log1p(np.longdouble(beta) - 1)) for beta in (beta1, beta2)]
    exact = -(1 - beta1) / left[0] / np.sqrt((1 - beta2) / left[1])
    assert abs(param[0] / exact - 1) < 12 * np.finfo(dtype).eps


@pytest.mark.parametrize("options", FORMS)
def test_sgd_is_torch_sgd(fastml, rng, dtype, options):
    torch = pytest.importorskip("torch")
    w, velocity = rng.standard_normal((5, 7)).astype(dtype), np.zeros((5, 7), dtype)
    t = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.SGD([t], lr=0.1, weight_decay=0.06, **options)
    for _ in range(5):
        grad = rng.standard_normal((5, 7)).astype(dtype)
        t.grad = torch.from_numpy(grad)
        optimizer.step()
        fastml.sgd_step(w, grad, 0.1, l2=0.03, velocity=velocity if options else None, **options)
        np.testing.assert_allclose(w, t.detach().numpy(), rtol=0, atol=8 * np.finfo(dtype).eps)


def test_adam_is_torch_adamw(fastml, rng, dtype):
    torch = pytest.importorskip("torch")
    w, m, v = rng.standard_normal((5, 7)).astype(dtype), np.zeros((5, 7), dtype), np.zeros((5, 7), dtype)
    t = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.AdamW([t], lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05)
    for number in range(1, 8):
        grad = rng.standard_normal((5, 7)).astype(dtype)
        t.grad = torch.from_numpy(grad)
        optimizer.step()
        fastml.adam_step(w, grad, m, v, number, 0.01, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.05)
        np.testing.assert_allclose(w, t.detach().numpy(), rtol=0, atol=8 * np.finfo(dtype).eps)
