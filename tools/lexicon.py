"""Write fastml/data/synonyms.txt.gz, the lexicon of `fastml.synonym_replace`, from WordNet 3.0.

``python tools/lexicon.py /usr/share/wordnet [OUTPUT]``; Debian's package wordnet-base has the folder. The same database
gives the same text.

A line is a sense, and the words that have it, by how often they were tagged with it in WordNet's corpora; lines come in
the same order. Words behind a "|" were not found there at all: they are replaced by the others and never given for
them ("hebdomad" becomes "week", not the other way round). Where no word of a sense was found, all are equal. A capital
means that the word is left alone where it is written with one, since it is a name too.

What is left out, so that a sentence stays one more often than not:

* all but single words of three or more lower-case letters; stop words; offensive words, and slang and archaisms;
* forms of other words, where the other is the more frequent: "saw" is more often seen than a tool;
* words with no part of speech that makes up 3/5 of their uses, and all other parts of speech of the rest;
* senses that make up less than 1/5 of a word's uses; of a word that was not found, all but the first.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lexicon_words import NAMES, OFFENSIVE, STOP_WORDS

DEFAULT_OUTPUT = Path(__file__).resolve().parent.parent / "fastml" / "data" / "synonyms.txt.gz"
PARTS = ("noun", "verb", "adj", "adv")
LEAST_OF_PART, LEAST_OF_SENSE = 3 / 5, 1 / 5

is_word = re.compile("[a-z]{3,}").fullmatch
tells_offence = re.compile(
    r"ethnic slur|terms? of (abuse|disparagement|contempt)|(regarded|considered) as? ?offensive"
    r"|(offensive|insulting|disparag\w+|derogatory|obscene|pejorative|vulgar|abusive|slang)\W+(\w+\W+){0,4}?"
    r"(terms?|names?|words?|slang)\b"
).search
UNFIT = {"ethnic_slur", "obscenity", "disparagement", "slang", "archaism"}  # domains of usage
ENDINGS = {  # regular forms: of which part of speech, and what stands in place of the ending in its base
    "noun": [("s", ""), ("es", ""), ("ies", "y")],
    "verb": [("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")],
    "adj": [("er", ""), ("er", "e"), ("est", ""), ("est", "e")],
    "adv": [],
}


@dataclass
class Sense:
    """A synset: its words as WordNet writes them, its definition, its domains of usage."""

    words: list[str]
    gloss: str
    usage: list[tuple[str, int]]  # the offset of the domain, and which word belongs to it: 0 for all


class WordNet:
    """The database, as wndb(5WN) and cntlist(5WN) describe its files.

    Parameters
    ----------
    folder : Path
        Where data.noun, index.noun, noun.exc, cntlist.rev and their like are.
    """

    def __init__(self, folder: Path) -> None:
        self.senses = {(part, offset): sense for part in PARTS for offset, sense in self._data(folder, part)}
        self.index: dict[tuple[str, str], list[str]] = {}
        self.bases: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for part in PARTS:
            for fields in _rows(folder / f"index.{part}"):
                self.index[fields[0], part] = fields[-int(fields[2]) :]
            for form, *bases in _rows(folder / f"{part}.exc"):
                self.bases[form] |= {(base, part) for base in bases if base != form}
        self.counts: dict[tuple[str, str, int], int] = {}
        for key, number, count in _rows(folder / "cntlist.rev"):
            lemma, sense = key.split("%")
            part = PARTS[(int(sense[0]) - 1) % 4 if sense[0] != "5" else 2]  # 5: an adjective of a cluster
            self.counts[lemma, part, int(number)] = int(count)

    @staticmethod
    def _data(folder: Path, part: str) -> Iterator[tuple[str, Sense]]:
        for line in _lines(folder / f"data.{part}"):
            fields, gloss = line.split("|", 1)[0].split(), line.split("|", 1)[1]
            end = 4 + 2 * int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", word) for word in fields[4:end:2]]
            pointers = [fields[i : i + 4] for i in range(end + 1, end + 1 + 4 * int(fields[end]), 4)]
            usage = [(offset, int(ends[:2], 16)) for kind, offset, _, ends in pointers if kind == ";u"]
            yield fields[0], Sense(words, gloss.split('"')[0], usage)

    def count(self, word: str, part: str) -> int:
        """Return how often a word was tagged as this part of speech."""
        return sum(self.counts.get((word, part, i + 1), 0) for i in range(len(self.index.get((word, part), ()))))

    def unfit(self) -> set[str]:
        """Return the words that a definition or a domain calls offensive, slang or archaic."""
        found = set(OFFENSIVE)
        for sense in self.senses.values():
            if tells_offence(sense.gloss):
                found |= {word.lower() for word in sense.words}
            for offset, which in sense.usage:
                if UNFIT & set(self.senses["noun", offset].words):
                    found |= {word.lower() for word in (sense.words[which - 1 : which] if which else sense.words)}
        return found

    def is_form(self, word: str, uses: int) -> bool:
        """Tell whether a word of so many uses is a form of one that has as many or more."""
        bases = set(self.bases.get(word, ()))
        for part, endings in ENDINGS.items():
            for ending, instead in endings:
                if word.endswith(ending):
                    base = word[: -len(ending)] + instead
                    bases |= {(base, part)} | ({(base[:-1], part)} if base[-1:] == base[-2:-1] else set())
        found = [base for base in bases if base in self.index and base[0] != word and len(base[0]) > 2]
        return any(self.count(*base) >= max(uses, 1) for base in found)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, without the licence at its top."""
    with path.open(encoding="ascii") as file:
        yield from (line for line in file if not line.startswith("  "))


def _rows(path: Path) -> Iterator[list[str]]:
    return (line.split() for line in _lines(path))


def kept_senses(wordnet: WordNet) -> dict[tuple[str, str], dict[str, int]]:
    """Return for each sense the words of the lexicon that are often meant so, and how often they were."""
    kept: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    left_out = wordnet.unfit() | STOP_WORDS
    for word in sorted({word for word, _ in wordnet.index if is_word(word)} - left_out):
        parts = [part for part in PARTS if (word, part) in wordnet.index]
        counts = {part: wordnet.count(word, part) for part in parts}
        uses, part = sum(counts.values()), max(parts, key=lambda part: counts[part])
        if wordnet.is_form(word, uses) or counts[part] < LEAST_OF_PART * uses or (not uses and len(parts) > 1):
            continue
        for i, offset in enumerate(wordnet.index[word, part]):
            count = wordnet.counts.get((word, part, i + 1), 0)
            often = count >= LEAST_OF_SENSE * uses if uses else i == 0
            if often and word in wordnet.senses[part, offset].words:
                kept[part, offset][word] = count
    return kept


def lexicon(wordnet: WordNet) -> str:
    """Return the text of the lexicon."""
    written = {word for sense in wordnet.senses.values() for word in sense.words}
    rows: dict[str, int] = {}
    for words in kept_senses(wordnet).values():
        if len(words) < 2:
            continue
        names = {word: word.capitalize() if word.capitalize() in written or word in NAMES else word for word in words}
        ordered = sorted(words, key=lambda word: (-words[word], word))
        common = " ".join(names[word] for word in ordered if words[word])
        rare = " ".join(names[word] for word in ordered if not words[word])
        row = f"{common}|{rare}" if common and rare else common or rare
        rows[row] = max(rows.get(row, 0), sum(words.values()))
    return "".join(f"{row}\n" for row in sorted(rows, key=lambda row: (-rows[row], row)))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/lexicon.py FOLDER [OUTPUT], FOLDER being that of WordNet 3.0's data.noun")
    output = Path(sys.argv[2]) if len(sys.argv) > 2 else DEFAULT_OUTPUT
    text = lexicon(WordNet(Path(sys.argv[1])))
    output.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))
    print(f"{output}: {text.count(chr(10)):,} senses, {output.stat().st_size:,} bytes")
