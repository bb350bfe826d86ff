"""synonym_replace: what is replaced, how it is written, how often, and what stays as it is."""

import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

OWN = {"big": ["large"], "car": ["motor vehicle"], "well-known": ["famous"], "can't": ["cannot"], "größe": ["weite"]}
SENTENCES = st.lists(
    st.sampled_from(
        ["big", "Car", "QUICK", "don't", "the", " ", "\n\n", "\t", ", ", "...", "(", '"', "—", "-", "’s", "é"]
    )
).map("".join)


@pytest.fixture(scope="module")
def replace(fastml):
    return fastml.synonym_replace


@pytest.fixture(scope="module")
def lexicon(fastml):
    from fastml._lexicon import wordnet

    return wordnet()


@settings(max_examples=300)
@given(text=st.text() | SENTENCES, seed=st.integers(0, 9))
@example(text="big\x85 \u2028car\x1c— …big\u3000", seed=0)
def test_nothing_happens_at_0(replace, text, seed):
    assert replace(text, 0, rng=seed) == text
    assert replace([text, text], 0, rng=seed) == [text, text]
    assert replace(text, 1, synonyms={}, rng=seed) == text


@settings(max_examples=300)
@given(text=SENTENCES | st.text(alphabet="big car’s'\"(—-.\n"), p=st.floats(0, 1), seed=st.integers(0, 9))
def test_a_marker_shows_what_is_a_word(replace, text, p, seed):
    """Whatever is replaced, all else is where it was: with the word put back, the text is what it has been."""
    for word in ("big", "car", "quick", "é"):
        done = replace(text.lower(), p, synonyms={word: ["\0"]}, rng=seed)
        assert done.replace("\0", word) == text.lower()


@settings(max_examples=200)
@given(text=SENTENCES, seed=st.integers(0, 9))
def test_words_and_what_is_between_them(replace, text, seed):
    done = replace(text, 1, rng=seed)
    assert len(done.split()) == len(text.split())
    kept = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert done.translate(kept) == text.translate(kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("big Big BIG", "large Large LARGE"),
        ("bIG BiG bigG", "bIG BiG bigG"),
        ("car Car CAR cAR", "motor vehicle Motor vehicle MOTOR VEHICLE cAR"),
        ("(big), 'big' \"Big!\" “big” «big» ...BIG", "(large), 'large' \"Large!\" “large” «large» ...BIG"),
        ("big, big. big; big: big! big? big?! big...", "large, large. large; large: large! large? large?! large..."),
        ("**big** *Big*", "**large** *Large*"),
        ("big—big–big…big", "large—large–large…large"),
        ("big-big big/big big_big big.big big--big", "big-big big/big big_big big.big big--big"),
        ("well-known Well-known WELL-KNOWN Well-Known", "famous Famous FAMOUS Well-Known"),
        ("can't Can't CAN'T can’t", "cannot Cannot CANNOT can’t"),
        ("the car's, Car’s CAR'S cars' car'll", "the motor vehicle's, Motor vehicle’s MOTOR VEHICLE'S cars' car'll"),
        ("größe Größe", "weite Weite"),
        (
            "http://big.car/big big@car.de #big @big $big %big big% big= <big> [big] {big} `big` \\big /big :big .big",
            None,
        ),
        ("big1 1big 3 1,000 3.5 2nd", None),
        ("big\u0301 bigé ébig бig", None),
        ("\tbig \r\n big\xa0big\u2003big\n\n", "\tlarge \r\n large\xa0large\u2003large\n\n"),
        ("big", "large"),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_what_a_word_is(replace, text, expected):
    assert replace(text, 1, synonyms=OWN, rng=0) == (text if expected is None else expected)


def test_synonyms_as_they_are_given(replace):
    """Capitals in a synonym stay, also for a word that has none; the first letter gets its title case."""
    assert replace("tv Tv TV", 1, synonyms={"tv": ["TV set"]}) == "TV set TV set TV SET"
    assert replace("a A", 1, synonyms={"a": ["ǆb"]}) == "ǆb ǅb"
    assert replace("本 本。本", 1, synonyms={"本": ["书"]}) == "书 本。本"
    assert replace("is this a car?", 1, synonyms={"is": ["be"], "this": ["it"]}) == "be it a car?"
    assert replace("the the", 1, synonyms={"the": ["the"]}) == "the the"


def test_real_sentences(replace, lexicon):
    text = (
        "It was the BEST film of the year (so far); my sister's friend couldn't believe it!\n"
        "\tGovernments -- e.g. the U.S. government -- won't allow it: “Impossible,” said the lawyer's assistant.\n\n"
        "See https://example.org/big/car?x=1, mail john.big@car.com or call 555-1234 before 10:30 a.m.\r\n"
        "The student's car began to move… iPhone users were amazed by the well-known, state-of-the-art engine."
    )
    assert replace(text, 1, synonyms={"film": ["movie"]}) == text.replace("film", "movie")
    replaced = set()
    for seed in range(20):
        words, done = re.split(r"[\s…]+", text), re.split(r"[\s…]+", replace(text, 1, rng=seed))
        assert len(words) == len(done)
        for old, new in zip(words, done, strict=True):
            if old != new:
                core = lexicon.find(old)[0]
                before, _, after = old.partition(core)
                assert new.startswith(before)
                assert new.endswith(after)
                options = lexicon.synonyms[core.lower()]
                assert new[len(before) : len(new) - len(after)].lower() in options
                replaced.add(core)
    assert replaced >= {"film", "believe", "allow", "lawyer", "student", "car"}
    assert not replaced & {"was", "the", "so", "my", "couldn't", "won't", "said", "or", "call", "users", "engine"}


def test_case_of_the_lexicon(replace):
    for seed in range(20):
        assert replace("BIG Big big", 1, rng=seed) == "LARGE Large large"


def test_stop_words(replace):
    text = "I am not an A; he will have been what we can do as it may be, so all are in the same for me or us, and no. "
    assert replace(text * 20, 1, rng=0) == text * 20
    assert replace(text.upper() * 20, 1, rng=0) == text.upper() * 20


def test_names_stay(replace):
    assert replace("John Brown, Mr. Young and Mark", 1, rng=0) == "John Brown, Mr. Young and Mark"
    assert replace("a young man", 1, rng=0) != "a young man"


# Random numbers.


def test_seeds(replace):
    texts = ["The big student began to move the car quickly, perhaps."] * 50
    assert replace(texts, 0.5, rng=3) == replace(texts, 0.5, rng=np.random.default_rng(3))
    assert replace(texts, 0.5, rng=3) != replace(texts, 0.5, rng=4)
    assert replace(texts, 0.5) != replace(texts, 0.5)
    rng = np.random.default_rng(3)
    assert replace(texts, 0.5, rng=3) == [replace(text, 0.5, rng=rng) for text in texts]
    assert replace("\n".join(texts), 0.5, rng=3) == "\n".join(replace(texts, 0.5, rng=3))
    assert len(set(replace(texts, 0.5, rng=3))) > 20


def test_pieces_of_long_texts(replace, monkeypatch):
    """Neither the size of a block nor what is remembered changes a result."""
    texts = [" big, car. " * n + "big" * (n % 3) for n in range(40)]
    expected = replace(texts, 0.3, rng=0)
    for block, room in ((1, 1), (7, 2), (100, 1 << 15), (1 << 20, 3)):
        monkeypatch.setattr("fastml.text_augmentation.BLOCK", block)
        monkeypatch.setattr("fastml._lexicon.ROOM", room)
        assert replace(texts, 0.3, rng=0) == expected
        assert replace("".join(texts), 0, rng=0) == "".join(texts)


def test_python_threads(replace, monkeypatch):
    """All share what is remembered of tokens, and forget it under each other's feet."""
    monkeypatch.setattr("fastml._lexicon.ROOM", 3)
    texts = ["The big student began to move the car quickly, perhaps. " * 50] * 8
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda text: replace(text, 0.5, rng=0), texts))
    assert set(done) == {replace(texts[0], 0.5, rng=0)}


def test_a_long_text(replace):
    text = "a big-car, big " * 20_000
    assert replace(text, 1, synonyms=OWN) == text.replace(" big ", " large ")
    assert replace("!" * 1_000_000 + "big", 1, synonyms=OWN) == "!" * 1_000_000 + "big"


def test_larger_p_replaces_what_smaller_p_does(replace):
    before = np.zeros(3000, bool)
    for p in (0.01, 0.2, 0.5, 0.9, 1):
        changed = np.array(replace("big " * 3000, p, synonyms=OWN, rng=7).split()) != "big"
        assert (changed >= before).all()
        before = changed
    assert before.all()


def test_p_is_exact_at_its_ends(replace):
    text = "big " * 1000
    for p in (5e-324, 2.0**-60):
        assert replace(text, p, synonyms=OWN, rng=0) == text
    assert "big" in replace(text, 0.99, synonyms=OWN, rng=0)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.97, 1])
def test_statistics(replace, p):
    """Rate, shares of the synonyms, and independence of neighbors: within five standard errors, the seed is fixed."""
    n, options = 200_000, ["x", "y", "z", "z"]
    words = np.array(replace("Big, " * n, p, synonyms={"big": options}, rng=11).split())
    for word, share in (("X,", p / 4), ("Y,", p / 4), ("Z,", p / 2), ("Big,", 1 - p)):
        assert abs(np.count_nonzero(words == word) - share * n) <= 5 * math.sqrt(n * share * (1 - share))
    series = [(words == word) - np.mean(words == word) for word in ("X,", "Z,", "Big,")]
    for a in series[: 2 if p == 1 else 3]:
        for b in series[: 2 if p == 1 else 3]:
            for lag in (1, 2, 3):
                error = np.std(a) * np.std(b) / math.sqrt(n)
                assert abs(np.mean(a[lag:] * b[:-lag])) < 5 * error


def test_spaces_are_those_of_python():
    from fastml._lexicon import SPACES

    assert set(SPACES) == {c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()}
