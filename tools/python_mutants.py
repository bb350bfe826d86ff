"""Break the Python layer on purpose and see that the tests notice: ``python tools/python_mutants.py --sample 250``.

A mutant is one change in one file: a comparison turned or moved by its end, ``and`` for ``or``, ``not`` left out, ``+``
for ``-``, a number one larger, True for False, a ``raise`` or an assignment left out. A sample of all that there are,
drawn with ``--seed``, is made in a copy of the checkout that has the built extensions, and for each the tests of its
module (TESTS) run until one fails. Prints the survivors, to be looked at: some mean the same. The exit status is 0
whatever survives.

Needs fork, git, and fastml installed in place with the extras ``test``, ``sklearn`` and ``dask``.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import scratch

FOLDER = scratch.ROOT / "build" / "python-mutants"
TIMEOUT = 300
FIT = "fitting_arguments fitting_stopping fitting_newton fitting fitting_sgd"
ESTIMATOR = "sklearn_labels sklearn_fit sklearn"
COMMAND = "cli_errors cli_validation cli_hostile cli_archives cli"
TESTS = {
    "_arguments": "softmax_arguments losses_arguments noise_arguments optimizers_arguments norms_arguments",
    "_augmentation_arguments": "augmentation_arguments augmentation",
    "_lexicon": "text_arguments text_augmentation lexicon",
    "_logistic_data": "logistic_arguments logistic_labels logistic fitting_arguments",
    "_loss_arguments": "losses_arguments cross_entropy_arguments penalties",
    "_newton": "fitting_newton fitting",
    "_norm_arguments": "norms_arguments batch_norm norms norms_backward",
    "_optimizer_arguments": "optimizers_arguments optimizers penalties",
    "_proximal": "fitting fitting_newton",
    "_solver_choice": FIT,
    "_solvers": FIT,
    "_sparse": "logistic_sparse",
    "augmentation": "augmentation_arguments augmentation",
    "batch_normalization": "norms_arguments batch_norm",
    "early_stopping": "early_stopping",
    "fitting": FIT,
    "layer_normalization": "norms_arguments norms norms_backward",
    "logistic": "logistic_arguments logistic logistic_labels",
    "normalization": "norms_arguments norms norms_backward batch_norm",
    "text_augmentation": "text_arguments text_augmentation lexicon",
    "threads": "threads threads_environment",
    "cli": COMMAND,
    "sklearn": ESTIMATOR,
    "dask": "dask_arguments dask",
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
}  # fmt: skip


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node may be replaced by."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif (
        isinstance(node, ast.BinOp)
        and type(node.op) in OPERATORS
        and not isinstance(node.left, ast.Constant | ast.JoinedStr)
    ):
        yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Raise | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


class Replace(ast.NodeTransformer):
    """Replace the k-th node that has variants; k of None counts them."""

    def __init__(self, k: int | None) -> None:
        self.k, self.count, self.line, self.change = k, 0, 0, ""

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace the node, or go on below it."""
        if isinstance(node, ast.AnnAssign) or (isinstance(node, ast.FunctionDef) and is_stub(node)):
            return node
        if isinstance(node, ast.FunctionDef):
            node.returns = None  # what types say is no behaviour
            for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                argument.annotation = None
        for other in variants(node):
            if self.count == self.k:
                self.line = getattr(node, "lineno", 0)
                self.change = f"{ast.unparse(node)} -> {ast.unparse(other)}"
                self.count += 1
                return other
            self.count += 1
        return self.generic_visit(node)


def is_stub(node: ast.FunctionDef) -> bool:
    """Whether it is an overload."""
    return any(ast.unparse(each).endswith("overload") for each in node.decorator_list)


def tests_of(path: Path) -> list[str]:
    """Return the files with the tests of a module."""
    key = path.stem if path.parent.name == "fastml" else path.parent.name
    return [f"tests/test_{name}.py" for name in TESTS.get(key, "").split()]


def in_child(run: Callable[[], int], output: Path) -> int:
    """Run in a forked process with its own output; return its status, 124 where it takes too long.

    Then what it has started ends too.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os._exit(run())
    end = time.monotonic() + TIMEOUT
    try:
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return abs(os.waitstatus_to_exitcode(status))
            time.sleep(0.02)
    except KeyboardInterrupt:  # which does not reach the session
        os.killpg(child, 9)
        raise
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return 124


def test(tests: list[str]) -> int:
    """Run tests in a process that has imported everything but fastml."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-k", "not avx2 and not avx512", "--hypothesis-seed=0"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is imported already
    return in_child(lambda: int(pytest.main([*options, *tests])), FOLDER / "output.txt")


def prepare() -> None:
    """Make the copy with the built extensions; import what the tests need, but nothing of fastml."""
    scratch.copy(FOLDER)
    for built in (scratch.ROOT / "fastml").glob("*.so"):
        shutil.copy2(built, FOLDER / "fastml" / built.name)
    os.chdir(FOLDER)
    os.environ["PYTHONPATH"] = str(FOLDER)
    sys.path.insert(0, str(FOLDER))
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for name in ("numpy", "hypothesis", "mpmath", "scipy.sparse", "sklearn.utils.estimator_checks", "dask.array"):
        __import__(name)


def candidates() -> list[tuple[Path, int]]:
    """Return every mutant there is, as a file and a number."""
    found = []
    for path in sorted((FOLDER / "fastml").rglob("*.py")):
        if tests_of(path):
            counter = Replace(None)
            counter.visit(ast.parse(path.read_text()))
            found += [(path, k) for k in range(counter.count)]
    return found


def judge(path: Path, k: int) -> str:
    """Make a mutant and test it; return what survived, "" where the tests noticed."""
    text, change = path.read_text(), Replace(k)
    path.write_text(ast.unparse(ast.fix_missing_locations(change.visit(deepcopy(ast.parse(text))))))
    try:
        status = test(tests_of(path))
    finally:
        path.write_text(text)
    return f"{path.relative_to(FOLDER)}:{change.line}: {change.change}" if status == 0 else ""


def main() -> None:
    """Judge a sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=250, help="how many mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a part of the path of a file")
    arguments = parser.parse_args()
    prepare()
    every = [each for each in candidates() if arguments.only in str(each[0].relative_to(FOLDER))]
    for path in sorted({path for path, _ in every}):
        if status := test(tests_of(path)):
            sys.exit(f"{path}: its tests fail without any mutant (status {status}), see {FOLDER}/output.txt")
    chosen = random.Random(arguments.seed).sample(every, min(arguments.sample or len(every), len(every)))
    survivors = []
    for number, (path, k) in enumerate(sorted(chosen), 1):
        if survivor := judge(path, k):
            survivors.append(survivor)
            print(f"{number}: SURVIVED {survivor}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} noticed, of {len(every)} that there are")


if __name__ == "__main__":
    main()
