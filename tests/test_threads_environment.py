"""What decides threads and instruction set from outside: the environment, threadpoolctl; and a fork after use."""

import os
import subprocess
import sys
import textwrap

import pytest

VARIABLES = ("FASTML_NUM_THREADS", "OMP_NUM_THREADS", "FASTML_ISA")

pytestmark = pytest.mark.usefixtures("fastml")


def python(code, *flags, **variables):
    """Run code in a fresh interpreter; returns what it printed, without the last line break."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        env=clean | variables, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def output(code, *flags, **variables):
    done = python(code, *flags, **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


THREADS = "import fastml; print(fastml.get_num_threads())"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FASTML_NUM_THREADS": "3"}, "3"),
        ({"FASTML_NUM_THREADS": " 3 ", "OMP_NUM_THREADS": "1"}, "3"),
        ({"OMP_NUM_THREADS": "5"}, "5"),
        ({"FASTML_NUM_THREADS": "", "OMP_NUM_THREADS": "4,2"}, "4"),
        ({"FASTML_NUM_THREADS": "99999999999999999999"}, "256"),
    ],
)
def test_environment(variables, expected):
    assert output(THREADS, "-W", "error", **variables) == expected


@pytest.mark.parametrize("bad", ["0", "-2", "two", "2.5", "3x", "4,2", " "])
def test_bad_environment_is_ignored_with_a_warning(bad):
    done = python(THREADS, FASTML_NUM_THREADS=bad, OMP_NUM_THREADS="6")
    assert (done.returncode, done.stdout) == (0, "6\n")
    assert f"RuntimeWarning: FASTML_NUM_THREADS: expected a positive integer, got {bad!r}; it is ignored" in done.stderr


@pytest.mark.parametrize("bad", ["²", "３", "0x2"])
def test_environment_of_odd_digits(bad):
    done = python(THREADS, FASTML_NUM_THREADS=bad, OMP_NUM_THREADS="6", PYTHONUTF8="1")
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr
    assert "RuntimeWarning: FASTML_NUM_THREADS" in done.stderr


def test_isa_of_the_environment(fastml):
    isas = fastml.show_config(mode="dicts")["isas"]
    code = "import fastml; print(fastml.show_config(mode='dicts')['isa'])"
    assert [output(code, FASTML_ISA=isa) for isa in isas] == list(isas)
    assert output(code) == output(code, FASTML_ISA="") == isas[-1]


@pytest.mark.parametrize("name", ["neon", "AVX2", "avx2 ", "avx1024"])
def test_unknown_isa(fastml, name):
    done = python("import fastml", FASTML_ISA=name)
    last = done.stderr.splitlines()[-1]
    expected = f"FASTML_ISA: expected one of {', '.join(fastml.show_config(mode='dicts')['isas'])}, got {name!r}"
    assert done.returncode == 1
    assert last.startswith(f"ImportError: {expected}")
    assert "knows" in last


def test_isa_that_this_machine_lacks(fastml):
    missing = {"base", "avx2", "avx512"} - set(fastml.show_config(mode="dicts")["isas"])
    if not missing:
        pytest.skip("this machine has every instruction set")
    for name in missing:
        done = python("import fastml", FASTML_ISA=name)
        assert done.returncode == 1
        assert f"got {name!r} (this machine cannot run {name})" in done.stderr.splitlines()[-1]


THREADPOOLCTL = """
    import {first}, {second}
    import fastml, threadpoolctl

    ours = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "fastml"]
    assert [(p["internal_api"], p["prefix"], p["version"]) for p in ours] == [
        ("fastml", "_fastml_runtime", fastml.__version__)], ours
    before = fastml.get_num_threads()
    assert ours[0]["num_threads"] == before
    for limits, expected in ((1, 1), ({{"fastml": 3}}, 3), ({{"blas": 1}}, before)):
        with threadpoolctl.threadpool_limits(limits):
            assert fastml.get_num_threads() == expected, (limits, fastml.get_num_threads())
        assert fastml.get_num_threads() == before
    with threadpoolctl.threadpool_limits(1, user_api="fastml"), fastml.num_threads(2):
        assert fastml.get_num_threads() == 2
"""


@pytest.mark.parametrize("order", [("fastml", "threadpoolctl"), ("threadpoolctl", "fastml")])
def test_threadpoolctl(order):
    pytest.importorskip("threadpoolctl", minversion="3.3")
    assert output(THREADPOOLCTL.format(first=order[0], second=order[1]), "-W", "error") == ""


@pytest.mark.parametrize("attribute", ["None", "types.ModuleType('threadpoolctl')"])
def test_without_threadpoolctl(attribute):
    """Neither its absence nor a version too old for other libraries is in the way."""
    code = f"import sys, types; sys.modules['threadpoolctl'] = {attribute}; {THREADS}"
    assert output(code, "-W", "error", FASTML_NUM_THREADS="2") == "2"


FORK = """
    import os, signal
    import numpy as np
    import fastml

    x = np.linspace(-9, 9, 1_500_003, dtype=np.float32)
    fastml.set_num_threads(3)
    expected = fastml.sigmoid(x)
    for _ in range(5):
        child = os.fork()
        if not child:
            signal.alarm(60)
            ok = fastml.get_num_threads() == 3 and all((fastml.sigmoid(x) == expected).all() for _ in range(3))
            os._exit(0 if ok else 1)
        (fastml.sigmoid(x) == expected).all()
        assert os.waitpid(child, 0)[1] == 0
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_after_use():
    # Python 3.12 and later warn of every fork in a process with threads.
    assert output(FORK, "-W", "ignore:This process:DeprecationWarning") == "done"
