"""One process of ``python -m bench.mlp``: every contender trains, epoch by epoch in turns, on as many threads."""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import fastml
from bench.machine import describe, isa, set_threads
from bench.mlp import numpy_functional
from bench.mlp.data import Data, load
from bench.mlp.model import MLP, Epoch, Settings, fit, score

SETTINGS = (Settings(), Settings(norm="layer", optimizer="sgd", lr=0.05))


class Timed:
    """A namespace of functions that adds up the seconds spent in each."""

    def __init__(self, functions: Any) -> None:
        self.functions, self.seconds = functions, dict[str, float]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        timed = self.timed(name, getattr(self.functions, name))
        setattr(self, name, timed)
        return timed

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function."""
        self.seconds[name] = 0.0

        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds[name] += time.perf_counter() - start
            return result

        return call


def profile(functions: Any, data: Data, settings: Settings) -> dict[str, float]:
    """Train for two epochs; return the seconds of the second by function, and of all of it."""
    F = Timed(functions)
    model = MLP(settings, F=F, matmul=F.timed("matmul", np.matmul))
    epochs = fit(model, *data.train, data.validation, replace(settings, epochs=2))
    next(epochs)
    X, y = data.train
    F.seconds = dict.fromkeys(F.seconds, 0.0)
    start = time.perf_counter()
    for i in range(0, len(X) - settings.batch + 1, settings.batch):
        model.train_batch(X[i : i + settings.batch].copy(), y[i : i + settings.batch])
    return F.seconds | {"total": time.perf_counter() - start}


def torch_epochs(data: Data, settings: Settings, *, compiled: bool = False) -> tuple[Any, Iterator[Epoch]]:
    """Return torch's model and its training."""
    model = import_module("bench.mlp.torch_model").TorchMLP(settings, compiled=compiled)
    return model, fit(model, *data.train, data.validation, settings)


def numpy_epochs(functions: Any, data: Data, settings: Settings) -> tuple[Any, Iterator[Epoch]]:
    """Return the model over a namespace of functions, and its training."""
    model = MLP(settings, F=functions)
    return model, fit(model, *data.train, data.validation, settings)


class Sklearn:
    """scikit-learn's network: it has neither norm nor dropout nor augmentation, and its own initial weights."""

    def __init__(self, settings: Settings) -> None:
        self.classes = np.arange(settings.sizes[-1])
        self.network = import_module("sklearn.neural_network").MLPClassifier(
            settings.sizes[1:-1],
            solver="sgd" if settings.optimizer == "sgd" else "adam",
            alpha=settings.l2,
            batch_size=settings.batch,
            learning_rate_init=settings.lr,
            random_state=settings.seed,
        )

    def logits(self, x: Any) -> Any:
        """Return the logarithms of the probabilities."""
        return self.network.predict_log_proba(x)

    def fit(self, data: Data, settings: Settings) -> Iterator[Epoch]:
        """Train for as many epochs."""
        X, y = data.train
        for _ in range(settings.epochs):
            start = time.perf_counter()
            self.network.partial_fit(X, y, classes=self.classes)
            seconds = time.perf_counter() - start
            yield Epoch(self.network.loss_, *score(self, *data.validation), seconds)


def contenders(data: Data, settings: Settings) -> Iterator[tuple[str, Any, Iterator[Epoch]]]:
    """Yield every contender that is installed: name, model, training."""
    yield "fastml", *numpy_epochs(fastml, data, settings)
    yield "numpy", *numpy_epochs(numpy_functional, data, settings)
    if find_spec("torch"):
        yield "torch", *torch_epochs(data, settings)
        yield "torch compiled", *torch_epochs(data, settings, compiled=True)
    if find_spec("sklearn"):
        model = Sklearn(settings)
        yield "sklearn", model, model.fit(data, settings)


def race(data: Data, settings: Settings) -> dict[str, Any]:
    """Let all train in turns; return each one's epochs and test accuracy, or why it failed."""
    runs = {name: (model, steps, list[Epoch]()) for name, model, steps in contenders(data, settings)}
    notes: dict[str, str] = {}
    running = set(runs)
    while running:
        for name in sorted(running):
            try:
                epoch = next(runs[name][1], None)
            except Exception as error:  # a compiler that is missing must not stop the others
                if name == "fastml":
                    raise
                epoch, notes[name] = None, f"{type(error).__name__}: {str(error).strip().splitlines()[0]:.200}"
            if epoch is None:
                running.remove(name)
                continue
            runs[name][2].append(epoch)
            print(f"{settings.norm} {name}: epoch {len(runs[name][2])} {epoch.seconds:.2f} s", file=sys.stderr)
    return {
        name: {
            "epochs": [epoch._asdict() for epoch in epochs],
            "test_accuracy": score(model, *data.test)[1] if epochs else None,
            "note": notes.get(name, ""),
        }
        for name, (model, _, epochs) in runs.items()
    }


def main() -> None:
    """Race under every setting; write one JSON file."""
    parser = argparse.ArgumentParser(prog="python -m bench.mlp.race", description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    reported = set_threads(options.threads)
    data = load()
    results = []
    for chosen in SETTINGS:
        size = data.train[0].shape[1]
        sizes = chosen.sizes if size == chosen.sizes[0] else (size, 64, 32, 10)
        settings = replace(chosen, epochs=options.epochs, sizes=sizes)
        profiles = {
            "fastml": profile(fastml, data, settings),
            "numpy": profile(numpy_functional, data, settings),
        }
        results.append({"settings": asdict(settings), "runs": race(data, settings), "profiles": profiles})
    run = {"threads": options.threads, "isa": isa(), "threads_reported": reported}
    text = json.dumps({"machine": describe(), "run": run, "data": data.name, "results": results}, indent=1)
    options.output.write_text(text)


if __name__ == "__main__":
    main()
