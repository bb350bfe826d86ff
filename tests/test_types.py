"""What a type checker makes of the public functions."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SNIPPET = """
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastml

half, single, double = np.zeros(3, np.float16), np.zeros(3, np.float32), np.zeros(3)
integers = np.zeros(3, np.int64)
mask = integers > 0

assert_type(fastml.sigmoid(0.5), np.float64)
assert_type(fastml.sigmoid(1), np.float64)
assert_type(fastml.sigmoid(np.float32(1)), np.float32)
assert_type(fastml.sigmoid(half), NDArray[np.float16])
assert_type(fastml.sigmoid(single), NDArray[np.float32])
assert_type(fastml.sigmoid(double), NDArray[np.float64])
assert_type(fastml.sigmoid(integers), NDArray[np.float64])
assert_type(fastml.sigmoid(mask), NDArray[np.float64])
assert_type(fastml.sigmoid(single, out=single, where=mask), np.ndarray[tuple[int], np.dtype[np.float32]])
assert_type(fastml.sigmoid([0.5, 1.0]), Any)
assert_type(fastml.tanh_backward(single, single), NDArray[np.float32])
assert_type(fastml.tanh_backward(single, half), Any)
assert_type(fastml.ufuncs.sigmoid, np.ufunc)
assert_type(fastml.gelu(half), NDArray[np.float16])
assert_type(fastml.leaky_relu(single, 0.1), NDArray[np.float32])
assert_type(fastml.elu(single, single), NDArray[np.float32])
assert_type(fastml.leaky_relu(single, np.float64(0.1)), Any)
assert_type(fastml.elu_backward(single, single, 1.0), NDArray[np.float32])

assert_type(fastml.softmax(single), NDArray[np.float32])
assert_type(fastml.log_softmax(integers, 0), NDArray[np.float64])
assert_type(fastml.softmax([0.5, 1.0], where=mask), NDArray[Any])
assert_type(fastml.logsumexp(single, keepdims=True), NDArray[np.float32])
assert_type(fastml.logsumexp(single), Any)

assert_type(fastml.mse_loss(single, double), np.float64)
assert_type(fastml.huber_loss(single, double, delta=2, reduction="none"), NDArray[Any])
assert_type(fastml.rmse_loss(single, double, return_grad=True), tuple[np.float64, NDArray[Any]])
assert_type(
    fastml.binary_cross_entropy_with_logits(half, mask, reduction="none", return_grad=True, out=half),
    tuple[NDArray[Any], NDArray[Any]],
)
assert_type(fastml.cross_entropy(single, [0, 1]), np.float64)
assert_type(fastml.cross_entropy(half, double, return_grad=True), tuple[np.float64, NDArray[np.float16]])
assert_type(fastml.cross_entropy([[1.0]], [0], return_grad=True), tuple[np.float64, NDArray[Any]])
assert_type(fastml.cross_entropy(single, [0], reduction="none", return_grad=True), tuple[Any, NDArray[np.float32]])
assert_type(fastml.layer_norm(single), NDArray[np.float32])
assert_type(fastml.layer_norm(half, return_stats=True), tuple[NDArray[np.float16], NDArray[Any], NDArray[Any]])
assert_type(fastml.rms_norm([1.0], axis=(0,)), NDArray[Any])
assert_type(fastml.rms_norm(single, [1.0], return_stats=True), tuple[NDArray[np.float32], NDArray[Any]])
assert_type(fastml.batch_norm(double, single, single, out=double), NDArray[np.float64])
moments = fastml.batch_norm([[1.0]], training=True, return_stats=True)
assert_type(moments, tuple[NDArray[Any], NDArray[Any], NDArray[Any]])
assert_type(fastml.logistic_loss(half, mask, single), np.float64)
assert_type(fastml.logistic_loss([[1]], [1], single, return_grad=True), tuple[np.float64, NDArray[np.float32], Any])
assert_type(fastml.logistic_loss([[1]], [1], [0.5], 1, return_grad=True), tuple[np.float64, NDArray[Any], Any])
assert_type(fastml.logistic_step(half, mask, single, single, 0.1), np.float64)
assert_type(fastml.predict_logistic(half, [0.5]), NDArray[Any])
assert_type(fastml.layer_norm_backward(single, half, single, single), tuple[NDArray[Any], NDArray[Any], NDArray[Any]])
assert_type(fastml.rms_norm_backward(single, half, single, axis=(0, 1)), tuple[NDArray[Any], NDArray[Any]])
assert_type(fastml.soft_threshold(single, 0.1), NDArray[np.float32])
assert_type(fastml.l1_penalty(single, 0.1), np.float64)
assert_type(fastml.l2_penalty(half, 1, return_grad=True, out=half), tuple[np.float64, NDArray[np.float16]])
assert_type(fastml.l2_penalty([1.0], 1, return_grad=True), tuple[np.float64, NDArray[Any]])
fastml.sgd_step(single, [1.0], 0.1, momentum=0.9, velocity=single, nesterov=True, l1=0.1)
fastml.adam_step(double, half, double, double, np.int64(3), weight_decay=0.1)

assert_type(fastml.dropout(single, 0.1, rng=1), NDArray[np.float32])
pair = fastml.dropout(single, rng=np.random.default_rng(), return_key=True)
assert_type(pair, tuple[NDArray[np.float32], int | None])
assert_type(fastml.dropout_backward(single, 0.1, None), NDArray[np.float32])
assert_type(fastml.gaussian_noise(integers, 0.1), NDArray[np.float64])

assert_type(fastml.random_flip(single, rng=1), NDArray[Any])
assert_type(fastml.random_flip([[[1]]], return_params=True), tuple[NDArray[Any], NDArray[np.bool_]])
assert_type(fastml.random_crop(half, (2, 2), padding=((1, 1), (2, 2)), mode="edge"), NDArray[Any])
assert_type(fastml.random_crop(half, 2, padding=1, return_params=True), tuple[NDArray[Any], NDArray[np.int64]])
assert_type(fastml.synonym_replace("a"), str)
assert_type(fastml.synonym_replace(["a"], 1, synonyms={"a": ("b",)}, rng=1), list[str])
assert_type(fastml.synonym_replace(np.array(["a"])), NDArray[Any])

assert_type(fastml.show_config(), None)
assert_type(fastml.show_config(mode="dicts"), dict[str, Any])
stopping = fastml.EarlyStopping(3, mode="max")
assert_type(stopping.update(np.float32(0.5), [single, double]), bool)
assert_type(stopping.update(0.5, {"w": single}), bool)
assert_type(stopping.best, float | None)
with fastml.num_threads(2):
    fastml.set_num_threads(np.int64(1))

fastml.softmax(single, axis=0.5)  # type: ignore[call-overload]
fastml.mse_loss(single, single, reduction="max")  # type: ignore[call-overload]
fastml.mae_loss(single, single, out=single)  # type: ignore[call-overload]
fastml.EarlyStopping(mode="least")  # type: ignore[arg-type]
fastml.adam_step(single, single, single, double, 1)  # type: ignore[type-var]
fastml.sgd_step(half, half, 0.1)  # type: ignore[type-var]
fastml.synonym_replace(["a", None])  # type: ignore[list-item]
fastml.set_num_threads(1.5)  # type: ignore[arg-type]
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_types(fastml, tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", str(snippet)]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
