"""The flags, and what each may hold."""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from fastml.cli.errors import CommandError

__all__ = ["parse"]

Number = TypeVar("Number", int, float)

MAX_THREADS = 256  # of the pool
TRAIN_DETAILS = """\
DATA is a CSV file with a header line (labels may be words or numbers), a two-dimensional .npy file, or a .npz file
with the arrays X and y. The labels are in the column given by --target. Without it: in a CSV file the column named
target, label, class or y, whichever of these comes first in this order (in any case), else the last column; in a .npy
file the last column. In a .npy file COLUMN is a number: 0 is the first column, -1 the last.

With --validation the weights of the step with the smallest validation loss are kept, and the rows held out by
--test-size still measure them. The columns of a CSV file are found by their names in DATA; columns without names go
by their place. Features are standardized as those trained on, and labels must be among theirs."""


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as one sentence, without the usage text that would bury it."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse and check the arguments.

    Parameters
    ----------
    argv : sequence of str or None
        The arguments after the program's name; None for those of the process.

    Returns
    -------
    argparse.Namespace
        With `command` and the command's own fields.

    Raises
    ------
    CommandError
        For an unknown command or flag, or a value out of range.
    SystemExit
        After ``--help`` and ``--version``.

    Examples
    --------
    >>> from fastml.cli.arguments import parse
    >>> parse(["train", "iris.csv"]).test_size
    0.2
    """
    return _parser().parse_args(argv)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m fastml", description="Train and use logistic and softmax regression on a CPU.",
                     allow_abbrev=False)  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="train | predict | info", required=True)
    _add_train(commands)
    predict = commands.add_parser(
        "predict", help="print a class and its probability for every row", allow_abbrev=False,
        description="Print one line per row of DATA: the class, a tab, its probability.")  # fmt: skip
    predict.add_argument("model", metavar="MODEL", help="the file that train --output wrote")
    predict.add_argument("data", metavar="DATA", help="CSV, .npy or .npz; the target column, if there, is ignored")
    commands.add_parser("info", help="print version, instruction set and threads", allow_abbrev=False)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train", help="train a classifier", description="Train a classifier and measure it on held-out rows.",
        epilog=TRAIN_DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)  # fmt: skip
    add = train.add_argument
    add("data", metavar="DATA", nargs="?", help="CSV, .npy or .npz (default: the UCI digits that come with fastml)")
    add("--target", metavar="COLUMN", help="the column that holds the labels")
    add("--test-size", type=_number(float, lambda v: 0 < v < 1, "a number between 0 and 1"), default=0.2,
        metavar="PART", help="the part of the rows held out, stratified by class (default 0.2)")  # fmt: skip
    add("--validation", metavar="FILE",
        help="labeled rows that are not trained on: training stops when their loss no longer falls")  # fmt: skip
    add("--patience", type=_number(int, lambda v: v >= 1, "a whole number of 1 or more"), metavar="N",
        help="with --validation: stop after N steps in a row without a smaller loss (default 5)")  # fmt: skip
    add("--solver", choices=("auto", "lbfgs", "sgd"), default="auto", help="default: auto")
    add("--l2", type=_number(float, lambda v: 0 <= v < math.inf, "a number of 0 or more"), metavar="STRENGTH",
        help="penalty STRENGTH * sum(w^2) on the mean loss (default 1 / (2 n), as scikit-learn's C=1)")  # fmt: skip
    add("--max-iter", type=_number(int, lambda v: v >= 1, "a whole number of 1 or more"), default=200, metavar="N",
        help="at most N steps of L-BFGS, or N passes of SGD over the data (default 200)")  # fmt: skip
    add("--threads", type=_number(int, lambda v: 1 <= v <= MAX_THREADS, f"a whole number from 1 to {MAX_THREADS}"),
        metavar="N", help="default: as many as this process may use")  # fmt: skip
    add("--seed", type=_number(int, lambda v: 0 <= v < 2**63, "a whole number of 0 or more"), default=0, metavar="N",
        help="of the split and of SGD's shuffling (default 0)")  # fmt: skip
    add("--output", metavar="FILE", help="write the model to FILE (.npz)")
    add("--compare", action="store_true", help="run the same training in plain NumPy as well, and print the ratio")


def _number(kind: Callable[[str], Number], accepts: Callable[[Number], bool], expected: str) -> Callable[[str], Number]:
    """Return an argparse type that parses with `kind` and refuses what `accepts` does not take."""

    def convert(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not accepts(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value

    return convert


class _Version(argparse.Action):
    """Prints the version; fastml is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import fastml

        print(f"fastml {fastml.__version__}")
        parser.exit()
