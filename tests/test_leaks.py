"""No call, refused or not, leaves memory, objects or references behind; tools/reliability.py repeats them often."""

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

glibc = tuple(int(part) for part in platform.libc_ver()[1].split(".")[:2]) if platform.libc_ver()[0] == "glibc" else ()

pytestmark = [
    pytest.mark.skipif(glibc < (2, 33), reason="glibc 2.33 and later counts what is allocated"),
    pytest.mark.skipif(not hasattr(sys, "getallocatedblocks"), reason="needs CPython's count of objects"),
    pytest.mark.skipif(
        bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="without the GIL, Python has an allocator of its own"
    ),
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
