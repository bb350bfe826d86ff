"""Print a digest of what every numeric function returns, per dtype: ``python tools/bits.py [--compare FILE]``.

Two machines, instruction sets (``FASTML_ISA=avx2 python tools/bits.py``) or compilers that compute the same bits print
the same lines. The inputs are made of random integers by exact operations, so that no library of mathematics has a
part in them. With --compare, the lines that differ from those of a file are printed, and any is an error. The bits of
a NaN, which are the processor's, do not count; whether something is a NaN does.
"""

import argparse
import hashlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bits_logistic import LOGISTIC

import fastml
from fastml import _fastml_runtime as runtime

Array = npt.NDArray[Any]
Results = Iterator[Any]

HALF, WIDE = ("float16", "float32", "float64"), ("float32", "float64")
LENGTHS = (1, 7, 8, 15, 16, 17, 31, 33, 64, 127, 513, 4099, 70_001)
SHAPES = ((1, 1), (33, 3), (70, 10), (65, 17), (130, 64), (9, 65), (70, 129), (5, 1000), (3, 4099), (600, 20))
UNARY = ("sigmoid", "tanh", "relu", "log_sigmoid", "softplus", "silu", "gelu")
OUTPUT = ("sigmoid_backward", "tanh_backward", "relu_backward")
INPUT = ("log_sigmoid_backward", "softplus_backward", "silu_backward", "gelu_backward")
PARAMETER = ("leaky_relu", "elu", "soft_threshold", "leaky_relu_backward", "elu_backward")
NO_NUMBERS = {"EarlyStopping", "FitResult", "__version__", "get_num_threads", "num_threads", "set_num_threads",
              "show_config", "synonym_replace", "ufuncs"}  # fmt: skip


class Draw:
    """Random inputs of a dtype, the same on every machine."""

    def __init__(self, dtype: str) -> None:
        """Begin at the same seed for every dtype."""
        self.dtype, self.rng = np.dtype(dtype), np.random.default_rng(20261128)

    def uniform(self, *shape: int) -> Array:
        """Return multiples of 2^-53 below 1, rounded to the dtype."""
        return self.rng.random(shape).astype(self.dtype)

    def numbers(self, *shape: int) -> Array:
        """Return numbers of both signs: gentle, steep, and now and then near the end of what e^x has."""
        sums = self.rng.random((4, *shape)).sum(axis=0) - 2
        result: Array = sums * self.rng.choice([0.125, 1, 8, 64], shape)
        return result.astype(self.dtype)

    def special(self) -> Array:
        """Return NaN, infinities, zeros, subnormals, the ends of the range and where functions saturate."""
        info = np.finfo(self.dtype)
        ends = [info.smallest_subnormal, info.tiny, info.eps, info.max]
        points = [0, 0.5, 0.625, 1, 2, 10, 16.5, 22, 37, 88, 104, 709, 745, np.inf]
        with np.errstate(over="ignore"):
            values = np.array([*map(float, ends), *points]).astype(self.dtype)
        return np.concatenate([values, -values, np.array([np.nan], self.dtype)])


def elementwise(name: str) -> Callable[[Draw], Results]:
    """Return what gives the results of one element-wise function."""
    function = getattr(fastml, name)

    def results(draw: Draw) -> Results:
        for x in (draw.special(), *map(draw.numbers, LENGTHS)):
            dy = draw.numbers(x.size)
            parameter = draw.uniform(x.size)
            if name in UNARY:
                yield function(x)
            elif name in OUTPUT:
                yield function(dy, getattr(fastml, name.removesuffix("_backward"))(x))
            elif name in INPUT:
                yield function(dy, x)
            else:
                inputs = (dy, x) if name.endswith("_backward") else (x,)
                yield from (function(*inputs, parameter), function(*inputs, 0.25))

    return results


def softmax_family(name: str) -> Callable[[Draw], Results]:
    """Return what gives the results of softmax or one of its kin."""
    function = getattr(fastml, name)

    def results(draw: Draw) -> Results:
        for shape in SHAPES:
            x, dy = draw.numbers(*shape), draw.numbers(*shape)
            for axis in (0, 1):
                y = (fastml.log_softmax if name.startswith("log") else fastml.softmax)(x, axis)
                given = (dy, y) if name.endswith("backward") else (y,) if name == "entropy" else (x,)
                yield function(*given, axis)

    return results


def loss(name: str) -> Callable[[Draw], Results]:
    """Return what gives the values and gradients of a pointwise loss."""
    function = getattr(fastml, name)

    def results(draw: Draw) -> Results:
        for n in LENGTHS:
            target = draw.uniform(n) if name.startswith("binary") else draw.numbers(n)
            x = draw.uniform(n) if name == "binary_cross_entropy" else draw.numbers(n)
            weight = draw.rng.random(n)
            for labels in (target, np.round(target)):
                for options in ({}, {"sample_weight": weight}):
                    yield from function(x, labels, return_grad=True, **options)
                if name != "rmse_loss":
                    yield from function(x, labels, reduction="none", return_grad=True)

    return results


def cross_entropy(draw: Draw) -> Results:
    """Yield losses and gradients from logits and probabilities, of labels and of distributions, plain and weighted."""
    for shape in SHAPES:
        x = draw.numbers(*shape)
        for axis in (0, 1):
            labels, shares = draw.rng.integers(0, shape[axis], shape[1 - axis]), draw.uniform(*shape)
            weighted = {"label_smoothing": 0.125, "class_weight": draw.rng.random(shape[axis]),
                        "sample_weight": draw.rng.random(shape[1 - axis])}  # fmt: skip
            for target in (labels, shares):
                for options in ({}, weighted):
                    yield from fastml.cross_entropy(x, target, axis=axis, return_grad=True, **options)  # type: ignore[call-overload]
                    yield from fastml.cross_entropy(  # type: ignore[call-overload]
                        fastml.softmax(x, axis), target, axis=axis, from_logits=False, return_grad=True, **options
                    )


def layer_norms(draw: Draw) -> Results:
    """Yield layer_norm and rms_norm with their gradients, of rows and of columns."""
    for shape in SHAPES:
        x, dy = draw.numbers(*shape), draw.numbers(*shape)
        weight, bias = draw.numbers(shape[1]), draw.numbers(shape[1])
        for turn in (np.ascontiguousarray, np.asfortranarray):
            y, mean, rstd = fastml.layer_norm(turn(x), weight, bias, return_stats=True)
            z, root = fastml.rms_norm(turn(x), weight, return_stats=True)
            yield from (y, mean, rstd, z, root)
            yield from fastml.layer_norm_backward(turn(dy), turn(x), mean, rstd, weight)
            yield from fastml.rms_norm_backward(turn(dy), turn(x), root, weight)


def batch_norms(draw: Draw) -> Results:
    """Yield batch_norm in training and not, its running statistics and its gradients."""
    for shape in SHAPES[1:]:
        x, dy = draw.numbers(*shape), draw.numbers(*shape)
        for axis in (0, 1):
            weight, bias = draw.numbers(shape[axis]), draw.numbers(shape[axis])
            running = np.zeros_like(weight), np.ones_like(weight)
            y, mean, rstd = fastml.batch_norm(x, *running, weight, bias, training=True, axis=axis, return_stats=True)
            yield from (y, mean, rstd, *running, fastml.batch_norm(x, *running, weight, bias, axis=axis))
            yield from fastml.batch_norm_backward(dy, x, mean, rstd, weight, axis=axis)


def penalties(draw: Draw) -> Results:
    """Yield both penalties and their gradients."""
    for n in LENGTHS:
        w = draw.numbers(n)
        yield from (*fastml.l1_penalty(w, 0.1, return_grad=True), *fastml.l2_penalty(w, 0.1, return_grad=True))


def steps(draw: Draw) -> Results:
    """Yield what the optimizers make of parameters and their state."""
    for n in LENGTHS:
        p, grad, velocity, m = (draw.numbers(n) for _ in range(4))
        v = draw.uniform(n)
        for number in (1, 7):
            fastml.sgd_step(p, grad, 0.1, velocity=velocity, momentum=0.9, nesterov=number == 7, l1=0.01, l2=0.1)
            fastml.adam_step(p, grad, m, v, number, 0.1, weight_decay=0.1)
        yield from (p, velocity, m, v)


def noise(draw: Draw) -> Results:
    """Yield dropout with its gradient and Gaussian noise."""
    for n in LENGTHS:
        x = draw.numbers(n)
        y, key = fastml.dropout(x, 0.3, rng=4, return_key=True)
        yield from (y, fastml.dropout_backward(x, 0.3, key), fastml.gaussian_noise(x, 0.3, rng=4))


def images(draw: Draw) -> Results:
    """Yield flipped and cropped images, of three channels and of one."""
    for shape in ((5, 17, 33, 3), (4, 28, 28, 1)):
        x = draw.numbers(*shape)
        for mode in ("constant", "edge", "reflect"):
            yield fastml.random_crop(x, (13, 21), padding=3, mode=mode, rng=6)
        yield from fastml.random_flip(x, vertical=0.5, rng=5, return_params=True)


CASES: dict[str, tuple[tuple[str, ...], Callable[[Draw], Results]]] = {
    **{name: (HALF, elementwise(name)) for name in (*UNARY, *OUTPUT, *INPUT, *PARAMETER)},
    **{name: (HALF, softmax_family(name)) for name in ("softmax", "log_softmax", "logsumexp", "entropy",
                                                       "softmax_backward", "log_softmax_backward")},
    **{name: (HALF, loss(name)) for name in ("mse_loss", "rmse_loss", "mae_loss", "huber_loss",
                                             "binary_cross_entropy", "binary_cross_entropy_with_logits")},
    "cross_entropy": (HALF, cross_entropy),
    "layer_norm layer_norm_backward rms_norm rms_norm_backward": (HALF, layer_norms),
    "batch_norm batch_norm_backward": (HALF, batch_norms),
    "l1_penalty l2_penalty": (HALF, penalties),
    "sgd_step adam_step": (WIDE, steps),
    "dropout dropout_backward gaussian_noise": (HALF, noise),
    "random_flip random_crop": (HALF, images),
    **LOGISTIC,
}  # fmt: skip


def digest(results: Results) -> str:
    """Return a digest of the bits, the bytes and the shapes of all results, every NaN the same."""
    total = hashlib.sha256()
    for result in results:
        array = np.array(result, order="C")
        if array.dtype.kind == "f":
            array[np.isnan(array)] = np.nan
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()[:32]


def main() -> None:
    """Print the lines; compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", type=Path, help="lines that this program printed elsewhere")
    parser.add_argument("-k", default="", help="only functions whose names contain this")
    arguments = parser.parse_args()
    if missing := set(fastml.__all__) - NO_NUMBERS - {name for names in CASES for name in names.split()}:
        sys.exit(f"tools/bits.py does not know {sorted(missing)}")
    print(f"{platform.machine()} {runtime.isa()}, {runtime.compiler()}, NumPy {np.__version__}", file=sys.stderr)
    lines = []
    for names, (dtypes, results) in CASES.items():
        for dtype in dtypes if arguments.k in names else ():
            with np.errstate(all="ignore"):
                lines.append(f"{digest(results(Draw(dtype)))} {dtype} {names}")
            print(lines[-1], flush=True)
    if arguments.compare:
        known = set(arguments.compare.read_text().splitlines())
        if others := [line for line in lines if line not in known]:
            sys.exit("\n".join([f"{len(others)} of {len(lines)} differ:", *others]))
        print(f"all {len(lines)} lines are equal", file=sys.stderr)


if __name__ == "__main__":
    main()
