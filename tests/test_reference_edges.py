"""The oracle at its edges: one test for each sentence of the meaning that the public functions promise."""

import inspect

import mpmath
import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal

INF, NAN = np.inf, np.nan
NAMES = """
sigmoid tanh relu log_sigmoid softplus silu gelu leaky_relu elu sigmoid_backward tanh_backward relu_backward
log_sigmoid_backward softplus_backward silu_backward gelu_backward leaky_relu_backward elu_backward
softmax log_softmax logsumexp entropy softmax_backward log_softmax_backward mse_loss rmse_loss mae_loss huber_loss
binary_cross_entropy binary_cross_entropy_with_logits cross_entropy layer_norm layer_norm_backward batch_norm
batch_norm_backward rms_norm rms_norm_backward l1_penalty l2_penalty soft_threshold dropout dropout_backward
gaussian_noise sgd_step adam_step logistic_loss logistic_step predict_logistic random_flip random_crop
"""
PUBLIC = NAMES.split()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_has_its_formula(name):
    function = getattr(reference, name)
    assert inspect.getdoc(function)


# Activations.


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("sigmoid", (0, 0.5, 1)),
        ("tanh", (-1, 0, 1)),
        ("relu", (0, 0, INF)),
        ("log_sigmoid", (-INF, np.log(0.5), 0)),
        ("softplus", (0, np.log(2), INF)),
        ("silu", (0, 0, INF)),
        ("gelu", (0, 0, INF)),
        ("leaky_relu", (-INF, 0, INF)),
        ("elu", (-2, 0, INF)),
    ],
)
def test_inf_is_the_limit_and_nan_stays(name, limits):
    extra = (2.0,) if name in ("leaky_relu", "elu") else ()
    assert_allclose(getattr(reference, name)([-INF, 0.0, INF], *extra), limits, rtol=1e-15)
    assert np.isnan(getattr(reference, name)(NAN, *extra))


@pytest.mark.parametrize(
    "name", [name for name in PUBLIC if name.endswith("elu_backward") or name.endswith("silu_backward")]
)
def test_gradients_at_inf_are_the_limit(name):
    extra, left = (
        ((2.0,), {"leaky_relu_backward": 2, "elu_backward": 0}[name]) if "_relu_" in name or name[0] == "e" else ((), 0)
    )
    assert_array_equal(getattr(reference, name)([1.0, 1.0], [-INF, INF], *extra), [left, 1])


@pytest.mark.parametrize("name", [name for name in PUBLIC[:18] if name.endswith("_backward")])
def test_nan_in_either_argument_of_a_backward_gives_nan(name):
    extra = (2.0,) if name in ("leaky_relu_backward", "elu_backward") else ()
    assert np.isnan(getattr(reference, name)([NAN, NAN, 1.0], [0.0, 0.5, NAN], *extra)).all()


def test_the_tails_are_exact():
    assert_allclose(reference.sigmoid(-740.0), float(mpmath.exp(-740)), rtol=0, atol=5e-324)
    assert reference.log_sigmoid(50.0) == -np.exp(-50.0)
    assert reference.softplus(-50.0) == np.exp(-50.0)
    assert_allclose(reference.gelu(-30.0), float(-30 * mpmath.erfc(30 / mpmath.sqrt(2)) / 2), rtol=1e-12)


def test_exact_points():
    x = np.array([0.3, 5.0, 1e-310, 0.0])
    assert_array_equal(reference.tanh(-x), -reference.tanh(x))
    assert_array_equal(reference.relu_backward([INF, 5.0, 5.0], [0.0, -0.0, 2.0]), [0, 0, 5])


# Softmax family.


def test_entries_outside_where_get_zero_and_never_influence_the_rest():
    x, where = [[1.0, NAN, 2.0, INF]], [[True, False, True, False]]
    assert_allclose(reference.softmax(x, where=where)[0, [0, 2]], reference.softmax([1.0, 2.0]), rtol=1e-15)
    assert_array_equal(reference.softmax(x, where=where)[0, [1, 3]], [0, 0])
    assert_array_equal(reference.log_softmax(x, where=where)[0, [1, 3]], [-INF, -INF])
    assert reference.logsumexp(x, where=where) == reference.logsumexp([1.0, 2.0])


def test_where_is_broadcast_to_x_and_never_x_to_where():
    x = np.arange(6.0).reshape(2, 3)
    assert reference.softmax(x, where=[True, True, False]).shape == (2, 3)
    with pytest.raises(ValueError, match="dimensions"):
        reference.softmax(x[0], where=np.ones((2, 3), bool))


def test_a_row_all_masked():
    x, where = np.array([[1.0, NAN], [3.0, 3.0]]), np.array([[False], [True]])
    assert_array_equal(reference.softmax(x, where=where), [[0, 0], [0.5, 0.5]])
    assert_array_equal(reference.log_softmax(x, where=where)[0], [-INF, -INF])
    assert_allclose(reference.logsumexp(x, where=where), [-INF, 3 + np.log(2)])


@pytest.mark.parametrize(
    ("x", "softmax", "log_softmax", "logsumexp"),
    [
        ([INF, 0.0], [1, 0], [0, -INF], INF),
        ([0.0, -INF], [1, 0], [0, -INF], 0),
        ([INF, -INF], [1, 0], [0, -INF], INF),
        ([INF], [1], [0], INF),
        ([INF, INF, 0.0], [NAN] * 3, [NAN] * 3, INF),
        ([-INF, -INF], [NAN] * 2, [NAN] * 2, -INF),
        ([-INF], [NAN], [NAN], -INF),
        ([NAN, INF], [NAN] * 2, [NAN] * 2, NAN),
        ([NAN, 1.0, 2.0], [NAN] * 3, [NAN] * 3, NAN),
        ([], [], [], -INF),
        ([1e308, -1e308], [1, 0], [0, -INF], 1e308),
    ],
)
def test_softmax_edges(x, softmax, log_softmax, logsumexp):
    assert_array_equal(reference.softmax(x), softmax)
    assert_array_equal(reference.log_softmax(x), log_softmax)
    assert_array_equal(reference.logsumexp(x), logsumexp)


def test_log_softmax_tail():
    exact = float(-mpmath.log1p(mpmath.exp(-20)))
    assert_allclose(reference.log_softmax([20.0, 0.0])[0], exact, rtol=1e-15)
    assert_allclose(exact, -2.06e-9, rtol=1e-3)


def test_empty_axes():
    assert reference.softmax(np.empty((5, 0))).shape == (5, 0)
    assert_array_equal(reference.logsumexp(np.empty((5, 0))), np.full(5, -INF))
    assert reference.logsumexp(np.empty((0, 5))).shape == (0,)
    assert reference.logsumexp(np.ones((2, 3)), axis=0, keepdims=True).shape == (1, 3)


def test_entropy():
    assert reference.entropy([0.0, 1.0]) == 0
    assert_allclose(reference.entropy(np.full((2, 4), 0.5), axis=0), np.full(4, np.log(2)))
    assert_allclose(reference.entropy([2.0, 3.0]), -2 * np.log(2) - 3 * np.log(3))


# Norms, regularisation, models, augmentation.


def test_norm_statistics_shapes_and_means_far_from_zero():
    x = 1e30 + 1e20 * np.arange(24.0).reshape(2, 3, 4)
    y, mean, rstd = reference.layer_norm(x, axis=(0, 2), return_stats=True)
    assert mean.shape == rstd.shape == (1, 3, 1)
    assert np.isfinite(y).all()
    assert reference.rms_norm(x, axis=-1, return_stats=True)[1].shape == (2, 3, 1)
    assert reference.batch_norm(x, training=True, return_stats=True)[1].shape == (3,)


def test_batch_norm_needs_statistics():
    with pytest.raises(ValueError, match="running"):
        reference.batch_norm(np.ones((2, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="more than one value"):
        reference.batch_norm(np.ones((1, 3)), training=True)


def test_penalties_threshold_dropout_noise():
    assert_array_equal(reference.l1_penalty([-2.0, 0.0, 3.0], 0.5, return_grad=True)[1], [-0.5, 0, 0.5])
    assert reference.l2_penalty([3.0, 4.0], 2.0) == 50
    assert_array_equal(reference.soft_threshold([-3.0, 0.5, 3.0, INF, NAN], 1.0), [-2, 0, 2, INF, NAN])
    assert np.isnan(reference.soft_threshold(5.0, -1.0))
    x, keep = np.array([1.0, INF, NAN, INF]), np.array([True, False, False, True])
    assert_array_equal(reference.dropout(x, 0.75, keep=keep), [4, 0, 0, INF])
    assert_array_equal(reference.dropout_backward(x, 0.75, keep), [4, 0, 0, INF])
    assert_array_equal(reference.dropout(x, 1.0, keep=np.zeros(4, bool)), np.zeros(4))
    assert_array_equal(reference.dropout(x, keep=keep, training=False), x)
    assert_array_equal(reference.gaussian_noise([1.0, 2.0], 0.5, normals=[2.0, -2.0]), [2, 1])


def test_logistic_penalties_leave_b_alone_and_scale_multiplies():
    X, y, w = np.array([[2.0, 4.0], [6.0, 8.0]]), [0, 1], np.array([1.0, -1.0])
    assert (
        reference.logistic_loss(X, y, w, 5.0, l1=3.0, l2=7.0) == reference.logistic_loss(X, y, w, 5.0) + 3 * 2 + 7 * 2
    )
    assert_allclose(reference.logistic_loss(X, y, w, 1.0, scale=0.5), reference.logistic_loss(X / 2, y, w, 1.0))
    assert reference.logistic_loss(X, y, w, l1=3.0, sample_weight=[0.0, 0.0]) == 6
    assert_allclose(reference.predict_logistic(X, np.zeros((2, 4))), np.full((2, 4), 0.25))


def test_flip_and_crop():
    images = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    flipped = reference.random_flip(images, params=[[True, False], [False, True]])
    assert_array_equal(flipped, [[[2, 1, 0], [5, 4, 3]], [[9, 10, 11], [6, 7, 8]]])
    cropped = reference.random_crop(images, 2, padding=1, fill=99, params=[(0, 0), (1, 2)])
    assert_array_equal(cropped, [[[99, 99], [99, 0]], [[7, 8], [10, 11]]])
    assert flipped.dtype == cropped.dtype == np.uint8
    colour = np.stack([images, images], axis=-1)
    assert_array_equal(
        reference.random_crop(colour, (2, 1), padding=1, mode="edge", params=[(0, 0), (0, 4)])[1], [[[8] * 2]] * 2
    )
    assert reference.random_flip(colour, params=np.ones((2, 2), bool)).shape == colour.shape
