"""Measure which lines and branches of the Python layer the tests run: ``python tools/coverage_python.py``.

Runs the tests with coverage.py, in this process and in those that they start (workers of dask, the command), and prints
every file that is not whole. The exit status is 1 below 95 % of lines and branches together, or if a test fails. What
runs for each instruction set runs for one: the Python layer is the same.

Needs ``pip install coverage`` beside the extras ``test``, ``sklearn`` and ``dask``, without which their tests skip.
Arguments after ``--`` are for pytest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from scratch import ROOT

LIMIT = 95
SETTINGS = """
[run]
branch = true
source = fastml
parallel = true
patch = subprocess
sigterm = true
concurrency = thread, multiprocessing
data_file = {folder}/data
[report]
show_missing = true
skip_covered = true
exclude_also =
    if TYPE_CHECKING:
    @overload
"""
# The kernels alone are tested there, thousands of times.
UNSUITABLE = ("vectorized", "accuracy", "isa_bits", "bench", "size", "types", "reference_torch", "manifest")
OTHER_SETS = "not avx2 and not avx512"
ALONE = "--deselect=tests/test_processes.py::test_second_interpreter"  # in which coverage.py cannot start


def main() -> None:
    """Run the tests, print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "coveragerc")
        settings.write_text(SETTINGS.format(folder=folder))

        def coverage(*command: str) -> int:
            return subprocess.run(
                [sys.executable, "-m", "coverage", *command, f"--rcfile={settings}"], cwd=ROOT
            ).returncode

        chosen = [f"--ignore=tests/test_{name}.py" for name in UNSUITABLE]
        chosen += [ALONE, "-q", "-p", "no:cacheprovider", "-k", OTHER_SETS, *arguments.pytest]
        run = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", *chosen]
        tests = subprocess.run(run, cwd=ROOT).returncode
        coverage("combine", "--quiet")
        below = coverage("report", f"--fail-under={LIMIT}")
    sys.exit(1 if tests or below else 0)


if __name__ == "__main__":
    main()
