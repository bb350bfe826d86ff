"""The functions that ``tools/accuracy.py`` measures on random data, and how their samples add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import accuracy_rows as rows
import accuracy_training as training
import numpy as np
from accuracy_rows import Sample
from accuracy_seen import Peer, Seen
from accuracy_sweeps import kernels

WITHOUT_HALF = ("sgd_step", "adam_step")
FAMILIES = {
    "Softmax family": ("softmax", "log_softmax", "logsumexp", "entropy"),
    "Losses": ("mse_loss", "mae_loss", "huber_loss", rows.PROBABILITIES, rows.LOGITS, "cross_entropy"),
    "Norms": ("layer_norm", "rms_norm", "batch_norm"),
    "Gradients of norms": ("layer_norm_backward", "rms_norm_backward", "batch_norm_backward"),
    "Dropout": ("dropout", "dropout_backward"),
    "Penalties and steps": ("soft_threshold", "l1_penalty", "l2_penalty", "sgd_step", "adam_step"),
}
SAMPLES: dict[str, Callable[[str, str, np.random.Generator, int], Iterator[Sample]]] = {
    **dict.fromkeys(FAMILIES["Softmax family"], rows.rows),
    **dict.fromkeys(FAMILIES["Losses"], rows.losses),
    "cross_entropy": rows.cross_entropy,
    **dict.fromkeys(FAMILIES["Norms"], training.norms),
    **dict.fromkeys(FAMILIES["Gradients of norms"], training.norms_backward),
    **dict.fromkeys(FAMILIES["Dropout"], training.dropout),
    "soft_threshold": training.soft_threshold,
    **dict.fromkeys(("l1_penalty", "l2_penalty"), training.penalties),
    "sgd_step": training.sgd_step,
    "adam_step": training.adam_step,
}


def sweep(name: str, dtype: str, isa: str, n: int, beside: bool = False) -> Seen:
    """Measure random data, about n elements of each kind; the witness says which, and which element."""
    seen = Seen()
    with kernels(isa):
        for sample in SAMPLES[name](name, dtype, np.random.default_rng(n), n):
            seen.add(measure(sample, beside))
    return seen


def measure(sample: Sample, beside: bool) -> Seen:
    """Measure one sample, and with `beside` others on the same data."""
    error = sample.errors(sample.result)
    seen = Seen(*worst(error, sample.what), points=error.size)
    seen.histogram.count(error)
    for other, its in (sample.others() if beside else {}).items():
        error = sample.errors(its)
        seen.others[other] = Peer(*worst(error, sample.what), central=float(np.max(error)))
    return seen


def worst(error: np.ndarray, what: str) -> tuple[float, str]:
    """Return the largest error and its place."""
    place = np.unravel_index(int(np.argmax(error)), error.shape)
    return float(error[place]), f"{what} element {','.join(map(str, place))} of {error.shape}".strip()
