"""The mistakes that ``kernel_mutants.py`` makes: text that stands once in a file, and what takes its place.

Not here: the higher half of the counter of noise and dropout, which matters from 2^35 elements on; ``reliability.py
huge`` looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One mistake."""

    name: str
    file: str
    old: str
    new: str
    tests: str  # names of test files, one of which must fail
    only: str = ""  # an expression for pytest -k, where a whole file would take long

    def subjects(self) -> set[str]:
        """Return the tests that it may make fail."""
        return {*self.tests.split(), *TOUCHED.get(self.file.rpartition("/")[2].partition(".")[0], "").split()}


# What else a file is part of.
EVERYTHING = """elementwise activations elementwise_ufunc losses penalties softmax cross_entropy cross_entropy_edges
    norms norms_backward batch_norm dropout random_bits gaussian_noise optimizers logistic logistic_sparse fitting
    fitting_newton augmentation interrupt"""
TOUCHED = {
    "half": EVERYTHING,
    "math": EVERYTHING,
    "sum": "losses penalties cross_entropy cross_entropy_edges",
    "softmax_row": "softmax cross_entropy cross_entropy_edges interrupt logistic",
    "cross_entropy_row": "cross_entropy cross_entropy_edges",
    "losses": "losses interrupt",
    "logistic": "logistic fitting fitting_newton logistic_sparse",
    "logistic_softmax": "logistic fitting fitting_newton logistic_sparse",
    "logistic_sparse": "fitting fitting_newton",
    "transpose": "logistic softmax norms cross_entropy batch_norm",
    "penalties": "optimizers penalties",
    "optimizers": "optimizers penalties",
    "_elementwise_core": "elementwise activations elementwise_ufunc",
}


def _c(name: str, file: str, old: str, new: str, tests: str, only: str = "") -> Mutant:
    return Mutant(name, f"fastml/c/{file}.inc.h", old, new, tests, only)


def _pxi(name: str, file: str, old: str, new: str, tests: str, only: str = "") -> Mutant:
    return Mutant(name, f"fastml/{file}", old, new, tests, only)


MUTANTS = [
    _c(
        "float16: the tail one short",
        "half",
        "memcpy(y + i, to, (size_t)(n - i) * sizeof(S));",
        "memcpy(y + i, to, (size_t)(n - i - 1) * sizeof(S));",
        "elementwise",
        "float16",
    ),
    _c(
        "element-wise: flags stay raised",
        "elementwise",
        "LOAD(b[i]))); \\\n        clear_flags(); ",
        "LOAD(b[i]))); \\\n         ",
        "elementwise activations",
    ),
    _c("tanh: no clamp", "math", "T clamped = AT_MOST(a, k.high), zz", "T clamped = a, zz", "elementwise", "tanh"),
    _c("sum: half of the lanes dropped", "sum", "half > 0; half /= 2", "half > 1; half /= 2", "losses"),
    _c("sum: a tail of one is none", "sum", "    if (i < n) {\n", "    if (i + 1 < n) {\n", "losses"),
    _c(
        "sum: what was lost is lost",
        "sum",
        "total[1] += (total[0] - (sum - part)) + (v - part);",
        "",
        "losses penalties",
    ),
    _c(
        "softmax: the last lanes' maximum",
        "softmax_row",
        "for (ptrdiff_t l = 0; l < LANES / 4; l++) m =",
        "for (ptrdiff_t l = 0; l + 1 < LANES / 4; l++) m =",
        "softmax",
    ),
    _c(
        "softmax: the tail's inputs shifted",
        "softmax_row",
        "x[n - LANES + l], a, b, c",
        "x[n - LANES - 1 + l], a, b, c",
        "softmax",
    ),
    _c("huber: one bound only", "losses", "    g = AT_MOST(g, k.high);\n", "", "losses"),
    _c(
        "cross-entropy: the spike is not in the sum",
        "cross_entropy_row",
        "    aim.total += aim.spike;\n",
        "",
        "cross_entropy",
    ),
    _c(
        "cross-entropy: `<` for `<=`",
        "cross_entropy_row",
        "row->first >= i && row->first",
        "row->first > i && row->first",
        "cross_entropy",
    ),
    _c("norm: the tail padded with 0", "norm_sums", "last[l] = mean;", "last[l] = 0;", "norms"),
    _c(
        "norm: swapped dweight and dbias",
        "norm",
        "            sums[i] += TREE(GH);\n            sums[stride + i] += TREE(G);",
        "            sums[i] += TREE(G);\n            sums[stride + i] += TREE(GH);",
        "norms_backward",
    ),
    _c("norm: the two means swapped", "norm", "rstd), b, g - a) * scale", "rstd), a, g - b) * scale", "norms_backward"),
    _c(
        "norm: without eps",
        "norm_sums",
        "(variance < 0 ? 0 : variance) + eps",
        "(variance < 0 ? 0 : variance)",
        "norms",
    ),
    _c("dropout: `>=` for `>`", "random", "(word[w][l] >> 16) > last", "(word[w][l] >> 16) >= last", "dropout"),
    _c(
        "noise: sine for cosine",
        "random",
        "r * (swapped ? s : c)",
        "r * (swapped ? c : s)",
        "gaussian_noise random_bits",
    ),
    _c("sgd: l2 once, not twice", "optimizers", "(T)(2 * options->l2)", "(T)options->l2", "optimizers"),
    _c("adam: the wrong beta", "optimizers", "k.rest2 * g * g", "k.rest1 * g * g", "optimizers"),
    _c("l1: written, not added", "penalties", "slope[i] += MATH(with_sign)", "slope[i] = MATH(with_sign)", "penalties"),
    _c(
        "flip: the last item's last bytes",
        "augment",
        "    memcpy(last + step - 8, whole + step - 8, 8);\n",
        "",
        "augmentation",
    ),
    _c("logistic: the gradient without weights", "logistic", "        residual[r] *= weight[r];\n", "", "logistic"),
    _c(
        "logistic: the last row of a block",
        "logistic",
        "        for (; r < R; r++) UNROLL for (int i = 0;",
        "        for (; r + 1 < R; r++) UNROLL for (int i = 0;",
        "logistic",
    ),
    _c(
        "softmax regression: a feature of a tile",
        "logistic_softmax",
        "m < MR && j + m < d; m++)\n                for",
        "m < MR - 1 && j + m < d; m++)\n                for",
        "logistic",
    ),
    _c(
        "softmax regression: 1 for the weight",
        "logistic_softmax",
        "inverse : z[label] - scale;",
        "inverse : z[label] - 1;",
        "logistic",
    ),
    _c(
        "sparse: first of every task",
        "logistic_sparse",
        "rows * K, first && k == 0);",
        "rows * K, first);",
        "logistic_sparse",
    ),
    _c(
        "transpose: the last square one off",
        "transpose",
        "? j : rows - SQUARE;",
        "? j : rows - SQUARE - 1;",
        "logistic",
    ),
    _pxi(
        "element-wise: what lies before a cache line",
        "_elementwise_core.pxi",
        "        run(call, 0, call.head)\n",
        "        run(call, 0, call.head - 1)\n",
        "elementwise activations",
    ),
    _pxi(
        "element-wise: the second stride is the first",
        "_elementwise_ufunc.pxi",
        "args[k] + start * steps[k], steps[k], count",
        "args[k] + start * steps[0], steps[0], count",
        "elementwise elementwise_ufunc",
    ),
    _pxi(
        "losses: the second slice is the first",
        "_losses_core.pxi",
        "start = (p.chunks.first + chunk) * CHUNK",
        "start = chunk * CHUNK",
        "losses",
    ),
    _pxi("batch_norm: one sum for the other", "_norm_batch.pxi", "= sums[w + j]", "= sums[j]", "batch_norm"),
    _pxi(
        "crop: the reflection one off",
        "_augmentation.pxi",
        "period = 2 * length - 2\n",
        "period = 2 * length - 1\n",
        "augmentation",
    ),
    _pxi(
        "noise: chunks all begin at 0",
        "_random_core.pxi",
        "c.y + start * size, start, stop - start)",
        "c.y + start * size, 0, stop - start)",
        "dropout random_bits",
    ),
    _pxi(
        "softmax: a wrong outer stride",
        "_softmax_core.pxi",
        "index * p.where_stride[axis],",
        "index * p.x_stride[axis],",
        "softmax_arguments",
    ),
    _pxi(
        "softmax: no look at signals",
        "_softmax_core.pxi",
        "        p.first_task += count\n        PyErr_CheckSignals()\n",
        "        p.first_task += count\n",
        "interrupt",
        "softmax",
    ),
    _pxi(
        "L-BFGS: the tail's first product",
        "_lbfgs.pyx",
        "for i in range(full, n):",
        "for i in range(full + 1, n):",
        "fitting fitting_newton",
    ),
    _pxi(
        "optimizers: the last chunk",
        "_optimizers_core.pxi",
        "(s.n + CHUNK - 1) // CHUNK, s.n * ns",
        "s.n // CHUNK, s.n * ns",
        "optimizers",
    ),
    _pxi(
        "cross-entropy: what a slice has left over",
        "_cross_entropy_core.pxi",
        "memmove(buffer, buffer + whole * size,",
        "memmove(buffer, buffer,",
        "cross_entropy cross_entropy_edges",
    ),
]
