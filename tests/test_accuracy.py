"""Every accuracy that a docstring promises, measured by tools/accuracy.py in its quick mode; the worst inputs known."""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import special_values

ROOT = Path(__file__).parent.parent
FUSED = platform.machine().lower() in ("aarch64", "arm64")  # all kernels have fma there, even the base ones
ANY = ("base", "avx2", "avx512")
PLAIN, FMA = ((), ANY) if FUSED else (("base",), ("avx2", "avx512"))
# function, dtype, worst input known, its error in ULP, where: float32 out of all 2^32,
# float64 out of some 100 million
WORST = [
    ("sigmoid", "float32", "-0x1.69c008p-12", 1.9991, ANY),
    ("sigmoid", "float64", "-0x1.fff5e90005fb5p-27", 1.9998, ANY),
    ("tanh", "float32", "0x1.409124p-1", 1.1979, ANY),
    ("tanh", "float64", "0x1.400002875fc33p-1", 1.2261, FMA),
    ("tanh", "float64", "0x1.400005f083d0ep-1", 1.2298, PLAIN),
    ("log_sigmoid", "float32", "-0x1.45e666p-2", 1.8255, FMA),
    ("softplus", "float32", "0x1.45e666p-2", 1.8255, FMA),
    ("silu", "float32", "-0x1.0af4e2p+4", 2.3939, ANY),
    ("silu", "float64", "-0x1.270f98ebff631p+5", 2.1849, FMA),
    ("gelu", "float32", "0x1.f7b726p-11", 3.0873, FMA),
]


@pytest.fixture(scope="module")
def accuracy(fastml):
    sys.path.insert(0, str(ROOT / "tools"))
    yield importlib.import_module("accuracy")
    sys.path.remove(str(ROOT / "tools"))


@pytest.fixture
def sweeps(accuracy):
    return accuracy.sweeps


@pytest.fixture
def oracle(accuracy):
    return importlib.import_module("accuracy_oracle")


def test_the_docstrings_keep_their_promise(accuracy, isa, dtype):
    measured = [line for name in accuracy.FUNCTIONS for line in accuracy.lines(name, dtype.name, isa, accuracy.QUICK)]
    if accuracy.ulp.measurable(dtype):
        without = accuracy.samples.WITHOUT_HALF if dtype == np.float16 else ()
        assert {line.function for line in measured} == set(accuracy.FUNCTIONS) - set(without)
    assert {line.isa for line in measured} == {isa}
    for line in measured:
        assert line.seen.points > 500, line
        assert line.seen.error <= line.bound, line
        assert line.seen.deepest <= 1, line  # monotone to one ULP


def test_every_promise_is_measured(accuracy, fastml):
    sentence = accuracy.ulp.SENTENCE
    docstrings = {name: " ".join((getattr(fastml, name).__doc__ or "").split()) for name in fastml.__all__}
    assert {name for name, text in docstrings.items() if sentence.search(text)} == set(accuracy.FUNCTIONS)


def test_every_float16_is_rounded_to_the_nearest(accuracy, sweeps, isa):
    for name in sweeps.UNARY:
        (line,) = accuracy.lines(name, "float16", isa, accuracy.QUICK)
        assert line.seen.points == 1 << 16
        assert line.seen.misrounded == 0 or line.bound > 0.5, name


@pytest.mark.parametrize(("name", "dtype", "witness", "error", "isas"), WORST)
def test_the_worst_inputs_known(name, dtype, witness, error, isas, sweeps, oracle, isa, fastml):
    x = np.array([float.fromhex(witness)], dtype)
    assert oracle.worst_of(np.ones(1), (x,)).witness == witness
    seen = oracle.compare(name, getattr(fastml, name)(x), oracle.exact_results(name, x.astype(np.float64)), (x,))
    assert seen.error <= sweeps.ulp.bound_from_docstring(getattr(fastml, name), dtype)
    if isa in isas:
        assert seen.error == pytest.approx(error, abs=5e-5)


def test_wide_rows_of_softmax(sweeps, isa, fastml):
    # the sum is so large that the square of its inverse is no normal float32: its low part must not get lost
    for C in (100_003, 500_000):
        x = (0.1 * np.random.default_rng(C).standard_normal(C)).astype(np.float32)
        error = sweeps.ulp.ulp_error(fastml.softmax(x), sweeps.reference.softmax(x))
        assert np.max(error) <= sweeps.ulp.bound_from_docstring(fastml.softmax, np.float32), C


def test_the_kernels_name_their_worst_inputs():
    files = [ROOT / "fastml" / "c" / name for name in ("math.inc.h", "activations.inc.h")]
    text = " ".join(" ".join(file.read_text().replace("\n *", "\n") for file in files).split())
    if "Worst error" not in text:
        pytest.skip("math.inc.h names no worst input")
    for _, _, witness, error, _ in WORST:
        assert f"{error} ULP at {witness}" in text


# The tool itself.


def test_quick_errors_are_those_of_ulp_error(oracle, rng):
    for dtype in (np.float16, np.float32):
        info = np.finfo(dtype)
        normal = rng.standard_normal(6000).astype(dtype)
        result = rng.permutation(np.concatenate([special_values(dtype), normal]))
        with np.errstate(all="ignore"):
            result[:3000] *= dtype(2.0) ** rng.integers(info.minexp, info.maxexp, 3000).astype(dtype)
            exact = result.astype(np.float64) * (1 + float(info.eps) * rng.uniform(-4, 4, result.size))
        exact[5:-1:97] = result[6::97]  # wrong altogether
        with np.errstate(all="ignore"):
            expected = oracle.ulp.ulp_error(result, exact)
        np.testing.assert_array_equal(oracle.narrow_errors(result, exact), expected)


def test_a_wrong_kernel_is_found(accuracy, sweeps, monkeypatch, fastml, capsys, tmp_path):
    right = fastml.tanh

    def crooked(x):
        y = right(x)
        y[x == 1.5] -= 8 * np.spacing(right(x[x == 1.5]))
        return y

    monkeypatch.setattr(sweeps.fastml, "tanh", crooked)
    monkeypatch.setattr(sweeps.ulp, "bound_from_docstring", lambda function, dtype: 1.25)
    arguments = ["--function", "tanh", "--dtype", "float16", "--isa", "base", "--json", str(tmp_path / "table.json")]
    assert accuracy.main(arguments) == 1
    assert "!" in capsys.readouterr().out
    (line,) = json.loads((tmp_path / "table.json").read_text())["lines"]
    assert not line["kept"]
    assert line["seen"]["witness"] == "0x1.8p+0"
    assert line["seen"]["error"] == pytest.approx(8, abs=0.5)
    assert line["seen"]["misrounded"] == 1
    assert line["seen"]["backward"] == 1


def test_a_range_is_swept_once_whatever_the_stride(sweeps, monkeypatch):
    met = []

    def measure(name, inputs, **_):
        met.append(inputs[0].view(np.uint32))
        return sweeps.Seen()

    monkeypatch.setattr(sweeps, "measure", measure)
    for start in range(0, 1 << 20, 1 << 17):
        sweeps.sweep_patterns("relu", "float32", "base", (start, start + (1 << 17)), 3)
    np.testing.assert_array_equal(np.concatenate(met), np.arange(0, 1 << 20, 3))


def test_the_instruction_set_of_before_comes_back(sweeps):
    before = sweeps.runtime.isa()
    with sweeps.kernels("base"):
        assert sweeps.runtime.isa() == "base"
    assert sweeps.runtime.isa() == before


def test_the_command_line_with_two_processes():
    arguments = ["--function", "relu", "--dtype", "float32", "--isa", "base", "--stride", "4001", "--jobs", "2"]
    command = [sys.executable, str(ROOT / "tools" / "accuracy.py"), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "1/4001 1073474 0.0000" in " ".join(run.stdout.split())
    assert "1 sweeps, 0 beyond" in run.stdout
    failed = subprocess.run([*command, "--jobs", "0"], capture_output=True, text=True, env=environment)
    assert failed.returncode == 2
    assert "--jobs: expected at least 1, got 0" in failed.stderr
