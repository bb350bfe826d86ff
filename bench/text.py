"""Words a second of `synonym_replace`, beside a regular expression that asks for every word: ``python -m bench.text``.

Texts have no place in the other benchmarks, whose inputs are arrays. This one takes files to read, or makes text up:
a quarter of its words are from the lexicon, by Zipf's law, the rest stop words.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastml
from fastml._lexicon import wordnet

P = 0.1
TEXTS, WORDS = 5_000, 200
ROUNDS = 5
STOP_WORDS = "the of and to a in is it was for on are as with his they at be this from have or had by".split()  # noqa: SIM905


def made_up() -> list[str]:
    """Return texts that repeat themselves as English does."""
    rng = np.random.default_rng(0)
    lexicon = np.array(sorted(wordnet().synonyms))
    rng.shuffle(lexicon)
    rank = np.minimum(rng.zipf(1.2, (TEXTS, WORDS)) - 1, lexicon.size - 1)
    words = np.where(rng.random((TEXTS, WORDS)) < 0.25, lexicon[rank], rng.choice(STOP_WORDS, (TEXTS, WORDS)))
    return [" ".join(row).capitalize() + "." for row in words.tolist()]


def by_expression(texts: list[str]) -> list[str]:
    """Do it as one writes it down, without a thought for possessives, addresses or cases but Title."""
    draw, synonyms = random.Random(0), wordnet().synonyms

    def change(match: re.Match[str]) -> str:
        word = match[0]
        options = synonyms.get(word.lower())
        if not options or draw.random() >= P:
            return word
        option = draw.choice(options)
        return option.capitalize() if word[0].isupper() else option

    return [re.sub(r"\w+", change, text) for text in texts]


def by_fastml(texts: list[str]) -> list[str]:
    """Do it with fastml."""
    return fastml.synonym_replace(texts, P, rng=0)


def main(files: list[str]) -> None:
    """Print a line for each way of doing it, by turns, the best of some rounds."""
    started = time.perf_counter()
    wordnet()
    print(f"the lexicon is read in {1e3 * (time.perf_counter() - started):.0f} ms")
    texts = [Path(file).read_text(encoding="utf-8", errors="replace") for file in files] or made_up()
    words = sum(len(text.split()) for text in texts)
    ways: list[Callable[[list[str]], list[str]]] = [by_fastml, by_expression]
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for i, way in enumerate(ways):
            started = time.perf_counter()
            way(texts)
            best[i] = min(best[i], time.perf_counter() - started)
    for way, seconds in zip(ways, best, strict=True):
        print(f"{way.__name__}: {words / seconds / 1e6:.2f} million words/s ({words:,} words)")


if __name__ == "__main__":
    main(sys.argv[1:])
