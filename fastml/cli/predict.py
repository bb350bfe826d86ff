"""``python -m fastml predict``."""

from typing import TextIO

from fastml.cli.errors import CommandError
from fastml.cli.model import load
from fastml.cli.reading import read_features

__all__ = ["predict"]


def predict(model_path: str, data: str, out: TextIO) -> None:
    """Print one line per row: the class, a tab, its probability.

    Parameters
    ----------
    model_path : str
        The file that ``train --output`` wrote.
    data : str
        A CSV, .npy or .npz file.
    out : text stream
        Where to print.

    Raises
    ------
    CommandError
        When either file is not what is expected.
    OSError
        When either cannot be read, or `out` cannot be written.
    """
    model = load(model_path)
    X = read_features(data, model.features, len(model.mean), model.target)
    try:
        chosen, probabilities = model.predict(X)
    except CommandError as error:
        raise CommandError(f"{data}, {error}") from error
    names = [model.classes[index] for index in chosen.tolist()]
    out.writelines(f"{name}\t{p:.4f}\n" for name, p in zip(names, probabilities.tolist(), strict=True))
