"""Words in running text, and what may stand in their place."""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache

DATA = os.path.join(os.path.dirname(__file__), "data", "synonyms.txt.gz")

DASHES = "–—…"  # between words like a space: en dash, em dash, ellipsis
SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
QUOTES = "\"'*()‘’‚‛“”„‟‹›«»"
OPENING = QUOTES + "¿¡"
CLOSING = QUOTES + ".,;:!?" + DASHES + SPACES
POSSESSIVE = ("'s", "’s", "'S", "’S")

# A token is what stands between spaces, and the spaces after it: joined, all tokens are the text again.
tokens_of = re.compile(rf"[^\s{DASHES}]+[\s{DASHES}]*|[\s{DASHES}]+").findall
next_gap = re.compile(rf"[\s{DASHES}]+").search

LONGEST = 64  # characters of a token that is remembered
ROOM = 1 << 15  # tokens remembered: 4 MB or so


class Lexicon(dict[str, int]):
    """How many synonyms a token has, of those in use: a dict that fills itself.

    Text repeats itself, so that nearly every token costs one look into a dict.

    Parameters
    ----------
    synonyms : mapping of str to sequence of str
        Lower-case words, and what may stand in their place.
    names : set of str, optional
        Words, capitalized, that are left alone in this form.
    """

    def __init__(self, synonyms: Mapping[str, Sequence[str]], names: frozenset[str] | set[str] = frozenset()) -> None:
        super().__init__()
        self.synonyms = synonyms
        self.names = names

    def __missing__(self, token: str) -> int:
        """Count the synonyms of a token not seen before."""
        count = len(self.find(token)[1])
        if len(token) <= LONGEST:
            if len(self) >= ROOM:
                self.clear()
            self[token] = count
        return count

    def find(self, token: str) -> tuple[str, Sequence[str]]:
        """Return the word in a token and its synonyms, in its case; none for a word of mixed case."""
        word = token.rstrip(CLOSING).lstrip(OPENING)
        options = self.options(word)
        if not options and word.endswith(POSSESSIVE):
            word = word[:-2]
            options = self.options(word)
        return word, options

    def options(self, word: str) -> Sequence[str]:
        """Return the synonyms of a word as it is written."""
        low = word.lower()
        options = self.synonyms.get(low, ())
        if word == low or not options:
            return options
        if word == low.upper() and len(word) > 1:
            return [option.upper() for option in options]
        if word == low.capitalize() and word not in self.names:
            return [option[:1].title() + option[1:] for option in options]
        return ()

    def replace(self, token: str, choice: int) -> str:
        """Return a token with one of its synonyms in the place of its word."""
        word, options = self.find(token)
        before, _, after = token.partition(word)  # nothing before a word can be a part of it
        return before + options[choice] + after


def is_word(text: str) -> bool:
    """Tell whether a key of a lexicon could ever be found in a text."""
    return text != "" and text == text.lower() == text.rstrip(CLOSING).lstrip(OPENING) and not next_gap(text)


@cache
def wordnet() -> Lexicon:
    """Read the lexicon that comes with fastml; tools/lexicon.py tells what is in it."""
    import gzip  # import fastml needs none of it

    with gzip.open(DATA, "rt", encoding="ascii") as file:
        text = file.read()
    synonyms: dict[str, tuple[str, ...]] = {}
    for row in text.lower().splitlines():
        common, _, rare = row.partition("|")
        options = tuple(common.split())
        if len(options) > 1:
            for word in options:
                _add(synonyms, word, tuple([option for option in options if option != word]))
        for word in rare.split():
            _add(synonyms, word, options)
    return Lexicon(synonyms, set(re.findall("[A-Z][a-z]+", text)))


def _add(synonyms: dict[str, tuple[str, ...]], word: str, options: tuple[str, ...]) -> None:
    """Give a word the options of one more sense."""
    synonyms[word] = tuple(dict.fromkeys(synonyms[word] + options)) if word in synonyms else options
