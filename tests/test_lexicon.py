"""The lexicon in the wheel, and the tool that makes it."""

import gzip
import importlib.util
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / "tools"
WORDNET = Path("/usr/share/wordnet")
LIMIT = 300_000

LOOKS = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import fastml
fastml.synonym_replace("big", 1, synonyms={"big": ["large"]})
assert not [name for name in opened if "synonyms" in name], opened
assert fastml.synonym_replace("big", 1) == "large"
assert len([name for name in opened if "synonyms" in name]) == 1, opened
fastml.synonym_replace("big", 1)
assert len([name for name in opened if "synonyms" in name]) == 1, opened
"""


@pytest.fixture(scope="module")
def file(fastml):
    return resources.files("fastml.data") / "synonyms.txt.gz"


@pytest.fixture(scope="module")
def rows(file):
    return gzip.decompress(file.read_bytes()).decode("ascii").splitlines()


@pytest.fixture(scope="module")
def synonyms(fastml):
    from fastml._lexicon import wordnet

    return wordnet().synonyms


@pytest.fixture(scope="module")
def tool():
    """The module tools/lexicon.py."""
    if not TOOLS.exists():
        pytest.skip("not a checkout")
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location("lexicon", TOOLS / "lexicon.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["lexicon"] = module  # where its dataclass looks for it
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(TOOLS))
        sys.modules.pop("lexicon", None)
        sys.modules.pop("lexicon_words", None)


def test_it_is_read_when_needed(fastml):
    folder = Path(fastml.__file__).parent.parent
    subprocess.run([sys.executable, "-c", LOOKS], cwd=folder, check=True)


def test_size(file, synonyms):
    assert len(file.read_bytes()) < LIMIT
    assert len(synonyms) > 20_000


def test_words(synonyms):
    for word, options in synonyms.items():
        for text in (word, *options):
            assert re.fullmatch("[a-z]{3,}", text)
        assert options
        assert word not in options
        assert len(set(options)) == len(options)


def test_rows(rows, synonyms):
    """Common words of a sense stand for each other, rare ones are only replaced; and nothing else is a synonym."""
    expected = {}
    for row in rows:
        common, rare = ([*part.split()] for part in (row.lower() + "|").split("|")[:2])
        assert common
        assert len(common) + len(rare) > 1
        for word in common + rare:
            expected.setdefault(word, set()).update(set(common) - {word})
    assert {word: set(options) for word, options in synonyms.items()} == {w: s for w, s in expected.items() if s}
    assert len(rows) == len(set(rows))


def test_common_sense(synonyms):
    for word, option in [("big", "large"), ("car", "automobile"), ("movie", "film"), ("quickly", "speedily")]:
        assert option in synonyms[word], word
    for form in ("cars", "went", "saw", "found", "men", "better", "houses", "running"):
        assert form not in synonyms


def test_no_offensive_words(synonyms):
    given = {option for options in synonyms.values() for option in options}
    assert not given & {"nigger", "faggot", "bitch", "cunt", "whore", "slut", "kike", "spic", "shit", "fuck", "darky"}


def test_licence(fastml):
    text = (resources.files("fastml.data") / "WORDNET_LICENSE.md").read_text(encoding="utf-8")
    for part in ("WordNet 3.0 Copyright 2006 by Princeton University", "without fee or", '"AS IS"', "Fellbaum"):
        assert part in text
    if (ROOT / "pyproject.toml").exists():
        assert "fastml/data/WORDNET_LICENSE.md" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_stop_words(tool, synonyms):
    words = set(synonyms).union(*synonyms.values())
    assert len(tool.STOP_WORDS) > 200
    assert not words & (tool.STOP_WORDS | tool.OFFENSIVE)


@pytest.mark.skipif(not WORDNET.exists(), reason="Debian's wordnet-base is not installed")
def test_the_tool_made_it(tool, rows):
    assert tool.lexicon(tool.WordNet(WORDNET)).splitlines() == rows


NOUNS = {  # offset: words, definition, usage
    "00000001": ("week hebdomad", "seven days", ""),
    "00000002": ("car auto motor_vehicle Ford", "it has wheels", ""),
    "00000003": ("man", "a person", ""),
    "00000004": ("hogan hooey hogwash", "an offensive term for a thing", ""),
    "00000005": ("alpha beta", "letters", ""),
    "00000006": ("frank Frank open", "a sausage", ""),
    "00000007": ("saw blade", "a tool", ""),
    "00000008": ("slang", "words", ""),
    "00000009": ("moolah money cash", "money", "00000008 n 0100"),
}
VERBS = {"00000001": ("see view", "with the eyes", ""), "00000002": ("auto cash", "rare", "")}
COUNTS = "week%1:0:: 1 9|car%1:0:: 1 8|auto%1:0:: 1 1|auto%2:0:: 1 2|frank%1:0:: 1 3|open%1:0:: 1 1|see%2:0:: 1 50"
COUNTS += "|saw%1:0:: 1 4|blade%1:0:: 1 4|money%1:0:: 1 7|cash%1:0:: 1 8|cash%2:0:: 1 1"


def write(folder, part, senses):
    letter, index, lines = part[0], {}, ["  1 licence  "]
    for offset, (words, gloss, usage) in senses.items():
        words = words.split()
        pointers = f"001 ;u {usage}" if usage else "000"
        lines.append(f'{offset} 04 {letter} {len(words):02x} {" 0 ".join(words)} 0 {pointers} | {gloss}; "or so"')
        for word in words:
            index.setdefault(word.lower(), []).append(offset)
    (folder / f"data.{part}").write_text("\n".join(lines) + "\n")
    entries = [f"{word} {letter} {len(found)} 0 {len(found)} 0 {' '.join(found)}" for word, found in index.items()]
    (folder / f"index.{part}").write_text("\n".join(["  1 licence  ", *entries]) + "\n")
    (folder / f"{part}.exc").write_text("saw see\n" if part == "verb" else "")


def test_the_tool(tool, tmp_path):
    for part, senses in {"noun": NOUNS, "verb": VERBS, "adj": {}, "adv": {}}.items():
        write(tmp_path, part, senses)
    (tmp_path / "cntlist.rev").write_text(COUNTS.replace("|", "\n") + "\n")
    text = tool.lexicon(tool.WordNet(tmp_path))
    # auto is mostly a verb here, saw a form of see, hogwash offensive, moolah slang; view was never found
    assert text.splitlines() == ["see|view", "cash money", "week|hebdomad", "Frank open", "alpha beta"]
