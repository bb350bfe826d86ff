"""Augmentation of text: words replaced by synonyms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, SupportsFloat, overload

import numpy as np
from numpy.typing import NDArray

from fastml._arguments import as_array, generator, real
from fastml._lexicon import Lexicon, is_word, next_gap, tokens_of, wordnet

__all__ = ["synonym_replace"]

BLOCK = 1 << 16  # characters whose tokens are in memory at once
KINDS = "TUO"  # strings of any length, of one length, objects


@overload
def synonym_replace(  # type: ignore[overload-overlap]  # a str is a sequence of strings too
    texts: str, p: SupportsFloat = ..., *, synonyms: Mapping[str, Sequence[str]] | None = ..., rng: Any = ...
) -> str: ...
@overload
def synonym_replace(
    texts: NDArray[Any], p: SupportsFloat = ..., *, synonyms: Mapping[str, Sequence[str]] | None = ..., rng: Any = ...
) -> NDArray[Any]: ...
@overload
def synonym_replace(
    texts: Sequence[str], p: SupportsFloat = ..., *, synonyms: Mapping[str, Sequence[str]] | None = ..., rng: Any = ...
) -> list[str]: ...


def synonym_replace(texts: Any, p: SupportsFloat = 0.1, *, synonyms: Any = None, rng: Any = None) -> Any:
    """Replace each word that has synonyms by one of them, with probability `p`.

    Every occurrence of a word is decided for itself. Case is kept (word, Word, WORD), and so is everything around a
    word, to the character. A word stands between white space or dashes; quotation marks, round brackets, asterisks,
    sentence marks and a possessive 's around it are not part of it. Whatever else is between white space is left alone:
    numbers, addresses, markup, ``snake_case``, words of mixed case. Hyphenated words and contractions are words of
    their own, which the lexicon of fastml does not have.

    Parameters
    ----------
    texts : str, or sequence or array of str
        An array may be of a string dtype or of objects, and of any shape; pandas Series count as arrays.
    p : float, default 0.1
        From 0 to 1. At 0 the texts come back as they are.
    synonyms : mapping of str to sequence of str, optional
        Your own lexicon instead: a lower-case word, and what may stand in its place, as it is in running text. Each is
        as likely as the next; one listed twice is twice as likely. Nothing else is looked up and no word excepted.
    rng : None, int or numpy.random.Generator, optional
        Where random numbers come from: one for each word that has synonyms, in order. So texts get the same result one
        by one, from the same generator, as together; and what is replaced at some `p` is replaced at any larger one.

    Returns
    -------
    str, list of str or ndarray
        A string for a string, a list for a sequence; for an array, one of its shape and kind, with room for the longest
        string.

    Raises
    ------
    TypeError
        `texts` is or holds something else than strings; `p` is not a number; `synonyms` is not a mapping of strings to
        sequences of strings; `rng` is nothing that makes random numbers.
    ValueError
        `p` is not from 0 to 1. A key of `synonyms` is no lower-case word, or its value is empty or holds an empty
        string.

    Notes
    -----
    The lexicon of fastml is made from WordNet 3.0 (Fellbaum, 1998): English words in their basic form, 22,880 of them.
    Two are synonyms if they share a sense that makes up a fifth of the uses of either. Stop words ("is", "have",
    "will") are not in it, nor are offensive words, nor inflected forms ("cars", "went"), so that a sentence mostly
    stays one; but "a" before a vowel remains "a". Words that are names too ("Young") stay where they have a capital.
    The lexicon is read when first needed, and nothing is downloaded.

    Examples
    --------
    >>> import fastml
    >>> fastml.synonym_replace("The BIG student's car began to move, perhaps.", p=1, rng=0)
    "The LARGE pupil's automobile began to travel, perhaps."
    >>> own = {"fox": ["vixen"], "dog": ["hound", "mutt"]}
    >>> fastml.synonym_replace(["The quick fox", "Dog, dog and iDog"], p=1, synonyms=own, rng=1)
    ['The quick vixen', 'Mutt, hound and iDog']
    """
    number = real("p", p)
    if not 0 <= number <= 1:
        raise ValueError(f"p: expected a probability from 0 to 1, got {p}")
    array, flat = _as_texts(texts)
    lexicon = wordnet() if synonyms is None else Lexicon(_checked(synonyms))
    done = _replace(flat, number, lexicon, generator(rng))
    if array is not None:
        return _like(array, done)
    return done[0] if isinstance(texts, str) else done


def _as_texts(texts: Any) -> tuple[NDArray[Any] | None, Sequence[str]]:
    """Return the array that texts is, if it is one, and its strings one after the other."""
    expected = "expected a string, or a sequence or an array of strings"
    if isinstance(texts, str):
        return None, [texts]
    array = None
    if hasattr(texts, "__array__"):
        array = as_array("texts", texts)
        if array.dtype.kind not in KINDS and array.size:
            raise TypeError(f"texts: {expected}, got dtype {array.dtype}")
        texts = array.ravel().tolist()
    elif not isinstance(texts, Sequence) or isinstance(texts, (bytes, bytearray, memoryview)):
        raise TypeError(f"texts: {expected}, got {type(texts).__name__}")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{i}]: expected a string, got {type(text).__name__}")
    return array, texts


def _checked(synonyms: Any) -> Mapping[str, Sequence[str]]:
    """Return a copy of the caller's mapping, if it is one from words to sequences of strings."""
    if not isinstance(synonyms, Mapping):
        raise TypeError(f"synonyms: expected a mapping of words to sequences of strings, got {type(synonyms).__name__}")
    checked = {}
    for word, options in synonyms.items():
        if not isinstance(word, str):
            raise TypeError(f"synonyms: expected strings as keys, got {type(word).__name__}")
        if not is_word(word):
            raise ValueError(f"synonyms: expected lower-case words as keys, as they stand between spaces, got {word!r}")
        name = f"synonyms[{word!r}]"
        if isinstance(options, (str, bytes)) or not isinstance(options, Sequence):
            raise TypeError(f"{name}: expected a sequence of strings, got {type(options).__name__}")
        checked[word] = list(options)
        for option in checked[word]:
            if not isinstance(option, str):
                raise TypeError(f"{name}: expected a sequence of strings, got one that holds {type(option).__name__}")
        if "" in checked[word] or not checked[word]:
            raise ValueError(f"{name}: expected one string or more, none of them empty, got {options!r:.60}")
    return checked


def _like(array: NDArray[Any], texts: list[str]) -> NDArray[Any]:
    """Return the texts as an array of the shape and kind of another; strings of one length get room for the longest."""
    dtype = array.dtype
    if dtype.kind == "U":
        dtype = np.dtype(f"U{max([dtype.itemsize // 4, *map(len, texts)])}")
    result = np.empty(array.shape, dtype)
    result.ravel()[...] = texts
    return result


def _replace(texts: Sequence[str], p: float, lexicon: Lexicon, rng: np.random.Generator) -> list[str]:
    """Replace words in texts, block by block; long texts come in pieces."""
    pieces: list[str] = []
    ends = [0]
    for text in texts:
        pieces += [text] if len(text) <= BLOCK else _cut(text)
        ends.append(len(pieces))
    done: list[str] = []
    for first, last in _blocks(pieces):
        done += _replace_block(pieces[first:last], p, lexicon, rng)
    return ["".join(done[first:last]) for first, last in pairwise(ends)]


def _cut(text: str) -> Iterator[str]:
    """Yield a text in pieces of a block or so, cut between words."""
    start = 0
    while start < len(text):
        gap = next_gap(text, start + BLOCK)
        end = gap.end() if gap else len(text)
        yield text[start:end]
        start = end


def _blocks(pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of pieces that make a block."""
    first, size = 0, 0
    for i, piece in enumerate(pieces):
        size += len(piece)
        if size >= BLOCK:
            yield first, i + 1
            first, size = i + 1, 0
    yield first, len(pieces)


def _replace_block(texts: Sequence[str], p: float, lexicon: Lexicon, rng: np.random.Generator) -> list[str]:
    """Replace words in texts whose tokens fit into memory."""
    tokens: list[str] = []
    ends = [0]
    for text in texts:
        tokens += tokens_of(text)
        ends.append(len(tokens))
    counts = np.fromiter(map(lexicon.__getitem__, tokens), np.intp, len(tokens))
    words = np.flatnonzero(counts)
    draws = rng.random(words.size)
    chosen = draws < p
    words, draws = words[chosen], draws[chosen]
    # a draw below p is uniform there, and so decides between the synonyms as well
    choices = np.minimum((draws / (p or 1) * counts[words]).astype(np.intp), counts[words] - 1)
    for i, choice in zip(words.tolist(), choices.tolist(), strict=True):
        tokens[i] = lexicon.replace(tokens[i], choice)
    return ["".join(tokens[first:last]) for first, last in pairwise(ends)]
