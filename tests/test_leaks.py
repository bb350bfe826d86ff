"""No call, refused or not, leaves memory, objects or references behind; tools/reliability.py repeats them often."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import OF_MALLOC

pytestmark = [
    *OF_MALLOC,
    pytest.mark.skipif(not hasattr(sys, "getallocatedblocks"), reason="needs CPython's count of objects"),
    pytest.mark.usefixtures("fastml"),
    pytest.mark.thread_unsafe(reason="counts what the whole process has allocated"),
]


def test_no_call_leaks():
    script = Path(__file__).with_name("leaking_calls.py")
    done = subprocess.run(
        [sys.executable, str(script), "150"], env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if "LEAK" in line] + [done.stderr[-2000:]]
    assert done.stdout.count(" refused: ") > 110


@pytest.mark.parametrize("what", [object, lambda: np.empty(5000), lambda: sys.modules["fastml"]])
def test_a_leak_is_seen(what):
    import leaking_calls
    from calls import Call

    kept = []
    grown = leaking_calls.growth([Call(lambda: kept.append(what()), (), {})], 200)
    assert leaking_calls.leaks(grown, 200)
    grown = leaking_calls.growth([Call(what, (), {})], 200)
    assert not leaking_calls.leaks(grown, 200)
