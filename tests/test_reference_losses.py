"""The losses of the oracle at their edges: one test for each sentence that the public functions promise."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal

INF, NAN = np.inf, np.nan
LOSSES = ["mse_loss", "rmse_loss", "mae_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
LOSSES.append("cross_entropy")


def arguments_of(loss, shape=(3, 4)):
    """A small valid pred and target for any loss."""
    pred = np.full(shape, 0.25)
    return pred, np.zeros(shape[:-1], int) if loss == "cross_entropy" else np.ones(shape)


NOTHING = [
    (name, shape, weight) for name in LOSSES for shape, weight in (((0, 4), {}), ((3, 4), {"sample_weight": [0, 0, 0]}))
]


@pytest.mark.parametrize(("name", "shape", "keywords"), [*NOTHING, ("cross_entropy", (3, 4), {"ignore_index": 0})])
def test_nothing_to_average_is_a_loss_of_zero(name, shape, keywords):
    pred, target = arguments_of(name, shape)
    value, grad = getattr(reference, name)(pred, target, return_grad=True, **keywords)
    assert value == 0
    assert grad.shape == pred.shape
    assert not grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_scalars_are_float64(name):
    value = getattr(reference, name)(*arguments_of(name))
    assert isinstance(value, np.float64)


def test_sample_weight_multiplies_and_divides():
    pred, target, weight = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)), [1.0, 3.0]
    assert_array_equal(reference.mse_loss(pred, target, reduction="none", sample_weight=weight), [[1, 4], [27, 48]])
    assert reference.mse_loss(pred, target, reduction="sum", sample_weight=weight) == 80
    assert reference.mse_loss(pred, target, sample_weight=weight) == 80 / 8
    assert reference.rmse_loss(pred, target, sample_weight=weight) == np.sqrt(10)
    assert reference.mse_loss(pred, target, sample_weight=[[1, 0], [0, 0]]) == 1
    rows = reference.cross_entropy(pred, [0, 1], reduction="none")
    weighted = reference.cross_entropy(pred, [0, 1], sample_weight=weight, class_weight=[5.0, 7.0])
    assert_allclose(weighted, (5 * rows[0] + 21 * rows[1]) / (5 + 21))


def test_the_gradient_of_none_is_that_of_the_sum():
    for name in LOSSES:
        if name != "rmse_loss":
            none, total = (
                getattr(reference, name)(*arguments_of(name), reduction=r, return_grad=True) for r in ("none", "sum")
            )
            assert none[0].sum() == total[0]
            assert_array_equal(none[1], total[1])


def test_corners_of_the_regression_losses():
    value, grad = reference.rmse_loss([1.0, 2.0], [1.0, 2.0], return_grad=True)
    assert value == 0
    assert not grad.any()
    assert_array_equal(reference.mae_loss([1.0, 2.0], [1.0, 5.0], reduction="sum", return_grad=True)[1], [0, -1])
    value, grad = reference.huber_loss([1.0, 3.0], [0.0, 0.0], delta=1.0, reduction="none", return_grad=True)
    assert_array_equal([value, grad], [[0.5, 2.5], [1, 1]])


def test_from_probabilities_zero_log_zero_is_zero_and_nothing_is_clamped():
    value, grad = reference.binary_cross_entropy(
        [0.0, 1.0, 0.0, 1.0, -0.0], [0.0, 1.0, 1.0, 0.0, 0.5], reduction="none", return_grad=True
    )
    assert_array_equal(value, [0, 0, INF, INF, INF])
    assert_array_equal(grad, [1, -1, -INF, INF, -INF])
    value, grad = reference.cross_entropy([[0.0, 1.0]], [[0.0, 1.0]], from_logits=False, return_grad=True)
    assert value == 0
    assert_array_equal(grad, [[0, -1]])
    for target in ([0], [[1.0, 0.0]]):
        value, grad = reference.cross_entropy([[0.0, 1.0]], target, from_logits=False, return_grad=True)
        assert value == INF
        assert_array_equal(grad, [[-INF, 0]])


def test_an_index_target_reads_its_class_only():
    value, grad = reference.cross_entropy([[0.5, NAN]], [0], from_logits=False, return_grad=True)
    assert_allclose(value, np.log(2))
    assert_array_equal(grad, [[-2, 0]])
    assert np.isnan(reference.cross_entropy([[0.5, NAN]], [[1.0, 0.0]], from_logits=False))


def test_logits_at_inf_are_the_limit():
    assert_array_equal(
        reference.binary_cross_entropy_with_logits([INF, -INF, INF], [1.0, 0.0, 0.0], reduction="none"), [0, 0, INF]
    )
    value, grad = reference.cross_entropy([[-INF, 0.0]], [[0.0, 1.0]], return_grad=True)
    assert value == 0
    assert not grad.any()


def test_tails_of_the_cross_entropies_are_exact():
    value, grad = reference.cross_entropy([[40.0, 0.0]], [0], return_grad=True)
    assert_allclose([value, grad[0, 0], grad[0, 1]], np.exp(-40.0) * np.array([1, -1, 1]), rtol=1e-14)
    value, grad = reference.binary_cross_entropy_with_logits([40.0], [1.0], return_grad=True)
    assert_allclose([value, grad[0]], np.exp(-40.0) * np.array([1, -1]), rtol=1e-14)


def test_ignored_rows_do_not_count_even_with_nan():
    logits, target = np.array([[1.0, 2.0], [NAN, INF], [0.0, 3.0]]), np.array([0, -1, 1])
    keywords = {
        "ignore_index": -1,
        "sample_weight": [1.0, 100.0, 2.0],
        "class_weight": [2.0, 3.0],
        "label_smoothing": 0.1,
    }
    value, grad = reference.cross_entropy(logits, target, return_grad=True, **keywords)
    keywords["sample_weight"] = [1.0, 2.0]
    kept, kept_grad = reference.cross_entropy(logits[[0, 2]], target[[0, 2]], return_grad=True, **keywords)
    assert value == kept
    assert_array_equal(grad, [kept_grad[0], [0, 0], kept_grad[1]])


def test_smoothing_formulas():
    logits, s, cw = np.array([[1.0, 2.0, -1.0]]), 0.3, np.array([1.0, 2.0, 4.0])
    logp = reference.log_softmax(logits)[0]
    index = reference.cross_entropy(logits, [1], label_smoothing=s, class_weight=cw, reduction="sum")
    assert_allclose(index, (1 - s) * cw[1] * -logp[1] + s / 3 * np.sum(cw * -logp))
    assert_allclose(reference.cross_entropy(logits, [1], label_smoothing=s, class_weight=cw), index / cw[1])
    q = np.array([0.2, 0.5, 0.3])
    smooth = reference.cross_entropy(logits, [q], label_smoothing=s, class_weight=cw)
    assert_allclose(smooth, -np.sum(cw * ((1 - s) * q + s / 3) * logp))
    hard, soft = reference.binary_cross_entropy_with_logits(2.0, 1.0, label_smoothing=s), 1 - s + s / 2
    assert_allclose(hard, reference.binary_cross_entropy_with_logits(2.0, soft))
