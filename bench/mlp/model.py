"""An MLP for images in about 120 lines: fastml, as F, for everything but the matrix products, which are NumPy's.

    h = x, cropped at random and with noise
    h = dropout(relu(norm(h W) * gain + shift))        for each hidden layer
    loss = cross_entropy(h W + shift, y)               + l2 sum of squares (SGD) or decoupled decay (AdamW)

Shapes: x (B, H * W), h (B, units), W (units before, units). All parameters lie in one vector, of which the layers are
views, and so do their gradients: an optimizer step is one call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

import fastml

Array = Any


@dataclass(frozen=True)
class Settings:
    """What is trained, and how."""

    sizes: tuple[int, ...] = (784, 256, 128, 10)
    norm: str = "batch"  # or "layer"
    optimizer: str = "adamw"  # or "sgd", with momentum 0.9
    lr: float = 1e-3
    l2: float = 1e-4
    dropout: float = 0.1
    noise: float = 0.05
    padding: int = 2
    batch: int = 128
    epochs: int = 10
    patience: int = 3
    seed: int = 0


class Layer(NamedTuple):
    """Views into the vector of all parameters (or of all gradients)."""

    W: Array
    shift: Array
    gain: Array  # of the norm; empty in the last layer


def layers(vector: Array, sizes: tuple[int, ...]) -> list[Layer]:
    """Cut the vector into W, shift and gain of each layer."""
    result, rest = [], vector
    for i, (units_before, units) in enumerate(pairwise(sizes)):
        counts = np.cumsum([units_before * units, units, units if i < len(sizes) - 2 else 0])
        W, shift, gain, rest = np.split(rest, counts)
        result.append(Layer(W.reshape(units_before, units), shift, gain))
    return result


def initial(settings: Settings) -> Array:
    """Return all parameters at the start: W as He et al. (2015), shift 0, gain 1."""
    rng = np.random.default_rng(settings.seed)
    count = sum((a + 2) * b for a, b in pairwise(settings.sizes)) - settings.sizes[-1]
    vector = np.zeros(count, np.float32)
    for W, _, gain in layers(vector, settings.sizes):
        W[...] = rng.standard_normal(W.shape) * np.sqrt(2 / len(W))
        gain[...] = 1
    return vector


class MLP:
    """The network; `F` has fastml's functions, `matmul` multiplies matrices."""

    def __init__(self, settings: Settings, F: Any = fastml, matmul: Any = np.matmul) -> None:
        self.settings, self.F, self.matmul = settings, F, matmul
        self.rng = np.random.default_rng(settings.seed)
        self.params = initial(settings)
        self.grads, self.m, self.v = (np.zeros_like(self.params) for _ in range(3))
        self.layers, self.grad_layers = layers(self.params, settings.sizes), layers(self.grads, settings.sizes)
        units = settings.sizes[1:-1]
        self.running = [(np.zeros(n, np.float32), np.ones(n, np.float32)) for n in units]
        self.state = [self.params, *(array for pair in self.running for array in pair)]  # what early stopping keeps
        self.steps = 0

    def augment(self, x: Array) -> Array:
        """Move each image by up to `padding` pixels, and add noise."""
        s, side = self.settings, round(x.shape[1] ** 0.5)
        if s.padding:
            x = self.F.random_crop(x.reshape(-1, side, side), side, padding=s.padding, rng=self.rng).reshape(x.shape)
        return self.F.gaussian_noise(x, s.noise, rng=self.rng, out=x) if s.noise else x

    def normalize(self, i: int, z: Array, training: bool) -> Any:
        """Return the normalized z and, in training, its statistics."""
        _, shift, gain = self.layers[i]
        if self.settings.norm == "layer":
            return self.F.layer_norm(z, gain, shift, return_stats=True)
        return self.F.batch_norm(z, *self.running[i], gain, shift, training=training, return_stats=True)

    def train_batch(self, x: Array, y: Array) -> float:
        """Take one step; return the loss before it."""
        F, s = self.F, self.settings
        h, tape = self.augment(x), []
        for i, layer in enumerate(self.layers[:-1]):
            z = self.matmul(h, layer.W)
            a, mean, rstd = self.normalize(i, z, training=True)
            F.relu(a, out=a)
            _, key = F.dropout(a, s.dropout, rng=self.rng, out=a, return_key=True)
            tape.append((h, z, mean, rstd, a, key))
            h = a
        logits = self.matmul(h, self.layers[-1].W)
        logits += self.layers[-1].shift
        loss, d = F.cross_entropy(logits, y, return_grad=True, out=logits)
        self.matmul(h.T, d, out=self.grad_layers[-1].W)
        d.sum(axis=0, out=self.grad_layers[-1].shift)
        backward = F.layer_norm_backward if s.norm == "layer" else F.batch_norm_backward
        for i in reversed(range(len(tape))):
            h, z, mean, rstd, a, key = tape[i]
            d = self.matmul(d, self.layers[i + 1].W.T)
            F.dropout_backward(d, s.dropout, key, out=d)
            F.relu_backward(d, a, out=d)  # a is 0 where relu or dropout made it so
            d, self.grad_layers[i].gain[:], self.grad_layers[i].shift[:] = backward(
                d, z, mean, rstd, self.layers[i].gain
            )
            self.matmul(h.T, d, out=self.grad_layers[i].W)
        self.step()
        return float(loss)

    def step(self) -> None:
        """Update all parameters from their gradients."""
        s = self.settings
        self.steps += 1
        if s.optimizer == "sgd":
            self.F.sgd_step(self.params, self.grads, s.lr, momentum=0.9, velocity=self.v, l2=s.l2)
        else:
            self.F.adam_step(self.params, self.grads, self.m, self.v, self.steps, s.lr, weight_decay=s.l2)

    def logits(self, x: Array) -> Array:
        """Return the scores of each class, without noise and dropout."""
        for i, layer in enumerate(self.layers[:-1]):
            x = self.normalize(i, self.matmul(x, layer.W), training=False)[0]
            self.F.relu(x, out=x)
        return self.matmul(x, self.layers[-1].W) + self.layers[-1].shift


class Epoch(NamedTuple):
    """What an epoch came to."""

    loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float  # of training, without the validation


def score(model: Any, X: Array, y: Array) -> tuple[float, float]:
    """Return loss and accuracy, a thousand rows at a time."""
    logits = np.concatenate([model.logits(X[i : i + 1000]) for i in range(0, len(X), 1000)])
    return float(fastml.cross_entropy(logits, y)), float(np.mean(logits.argmax(axis=1) == y))


def fit(model: Any, X: Array, y: Array, validation: tuple[Array, Array], settings: Settings) -> Iterator[Epoch]:
    """Train in batches of shuffled rows until the validation loss has stopped falling; keep the best parameters."""
    order = np.random.default_rng(settings.seed)
    stopping = fastml.EarlyStopping(settings.patience)
    for _ in range(settings.epochs):
        rows, losses, start = order.permutation(len(X)), [], time.perf_counter()
        for i in range(0, len(X) - settings.batch + 1, settings.batch):
            batch = rows[i : i + settings.batch]
            losses.append(model.train_batch(X[batch], y[batch]))
        seconds = time.perf_counter() - start
        epoch = Epoch(float(np.mean(losses)), *score(model, *validation), seconds)
        stop = stopping.update(epoch.validation_loss, model.state)
        yield epoch
        if stop:
            break
