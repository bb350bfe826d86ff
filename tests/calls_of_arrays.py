"""The table of calls: functions of arrays, of images and of texts."""

import numpy as np
from calls_made import COLUMNS, add, chances, draw, images, rows

import fastml


def _elementwise() -> None:
    for name in ("sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu"):
        add(name, lambda n: (draw(n), {}))
        add(f"{name}_backward", lambda n: (draw(n), draw(n, 2), {}))
    for name in ("leaky_relu", "elu", "soft_threshold"):
        add(name, lambda n: (draw(n), 0.25, {}))
        if name != "soft_threshold":
            add(f"{name}_backward", lambda n: (draw(n), draw(n, 2), 0.25, {}))
    add("elu of an array", lambda n: (draw(n), np.abs(draw(n, 2)), {}))
    add("sigmoid of float64", lambda n: (draw(n, 1, "f8"), {}))
    add("sigmoid of float16", lambda n: (draw(n, 1, "f2"), {}))
    add("sigmoid to out", lambda n: (draw(n), {"out": np.zeros(max(n, 1), "f4")}), "out")
    add("sigmoid of strides", lambda n: (draw(2 * n)[::2], {}))
    add("sigmoid of numbers", lambda n: (list(range(min(n, 1000))), {}))
    add("sigmoid where", lambda n: (draw(n), {"where": draw(n, 2) > 0, "out": np.zeros(max(n, 1), "f4")}), "out")
    add("tanh by the ufunc", lambda n: (draw(n), {}))
    add("gelu_backward by the ufunc", lambda n: (rows(n), rows(n, 2).astype("f8"), {}))


def _along_axis() -> None:
    for name in ("softmax", "log_softmax", "logsumexp"):
        add(name, lambda n: (rows(n), {}))
        add(f"{name} of long rows", lambda n: (rows(n, 1, "f8", 1000), {}))
        add(f"{name} along columns", lambda n: (rows(n, 1, "f4", 400), {"axis": 0}))
        add(f"{name} where", lambda n: (rows(n), {"where": rows(n, 2) > 0}))
    for name in ("softmax_backward", "log_softmax_backward"):
        add(name, lambda n: (rows(n), chances(n, 2), {}))
        add(f"{name} of another dtype", lambda n: (rows(n), rows(n, 2, "f8"), {}))
    add("softmax of float16 to out", lambda n: (rows(n, 1, "f2"), {"out": np.zeros_like(rows(n, 1, "f2"))}), "out")
    add("softmax of columns of columns", lambda n: (rows(n)[:, ::2], {"axis": 0}))
    add("entropy", lambda n: (chances(n), {}))


def _losses() -> None:
    def weight(n: int) -> np.ndarray:
        return np.abs(draw(len(rows(n)), 4))

    for name in ("mse_loss", "rmse_loss", "mae_loss", "huber_loss", "binary_cross_entropy_with_logits"):
        add(name, lambda n: (rows(n), chances(n, 2), {}))
        add(f"{name} with gradient", lambda n: (rows(n), chances(n, 2), {"return_grad": True}))
        add(
            f"{name} with weights",
            lambda n: (rows(n)[:, ::-1], rows(n, 2) > 0, {"sample_weight": weight(n), "return_grad": True}),
        )
    add("binary_cross_entropy", lambda n: (chances(n), chances(n, 2), {"return_grad": True}))
    add("mse_loss of each", lambda n: (rows(n), rows(n, 2), {"reduction": "none", "return_grad": True}))
    pos = np.linspace(0.5, 2, COLUMNS, dtype="f4")
    add(
        "binary_cross_entropy_with_logits with pos_weight",
        lambda n: (rows(n), rows(n, 2) > 0, {"pos_weight": pos, "label_smoothing": 0.1, "out": rows(n),
                                               "return_grad": True}),
        "out",
    )  # fmt: skip

    def classes(n: int) -> np.ndarray:
        return np.arange(len(rows(n))) % COLUMNS

    add("cross_entropy", lambda n: (rows(n), classes(n), {}))
    add("cross_entropy with gradient", lambda n: (rows(n), classes(n), {"return_grad": True}))
    add(
        "cross_entropy with weights",
        lambda n: (rows(n), classes(n), {"class_weight": np.linspace(1, 2, COLUMNS), "sample_weight": weight(n),
                                          "label_smoothing": 0.1, "ignore_index": 3, "return_grad": True}),
    )  # fmt: skip
    add("cross_entropy of chances", lambda n: (rows(n), fastml.softmax(rows(n, 2)), {"return_grad": True}))
    add("cross_entropy of each", lambda n: (rows(n, 1, "f8"), classes(n), {"reduction": "none", "return_grad": True}))


def _norms() -> None:
    def scale(seed: int) -> np.ndarray:
        return draw(COLUMNS, seed)

    def channels(n: int, seed: int = 1) -> np.ndarray:
        return draw(max(n // 192, 2) * 192, seed).reshape(-1, 3, 8, 8)

    for name in ("layer_norm", "rms_norm"):
        add(name, lambda n: (rows(n), scale(2), {}))
        add(f"{name} along columns", lambda n: (rows(n, 1, "f8", 400), {"axis": 0, "return_stats": True}))
        add(f"{name} of float16 to out", lambda n: (rows(n, 1, "f2"), {"out": rows(n, 1, "f2")}), "out")
    stats = [lambda n, seed=seed: np.abs(draw(len(rows(n)), seed)).reshape(-1, 1) for seed in (6, 7)]
    add("layer_norm_backward", lambda n: (rows(n), rows(n, 2), stats[0](n), stats[1](n), scale(3), {}))
    add("rms_norm_backward", lambda n: (rows(n), rows(n, 2), stats[1](n), scale(3), {}))
    ones = np.ones(3, "f4")
    add("batch_norm", lambda n: (channels(n), {"running_mean": ones, "running_var": ones, "weight": ones}))
    add(
        "batch_norm in training",
        lambda n: (channels(n), {"running_mean": ones.copy(), "running_var": ones.copy(), "training": True,
                               "return_stats": True}),
        "running_mean", "running_var",
    )  # fmt: skip
    add("batch_norm_backward", lambda n: (channels(n), channels(n, 2), ones, ones, ones, {}))
    add("batch_norm_backward of columns", lambda n: (rows(n), rows(n, 2), scale(3), np.abs(scale(4)), {}))


def _noise_and_steps() -> None:
    add("dropout", lambda n: (draw(n), 0.3, {"rng": 1, "return_key": True}))
    add("dropout of a Generator", lambda n: (draw(n), {"rng": np.random.default_rng(3)}), "rng")
    add("dropout_backward", lambda n: (rows(n).T, 0.3, 12345, {}))
    add("gaussian_noise", lambda n: (draw(n), 0.3, {"rng": 1}))
    add(
        "gaussian_noise to out",
        lambda n: (rows(n, 1, "f8"), 2, {"rng": 1, "out": rows(n, 1, "f8")}),
        "out",
    )
    for name in ("l1_penalty", "l2_penalty"):
        add(name, lambda n: (draw(n), 1e-3, {"return_grad": True}))
        add(
            f"{name} added",
            lambda n: (draw(n), 1e-3, {"return_grad": True, "accumulate": True, "out": draw(n, 2)}),
            "out",
        )

    def state(n: int, *names: str) -> dict[str, np.ndarray]:
        return {name: np.abs(draw(n, 10 + k)) for k, name in enumerate(names)}

    add("sgd_step", lambda n: ({"grad": draw(n), "lr": 0.1, "l2": 0.01, **state(n, "param")},), "param")
    add(
        "sgd_step with momentum",
        lambda n: ({"grad": draw(n, 1, "f2"), "lr": 0.1, "momentum": 0.9, **state(n, "param", "velocity")},),
        "param", "velocity",
    )  # fmt: skip
    add(
        "adam_step",
        lambda n: ({"grad": draw(n), "step": 3, "weight_decay": 0.1, **state(n, "param", "m", "v")},),
        "param", "m", "v",
    )  # fmt: skip


def _images_and_texts() -> None:
    add("random_flip", lambda n: (images(n), {"vertical": 0.5, "rng": 1, "return_params": True}))
    add("random_flip to out", lambda n: (images(n)[:, ::-1], {"rng": 1, "out": images(n)}), "out")
    add("random_crop", lambda n: (images(n), 8, {"padding": 2, "rng": 1, "return_params": True}))
    add("random_crop reflected", lambda n: (images(n), (4, 6), {"padding": 3, "mode": "reflect", "rng": 1}))
    text = "The Big CAR is fast.  I don't like the BIG car; its engine is a noisy and expensive machine. "
    add("synonym_replace", lambda n: ([text] * max(n // 2000, 2), 0.5, {"rng": 1}))


for _part in (_elementwise, _along_axis, _losses, _norms, _noise_and_steps, _images_and_texts):
    _part()
