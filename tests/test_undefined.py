"""C that UndefinedBehaviorSanitizer watches: what tools/sanitize.py found once, and runs here without its build."""

import subprocess
import sys

import pytest
from test_threadpool import COMPILER, ROOT, pytestmark  # noqa: F401  # the same needs

FLAGS = ["-std=gnu11", "-O1", "-g", "-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"]


def test_labels_that_are_no_classes(tmp_path):
    probe, program = tmp_path / "probe.c", tmp_path / "classes_undefined"
    probe.write_text("int main(void) { return 0; }")
    command = [*COMPILER, *FLAGS, str(probe), "-o", str(program)]
    if subprocess.run(command, capture_output=True, timeout=120).returncode != 0:
        pytest.skip(f"no UndefinedBehaviorSanitizer ({sys.platform})")
    sources = [str(ROOT / "tests/c/classes_undefined.c"), str(ROOT / "fastml/c/convert.c")]
    command = [*COMPILER, *FLAGS, f"-I{ROOT / 'fastml/c'}", *sources, "-o", str(program), "-lm"]
    subprocess.run(command, check=True, timeout=120)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
