"""The benchmark's page and command; no figure is judged here."""

import importlib
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ISAS = ("base", "avx2")


@pytest.fixture(scope="module")
def bench():
    """Import a module of bench/, which is not installed."""
    sys.path.insert(0, str(ROOT))
    yield lambda name: importlib.import_module(f"bench.{name}")
    sys.path.remove(str(ROOT))


def row(function, contender, seconds, *, threads=1, dtype="float32", agrees=True, note=""):
    rate = 1e-9 / seconds if seconds else None
    return {
        "family": "elementwise",
        "function": function,
        "size": "n=1,000",
        "dtype": dtype,
        "threads": threads,
        "contender": contender,
        "error": 1e-8,
        "agrees": agrees,
        "note": note,
        "seconds": seconds,
        "ns_per_element": seconds and seconds * 1e6,
        "gb_per_second": rate and 8e3 * rate,
        "gflop_per_second": rate and 2e4 * rate,
        "of_copy": rate and 0.5,
        "of_peak": rate and 0.25,
        "of_roofline": rate and 0.5,
    }


def case(function, seconds, others, **keywords):
    return [
        row(function, "fastml", seconds, **keywords),
        *(row(function, *each, **keywords) for each in others.items()),
    ]


@pytest.fixture
def result():
    """Make up a run: wins, losses at two dtypes and thread counts, a peer that fails, a wrong answer, a floor."""
    rows = [
        *case("win", 1e-6, {"numpy": 5e-6, "torch": 2e-6, "floor: a <read>": 5e-7}),
        *case("loss", 1e-6, {"numpy": 5e-6, "torch": 8e-7}),
        *case("loss", 1e-6, {"numpy": 9e-7}, dtype="float64"),
        *case("tie", 1e-6, {"torch": 9.96e-7}),
        *case("win", 9e-7, {"torch": 2e-6}, threads=2),
        *case("loss", 1e-6, {"torch": 5e-7}, threads=2),
        *case("alone", 1e-6, {}),
        *case("failing", 1e-6, {}),
        row("failing", "jax", None, note="TypeError: <no>"),
        row("wrong", "fastml", None, agrees=False),
        row("wrong", "numpy", 1e-6),
    ]
    machine = {"cpu": "a <CPU>", "cpus": 2, "system": "Linux", "python": "CPython", "versions": {"numpy": "2.4"}}
    peaks = {"float32": 100.0, "float64": 50.0}
    run = {"isa": "avx2", "threads_reported": {"fastml": 1}, "load_before": None, "copy_gb_per_second": 10.0}
    runs = [run | {"threads": threads, "peak_gflop_per_second": peaks} for threads in (1, 2)]
    isa_rows = {isa: [row("win", "fastml", 4e-6 / 2**i)] for i, isa in enumerate(ISAS)}
    return {"machine": machine, "runs": runs, "rows": rows, "isa_rows": isa_rows}


def cells(html):
    """Return the table of all cases: for each row its attributes, and (text, red) for each cell."""
    body = re.search(r"<table class=sortable>.*?<tbody>(.*?)</tbody>", html, re.DOTALL)[1]
    rows = re.findall(r"<tr(.*?)>(.*?)</tr>", body, re.DOTALL)
    return [(attributes, re.findall(r"<td( class=bad)?>(.*?)</td>", content)) for attributes, content in rows]


def test_the_page_holds_every_case_and_shows_losses_in_red(bench, result, tmp_path):
    page = tmp_path / "page.html"
    bench("page").write(page, result)
    html = page.read_text(encoding="utf-8")
    table = [(attributes, [(text, bool(red)) for red, text in found]) for attributes, found in cells(html)]
    keys = [tuple(text for text, _ in found[:4]) for _, found in table]
    expected = dict.fromkeys((r["function"], r["size"], r["dtype"], str(r["threads"])) for r in result["rows"])
    assert keys == list(expected)

    for (function, *_), (attributes, found) in zip(keys, table, strict=True):
        bad = function in ("loss", "wrong")
        assert f"data-bad={bad:d}" in attributes
        assert all(red == bad for _, red in found[:8])
    red_ratios = [[text for text, red in found[8:-1] if red] for _, found in table]
    assert red_ratios == [[], ["0.80"], ["0.90"], [], [], ["0.50"], [], [], []]
    verdicts = [found[-1] for _, found in table]
    slower = [("slower than torch", True), ("slower than numpy", True)]
    assert verdicts[1:4] == [*slower, ("", False)]
    assert verdicts[5:] == [slower[0], ("", False), ("failed: jax", True), ("wrong: fastml", True)]

    assert "<b class=bad>3</b><span>some contender is faster" in html
    assert "<b class=bad>1</b><span>fastml is wrong" in html
    assert "a &lt;CPU&gt;" in html
    assert "<CPU>" not in html
    assert "<read>" not in html
    assert "http" not in re.sub(
        r"http://www\.w3\.org|https?://(matplotlib\.org|purl\.org|creativecommons\.org)", "", html
    )


def test_the_plots_hold_every_ratio_and_show_losses_in_red(bench, result, tmp_path):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    bench("page").write(page, result)
    html = page.read_text(encoding="utf-8")
    tips = re.findall(r"<use ([^>]*)><title>(\w+: [\d.]+ times fastml[^<]*)</title>", html)
    contenders = [r for r in result["rows"] if r["contender"] in ("numpy", "torch") and r["function"] != "wrong"]
    assert len(tips) == len(contenders)
    reds = [text for attributes, text in tips if "stroke: var(--bad)" in attributes]
    ratios = [text.split(" times")[0] for text in reds]
    assert sorted(ratios) == ["numpy: 0.90", "torch: 0.50", "torch: 0.80"]
    for name in ("speedup", "roofline", "fractions", "threads", "isa"):
        assert f"<h2 id={name}>" in html
    assert "fastml with avx2: 2.00 times as fast as with base, the median of 1 cases" in html


def test_the_fraction_of_the_roof_is_the_larger_one(bench, monkeypatch):
    harness = bench("harness")
    monkeypatch.setattr(harness, "copy_bandwidth", lambda nbytes, threads: 40.0)
    monkeypatch.setattr(harness, "peak", {"float32": 100.0, "float64": 50.0}.__getitem__)
    n = 100_000
    cases = (
        ("relu", "float32", 0.2, 0.01),
        ("exotic", "float32", 0.2, None),
        ("sigmoid", "float16", 0.1, 0.22),
        ("sigmoid", "float64", 0.4, 0.64),
    )
    for function, dtype, copy, peak in cases:
        nbytes = 2 * n * int(dtype[5:]) // 8
        measured = harness.Row(function, "", dtype, 1, "fastml")
        harness.measure(measured, harness.Case(function, "", dtype, None, n, nbytes), n * 1e-9)
        assert measured.ns_per_element == pytest.approx(1)
        assert measured.gb_per_second == pytest.approx(40 * copy)
        assert measured.of_copy == pytest.approx(copy)
        assert measured.of_peak == (None if peak is None else pytest.approx(peak))
        assert measured.of_roofline == pytest.approx(max(copy, peak or 0))
    small = harness.Row("relu", "", "float32", 1, "fastml")
    harness.measure(small, harness.Case("relu", "", "float32", None, 16, 128), 1e-7)
    assert small.of_roofline is None


def test_operations_are_counted_for_functions_that_there_are(bench):
    contenders = bench("contenders")
    assert set(bench("roofline").OPERATIONS) <= set(contenders.CONTENDERS)
    assert {name for each in contenders.CONTENDERS.values() for name in each} <= set(contenders.PACKAGES)


def test_the_command(tmp_path):
    page = tmp_path / "report.html"
    arguments = ["--quick", "--family", "noise", "--contender", "numpy", "--html", str(page), "--isa", "base"]
    command = [sys.executable, "-m", "bench", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ cases; fastml slower than some contender in \d+, wrong in 0\.$", done.stdout, re.MULTILINE)
    written = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    mine = [each for each in written["rows"] if each["contender"] == "fastml"]
    assert {each["function"] for each in mine} == {"dropout", "gaussian_noise"}
    assert all(each["seconds"] > 0 and each["error"] is not None and each["gb_per_second"] > 0 for each in mine)
    assert any(each["of_roofline"] for each in mine)
    assert {each["contender"] for each in written["rows"]} == {"fastml", "numpy"}
    assert written["runs"][0]["peak_gflop_per_second"].keys() == {"float32", "float64"}
    assert len({(each["function"], each["dtype"]) for each in written["isa_rows"]["base"]}) == 6
    html = page.read_text(encoding="utf-8")
    assert len(cells(html)) == len(mine)
    assert ("<svg" in html) == (find_spec("matplotlib") is not None)


def test_an_instruction_set_that_is_not_there():
    done = subprocess.run([sys.executable, "-m", "bench", "--isa", "sse9"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "--isa: expected some of base" in done.stderr
    assert done.stderr.endswith("got sse9\n")
