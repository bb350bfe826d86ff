"""The parts of tools/accuracy.py: histograms, sweeps in pieces, the oracle's own check, the others, and the page."""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

TOOLS = str(Path(__file__).parent.parent / "tools")
ERRORS = [0, 2.0**-9, 0.25, 0.5, 0.5 + 2.0**-20, 1, 1.01, 3, 1e9, np.inf]


@pytest.fixture(scope="module")
def tools(fastml):
    sys.path.insert(0, TOOLS)
    yield lambda name: importlib.import_module(name)
    sys.path.remove(TOOLS)


@pytest.fixture
def accuracy(tools):
    return tools("accuracy")


@pytest.fixture
def histogram(tools):
    return tools("accuracy_seen").Histogram()


def test_shares_are_exact_at_a_half_and_at_one(histogram):
    histogram.count(np.array(ERRORS))
    assert histogram.points == len(ERRORS)
    assert histogram.above(0.5) == 6 / 10
    assert histogram.above(1.0) == 4 / 10


def test_quantiles_are_bounds_and_near(histogram, rng):
    errors = rng.exponential(size=100_000)
    for part in np.split(errors, 10):
        histogram.count(part)
    assert histogram.mean() == pytest.approx(errors.mean())
    for share in (0.01, 0.5, 0.99, 0.999):
        right = np.quantile(errors, share, method="inverted_cdf")
        assert right <= histogram.quantile(share) <= right * (1 + 1 / 64)
    histogram.count(np.full(100_000, np.inf))
    assert histogram.quantile(0.999) == np.inf


def test_histograms_add_up_and_go_to_json_and_back(tools, histogram):
    other = tools("accuracy_seen").Histogram()
    histogram.count(np.array(ERRORS[:4]))
    other.count(np.array(ERRORS[4:9]))
    histogram.add(type(other).unpacked(json.loads(json.dumps(other.packed()))))
    whole = tools("accuracy_seen").Histogram()
    whole.count(np.array(ERRORS[:9]))
    np.testing.assert_array_equal(histogram.counts, whole.counts)
    assert histogram.total == pytest.approx(whole.total)


def sweep(accuracy, tmp_path, name, *more):
    """Run the tool on some thousand float32 and return the lines of its JSON."""
    arguments = ["--function", name, "--dtype", "float32", "--isa", "base", "--stride", "40009", "--jobs", "1"]
    assert accuracy.main([*arguments, "--beside", "--json", str(tmp_path / "out.json"), *more]) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    return [accuracy.Line.unpacked(line) for line in content["lines"]]


def test_pieces_of_a_sweep_add_up(accuracy, tmp_path):
    together = accuracy.page.together
    whole = together(sweep(accuracy, tmp_path, "sigmoid"))
    pieces = [line for k in "312" for line in sweep(accuracy, tmp_path, "sigmoid", "--part", f"{k}/3")]
    (sum_of_pieces,) = together(pieces)
    (whole,) = (line for line in whole if line.inputs == "1/40009")
    first, second = whole.seen.packed(), sum_of_pieces.seen.packed()
    assert first["histogram"].pop("total") == pytest.approx(second["histogram"].pop("total"))
    assert first == second
    assert whole.seen.points == -(-(1 << 32) // 40009)
    assert 0 < whole.seen.histogram.points < whole.seen.points
    assert "NumPy" in whole.seen.others
    assert together(pieces[:2])[0].inputs == "1/40009, 2 of 3 parts"
    with pytest.raises(ValueError, match=r"sigmoid float32 base 1/40009: expected each part once, got"):
        together([*pieces, pieces[0]])


def test_the_page(accuracy, tmp_path, capsys):
    files = []
    for name in ("tanh", "softmax", "l2_penalty"):
        arguments = ["--function", name, "--dtype", "float16", "--isa", "base", "--quick"]
        files.append(str(tmp_path / f"{name}.json"))
        page = tmp_path / "page.md"
        assert accuracy.main([*arguments, "--json", files[-1], "--markdown", str(page)]) == 0
        assert f"`{name}`" in page.read_text()
    assert accuracy.main(["--markdown", str(page), *files]) == 0
    capsys.readouterr()
    text = page.read_text()
    assert re.findall("## (.*)", text) == ["Functions of one argument", "Softmax family", "Penalties and steps"]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["`tanh`"] * 2 + ["`softmax`"] * 2 + ["`l2_penalty`"]
    measured, beside = rows[:2]
    assert measured[:7] == ["`tanh`", "float16", "base", "all", "0.5", "**0.4999**", "`0x1.d14p-6`"]
    assert measured[-2:] == ["0", "0"]
    assert beside[:2] == ["`tanh`", "float16"]
    assert beside[2].strip("*") == "0.4999"
    assert re.fullmatch(r"(\*\*)?0\.\d{4}(\*\*)?( \(.*\))? at `.*`", beside[3])  # NumPy's
    assert "fastml" in text.split("## ")[0].splitlines()[-2]


def test_the_least_error_is_bold_and_the_central_one_in_brackets(accuracy, tools):
    Peer, Seen = (getattr(tools("accuracy_seen"), name) for name in ("Peer", "Seen"))
    others = {"torch": Peer(np.inf, "inf", 0.75), "NumPy": Peer(0.5, "0x1p+0", 0.5)}
    line = accuracy.Line("tanh", "float32", "avx2", 2, "all", Seen(1.25, "0x1p-1", others=others))
    alone = accuracy.replace(line, seen=Seen(9.0, "x"))  # inputs that others do not know
    expected = ["`tanh`", "float32", "1.2500", "**0.5000** at `0x1p+0`", "", "inf (0.7500) at `inf`"]
    assert accuracy.page.beside([line, alone]) == expected
    assert accuracy.page.beside([alone]) is None


def test_instruction_sets_of_the_same_results_share_a_row(accuracy, tmp_path):
    lines = sweep(accuracy, tmp_path, "relu")
    twin = [accuracy.replace(line, isa="avx2") for line in lines]
    (row,) = accuracy.page.rows([*lines, *twin])
    assert row[0].isa == "base, avx2"
    other = [accuracy.replace(line, isa="avx2", seen=accuracy.Seen(0.25, "x")) for line in lines]
    assert len(list(accuracy.page.rows([*lines, *other]))) == 2


def test_an_oracle_that_is_off_is_found(tools, monkeypatch, fastml):
    oracle, sweeps = tools("accuracy_oracle"), tools("accuracy_sweeps")
    x = np.linspace(-3, 3, 1000, dtype=np.float32)
    x[:2] = np.inf, np.nan
    oracle.check_oracle("tanh", (x,))
    right = fastml.tanh
    monkeypatch.setattr(fastml, "tanh", lambda x: right(x) * (1 + 1e-12))
    with pytest.raises(AssertionError, match="tanh: the oracles differ"):
        oracle.check_oracle("tanh", (x,))
    seen = tools("accuracy_seen").Seen(0.9, "0x1p-1")
    with pytest.raises(AssertionError, match=r"tanh float32 at 0x1p-1: oracle 0.9 ULP"):
        sweeps.confirm("tanh", "float32", "base", seen)


def test_the_others_compute_the_same_functions(tools, accuracy, rng):
    oracle, sweeps, peers = tools("accuracy_oracle"), tools("accuracy_sweeps"), tools("accuracy_peers")
    names = set()
    for name in (*oracle.ALL_INPUTS, *oracle.cases.BACKWARD):
        x = rng.uniform(-3, 3, 100)
        if name in oracle.cases.FROM_OUTPUT:
            x = np.tanh(x) if name == "tanh_backward" else np.abs(np.tanh(x))
        inputs = sweeps.with_parameter(name, x)
        inputs = (rng.uniform(-2, 2, 100), *inputs) if name.endswith("_backward") else inputs
        for peer, result in peers.results(name, inputs).items():
            exact = getattr(oracle.reference, name)(*inputs)
            np.testing.assert_allclose(result, exact, rtol=1e-9, atol=1e-12, err_msg=f"{peer} {name}")
            names.add(name)
    assert names >= set(oracle.ALL_INPUTS) - {"gelu"}


@pytest.mark.parametrize("bad", ["0/3", "4/3", "3", "a/b"])
def test_a_part_that_is_none(accuracy, bad, capsys):
    with pytest.raises(SystemExit):
        accuracy.main(["--part", bad])
    assert "--part: invalid part value" in capsys.readouterr().err


def test_files_without_a_page(accuracy, capsys):
    with pytest.raises(SystemExit):
        accuracy.main(["some.json"])
    assert "expected --markdown with it, got some.json alone" in capsys.readouterr().err
