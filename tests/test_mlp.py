"""The example network of bench/mlp, on the digits: it learns, and its gradients are those of plain NumPy and torch."""

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("fastml")


@pytest.fixture(scope="module")
def example():
    """Import the example, which lies in the checkout and not in the wheel."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        return import_module("bench.mlp.model")
    finally:
        del sys.path[0]


@pytest.fixture(scope="module")
def data(example):
    return import_module("bench.mlp.data").digits()


@pytest.fixture(params=[("batch", "adamw", 1e-2), ("layer", "sgd", 0.05)], ids=["batch-adamw", "layer-sgd"])
def settings(request, example):
    norm, optimizer, lr = request.param
    return example.Settings(sizes=(64, 32, 16, 10), norm=norm, optimizer=optimizer, lr=lr, padding=0, epochs=15)


def exactly(settings):
    """Return the settings without anything random."""
    return replace(settings, dropout=0.0, noise=0.0)


def test_learns_the_digits(example, data, settings):
    model = example.MLP(settings)
    epochs = list(example.fit(model, *data.train, data.validation, settings))
    assert epochs[-1].loss < 0.3 * epochs[0].loss
    assert example.score(model, *data.test)[1] > 0.9


def test_images_move_and_get_noise(example, data, settings):
    x = data.train[0][:50]
    moved = example.MLP(replace(settings, padding=1, noise=0.0)).augment(x)
    assert moved.shape == x.shape
    assert moved.flags.c_contiguous
    assert 0 < np.mean((moved == x).all(axis=1)) < 0.5, "expected one of nine to stay in its place"
    noisy = example.MLP(replace(settings, noise=0.1)).augment(x.copy())
    assert 0.09 < np.std(noisy - x) < 0.11


def test_ends_with_the_best_parameters(example, data, settings):
    settings = replace(settings, lr=3 * settings.lr, patience=1, epochs=40)
    model = example.MLP(settings)
    epochs = list(example.fit(model, *data.train, data.validation, settings))
    assert len(epochs) < 40, "expected it to stop early"
    assert example.score(model, *data.validation)[0] == min(epoch.validation_loss for epoch in epochs)


def test_gradients_are_those_of_numpy(example, data, settings):
    naive = import_module("bench.mlp.numpy_functional")
    ours, theirs = example.MLP(exactly(settings)), example.MLP(exactly(settings), F=naive)
    X, y = data.train
    loss = ours.train_batch(X[:128], y[:128])
    assert loss == pytest.approx(theirs.train_batch(X[:128], y[:128]), rel=1e-5)
    assert np.abs(ours.grads).max() > 0.01
    np.testing.assert_allclose(ours.grads, theirs.grads, rtol=1e-3, atol=1e-5)


def test_trains_as_torch_does(example, data, settings):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    peer = import_module("bench.mlp.torch_model").TorchMLP(exactly(settings))
    ours = example.MLP(exactly(settings))
    X, y = data.train
    losses = [
        [model.train_batch(X[i : i + 128], y[i : i + 128]) for i in range(0, 1024, 128)] for model in (ours, peer)
    ]
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-3)
